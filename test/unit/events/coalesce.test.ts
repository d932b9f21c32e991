/** Coalescing: one event of each object, and the same state for whoever folds them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventType } from '../../../src/events/event.ts'
import {
	coalesce,
	toMemberOverrides,
	formNotifications,
	objectKey,
	type WaitingChange,
} from '../../../src/events/batching.ts'

/** The events of order 1 from sequence 1 on, one a type. */
function createRun(...types: EventType[]): WaitingChange[] {
	return types.map((type, index) => createChange(index + 1, type, 1, index === 0 ? null : index))
}

function createChange(
	sequence: number,
	type: EventType,
	id: number,
	previousSequence: number | null,
	fields: string[] | null = null,
): WaitingChange {
	return {
		sequence,
		resource: 'orders',
		object: objectKey('orders', id),
		type,
		changedFields: fields,
		previousSequence,
	}
}

describe('of what goes together', () => {
	test.each<[EventType[], EventType, number]>([
		[['CREATED'], 'CREATED', 1],
		[['UPDATED', 'UPDATED', 'UPDATED'], 'UPDATED', 3],
		[['CREATED', 'UPDATED', 'UPDATED'], 'CREATED', 3],
		[['UPDATED', 'DELETED'], 'DELETED', 2],
		[['DELETED', 'CREATED'], 'CREATED', 2],
		[['DELETED', 'CREATED', 'UPDATED'], 'UPDATED', 3],
		[['CREATED', 'DELETED', 'CREATED'], 'CREATED', 3],
		[['CREATED', 'DELETED', 'CREATED', 'UPDATED'], 'CREATED', 4],
		[['DELETED', 'CREATED', 'DELETED'], 'DELETED', 3],
	])('%j is sent as %s, the newest', (types, type, newest) => {
		const { kept, cancelled } = coalesce(createRun(...types))
		expect(cancelled).toEqual([])
		expect(kept).toMatchObject([
			{ type, sequence: newest, sequences: types.map((_, index) => index + 1), previousSequence: null },
		])
	})

	test.each<[EventType[]]>([
		[['CREATED', 'DELETED']],
		[['CREATED', 'UPDATED', 'DELETED']],
		[['CREATED', 'DELETED', 'CREATED', 'DELETED']],
	])('%j comes to nothing', (types) => {
		const object = objectKey('orders', 1)
		expect(coalesce(createRun(...types))).toEqual({
			kept: [],
			cancelled: [{ object, sequences: types.map((_, index) => index + 1), previousSequence: null }],
		})
	})

	test('previousSequence is that of the first: nothing seems to be missing', () => {
		const { kept } = coalesce([createChange(8, 'UPDATED', 1, 3), createChange(9, 'UPDATED', 1, 4)])
		expect(kept[0]!.previousSequence).toBe(3)
		expect(
			coalesce([createChange(8, 'CREATED', 1, 3), createChange(9, 'DELETED', 1, 4)]).cancelled[0]!.previousSequence,
		).toBe(3)
	})

	test('changedFields are those of all, null where those of one are not known, and none of what is created or deleted', () => {
		const fields = (...events: WaitingChange[]) => coalesce(events).kept[0]!.changedFields
		expect(
			fields(
				createChange(1, 'UPDATED', 1, null, ['status', 'total']),
				createChange(2, 'UPDATED', 1, 1, ['note', 'status']),
			),
		).toEqual(['status', 'total', 'note'])
		expect(fields(createChange(1, 'UPDATED', 1, null, null), createChange(2, 'UPDATED', 1, 1, ['note']))).toBeNull()
		expect(fields(createChange(1, 'CREATED', 1, null), createChange(2, 'UPDATED', 1, 1, ['note']))).toBeNull()
		expect(fields(createChange(1, 'UPDATED', 1, null, ['note']), createChange(2, 'DELETED', 1, 1))).toBeNull()
		expect(fields(createChange(1, 'UPDATED', 1, null, ['note']))).toEqual(['note'])
	})

	test('a notification notes only what differs from the event itself', () => {
		const own = createChange(9, 'UPDATED', 1, 4, ['note'])
		const extra = (...events: WaitingChange[]) => toMemberOverrides(coalesce(events).kept[0]!, own)
		expect(extra(own)).toEqual({})
		expect(extra(createChange(8, 'UPDATED', 1, 3, ['note']), own)).toEqual({ p: 3, c: 2 })
		expect(extra(createChange(8, 'UPDATED', 1, null, ['total']), own)).toEqual({ p: null, c: 2, f: ['total', 'note'] })
		expect(extra(createChange(8, 'CREATED', 1, 3), own)).toEqual({ p: 3, c: 2, f: null, t: 'CREATED' })
	})

	test('without it only events of a mass change merge with the next one', () => {
		const mass = (event: WaitingChange): WaitingChange => ({ ...event, merges: true })
		const merged = (...events: WaitingChange[]) =>
			coalesce(events, false).kept.map(({ type, sequences, previousSequence, changedFields }) => ({
				type,
				sequences,
				previousSequence,
				changedFields,
			}))
		const price = mass(createChange(1, 'UPDATED', 1, 4, ['price']))
		const stock = mass(createChange(2, 'UPDATED', 1, 5, ['stock']))
		const name = createChange(3, 'UPDATED', 1, 6, ['name'])
		const later = createChange(4, 'UPDATED', 1, 7, ['name'])
		expect(merged(price, stock, name, later)).toEqual([
			{ type: 'UPDATED', sequences: [1, 2, 3], previousSequence: 4, changedFields: ['price', 'stock', 'name'] },
			{ type: 'UPDATED', sequences: [4], previousSequence: 7, changedFields: ['name'] },
		])
		expect(merged(price, createChange(3, 'DELETED', 1, 5))).toEqual([
			{ type: 'DELETED', sequences: [1, 3], previousSequence: 4, changedFields: null },
		])
		expect(merged(createChange(1, 'CREATED', 1, null), createChange(2, 'DELETED', 1, 1))).toHaveLength(2)
		expect(merged(price, mass(createChange(5, 'UPDATED', 2, 1, ['price'])))).toHaveLength(2)
	})

	test('an object that keeps changing still has its turn', () => {
		const waiting = [
			createChange(1, 'UPDATED', 1, null),
			createChange(2, 'UPDATED', 2, null),
			createChange(3, 'UPDATED', 3, null),
			createChange(4, 'UPDATED', 1, 1),
		]
		expect(formNotifications(coalesce(waiting).kept, new Set(), { perNotification: 1 }, 1)).toEqual([
			{ resource: 'orders', sequences: [4] },
		])
		expect(formNotifications(coalesce(waiting).kept, new Set(), { perNotification: 2 }, 1)).toEqual([
			{ resource: 'orders', sequences: [2, 4] },
		])
	})
})

/** What can happen to an object, in order: it is created when it is not there, otherwise it changes or goes. */
const life = fc.record({
	/** Whether the receiver has it already, from before. */
	known: fc.boolean(),
	steps: fc.array(
		fc.record({ goes: fc.boolean(), fields: fc.option(fc.subarray(['status', 'total', 'note'], { minLength: 1 })) }),
		{
			minLength: 1,
			maxLength: 8,
		},
	),
})

/** Lives of objects told in an order that keeps each one's own. */
const stories = fc
	.tuple(fc.array(life, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(), { minLength: 1, maxLength: 40 }))
	.map(([lives, picks]) => {
		const queues = lives.map(({ known, steps }, id) => {
			let there = known
			let previous: number | null = known ? 7 : null
			return steps.map(({ goes, fields }) => {
				const type: EventType = !there ? 'CREATED' : goes ? 'DELETED' : 'UPDATED'
				there = type !== 'DELETED'
				const event = createChange(0, type, id, previous, type === 'UPDATED' ? fields : null)
				previous = (previous ?? 0) + 1
				return event
			})
		})
		const known = new Map(
			lives.flatMap((objectLife, id) => (objectLife.known ? [[objectKey('orders', id), 0] as const] : [])),
		)
		const events: WaitingChange[] = []
		for (let step = 0; queues.some((queue) => queue.length > 0); step++) {
			const open = queues.filter((queue) => queue.length > 0)
			const event = open[(picks[step % picks.length] ?? 0) % open.length]!.shift()!
			events.push({ ...event, sequence: events.length + 1 })
		}
		return { known, events }
	})

/** What a receiver has after these events: per object the event whose record it holds. */
function foldEvents(known: ReadonlyMap<string, number>, events: readonly WaitingChange[]): Map<string, number> {
	const state = new Map(known)
	for (const { object, type, sequence } of events) {
		if (type === 'DELETED') state.delete(object)
		else state.set(object, sequence)
	}
	return state
}

const sortEntries = (state: ReadonlyMap<string, number>) => [...state].sort(([a], [b]) => (a < b ? -1 : 1))

describe('whatever happened', () => {
	test('the coalesced events fold to the same state as all of them', () => {
		fc.assert(
			fc.property(stories, ({ known, events }) => {
				expect(sortEntries(foldEvents(known, coalesce(events).kept))).toEqual(sortEntries(foldEvents(known, events)))
			}),
		)
	})

	test('also in slices, one after the other, with the gaps that previousSequence shows closed', () => {
		fc.assert(
			fc.property(stories, fc.integer({ min: 1, max: 12 }), ({ known, events }, size) => {
				let state: ReadonlyMap<string, number> = known
				const first = new Map<string, number | null>()
				for (const event of events) if (!first.has(event.object)) first.set(event.object, event.previousSequence)
				/** Per object, the `objectSequence` that its next event has to follow. */
				const due = new Map(first)
				for (let at = 0; at < events.length; at += size) {
					const slice = events.slice(at, at + size)
					const { kept, cancelled } = coalesce(slice)
					state = foldEvents(state, kept)
					for (const result of [...kept, ...cancelled]) {
						if (!due.has(result.object)) continue
						expect(result.previousSequence).toBe(due.get(result.object))
						// After a cancelled run the subscription's own memory says what the next one follows: not a matter of one call.
						const own = slice.findLast((event) => event.object === result.object)!
						if ('type' in result) due.set(result.object, (own.previousSequence ?? 0) + 1)
						else due.delete(result.object)
					}
				}
				expect(sortEntries(state)).toEqual(sortEntries(foldEvents(known, events)))
			}),
		)
	})

	test('every event is stood for once or cancelled once, no object is sent twice, order is kept', () => {
		fc.assert(
			fc.property(stories, fc.infiniteStream(fc.nat()), ({ events }, order) => {
				const keys = new Map(events.map((event) => [event.sequence, order.next().value ?? 0]))
				const shuffled = events.toSorted((a, b) => keys.get(a.sequence)! - keys.get(b.sequence)!)
				const { kept, cancelled } = coalesce(shuffled)
				const all = [...kept, ...cancelled]
				expect(all.flatMap(({ sequences }) => sequences).toSorted((a, b) => a - b)).toEqual(
					events.map(({ sequence }) => sequence),
				)
				expect(new Set(all.map(({ object }) => object)).size).toBe(all.length)
				expect(kept.map(({ sequence }) => sequence)).toEqual(
					kept.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
				)
				for (const result of all) {
					const own = events.filter(({ object }) => object === result.object)
					expect(result.sequences).toEqual(own.map(({ sequence }) => sequence))
					expect(result.previousSequence).toBe(own[0]!.previousSequence)
				}
				for (const coalesced of kept) expect(coalesced.sequence).toBe(coalesced.sequences.at(-1))
				const formed = formNotifications(kept, new Set(), { perNotification: 3 }, 100)
				expect(formed.flatMap(({ sequences }) => sequences).toSorted((a, b) => a - b)).toEqual(
					kept.map(({ sequence }) => sequence),
				)
				for (const { sequences } of formed) expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
			}),
		)
	})

	test('what cannot be known to be the same is not said to be: fields are those of all, or null', () => {
		fc.assert(
			fc.property(stories, ({ events }) => {
				for (const coalesced of coalesce(events).kept) {
					const own = events.filter(({ object }) => object === coalesced.object)
					if (coalesced.changedFields === null) continue
					expect(coalesced.type).toBe('UPDATED')
					for (const { changedFields } of own)
						for (const name of changedFields!) expect(coalesced.changedFields).toContain(name)
					for (const name of coalesced.changedFields)
						expect(own.some(({ changedFields }) => changedFields!.includes(name))).toBe(true)
				}
			}),
		)
	})
})
