/** The judge against the simulated store's own life: a flawless observer is found flawless, and each flaw put into its report is found. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judge, type JudgeInput, type Judgement, type ReceivedEvent, type StoreObject } from '../../support/oracle.ts'
import { contentHash } from '../../store/content.ts'
import { createStore, type Action, type Rec, type SimulatedStore } from '../../store/store.ts'

const WATCHED = ['orders', 'products', 'coupons', 'customers'] as const
const START = Date.UTC(2026, 3, 2, 9)

const actions = fc.array(
	fc.oneof(
		{ weight: 3, arbitrary: fc.constantFrom(...WATCHED).map((resource): Action => ({ do: 'create', resource })) },
		{ weight: 4, arbitrary: fc.constantFrom(...WATCHED).map((resource): Action => ({ do: 'edit', resource })) },
		{
			weight: 2,
			arbitrary: fc.constantFrom(...WATCHED).map((resource): Action => ({ do: 'edit-silently', resource })),
		},
		{
			weight: 1,
			arbitrary: fc.constantFrom(...WATCHED).map((resource): Action => ({ do: 'save-unchanged', resource })),
		},
		{
			weight: 2,
			arbitrary: fc
				.constantFrom('trash', 'restore', 'delete')
				.chain((what) => fc.constantFrom('orders', 'products', 'coupons').map((resource) => ({ do: what, resource }))),
		},
		{ weight: 2, arbitrary: fc.constant<Action>({ do: 'place-order' }) },
		{
			weight: 1,
			arbitrary: fc.constantFrom<Action>(
				{ do: 'checkout-draft' },
				{ do: 'checkout' },
				{ do: 'pay' },
				{ do: 'complete' },
				{ do: 'refund' },
			),
		},
	),
	{ minLength: 5, maxLength: 60 },
)

function objects(store: SimulatedStore): StoreObject[] {
	return WATCHED.flatMap((resource) =>
		[...store.state(resource)].map(([id, record]) => ({
			resource,
			id,
			hash: contentHash(record),
			status: typeof record['status'] === 'string' ? record['status'] : null,
		})),
	)
}

/** Sees everything whenever it looks, and rings by its rules. */
class FlawlessObserver {
	readonly arrivals: ReceivedEvent[] = []
	readonly #known = new Map<string, { hash: string; there: boolean; sequence: number }>()

	observe(store: SimulatedStore, nowMs: number, silent = false): void {
		const seen = new Set<string>()
		for (const resource of WATCHED) {
			for (const [id, record] of store.state(resource)) {
				seen.add(`${resource}/${id}`)
				this.#observeObject(resource, id, record, nowMs, silent)
			}
		}
		for (const [key, known] of this.#known) {
			if (seen.has(key) || !known.there) continue
			known.there = false
			const [resource = '', id = ''] = key.split('/')
			this.#emit(resource, id, 'DELETED', { id: Number(id) }, nowMs, ++known.sequence, false)
		}
	}

	#observeObject(resource: string, id: number, record: Rec, nowMs: number, silent: boolean): void {
		const key = `${resource}/${id}`
		const status = typeof record['status'] === 'string' ? record['status'] : ''
		const known = this.#known.get(key)
		if (status === 'trash') {
			if (known?.there !== true) return
			known.there = false
			this.#emit(resource, String(id), 'DELETED', record, nowMs, ++known.sequence, true)
			return
		}
		if (['checkout-draft', 'auto-draft'].includes(status) && known?.there !== true) return
		const hash = contentHash(record)
		if (known?.there === true && known.hash === hash) return
		const sequence = (known?.sequence ?? 0) + (silent ? 0 : 1)
		this.#known.set(key, { hash, there: true, sequence })
		if (!silent)
			this.#emit(resource, String(id), known?.there === true ? 'UPDATED' : 'CREATED', record, nowMs, sequence, false)
	}

	#emit(
		objectType: string,
		objectId: string,
		eventType: ReceivedEvent['eventType'],
		record: Rec,
		timeMs: number,
		objectSequence: number,
		trashed: boolean,
	): void {
		const event = {
			eventId: `e${this.arrivals.length}`,
			objectType,
			objectId,
			eventType,
			objectSequence,
			record: structuredClone(record),
			timeMs,
		}
		this.arrivals.push(trashed ? { ...event, trashed } : event)
	}
}

/** Lives a story in a small store, looked at after every so many actions. */
function runStory(seed: number, story: readonly Action[], every: number): JudgeInput {
	let nowMs = START
	const store = createStore({ seed, objects: 6, now: () => nowMs })
	try {
		const observer = new FlawlessObserver()
		observer.observe(store, nowMs, true)
		const start = objects(store)
		const startNumber = store.journal().at(-1)?.number ?? 0
		nowMs += 60_000
		const polls: { startMs: number; endMs: number }[] = []
		for (const [index, action] of story.entries()) {
			nowMs += 7_000
			try {
				store.act(action)
			} catch {
				// Nothing there that fits: another story goes on without it.
			}
			nowMs += 3_000
			if (index % every === every - 1 || index === story.length - 1) {
				observer.observe(store, nowMs)
				polls.push({ startMs: nowMs, endMs: nowMs })
			}
		}
		return {
			journal: store.journal(),
			start,
			startNumber,
			final: objects(store),
			t0Ms: START,
			baselineEndMs: START + 30_000,
			arrivals: observer.arrivals,
			polls,
		}
	} finally {
		store.close()
	}
}

const faultless = { missed: 0, duplicates: 0, invented: 0, renamed: 0, disordered: 0, details: [] }
const lives = fc.tuple(fc.integer({ min: 1, max: 1000 }), actions, fc.integer({ min: 1, max: 6 }))

function findingKinds(judgement: Judgement): string[] {
	return [...new Set(judgement.details.map((finding) => finding.kind))]
}

describe('whatever happens in a store', () => {
	test('a flawless observer is found flawless', () => {
		fc.assert(
			fc.property(lives, (life) => {
				expect(judge(runStory(...life))).toMatchObject(faultless)
			}),
			{ numRuns: 60 },
		)
	})

	test("an object's last event, left out, is missed", () => {
		fc.assert(
			fc.property(lives, fc.nat(), (life, pick) => {
				const story = runStory(...life)
				const last = story.arrivals.filter(
					(event, index) =>
						!story.arrivals.some(
							(later, at) => at > index && later.objectId === event.objectId && later.objectType === event.objectType,
						),
				)
				const victim = last[pick % Math.max(1, last.length)]
				fc.pre(victim !== undefined)
				const judgement = judge({ ...story, arrivals: story.arrivals.filter((event) => event !== victim) })
				expect(findingKinds(judgement)).toEqual(['missed'])
			}),
			{ numRuns: 40 },
		)
	})

	test('any event, sent again under another id, is a duplicate', () => {
		fc.assert(
			fc.property(lives, fc.nat(), (life, pick) => {
				const story = runStory(...life)
				fc.pre(story.arrivals.length > 0)
				const at = pick % story.arrivals.length
				const victim = story.arrivals[at]!
				// The copy takes the next number of its object, and later ones move up.
				const moved = story.arrivals.map((event, index) =>
					index > at && event.objectId === victim.objectId && event.objectType === victim.objectType
						? { ...event, objectSequence: event.objectSequence + 1 }
						: event,
				)
				const arrivals = moved.toSpliced(at + 1, 0, {
					...victim,
					eventId: 'again',
					objectSequence: victim.objectSequence + 1,
				})
				expect(findingKinds(judge({ ...story, arrivals }))).toEqual(['duplicate'])
				expect(judge({ ...story, arrivals: [...story.arrivals, victim] })).toMatchObject({ ...faultless, repeats: 1 })
			}),
			{ numRuns: 40 },
		)
	})

	test('content that never was is invented', () => {
		fc.assert(
			fc.property(lives, fc.nat(), (life, pick) => {
				const story = runStory(...life)
				const candidates = story.arrivals.filter((event) => event.eventType !== 'DELETED')
				fc.pre(candidates.length > 0)
				const victim = candidates[pick % candidates.length]!
				const arrivals = story.arrivals.map((event) =>
					event === victim ? { ...event, record: { ...(event.record as Rec), total: 'never' } } : event,
				)
				expect(findingKinds(judge({ ...story, arrivals }))).toContain('invented')
			}),
			{ numRuns: 40 },
		)
	})
})
