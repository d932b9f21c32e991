/**
 * The fold: whatever happens to a store, to the object that watches it, to the network and to the callback, in whatever order: when all is
 * quiet, folding the notifications received gives exactly the store's state; nothing is doubled, nothing invented. This file says what may
 * happen and runs one story of it; the property test and `npm run fold` make many.
 */
import { HOUR_MS } from '../../src/lib/time.ts'
import fc from 'fast-check'
import { COLLECTION_BY_LABEL, type Judgement } from './oracle.ts'
import type { Action, Fault, JournalEntry, Resource, SimulatedStore, WebhookKnobs } from '../store/store.ts'
import { buildHealth } from '../../src/watcher/queries/reports.ts'
import { DEVIATIONS, getLatenessMs, toCoarsePolls, toFaults, type StoryDeviation } from './fold-deviations.ts'
import { World, type CallbackAnswer, type CrashPoint } from './world.ts'

/** One step of a story. `kind` is what the statistics count. */
export type StoryStep =
	| { kind: 'act'; action: Action }
	| { kind: 'time'; ms: number }
	| { kind: 'poll' }
	/** A person may decide about it after so many ms. */
	| { kind: 'mass-edit'; resource: Resource; prices: boolean; ms: number; decision: 'emit' | 'forget' | null }
	| { kind: 'decide'; decision: 'emit' | 'forget' }
	| { kind: 'comeback'; resource: Resource; ms: number }
	| { kind: 'evict' }
	| { kind: 'crash'; point: CrashPoint; after: number }
	| { kind: 'fault'; name: string; fault: Fault; ms: number }
	| { kind: 'callback'; answer: CallbackAnswer; times: number }
	| { kind: 'lose-doorbells'; times: number }
	| { kind: 'd1-down'; ms: number }
	| { kind: 'pause'; actions: Action[]; ms: number }
	| { kind: 'webhooks'; name: string; knobs: WebhookKnobs; actions: Action[]; ms: number }
	| { kind: 'webhooks-off'; status: 'disabled' | 'paused' | 'deleted'; actions: Action[]; ms: number }
	| { kind: 'replay'; as: 'same' | 'topic' | 'instance' }
	| { kind: 'rotate' }

/** A story: a store, and what happens. */
export interface Story {
	seed: number
	orders: 'hpos' | 'posts'
	version: '11.0' | '7.0' | '5.5'
	zone: string
	startMs: number
	/** How changes are seen; webhooks are reconciled every so many minutes. */
	vendorType: 'polling' | 'webhook' | 'hybrid'
	reconcileMinutes: number
	/** So many products that a mass edit of them is a mass change, read in pages of 20; and what happens to those. */
	manyProducts: boolean
	massChanges: 'emit' | 'hold'
	/** A plugin changes payloads from the start. */
	plugin: boolean
	steps: StoryStep[]
	/** What the store does otherwise than asked. */
	deviations: StoryDeviation[]
}

const COLLECTIONS: Resource[] = ['orders', 'products', 'coupons', 'customers']
const TRASHABLE: Resource[] = ['orders', 'products', 'coupons']

/** What a story may ask of its store in all; more has no bound. */
const MAX_REQUESTS = 20_000

const DAY_MS = 86_400_000

/** A store that deviates is quiet by then. */
const DEVIANT_QUIET_MS = 2 * DAY_MS

/** So that hours take less to tell. */
const EPILOGUE_POLL_MS = 15 * 60_000

/** Edits and creations are found by then at every store; only deletions may take longer. */
const MAX_EPILOGUE_MS = 2 * 3_600_000

/** What is out of reach has been noticed, and said, by then. */
const OUT_OF_REACH_MS = 3 * 3_600_000
/** So that these hours take less to tell. */
const OUT_OF_REACH_POLL_MS = 5 * 60_000

/** More products than a resource without mass changes has. */
const MANY_PRODUCTS = 56
const MANY_PRODUCTS_RESOURCES = Object.fromEntries(
	['customers', 'discounts', 'orders', 'products'].map((label) => [
		label,
		{ url: `/hubs/ecommerce/${label}`, idField: 'id', datesConfiguration: {}, pageSize: 20 },
	]),
)
/** Points where the engine may be cut off. */
export const CRASH_POINTS: CrashPoint[] = [
	'before-request',
	'after-request',
	'before-commit',
	'after-commit',
	'before-ring',
	'after-ring',
	'before-post',
	'after-post',
]

/** What may go wrong at the store; each lasts a few requests or seconds. */
export const STORE_FAULTS: Record<string, Fault> = {
	'503': { status: 503, retryAfter: '3' },
	'500': { status: 500 },
	'429': { status: 429, retryAfter: '2' },
	'502': { status: 502 },
	maintenance: { outage: 'maintenance' },
	stall: { stall: true },
	html: { html: true },
	notice: { notice: true },
	bom: { bom: true },
	truncated: { truncate: 0.6 },
	unauthorized: { status: 401 },
	'woocommerce-off': { outage: 'woocommerce-off' },
	// A cache keeps an answer by its address: the idle request's, not one for all that is asked of a collection.
	cached: { match: '/coupons?orderby=modified&order=desc&per_page=10&oauth', cached: true },
	skew: { skewSeconds: 900 },
	redirect: { redirect: 'https' },
	forbidden: { key: 'demoted' },
	revoked: { key: 'revoked' },
}

const resourceArbitrary = fc.constantFrom(...COLLECTIONS)
const actionArbitrary: fc.Arbitrary<Action> = fc.oneof(
	{ weight: 4, arbitrary: fc.constant<Action>({ do: 'place-order' }) },
	{ weight: 3, arbitrary: resourceArbitrary.map((resource): Action => ({ do: 'create', resource: resource })) },
	{ weight: 6, arbitrary: resourceArbitrary.map((resource): Action => ({ do: 'edit', resource: resource })) },
	{ weight: 4, arbitrary: resourceArbitrary.map((resource): Action => ({ do: 'edit-silently', resource: resource })) },
	{ weight: 3, arbitrary: resourceArbitrary.map((resource): Action => ({ do: 'save-unchanged', resource: resource })) },
	{
		weight: 4,
		arbitrary: fc.constantFrom(...TRASHABLE).map((resource): Action => ({ do: 'trash', resource: resource })),
	},
	{
		weight: 3,
		arbitrary: fc.constantFrom(...TRASHABLE).map((resource): Action => ({ do: 'restore', resource: resource })),
	},
	{ weight: 4, arbitrary: resourceArbitrary.map((resource): Action => ({ do: 'delete', resource: resource })) },
	{
		weight: 2,
		arbitrary: fc.record({
			do: fc.constant('burst' as const),
			resource: resourceArbitrary,
			count: fc.integer({ min: 2, max: 12 }),
		}),
	},
	{
		weight: 2,
		arbitrary: fc
			.constantFrom('products', 'coupons')
			.map((resource): Action => ({ do: 'draft', resource: resource as Resource })),
	},
	{
		weight: 2,
		arbitrary: fc
			.constantFrom('products', 'coupons')
			.map((resource): Action => ({ do: 'publish', resource: resource as Resource })),
	},
	{ weight: 2, arbitrary: fc.constant<Action>({ do: 'checkout-draft' }) },
	{ weight: 2, arbitrary: fc.constant<Action>({ do: 'checkout' }) },
	{
		weight: 2,
		arbitrary: fc.constantFrom(...TRASHABLE).map((resource): Action => ({ do: 'back-date', resource: resource })),
	},
	{
		weight: 2,
		arbitrary: resourceArbitrary.map((resource): Action => ({ do: 'housekeep', resource: resource })),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			do: fc.constant('edit-created' as const),
			resource: resourceArbitrary,
			days: fc.integer({ min: 1, max: 400 }),
			silently: fc.boolean(),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.constantFrom<Action>(
			{ do: 'refund' },
			{ do: 'review' },
			{ do: 'rename-category' },
			{ do: 'pay' },
			{ do: 'note' },
		),
	},
	{
		weight: 1,
		arbitrary: resourceArbitrary.map((resource): Action => ({ do: 'create', resource: resource, lagSeconds: 40 })),
	},
	{
		weight: 1,
		arbitrary: fc
			.constantFrom('America/New_York', 'Asia/Kolkata', 'America/Denver')
			.map((zone): Action => ({ do: 'zone', zone })),
	},
)

const stepArbitrary: fc.Arbitrary<StoryStep> = fc.oneof(
	{ weight: 14, arbitrary: actionArbitrary.map((action): StoryStep => ({ kind: 'act', action: action })) },
	{ weight: 8, arbitrary: fc.integer({ min: 500, max: 150_000 }).map((ms): StoryStep => ({ kind: 'time', ms })) },
	{ weight: 3, arbitrary: fc.constant<StoryStep>({ kind: 'poll' }) },
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant('mass-edit' as const),
			resource: fc.constantFrom<Resource>('products', 'products', ...COLLECTIONS),
			prices: fc.boolean(),
			ms: fc.integer({ min: 0, max: 300_000 }),
			decision: fc.constantFrom(null, 'emit' as const, 'forget' as const),
		}),
	},
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant('decide' as const),
			decision: fc.constantFrom('emit' as const, 'forget' as const),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant('comeback' as const),
			resource: fc.constantFrom(...TRASHABLE),
			ms: fc.integer({ min: 0, max: 100_000 }),
		}),
	},
	{ weight: 1, arbitrary: fc.constant<StoryStep>({ kind: 'evict' }) },
	{
		weight: 8,
		arbitrary: fc.record({
			kind: fc.constant('crash' as const),
			point: fc.constantFrom(...CRASH_POINTS),
			after: fc.integer({ min: 0, max: 3 }),
		}),
	},
	{
		weight: 4,
		arbitrary: fc
			.tuple(
				fc.constantFrom(...Object.keys(STORE_FAULTS)),
				fc.integer({ min: 1, max: 4 }),
				fc.integer({ min: 1_000, max: 90_000 }),
				fc.integer({ min: 0, max: 3 }),
			)
			.map(([name, times, ms, skip]): StoryStep => ({
				kind: 'fault',
				name,
				fault: { ...STORE_FAULTS[name], times, skip },
				ms,
			})),
	},
	{
		weight: 1,
		arbitrary: fc.tuple(actionArbitrary, fc.integer({ min: 0, max: 3 })).map(([action, skip]): StoryStep => ({
			kind: 'fault',
			name: 'write-during-scan',
			fault: { match: 'orderby=id', skip, times: 1, act: [action] },
			ms: 30_000,
		})),
	},
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant('callback' as const),
			answer: fc.constantFrom<CallbackAnswer>(500, 503, 404, 'timeout', 'reset'),
			times: fc.integer({ min: 1, max: 4 }),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({ kind: fc.constant('lose-doorbells' as const), times: fc.integer({ min: 1, max: 3 }) }),
	},
	{ weight: 1, arbitrary: fc.integer({ min: 1_000, max: 120_000 }).map((ms): StoryStep => ({ kind: 'd1-down', ms })) },
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant('pause' as const),
			actions: fc.array(actionArbitrary, { maxLength: 3 }),
			ms: fc.integer({ min: 1_000, max: 600_000 }),
		}),
	},
)

/** What happens to deliveries on their way. */
export const WEBHOOK_FAULTS: Record<string, WebhookKnobs> = {
	dropped: { dropEvery: 2 },
	doubled: { doubleEvery: 2 },
	late: { lateEvery: 2, lateSeconds: 90 },
	replayed: { replayEvery: 2, replaySeconds: 200 },
	reordered: { reorder: true, delaySeconds: [1, 40] },
	held: { hold: true },
	foreign: { source: 'https://staging.example.com/', sourceEvery: 2 },
	demoted: { owner: 'demoted' },
	'text ids': { textIds: true },
}

const webhookStepArbitrary: fc.Arbitrary<StoryStep> = fc.oneof(
	{ weight: 5, arbitrary: stepArbitrary },
	{
		weight: 2,
		arbitrary: fc
			.tuple(
				fc.constantFrom(...Object.keys(WEBHOOK_FAULTS)),
				fc.array(actionArbitrary, { minLength: 1, maxLength: 4 }),
				fc.integer({ min: 1_000, max: 200_000 }),
			)
			.map(([name, actions, ms]): StoryStep => ({
				kind: 'webhooks',
				name,
				knobs: WEBHOOK_FAULTS[name] ?? {},
				actions,
				ms,
			})),
	},
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant('webhooks-off' as const),
			status: fc.constantFrom('disabled' as const, 'paused' as const, 'deleted' as const),
			actions: fc.array(actionArbitrary, { maxLength: 3 }),
			// A day takes as long to play as all the rest: one in thirty.
			ms: fc.oneof(
				{
					weight: 29,
					arbitrary: fc.constantFrom(
						60_000,
						300_000,
						300_000,
						600_000,
						600_000,
						600_000,
						1_200_000,
						3_600_000,
						3_600_000,
					),
				},
				{ weight: 1, arbitrary: fc.constant(DAY_MS) },
			),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant('replay' as const),
			as: fc.constantFrom('same' as const, 'topic' as const, 'instance' as const),
		}),
	},
	{ weight: 1, arbitrary: fc.constant<StoryStep>({ kind: 'rotate' }) },
)

/** Moments to begin at: summer, winter, just before Denver's clock changes. */
const START_TIMES_MS = [
	Date.UTC(2026, 5, 15, 12),
	Date.UTC(2026, 0, 20, 3),
	Date.UTC(2026, 10, 1, 7, 20),
	Date.UTC(2026, 2, 8, 8, 30),
]

/** Stories of at least `steps` steps, seen by polling alone or with webhooks. */
export function storyArbitrary(
	steps: { min: number; max: number },
	source: 'polling' | 'webhooks' = 'polling',
): fc.Arbitrary<Story> {
	const withWebhooks = source === 'webhooks'
	return fc.record({
		vendorType: withWebhooks ? fc.constantFrom('webhook' as const, 'hybrid' as const) : fc.constant('polling' as const),
		reconcileMinutes: fc.constantFrom(5, 20, 60),
		// Webhooks say nothing of mass edits: they are told by re-reads, as in the other stories.
		manyProducts: withWebhooks ? fc.constant(false) : fc.constantFrom(false, false, false, false, true),
		massChanges: fc.constantFrom('emit' as const, 'hold' as const),
		plugin: withWebhooks ? fc.constantFrom(false, false, false, true) : fc.constant(false),
		seed: fc.integer({ min: 1, max: 1_000_000 }),
		orders: fc.constantFrom('hpos' as const, 'posts' as const),
		version: fc.constantFrom('11.0' as const, '11.0' as const, '7.0' as const),
		zone: fc.constantFrom('America/Denver', 'America/Denver', 'Asia/Kolkata', 'Australia/Lord_Howe'),
		startMs: fc.constantFrom(...START_TIMES_MS),
		steps: fc.array(withWebhooks ? webhookStepArbitrary : stepArbitrary, {
			minLength: steps.min,
			maxLength: steps.max,
			size: 'max',
		}),
		deviations: fc.constant<StoryDeviation[]>([]),
	})
}

/** Stories of stores that answer otherwise than asked: in `first`, or in any way, and in none or one more. */
export function deviantStoryArbitrary(
	steps: { min: number; max: number },
	first?: string,
	source: 'polling' | 'webhooks' = first !== undefined && DEVIATIONS[first]!.ofWebhooks ? 'webhooks' : 'polling',
): fc.Arbitrary<Story> {
	const names = Object.keys(DEVIATIONS).filter((name) => source === 'webhooks' || !DEVIATIONS[name]!.ofWebhooks)
	const deviation = (name: fc.Arbitrary<string>): fc.Arbitrary<StoryDeviation> =>
		fc.record({
			name,
			of: fc.constantFrom('all', 'all', 'products', 'orders', 'coupons', 'customers'),
			fromStep: fc.constantFrom(-1, -1, 0, Math.floor(steps.min / 3), Math.floor(steps.min / 2)),
		})
	return fc
		.tuple(
			storyArbitrary(steps, source),
			deviation(first === undefined ? fc.constantFrom(...names) : fc.constant(first)),
			fc.array(deviation(fc.constantFrom(...names)), { maxLength: 1 }),
		)
		.map(([story, one, more]) => ({
			...story,
			deviations: [one, ...more].map((added) => ({
				...added,
				fromStep: DEVIATIONS[added.name]!.afterConnection ? Math.max(0, added.fromStep) : added.fromStep,
			})),
		}))
}

/** What a story came to. */
export interface StoryOutcome {
	judgement: Judgement
	/** What happened in it, for the statistics: `created orders`, `fault 503`, `crash after-commit`. */
	happened: Set<string>
	arrivals: number
	storeRequests: number
}

/** Runs a story to its quiet end and judges it. Throws when it never becomes quiet. */
export async function playStory(story: Story): Promise<StoryOutcome & { world: World }> {
	const happened = new Set<string>()
	const standing: StandingFaults = { faults: new Map(), fault: null }
	const world = await World.create({
		startMs: story.startMs,
		prepare: (store) => {
			addDeviations(store, story, -1, standing)
			store.setFaults(getStanding(standing))
		},
		store: {
			seed: story.seed,
			orders: story.orders,
			version: story.version,
			zone: story.zone,
			objects: { orders: 5, products: story.manyProducts ? MANY_PRODUCTS : 5, coupons: 4, customers: 4 },
		},
		...(story.manyProducts && { resources: MANY_PRODUCTS_RESOURCES, watchesDefaults: true }),
		random: () => 0.5,
		...(story.vendorType === 'polling'
			? {}
			: {
					webhooks: { reconcileMs: story.reconcileMinutes * 60_000 },
					pollIntervalMs: 15 * 60_000,
				}),
		config: { vendorType: story.vendorType, massChanges: story.massChanges },
	})
	world.store.setWebhooks(webhookKnobsFor(story, {}))
	world.meanwhile = () => {
		if (world.store.requests > MAX_REQUESTS) throw new Error(`more than ${MAX_REQUESTS} requests`)
	}

	for (const [index, step] of story.steps.entries()) {
		addDeviations(world.store, story, index, standing)
		world.store.setFaults(getStanding(standing))
		await runStep(world, story, step, happened, standing)
	}
	world.store.setFaults(getStanding(standing))
	world.store.setWebhooks(webhookKnobsFor(story, {}))
	world.crashAt = () => false
	world.answer = () => 204
	world.losesDoorbell = () => false
	world.d1Fails = false
	noteMassChanges(world, story, happened)
	// What was held is sent; what the last re-read finds, too.
	await world.configure({ massChanges: 'emit' })
	if (await endDeviations(world, story, standing, happened)) {
		const { missed: _, details, ...judgement } = world.judge([])
		const others = details.filter(({ kind }) => kind !== 'missed')
		const { arrivals, store } = world
		return {
			judgement: { missed: 0, details: others, ...judgement },
			happened,
			arrivals: arrivals.length,
			storeRequests: store.requests,
			world,
		}
	}
	const limitMs = story.deviations.length > 0 ? DEVIANT_QUIET_MS : undefined
	await world.runUntilQuiet(limitMs)
	if ((await world.decideMassChanges('emit')).length > 0) await world.runUntilQuiet(limitMs)
	await tellEpilogue(world, story, happened)
	noteDeviations(world, standing, happened)
	for (const entry of world.store.journal())
		if (entry.number > world.initialJournalNumber) happened.add(`${entry.change} ${entry.resource}`)
	for (const point of world.crashes) happened.add(`crash ${point}`)
	return {
		judgement: world.judge(toCoarsePolls(world.polls, getLatenessMs(story.deviations))),
		happened,
		arrivals: world.arrivals.length,
		storeRequests: world.store.requests,
		world,
	}
}

function noteMassChanges(world: World, story: Story, happened: Set<string>): void {
	const resources = world.engine.getCore()?.state.resources ?? []
	if (resources.some(({ massChanges = [] }) => massChanges.length > 0)) happened.add(`mass change ${story.massChanges}`)
}

async function decide(world: World, decision: 'emit' | 'forget', happened: Set<string>): Promise<void> {
	const decided = await world.decideMassChanges(decision)
	if (decided.length > 0) happened.add(`decided ${decision}`)
	if (decision === 'emit') return
	// Only a later edit tells the receiver what was dismissed.
	for (const { resource, id } of decided)
		tryAction(world, { do: 'edit', resource: COLLECTION_BY_LABEL[resource] as Resource, id })
}

/** What the store does for longer than a step, by the deviation's place in the story, and what it does during one. */
interface StandingFaults {
	faults: Map<StoryDeviation, Fault[]>
	fault: Fault | null
}

function getStanding({ faults, fault }: StandingFaults): Fault[] {
	return [...[...faults.values()].flat(), ...(fault === null ? [] : [fault])]
}

/** The deviations that begin with this step. */
function addDeviations(store: SimulatedStore, story: Story, step: number, { faults }: StandingFaults): void {
	const products = [...store.state('products').keys()]
	for (const deviation of story.deviations)
		if (deviation.fromStep === step)
			faults.set(deviation, toFaults(deviation, products[story.seed % products.length] ?? 0))
}

/**
 * Time for what is late. What puts something out of reach has been said by health; it ends, unless it stays. Returns whether it stays: then
 * not everything can arrive.
 */
async function endDeviations(
	world: World,
	story: Story,
	standing: StandingFaults,
	happened: Set<string>,
): Promise<boolean> {
	const reach = story.deviations.map(({ name }) => DEVIATIONS[name]!.outOfReach)
	const isOutOfReach = reach.some((one) => one !== undefined)
	if (isOutOfReach) {
		if (story.vendorType === 'polling') await world.configure({ pollIntervalMs: OUT_OF_REACH_POLL_MS })
		await world.advance(OUT_OF_REACH_MS)
	}
	noteDeviations(world, standing, happened)
	if (!isOutOfReach) return false
	const { state, resources } = buildHealth(world.engine.getCore()!)
	if (state === 'healthy' && resources.every(({ limits = [] }) => limits.length === 0))
		throw new Error('health says nothing of what is out of reach')
	if (reach.includes('stays')) return true
	standing.faults.clear()
	world.store.setFaults({})
	// Records that could not be read are tried again at most an hour later, after a day once a day.
	for (let hours = 0; hours < 26 && hasUnreadable(world); hours++) await world.advance(HOUR_MS)
	return false
}

function hasUnreadable(world: World): boolean {
	const { state, unreadable } = world.engine.getCore()!
	return state.resources.some(({ number }) => unreadable.list(number).length > 0)
}

/** Deviations that have met a request. */
function noteDeviations(world: World, standing: StandingFaults, happened: Set<string>): void {
	for (const [{ name }, faults] of standing.faults)
		if (faults.length === 0 || faults.some((fault) => world.store.faultHits(fault) > 0))
			happened.add(`deviation ${name}`)
}

/** Ordinary edits at a store that still deviates arrive in the time of its strategy, without a re-read that somebody asked for. */
async function tellEpilogue(world: World, story: Story, happened: Set<string>): Promise<void> {
	const standing = story.deviations.filter(({ name }) => DEVIATIONS[name]!.outOfReach)
	if (story.deviations.length === 0 || standing.length > 0) return
	if (story.vendorType === 'polling') await world.configure({ pollIntervalMs: EPILOGUE_POLL_MS })
	const told = (['products', 'orders'] as const).flatMap((resource) => [
		...tryAction(world, { do: 'create', resource }),
		...tryAction(world, { do: 'edit', resource }),
	])
	if (told.length === 4) happened.add('epilogue')
	await world.advance(Math.min(getLatenessMs(story.deviations), MAX_EPILOGUE_MS) + 2 * world.config.pollIntervalMs)
	for (let guard = 0; guard < 60 && !world.isQuiet(); guard++) await world.advance(60_000)
}

async function runStep(
	world: World,
	story: Story,
	step: StoryStep,
	happened: Set<string>,
	standing: StandingFaults,
): Promise<void> {
	switch (step.kind) {
		case 'act':
			tryAction(world, step.action)
			return
		case 'time':
			await world.advance(step.ms)
			return
		case 'poll': {
			const core = world.engine.getCore()
			if (core !== null && !core.state.paused) core.state.nextPollMs = world.nowMs
			world.alarmMs = world.nowMs
			await world.advance(1)
			return
		}
		case 'mass-edit': {
			const resource = story.manyProducts ? 'products' : step.resource
			const number = 1 + world.store.journal().length
			const set = step.prices && resource === 'products' ? { regular_price: `${number}.50` } : undefined
			tryAction(world, { do: 'mass-edit', resource, ...(set && { set }) })
			const core = world.engine.getCore()
			for (const rs of core?.state.resources ?? []) rs.rereadAsked = true
			world.alarmMs = world.nowMs
			await world.advance(step.ms)
			noteMassChanges(world, story, happened)
			if (step.decision !== null) await decide(world, step.decision, happened)
			return
		}
		case 'decide':
			await decide(world, step.decision, happened)
			return
		case 'comeback': {
			const [trashed] = tryAction(world, { do: 'trash', resource: step.resource })
			await world.advance(step.ms)
			if (trashed !== undefined) tryAction(world, { do: 'restore', resource: step.resource, id: trashed.id })
			return
		}
		case 'evict':
			world.evict()
			return
		case 'crash': {
			let remaining = step.after
			world.crashAt = (point) => {
				if (point !== step.point || remaining-- > 0) return false
				world.crashAt = () => false
				return true
			}
			return
		}
		case 'fault':
			if (step.fault.act?.some((action) => isUndecidable(world, action)) === true) return
			happened.add(`fault ${step.name}`)
			world.store.setFaults(getStanding({ ...standing, fault: step.fault }))
			await world.advance(step.ms)
			world.store.setFaults(getStanding(standing))
			return
		case 'callback': {
			happened.add(`callback ${typeof step.answer === 'object' ? step.answer.cause : step.answer}`)
			let remaining = step.times
			world.answer = () => (remaining-- > 0 ? step.answer : 204)
			return
		}
		case 'lose-doorbells': {
			happened.add('doorbells lost')
			let remaining = step.times
			world.losesDoorbell = () => remaining-- > 0
			return
		}
		case 'd1-down':
			happened.add('d1 down')
			world.d1Fails = true
			await world.advance(step.ms)
			world.d1Fails = false
			return
		case 'webhooks': {
			// A queue that is held does not say when it runs.
			world.store.setWebhooks(webhookKnobsFor(story, { ...step.knobs, hold: false }))
			for (const action of step.actions) tryAction(world, action)
			if (world.store.nextQueueAt() !== null) happened.add(`deliveries ${step.name}`)
			world.store.setWebhooks(webhookKnobsFor(story, step.knobs))
			await world.advance(step.ms)
			world.store.setWebhooks(webhookKnobsFor(story, {}))
			return
		}
		case 'webhooks-off': {
			happened.add(`webhooks ${step.status}`)
			if (step.ms === DAY_MS) happened.add('webhooks off for a day')
			await world.setWebhookStatus(step.status)
			for (const action of step.actions) tryAction(world, action)
			await world.advance(step.ms)
			return
		}
		case 'replay': {
			const status = await world.replayWebhook(step.as)
			if (status === null) return
			happened.add(`replayed ${step.as}`)
			if (step.as !== 'same' && status !== 401)
				throw new Error(`a delivery replayed under another ${step.as} was answered ${status}`)
			return
		}
		case 'rotate': {
			const { hooks } = world.config
			if (hooks === null) return
			happened.add('secrets rotated')
			await world.configure({
				hooks: {
					...hooks,
					version: hooks.version + 1,
					previousUntilMs: world.nowMs + 86_400_000,
					deliveryUrl: hooks.deliveryUrl.replace(/v=\d+/, `v=${hooks.version + 1}`),
				},
			})
			return
		}
		case 'pause':
			happened.add('pause')
			await world.configure({ enabled: false })
			for (const action of step.actions) tryAction(world, action)
			await world.advance(step.ms)
			await world.configure({ enabled: true }, { release: true })
	}
}

/** Before 11 a coupon's record has no status: nobody can tell one in the trash from a draft (docs/woocommerce.md 8.8). */
function isUndecidable(world: World, action: Action): boolean {
	const old = !world.config.connection.version.startsWith('11.')
	return (
		old && 'resource' in action && action.resource === 'coupons' && (action.do === 'trash' || action.do === 'restore')
	)
}

/** A plugin's payload filter stays for the whole story; other knobs come and go. */
function webhookKnobsFor(story: Story, knobs: WebhookKnobs): WebhookKnobs {
	const standing = Object.assign({}, ...story.deviations.map(({ name }) => DEVIATIONS[name]!.knobs)) as WebhookKnobs
	const all = { ...standing, ...knobs }
	return story.plugin ? { ...all, plugin: { set: { loyalty: 'gold' }, resources: ['product', 'coupon'] } } : all
}

/** An action that finds no object that fits has not happened. */
function tryAction(world: World, action: Action): JournalEntry[] {
	if (isUndecidable(world, action)) return []
	try {
		return world.store.act(action)
	} catch (error) {
		if (!(error instanceof Error) || !/fits|there is no|must|no /.test(error.message)) throw error
		return []
	}
}
