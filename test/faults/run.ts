/**
 * A run: a shop changes, a callback has a bad day, and the Worker between them is killed and started again, at random moments and at the points
 * where most is at stake. Store and callback live on; in the end what arrived is held against what happened.
 */
import { join } from 'node:path'
import { Client, setUp } from '../../scripts/local/client.ts'
import { pause } from '../../scripts/local/local-worker.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { waitUntilQuiet, snapshotStore } from '../demo/stage.ts'
import { judge, COLLECTION_BY_LABEL, type Finding, type StoreObject } from '../support/oracle.ts'
import { Random } from '../store/random.ts'
import { WorkerProcess } from './worker-process.ts'
import { UnreliableCallback, type CallbackPost } from './unreliable-callback.ts'
import { RunClock, CLOCK_SPEED } from './clock.ts'
import { HaltControl, type Halted } from './halt-control.ts'
import { KILL_POINTS, type InnerKillPoint, type KillPoint } from './kill-points.ts'
import { LiveShop, type HeldPage } from './live-shop.ts'

/** How long a run is. */
export interface RunLength {
	changes: number
	objects: { orders: number; products: number; coupons: number; customers: number }
	/** One entry for each instance, the first made at the beginning, the others on the way: how often the Worker is killed while it learns the store. */
	baselines: readonly number[]
	/** How often it is killed at each of the other points. */
	killsByPoint: Partial<Record<KillPoint, number>>
	/** Pauses between two kills, ms. */
	pauseMs: readonly [number, number]
	/** Everything must be quiet so soon after the last change, ms. */
	quietMs: number
	/** A run ends by then, ms, whatever it lacks. */
	endMs: number
}

const LARGE_STORE = { orders: 500, products: 320, coupons: 60, customers: 240 }

/** Thirty kills, five at each point, and six wherever they fall. */
export const FULL_RUN: RunLength = {
	changes: 5_000,
	objects: LARGE_STORE,
	baselines: [2, 2, 1],
	killsByPoint: { claimToPost: 5, duringPost: 5, answerToSettle: 5, commitToDoorbell: 5, rereadSlice: 5, anywhere: 6 },
	pauseMs: [1_000, 8_000],
	quietMs: 300_000,
	endMs: 3_600_000,
}

/** Within two minutes. */
export const QUICK_RUN: RunLength = {
	changes: 600,
	objects: { orders: 250, products: 160, coupons: 60, customers: 240 },
	baselines: [1],
	killsByPoint: { claimToPost: 1, duringPost: 1, answerToSettle: 1, commitToDoorbell: 1, rereadSlice: 1, anywhere: 1 },
	pauseMs: [300, 2_000],
	quietMs: 60_000,
	endMs: 112_000,
}

/** For `npm test`. */
export const SHORT_RUN: RunLength = {
	changes: 300,
	objects: { orders: 60, products: 60, coupons: 20, customers: 40 },
	baselines: [0],
	killsByPoint: { claimToPost: 1, answerToSettle: 1, commitToDoorbell: 1 },
	pauseMs: [200, 800],
	quietMs: 60_000,
	endMs: 110_000,
}

/** What a run says in the end. */
export interface RunResult {
	seed: number
	/** Changes of watched objects in the store. */
	changes: number
	kills: number
	/** Kills with a POST, a request to the store or a step held in the Worker under way. */
	killsInFlight: number
	/** Kills that are proved to have hit their point. */
	byPoint: Record<KillPoint, number>
	/** First arrivals of events. */
	delivered: number
	lost: number
	invented: number
	/** One change under two names: as two events, or as other bytes under one. */
	renamed: number
	disordered: number
	/** Later arrivals; no error. */
	repeats: number
}

/** A run's result, and what it lacks; nothing is lacking where all is well. */
export interface RunOutcome {
	result: RunResult
	shortfalls: string[]
}

/** An instance and what the judge must know of it. */
interface ConnectedInstance {
	id: number
	initialObjects: StoreObject[]
	initialJournalNumber: number
	t0Ms: number
	baselineEndMs: number | null
}

/** A kill, with what proves that it hit its point: asked in the end, when everything has arrived. */
interface Kill {
	point: KillPoint
	inFlight: boolean
	isProved: () => boolean
}

/** Something that stands still at a point, and what is to be shown of it afterwards. */
interface ReachedPoint {
	halted: Halted
	description: string
	/** Whether it is still so, asked just before the kill. */
	isStillHalted: () => boolean
	isProved: () => boolean
}

const SIGNATURE_KEY = 'the key of the runs with faults'
/** How the instances see changes, in the order in which they are made. */
const VENDOR_TYPES = ['hybrid', 'polling', 'webhook'] as const
/** Seconds on the run's clock between polls, and between re-reads. */
const POLL_SECONDS = 15
const REREAD_SECONDS = 45
/** How long a point may take to be reached, ms: on a busy machine polls and hints leave scans little time. */
const REACH_TIMEOUT_MS = 40_000

/** A kill that waits for nothing. */
const NO_HALT: ReachedPoint = {
	halted: { isBroken: () => true, release: () => undefined },
	description: 'nothing was waited for',
	isStillHalted: () => true,
	isProved: () => true,
}

/** Runs. `say` hears how it goes. Throws when the harness itself fails. */
export async function runFaults(
	dir: string,
	seed: number,
	length: RunLength,
	log: (message: string) => void,
): Promise<RunOutcome> {
	const faultRun = new FaultRun(seed, length, log)
	let timer: NodeJS.Timeout | undefined
	try {
		const playing = faultRun.open(dir).then(async () => await faultRun.play())
		const timeout = new Promise<'late'>((resolve) => {
			timer = setTimeout(() => resolve('late'), length.endMs)
		})
		if ((await Promise.race([playing, timeout])) === 'late') {
			// What it still does comes to nothing: the house is closed.
			playing.catch(() => undefined)
			log('time is up')
		}
		return await faultRun.judge()
	} finally {
		clearTimeout(timer)
		await faultRun.close()
	}
}

class FaultRun {
	readonly #seed: number
	readonly #length: RunLength
	readonly #log: (message: string) => void
	readonly #random: Random
	readonly #clock = new RunClock(Date.now(), CLOCK_SPEED)
	readonly #undo: (() => Promise<void>)[] = []
	readonly #instances: ConnectedInstance[] = []
	readonly #kills: Kill[] = []
	readonly #control = new HaltControl()
	readonly #callback: UnreliableCallback
	readonly #plannedKills: number
	#shop!: LiveShop
	#worker!: WorkerProcess
	#client!: Client
	#quiet = false

	constructor(seed: number, length: RunLength, log: (message: string) => void) {
		this.#seed = seed
		this.#length = length
		this.#log = log
		this.#random = new Random(seed, 300)
		this.#callback = new UnreliableCallback(SIGNATURE_KEY, seed, this.#now)
		this.#plannedKills = [...length.baselines, ...Object.values(length.killsByPoint)].reduce(
			(sum, count) => sum + count,
			0,
		)
	}

	/** The run's clock. */
	readonly #now = (): number => this.#clock.toRunMs(Date.now())

	async open(dir: string): Promise<void> {
		await this.#control.listen()
		this.#undo.push(async () => await this.#control.close())
		await this.#callback.listen()
		this.#undo.push(async () => await this.#callback.close())
		this.#shop = new LiveShop({
			seed: this.#seed,
			url: `http://127.0.0.1:${await anyFreePort()}`,
			objects: this.#length.objects,
			now: this.#now,
			webhooks: { allowLocalDelivery: true },
		})
		const served = await this.#shop.listen()
		this.#undo.push(async () => {
			this.#shop.stopChanging()
			await served.close()
		})
		this.#log('builds the Worker')
		this.#worker = await WorkerProcess.start(join(dir, 'worker'), await anyFreePort(), {
			FAULTS_BEGAN: String(this.#clock.startedMs),
			FAULTS_SPEED: String(CLOCK_SPEED),
			FAULTS_CONTROL: this.#control.url,
			FAULTS_CALLBACK: this.#callback.origin,
		})
		this.#undo.push(async () => await this.#worker.close())
		const account = await setUp(this.#worker.url, this.#worker.setupToken, {
			organizationName: 'Faults',
			email: 'faults@example.com',
			firstName: 'Fa',
			lastName: 'Ults',
		})
		if (account === null) throw new Error('the database was not empty')
		this.#client = new Client(this.#worker.url, account)
	}

	async close(): Promise<void> {
		for (const undoStep of this.#undo.splice(0).toReversed()) await undoStep()
	}

	/** Everything that happens, until all is quiet. */
	async play(): Promise<void> {
		const { baselines, killsByPoint, changes, pauseMs, quietMs } = this.#length
		const points = shuffled(
			Object.entries(killsByPoint).flatMap(([point, count]) => Array.from({ length: count }, () => point as KillPoint)),
			this.#random,
		)
		for (const [number, kills] of baselines.entries()) {
			await this.#connect(VENDOR_TYPES[number % VENDOR_TYPES.length]!, kills)
			const share = points.splice(0, Math.ceil(points.length / (baselines.length - number)))
			for (const point of share) {
				await pause(this.#random.int(...pauseMs))
				await this.#killAt(point)
			}
		}
		this.#shop.targetChanges = changes
		while (this.#shop.countChanges() < changes) await pause(100)
		this.#shop.stopChanging()
		this.#callback.stopFaults()
		this.#shop.store.setWebhooks({ allowLocalDelivery: true })
		this.#log(`the shop stands still after ${this.#shop.countChanges()} changes, the callback has recovered`)
		const untilMs = this.#now() + quietMs * CLOCK_SPEED
		const decisions = setInterval(() => void this.#emitHeldDeletions().catch(() => undefined), 1_000)
		const quiet = await Promise.all(
			this.#instances.map(({ id }) =>
				waitUntilQuiet({ client: this.#client, instance: { id } }, untilMs, undefined, this.#now),
			),
		)
		clearInterval(decisions)
		this.#quiet = quiet.every(Boolean)
		this.#log(this.#quiet ? 'everything is quiet' : 'time is up before everything was quiet')
	}

	/** Judges every instance by itself, and proves the kills. */
	async judge(): Promise<RunOutcome> {
		this.#shop.stopChanging()
		const { store } = this.#shop
		const final = snapshotStore(store)
		const { arrivals } = this.#callback
		const shortfalls: string[] = this.#quiet ? [] : ['it never became quiet']
		const result: RunResult = {
			seed: this.#seed,
			changes: this.#shop.countChanges(),
			kills: this.#kills.length,
			killsInFlight: this.#kills.filter(({ inFlight }) => inFlight).length,
			byPoint: Object.fromEntries(Object.keys(KILL_POINTS).map((point) => [point, 0])) as Record<KillPoint, number>,
			delivered: 0,
			lost: 0,
			invented: 0,
			renamed: arrivals.filter(({ bytesChanged }) => bytesChanged).length,
			disordered: 0,
			repeats: 0,
		}
		const details: (Finding & { instance: number })[] = []
		for (const {
			id,
			initialObjects: start,
			initialJournalNumber: startNumber,
			t0Ms,
			baselineEndMs,
		} of this.#instances) {
			const accepted = arrivals.filter(
				({ notificationId, status }) => toInstanceId(notificationId) === id && status !== null && status < 300,
			)
			const judgement = judge({
				journal: store.journal(),
				start,
				startNumber,
				final,
				t0Ms,
				baselineEndMs: baselineEndMs ?? Number.POSITIVE_INFINITY,
				arrivals: accepted.flatMap(({ events }) => events),
			})
			result.delivered += judgement.created + judgement.updated + judgement.deleted
			result.lost += judgement.missed
			result.invented += judgement.invented
			result.renamed += judgement.renamed + judgement.duplicates
			result.disordered += judgement.disordered
			result.repeats += judgement.repeats
			details.push(...judgement.details.map((finding) => ({ ...finding, instance: id })))
			for (const { resource, volatile } of (await this.#client.poller(id).catch(() => ({ resources: [] }))).resources)
				if (volatile.length > 0)
					this.#log(`instance ${id} takes these for volatile in ${resource}: ${volatile.join(', ')}`)
		}
		for (const { instance, kind, object, note, eventId } of details.slice(0, 40))
			this.#log(`instance ${instance}: ${kind} ${object}: ${note}${eventId === null ? '' : ` (${eventId})`}`)
		const unsigned = arrivals.filter(({ signed }) => signed !== true).length
		if (unsigned > 0) shortfalls.push(`${unsigned} notifications were signed wrongly`)
		for (const kill of this.#kills) {
			if (kill.isProved()) result.byPoint[kill.point]++
			else this.#log(`nothing proves that a kill was ${KILL_POINTS[kill.point]}`)
		}
		const expectedKills: Partial<Record<KillPoint, number>> = {
			...this.#length.killsByPoint,
			baselineSlice: this.#length.baselines.reduce((sum, n) => sum + n, 0),
		}
		for (const [point, count] of Object.entries(expectedKills) as [KillPoint, number][])
			if (result.byPoint[point] < count)
				shortfalls.push(`kills ${KILL_POINTS[point]}: ${result.byPoint[point]} of ${count}`)
		if (result.kills < this.#plannedKills) shortfalls.push(`kills: ${result.kills} of ${this.#plannedKills}`)
		if (result.killsInFlight * 3 < result.kills * 2)
			shortfalls.push(`kills with work in flight: ${result.killsInFlight} of ${result.kills}`)
		if (result.changes < this.#length.changes) shortfalls.push(`changes: ${result.changes} of ${this.#length.changes}`)
		for (const metric of ['lost', 'invented', 'renamed', 'disordered'] as const)
			if (result[metric] > 0) shortfalls.push(`${metric}: ${result[metric]}`)
		return { result, shortfalls }
	}

	/** Connects the store once more, and kills while it is learned. */
	async #connect(vendorType: (typeof VENDOR_TYPES)[number], kills: number): Promise<void> {
		const { store } = this.#shop
		// Stamps are whole seconds: what changed before the instance was created must not share its second.
		this.#shop.stopChanging()
		await pause(3_000 / CLOCK_SPEED)
		const start = snapshotStore(store)
		const startNumber = store.journal().at(-1)?.number ?? 0
		const t0Ms = this.#now()
		const known = new Set(this.#instances.map(({ id }) => id))
		const matches = (page: HeldPage): boolean => !known.has(page.instance)
		let page = kills > 0 ? this.#nextPageAfterSkipping(matches) : null
		const { id } = await this.#client.connect(`Faults ${vendorType}`, {
			'store.url': store.url,
			'oauth.api.key': store.credentials.key,
			'oauth.api.secret': store.credentials.secret,
			'event.notification.enabled': true,
			'event.vendor.type': vendorType,
			'event.notification.callback.url': `${this.#callback.origin}/callback`,
			'event.notification.signature.key': SIGNATURE_KEY,
			'event.poller.refresh_interval': POLL_SECONDS / 60,
			'event.reconcile.interval': (2 * POLL_SECONDS) / 60,
			'event.poller.reread': REREAD_SECONDS / 3_600,
		})
		const instance: ConnectedInstance = {
			id,
			initialObjects: start,
			initialJournalNumber: startNumber,
			t0Ms,
			baselineEndMs: null,
		}
		this.#instances.push(instance)
		this.#log(
			`instance ${id} sees changes by ${vendorType === 'polling' ? 'polls' : vendorType === 'hybrid' ? 'webhooks and polls' : 'webhooks'}`,
		)
		this.#raiseTarget()
		this.#shop.startChanging()
		for (let done = 1; done <= kills; done++) {
			const reached = await this.#reachPage('baselineSlice', matches, page)
			if (reached === null) {
				this.#log(`no page of the baseline of instance ${id} was met`)
				break
			}
			// Asked for before the Worker is back: it goes on at once.
			if (done < kills) page = this.#nextPageAfterSkipping(matches)
			await this.#kill('baselineSlice', reached)
		}
		while (instance.baselineEndMs === null) {
			const { resources } = await this.#client.poller(id)
			if (resources.length > 0 && resources.every(({ baseline }) => baseline.complete))
				instance.baselineEndMs = this.#now()
			else await pause(50)
		}
		this.#log(`instance ${id} has learned the store`)
	}

	/** Brings the Worker to a point and kills it there. */
	async #killAt(point: KillPoint): Promise<void> {
		const untilMs = Date.now() + 2 * REACH_TIMEOUT_MS
		while (Date.now() < untilMs) {
			const reached = await this.#reach(point)
			if (reached === null) continue
			// What a doorbell is for may be claimed for another one that is still followed: the sooner the better.
			if (point !== 'commitToDoorbell') await pause(this.#random.int(0, 150))
			// It may have gone on, or have been given up, in the meantime.
			if (reached !== NO_HALT && (reached.halted.isBroken() || !reached.isStillHalted())) {
				reached.halted.release()
				continue
			}
			await this.#kill(point, reached)
			return
		}
		this.#log(`no moment ${KILL_POINTS[point]} was met`)
	}

	async #reach(point: KillPoint): Promise<ReachedPoint | null> {
		if (point === 'anywhere') return NO_HALT
		if (point === 'duringPost') return await this.#reachPost()
		if (point === 'baselineSlice' || point === 'rereadSlice') return await this.#reachPage(point, () => true)
		return await this.#reachInside(point)
	}

	/** A point that the Worker itself says it stands at. What it says is held against what the callback has seen. */
	async #reachInside(point: InnerKillPoint): Promise<ReachedPoint | null> {
		const next = this.#control.nextHalt(REACH_TIMEOUT_MS)
		await this.#worker.setTrap({ point, skip: this.#random.int(0, 4) })
		const found = await next
		if (found === null) return null
		const { halted, haltReport: standing } = found
		const { notifications, attempt } = standing
		const posts = (from = 1, to = Number.POSITIVE_INFINITY): CallbackPost[] =>
			this.#callback.posts.filter(
				(post) => notifications.includes(post.notificationId) && post.attempt >= from && post.attempt <= to,
			)
		const what = `${notifications.length === 1 ? notifications[0] : `${notifications.length} notifications`}${attempt > 0 ? `, try ${attempt}` : ''}`
		if (point === 'commitToDoorbell') {
			// None of them had left the Worker; all of them came.
			const allArrived = (): boolean =>
				notifications.every((notification) => this.#callback.posts.some((post) => post.notificationId === notification))
			return { halted, description: what, isStillHalted: () => posts().length === 0, isProved: allArrived }
		}
		// It was accepted, and since the answer was lost it was sent again; or that try never arrived, and a later one did.
		const isConsistent = (): boolean =>
			point === 'answerToSettle'
				? posts(attempt, attempt).some(({ status }) => status === 200)
				: posts(attempt, attempt).length === 0
		return {
			halted,
			description: what,
			isStillHalted: isConsistent,
			isProved: () => isConsistent() && posts(attempt + 1).length > 0,
		}
	}

	/** A POST that the callback has read and not answered. */
	async #reachPost(): Promise<ReachedPoint | null> {
		const found = await this.#callback.nextPost(REACH_TIMEOUT_MS)
		if (found === null) return null
		const { post, halted } = found
		const hasLaterAttempt = (): boolean =>
			this.#callback.posts.some((other) => other.notificationId === post.notificationId && other.attempt > post.attempt)
		return {
			halted,
			description: `${post.notificationId}, try ${post.attempt}`,
			isStillHalted: () => post.outcome === 'open',
			// Its sender broke off, and tried again.
			isProved: () => post.outcome === 'gone' && hasLaterAttempt(),
		}
	}

	/** A page that the store holds back, of a scan which the instance itself says is under way. */
	async #reachPage(
		point: 'baselineSlice' | 'rereadSlice',
		matches: (page: HeldPage) => boolean,
		firstPage: Promise<{ page: HeldPage; halted: Halted } | null> | null = null,
	): Promise<ReachedPoint | null> {
		const untilMs = Date.now() + REACH_TIMEOUT_MS
		for (let next = firstPage ?? this.#nextPageAfterSkipping(matches); ; next = this.#nextPageAfterSkipping(matches)) {
			const found = await next
			if (found === null || Date.now() > untilMs) {
				found?.halted.release()
				return null
			}
			const { page, halted } = found
			const poller = await this.#client.poller(page.instance, 1_500).catch(() => null)
			const resource = poller?.resources.find((candidate) => COLLECTION_BY_LABEL[candidate.resource] === page.resource)
			const underWay =
				resource !== undefined &&
				(point === 'baselineSlice'
					? !resource.baseline.complete
					: resource.baseline.complete && resource.reread.running)
			if (underWay && !halted.isBroken())
				return {
					halted,
					description: `${page.resource} of instance ${page.instance}`,
					isStillHalted: () => true,
					isProved: () => true,
				}
			halted.release()
		}
	}

	/** Some page later than the next one. */
	#nextPageAfterSkipping(matches: (page: HeldPage) => boolean): Promise<{ page: HeldPage; halted: Halted } | null> {
		let skip = this.#random.int(0, 3)
		return this.#shop.holdNextPage((page) => matches(page) && skip-- <= 0, REACH_TIMEOUT_MS)
	}

	/** Kills the Worker where it stands, and runs it again a little later. */
	async #kill(point: KillPoint, { halted, description: what, isProved: proved }: ReachedPoint): Promise<void> {
		const { openPosts: posts } = this.#callback
		const { openRequests: requests } = this.#shop
		const killing = this.#worker.kill()
		// WooCommerce gives a webhook up that fails too often: mostly its cron does not run while the Worker is down.
		const holdsWebhooks = this.#random.chance(0.7)
		if (holdsWebhooks) this.#shop.store.setWebhooks({ allowLocalDelivery: true, hold: true })
		await killing
		const brokenMs = Date.now() + 2_000
		while (!halted.isBroken() && Date.now() < brokenMs) await pause(5)
		const broken = halted.isBroken()
		this.#kills.push({
			point,
			inFlight: posts + requests > 0 || (point !== 'anywhere' && broken),
			isProved: () => broken && proved(),
		})
		this.#log(
			`kill ${this.#kills.length} of ${this.#plannedKills}: ${KILL_POINTS[point]} (${what}); ${posts} POSTs and ${requests} requests to the store under way, ${this.#shop.countChanges()} changes so far`,
		)
		this.#raiseTarget()
		await pause(this.#random.int(0, 800))
		await this.#worker.run()
		this.#shop.store.setWebhooks({ allowLocalDelivery: true })
		// The merchant switches on again what WooCommerce has switched off.
		if (this.#random.chance(0.5))
			for (const { id, status } of this.#shop.store.webhooks())
				if (status === 'disabled') this.#shop.store.makeWebhook({ id, status: 'active' })
	}

	/** The operator confirms deletions that the mass-deletion guard holds: they are real. */
	async #emitHeldDeletions(): Promise<void> {
		for (const { id } of this.#instances) {
			if ((await this.#client.health(id)).state !== 'deletions-held') continue
			await this.#client.api.decideHeldDeletions({ params: { id }, body: { decision: 'emit' } })
			this.#log(`instance ${id} held deletions; they are confirmed`)
		}
	}

	/** The shop's changes keep pace with the kills. */
	#raiseTarget(): void {
		this.#shop.targetChanges = Math.ceil((this.#length.changes * (this.#kills.length + 1)) / (this.#plannedKills + 1))
	}
}

/** The instance of a notification: its id is the instance's, and nine digits (docs/contract.md §11). */
function toInstanceId(notificationId: string): number {
	return Math.floor(Number(notificationId.replace('ntf_', '')) / 1e9)
}

function shuffled<T>(list: T[], random: Random): T[] {
	for (let i = list.length - 1; i > 0; i--) {
		const j = random.int(0, i)
		;[list[i], list[j]] = [list[j] as T, list[i] as T]
	}
	return list
}
