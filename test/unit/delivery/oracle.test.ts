/** The judge itself: right stories pass, and each kind of wrong is called by its name. */
import { describe, expect, test } from 'vitest'
import { judge, type JudgeInput, type Judgement, type ReceivedEvent } from '../../support/oracle.ts'
import { contentHash } from '../../store/content.ts'
import type { Change, JournalEntry } from '../../store/types.ts'

const T0 = 1_000_000_000_000
const BASELINE_END = T0 + 60_000

/** A story of a few orders, told step by step: what happens in the store, and what the callback receives. */
class Story {
	readonly #objects = new Map<number, { content: string; status: string }>()
	readonly #start: JudgeInput['start']
	readonly #journal: JournalEntry[] = []
	readonly #arrivals: ReceivedEvent[] = []
	readonly #sequences = new Map<number, number>()
	#ids = 0
	polls: { startMs: number; endMs: number }[] = []

	/** Orders 1 and 2 are there with content `a`; order 3 lies in the trash. */
	constructor() {
		for (const [id, status] of [
			[1, 'processing'],
			[2, 'processing'],
			[3, 'trash'],
		] as const)
			this.#objects.set(id, { content: 'a', status })
		this.#start = this.#state()
	}

	record(id: number, content?: string, status?: string): { id: number; content: string; status: string } {
		const now = this.#objects.get(id)
		return { id, content: content ?? now?.content ?? '', status: status ?? now?.status ?? 'processing' }
	}

	#state(): JudgeInput['start'] {
		return [...this.#objects.keys()].map((id) => ({
			resource: 'orders',
			id,
			hash: contentHash(this.record(id)),
			status: this.#objects.get(id)!.status,
		}))
	}

	/** Seconds after T0, what, to which order. */
	happens(second: number, change: Change, id: number, content?: string, status?: string): this {
		const before = this.#objects.get(id)
		if (change === 'deleted') this.#objects.delete(id)
		else
			this.#objects.set(id, {
				content: content ?? before?.content ?? 'a',
				status:
					status ??
					(change === 'trashed' ? 'trash' : change === 'restored' ? 'processing' : (before?.status ?? 'processing')),
			})
		this.#journal.push({
			number: this.#journal.length + 1,
			time: T0 + second * 1000,
			resource: 'orders',
			id,
			change,
			stampMoved: change !== 'edited-silently' && change !== 'deleted',
			hash: change === 'deleted' ? null : contentHash(this.record(id)),
			date_created_gmt: null,
			date_modified_gmt: null,
			status: this.#objects.get(id)?.status ?? null,
		})
		return this
	}

	/** The callback receives an event about an order as it is now, unless `changes` says otherwise. */
	receives(
		second: number,
		eventType: ReceivedEvent['eventType'],
		id: number,
		changes: Partial<ReceivedEvent> = {},
	): this {
		const objectSequence = changes.objectSequence ?? (this.#sequences.get(id) ?? 0) + 1
		this.#sequences.set(id, objectSequence)
		this.#arrivals.push({
			eventId: `e${++this.#ids}`,
			objectType: 'orders',
			objectId: String(id),
			eventType,
			objectSequence,
			record: this.#objects.has(id) ? this.record(id) : { id },
			timeMs: T0 + second * 1000,
			...changes,
		})
		return this
	}

	judge(changes: Partial<JudgeInput> = {}): Judgement {
		return judge({
			journal: this.#journal,
			start: this.#start,
			final: this.#state(),
			t0Ms: T0,
			baselineEndMs: BASELINE_END,
			arrivals: this.#arrivals,
			polls: this.polls,
			...changes,
		})
	}
}

const faultless = { missed: 0, duplicates: 0, invented: 0, renamed: 0, disordered: 0 }

function createStory(): Story {
	return new Story()
}

describe('a right story', () => {
	test('without any change is quiet', () => {
		expect(createStory().judge()).toEqual({
			...faultless,
			repeats: 0,
			lagP50Ms: null,
			lagP99Ms: null,
			created: 0,
			updated: 0,
			deleted: 0,
			details: [],
		})
	})

	test('reports each change once, and how long it took', () => {
		const scenario = createStory()
		scenario.happens(100, 'created', 10, 'n').receives(103, 'CREATED', 10)
		scenario.happens(110, 'updated', 1, 'b').receives(111, 'UPDATED', 1)
		scenario.happens(120, 'trashed', 2).receives(125, 'DELETED', 2, { trashed: true })
		scenario.happens(130, 'restored', 2).receives(140, 'CREATED', 2)
		scenario.happens(150, 'deleted', 2).receives(200, 'DELETED', 2)
		expect(scenario.judge()).toMatchObject({
			...faultless,
			created: 2,
			updated: 1,
			deleted: 2,
			lagP50Ms: 5_000,
			lagP99Ms: 50_000,
			details: [],
		})
	})

	test('may report several edits as one, and a state twice where another lay between', () => {
		const scenario = createStory()
			.happens(100, 'updated', 1, 'b')
			.happens(101, 'updated', 1, 'c')
			.receives(102, 'UPDATED', 1)
		scenario
			.happens(110, 'updated', 1, 'b')
			.receives(111, 'UPDATED', 1)
			.happens(120, 'updated', 1, 'c')
			.receives(121, 'UPDATED', 1)
		expect(scenario.judge()).toMatchObject(faultless)
	})

	test('may pass over what came and went between two looks', () => {
		const scenario = createStory()
			.happens(100, 'created', 10)
			.happens(101, 'deleted', 10)
			.happens(102, 'created', 11)
			.happens(103, 'trashed', 11)
		scenario.polls = [
			{ startMs: T0 + 90_000, endMs: T0 + 100_500 },
			{ startMs: T0 + 104_000, endMs: T0 + 110_000 },
		]
		expect(scenario.judge()).toMatchObject(faultless)
	})

	test('may repeat: later arrivals of an id are no error', () => {
		const scenario = createStory()
			.happens(100, 'updated', 1, 'b')
			.receives(101, 'UPDATED', 1, { eventId: 'x' })
			.receives(150, 'UPDATED', 1, { eventId: 'x', objectSequence: 1 })
		expect(scenario.judge()).toMatchObject({ ...faultless, repeats: 1, updated: 1, lagP99Ms: 1_000 })
	})

	test('a save that changed nothing, a hidden order and the emptied trash emit nothing', () => {
		const scenario = createStory()
			.happens(100, 'saved-unchanged', 1)
			.happens(101, 'created', 10, 'n', 'checkout-draft')
			.happens(102, 'deleted', 3)
		expect(scenario.judge()).toMatchObject(faultless)
	})

	test('a hidden order is CREATED when it becomes one', () => {
		const scenario = createStory()
			.happens(100, 'created', 10, 'n', 'checkout-draft')
			.happens(110, 'updated', 10, 'n', 'pending')
			.receives(112, 'CREATED', 10)
		expect(scenario.judge()).toMatchObject(faultless)
	})

	test('records that were erased are believed', () => {
		expect(
			createStory().happens(100, 'updated', 1, 'b').receives(101, 'UPDATED', 1, { record: null }).judge(),
		).toMatchObject(faultless)
	})
})

describe('around the baseline', () => {
	test('edits without a stamp may have been met by it, or emitted', () => {
		expect(createStory().happens(10, 'edited-silently', 1, 'b').judge()).toMatchObject(faultless)
		expect(createStory().happens(10, 'edited-silently', 1, 'b').receives(90, 'UPDATED', 1).judge()).toMatchObject(
			faultless,
		)
	})

	test('edits with a stamp must be emitted, and so must everything after it', () => {
		expect(createStory().happens(10, 'updated', 1, 'b').judge()).toMatchObject({ ...faultless, missed: 1 })
		expect(createStory().happens(70, 'edited-silently', 1, 'b').judge()).toMatchObject({ ...faultless, missed: 1 })
	})

	test('a save with a stamp that changed nothing may be emitted during it, not after', () => {
		expect(createStory().happens(10, 'saved-unchanged', 1).receives(20, 'UPDATED', 1).judge()).toMatchObject(faultless)
		expect(createStory().happens(100, 'saved-unchanged', 1).receives(110, 'UPDATED', 1).judge()).toMatchObject({
			...faultless,
			invented: 1,
		})
	})

	test('what went before it came is never known', () => {
		expect(createStory().happens(10, 'deleted', 1).happens(11, 'trashed', 2).judge()).toMatchObject(faultless)
		expect(createStory().happens(100, 'deleted', 1).judge()).toMatchObject({ ...faultless, missed: 1 })
	})

	test('what came back meanwhile is UPDATED or CREATED', () => {
		expect(createStory().happens(10, 'restored', 3).receives(20, 'UPDATED', 3).judge()).toMatchObject(faultless)
		expect(createStory().happens(10, 'restored', 3).receives(20, 'CREATED', 3).judge()).toMatchObject(faultless)
		expect(createStory().happens(100, 'restored', 3).receives(120, 'UPDATED', 3).judge()).toMatchObject({
			...faultless,
			invented: 1,
		})
	})

	test('what happened before T0 is the start', () => {
		expect(createStory().happens(-5, 'updated', 1, 'b').happens(-4, 'created', 10).judge()).toMatchObject(faultless)
		expect(createStory().happens(-5, 'updated', 1, 'b').receives(5, 'UPDATED', 1).judge()).toMatchObject({
			...faultless,
			invented: 1,
		})
	})

	test('a backfill emits what was there', () => {
		expect(createStory().receives(20, 'CREATED', 1, { backfill: true }).judge()).toMatchObject(faultless)
		expect(createStory().receives(20, 'CREATED', 1).judge()).toMatchObject({ ...faultless, invented: 1 })
	})
})

describe('missed', () => {
	test.each<[string, Story]>([
		['a creation', createStory().happens(100, 'created', 10)],
		['an edit', createStory().happens(100, 'updated', 1, 'b')],
		[
			'the last of two edits',
			createStory().happens(100, 'updated', 1, 'b').receives(101, 'UPDATED', 1).happens(110, 'updated', 1, 'c'),
		],
		[
			'an edit that was undone after it was sent',
			createStory().happens(100, 'updated', 1, 'b').receives(101, 'UPDATED', 1).happens(110, 'updated', 1, 'a'),
		],
		['a deletion', createStory().happens(100, 'deleted', 1)],
		['a move to the trash', createStory().happens(100, 'trashed', 1)],
		['a return', createStory().happens(100, 'trashed', 1).receives(101, 'DELETED', 1).happens(110, 'restored', 1)],
		[
			'a hidden order that became one',
			createStory().happens(100, 'created', 10, 'n', 'checkout-draft').happens(110, 'updated', 10, 'n', 'pending'),
		],
	])('%s', (_, scenario) => {
		expect(scenario.judge()).toMatchObject({ ...faultless, missed: 1 })
	})

	test('what existed across a whole poll and is gone again', () => {
		const scenario = createStory().happens(100, 'created', 10).happens(200, 'deleted', 10)
		scenario.polls = [{ startMs: T0 + 120_000, endMs: T0 + 130_000 }]
		expect(scenario.judge()).toMatchObject({ ...faultless, missed: 1 })
	})

	test('what was gone across a whole poll and is back', () => {
		const scenario = createStory().happens(100, 'trashed', 1).happens(200, 'restored', 1)
		scenario.polls = [{ startMs: T0 + 120_000, endMs: T0 + 130_000 }]
		expect(scenario.judge()).toMatchObject({ ...faultless, missed: 1 })
	})

	test('but not what came back before anybody looked, whichever of two equal states was emitted', () => {
		const scenario = createStory()
			.happens(100, 'updated', 1, 'b')
			.happens(110, 'trashed', 1)
			.happens(115, 'restored', 1)
			.receives(120, 'UPDATED', 1)
			.happens(130, 'deleted', 1)
			.receives(140, 'DELETED', 1)
		scenario
			.happens(100, 'trashed', 2)
			.happens(101, 'restored', 2)
			.happens(110, 'trashed', 2)
			.receives(120, 'DELETED', 2, { trashed: true })
			.happens(130, 'restored', 2)
			.receives(140, 'CREATED', 2)
		scenario.polls = [{ startMs: T0 + 118_000, endMs: T0 + 122_000 }]
		expect(scenario.judge()).toMatchObject(faultless)
	})

	test('but not what was emitted', () => {
		const scenario = createStory()
			.happens(100, 'created', 10)
			.receives(140, 'CREATED', 10)
			.happens(200, 'deleted', 10)
			.receives(220, 'DELETED', 10)
		scenario
			.happens(100, 'trashed', 1)
			.receives(140, 'DELETED', 1)
			.happens(200, 'restored', 1)
			.receives(210, 'CREATED', 1)
		scenario.polls = [{ startMs: T0 + 120_000, endMs: T0 + 130_000 }]
		expect(scenario.judge()).toMatchObject(faultless)
	})
})

describe('duplicate', () => {
	test.each<[string, Story]>([
		[
			'an edit sent under two ids',
			createStory().happens(100, 'updated', 1, 'b').receives(101, 'UPDATED', 1).receives(102, 'UPDATED', 1),
		],
		[
			'a creation sent again as an update',
			createStory().happens(100, 'created', 10).receives(101, 'CREATED', 10).receives(102, 'UPDATED', 10),
		],
		[
			'a creation sent twice',
			createStory().happens(100, 'created', 10).receives(101, 'CREATED', 10).receives(102, 'CREATED', 10),
		],
		[
			'a save that changed nothing',
			createStory()
				.happens(100, 'updated', 1, 'b')
				.receives(101, 'UPDATED', 1)
				.happens(110, 'saved-unchanged', 1)
				.receives(111, 'UPDATED', 1),
		],
		[
			'the trash, and then its emptying',
			createStory()
				.happens(100, 'trashed', 1)
				.receives(101, 'DELETED', 1)
				.happens(110, 'deleted', 1)
				.receives(111, 'DELETED', 1),
		],
	])('%s', (_, scenario) => {
		expect(scenario.judge()).toMatchObject({ ...faultless, duplicates: 1 })
	})
})

describe('invented', () => {
	test.each<[string, Story, number]>([
		[
			'content that the object never had',
			createStory()
				.happens(100, 'updated', 1, 'b')
				.receives(101, 'UPDATED', 1, { record: { id: 1, content: 'z', status: 'processing' } }),
			1,
		],
		['an object that never was', createStory().receives(101, 'CREATED', 99), 0],
		['an update without a change', createStory().receives(101, 'UPDATED', 1), 0],
		['a deletion that never was', createStory().receives(101, 'DELETED', 1), 1],
		[
			'a deletion of what nobody knew',
			createStory().happens(100, 'created', 10).happens(101, 'trashed', 10).receives(102, 'DELETED', 10),
			0,
		],
		['an edit sent as a creation', createStory().happens(100, 'updated', 1, 'b').receives(101, 'CREATED', 1), 0],
		['a creation sent as an edit', createStory().happens(100, 'created', 10).receives(101, 'UPDATED', 10), 0],
		[
			'a hidden order',
			createStory().happens(100, 'created', 10, 'n', 'checkout-draft').receives(101, 'CREATED', 10),
			1,
		],
	])('%s', (_, scenario, missed) => {
		expect(scenario.judge()).toMatchObject({ ...faultless, invented: 1, missed })
	})

	test('a resource that is not watched', () => {
		expect(createStory().receives(101, 'UPDATED', 1, { objectType: 'refunds' }).judge()).toMatchObject({
			...faultless,
			invented: 1,
		})
	})
})

test('renamed: one change under two ids', () => {
	const scenario = createStory()
		.happens(100, 'updated', 1, 'b')
		.receives(101, 'UPDATED', 1)
		.receives(102, 'UPDATED', 1, { objectSequence: 1 })
	expect(scenario.judge()).toMatchObject({ ...faultless, renamed: 1, duplicates: 1 })
})

test('disordered: a later change arrives first', () => {
	const scenario = createStory().happens(100, 'updated', 1, 'b')
	const early = scenario.record(1)
	scenario
		.happens(110, 'updated', 1, 'c')
		.receives(111, 'UPDATED', 1, { objectSequence: 2 })
		.receives(112, 'UPDATED', 1, { objectSequence: 1, record: early })
	expect(scenario.judge()).toMatchObject({ ...faultless, disordered: 1, updated: 2 })
})

test('each finding names its object and event', () => {
	const { details } = createStory()
		.happens(100, 'updated', 1, 'b')
		.receives(101, 'UPDATED', 1)
		.receives(102, 'UPDATED', 1)
		.judge()
	expect(details).toEqual([
		{ kind: 'duplicate', object: 'orders/1', eventId: 'e2', note: 'UPDATED tells the same state again' },
	])
})

test('coupons that are no longer listed: emitted when they leave, not afterwards', () => {
	const entry = (number: number, status: string, content: string): JournalEntry => ({
		number,
		time: T0 + 100_000 + number * 1000,
		resource: 'coupons',
		id: 5,
		change: 'updated',
		stampMoved: true,
		hash: contentHash({ id: 5, status, content }),
		date_created_gmt: null,
		date_modified_gmt: null,
		status,
	})
	const base = {
		start: [
			{ resource: 'coupons', id: 5, hash: contentHash({ id: 5, status: 'publish', content: 'a' }), status: 'publish' },
		],
		journal: [entry(1, 'draft', 'a'), entry(2, 'draft', 'b')],
		final: [
			{ resource: 'coupons', id: 5, hash: contentHash({ id: 5, status: 'draft', content: 'b' }), status: 'draft' },
		],
		t0Ms: T0,
		baselineEndMs: BASELINE_END,
	}
	const scenario: ReceivedEvent = {
		eventId: 'e',
		objectType: 'discounts',
		objectId: '5',
		eventType: 'UPDATED',
		objectSequence: 1,
		record: { id: 5, status: 'draft', content: 'a' },
		timeMs: T0 + 105_000,
	}
	expect(judge({ ...base, arrivals: [scenario] })).toMatchObject(faultless)
	expect(judge({ ...base, arrivals: [] })).toMatchObject({ ...faultless, missed: 1 })
	// Old stores show no status. What an edit without a stamp made of it before the baseline met it is what it leaves with: nothing to tell.
	const hash = contentHash({ id: 5, content: 'b' })
	const silently: JournalEntry = {
		...entry(1, 'publish', 'b'),
		time: T0 + 1_000,
		change: 'edited-silently',
		stampMoved: false,
		hash,
	}
	const statusless = {
		...base,
		start: [{ resource: 'coupons', id: 5, hash: contentHash({ id: 5, content: 'a' }), status: 'publish' }],
		journal: [silently, { ...entry(2, 'draft', 'b'), hash }],
		final: [{ resource: 'coupons', id: 5, hash, status: 'draft' }],
	}
	expect(judge({ ...statusless, arrivals: [] })).toMatchObject(faultless)
	const afterwards = { ...silently, time: BASELINE_END + 1_000 }
	expect(judge({ ...statusless, journal: [afterwards, statusless.journal[1]!], arrivals: [] })).toMatchObject({
		...faultless,
		missed: 1,
	})
	// One that was never listed rings nothing, and is new when it is.
	const draft = {
		...base,
		start: [{ ...base.start[0]!, status: 'draft', hash: contentHash({ id: 5, status: 'draft', content: 'a' }) }],
	}
	expect(judge({ ...draft, arrivals: [] })).toMatchObject(faultless)
	const published = { ...draft, journal: [entry(1, 'publish', 'a')], final: base.start }
	expect(
		judge({
			...published,
			arrivals: [{ ...scenario, eventType: 'CREATED', record: { id: 5, status: 'publish', content: 'a' } }],
		}),
	).toMatchObject(faultless)
	expect(judge({ ...published, arrivals: [] })).toMatchObject({ ...faultless, missed: 1 })
})

test('a harness whose journal and final state disagree is refused', () => {
	expect(() => createStory().judge({ final: [] })).toThrow(/contradict/)
	expect(() =>
		createStory().judge({ final: [{ resource: 'orders', id: 77, hash: 'x', status: 'processing' }] }),
	).toThrow(/contradict|neither/)
})
