/** Forming: what goes together, and what must wait. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_BATCH, form, objectKey, type WaitingEvent } from '../../../src/events/form.ts'

const ten = { perNotification: DEFAULT_BATCH.polling }
const none: ReadonlySet<string> = new Set()

function event(sequence: number, resource: string, id: number): WaitingEvent {
	return { sequence, resource, object: objectKey(resource, id) }
}

describe('forming', () => {
	test('puts events of one resource together, oldest first', () => {
		const waiting = [event(4, 'orders', 2), event(1, 'orders', 1), event(2, 'products', 1), event(3, 'products', 9)]
		expect(form(waiting, none, ten, 5)).toEqual([
			{ resource: 'orders', sequences: [1, 4] },
			{ resource: 'products', sequences: [2, 3] },
		])
	})

	test('splits at the limit', () => {
		const waiting = Array.from({ length: 25 }, (_, index) => event(index + 1, 'orders', index))
		expect(form(waiting, none, ten, 5).map((made) => made.sequences.length)).toEqual([10, 10, 5])
		expect(form(waiting, none, { perNotification: DEFAULT_BATCH.webhook }, 5).map((made) => made.sequences.length)).toEqual([20, 5])
	})

	test('holds back objects with an unsettled notification, and nobody else', () => {
		const waiting = [event(1, 'orders', 1), event(2, 'orders', 2), event(3, 'orders', 1)]
		expect(form(waiting, new Set([objectKey('orders', 1)]), ten, 5)).toEqual([{ resource: 'orders', sequences: [2] }])
	})

	test('tells products/1 from orders/1', () => {
		expect(form([event(1, 'orders', 1)], new Set([objectKey('products', 1)]), ten, 5)).toHaveLength(1)
	})

	test('lets several events of an object travel together, but never in two notifications at once', () => {
		const waiting = Array.from({ length: 12 }, (_, index) => event(index + 1, 'orders', 1))
		expect(form([...waiting, event(13, 'orders', 2)], none, ten, 5)).toEqual([
			{ resource: 'orders', sequences: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
			{ resource: 'orders', sequences: [13] },
		])
	})

	test('keeps an object in order when its resource was given another label', () => {
		const object = objectKey('orders', 1)
		const waiting = [
			{ sequence: 1, resource: 'orders', object },
			{ sequence: 2, resource: 'sales', object },
		]
		expect(form(waiting, none, ten, 5)).toEqual([{ resource: 'orders', sequences: [1] }])
	})

	test('makes no more than there is room for', () => {
		const waiting = Array.from({ length: 25 }, (_, index) => event(index + 1, 'orders', index))
		expect(form(waiting, none, ten, 2)).toHaveLength(2)
		expect(form(waiting, none, ten, 0)).toEqual([])
		expect(form(waiting, none, ten, -1)).toEqual([])
	})
})

const waitingEvents = fc
	.array(fc.tuple(fc.constantFrom('orders', 'products', 'coupons'), fc.integer({ min: 1, max: 6 })), { maxLength: 60 })
	.chain((parts) =>
		fc.shuffledSubarray(
			parts.map(([resource, id], index) => event(index + 1, resource, id)),
			{ minLength: parts.length },
		),
	)
const blockedObjects = fc.uniqueArray(fc.constantFrom('orders\u00001', 'orders\u00002', 'products\u00003', 'coupons\u00001'))

describe('whatever waits', () => {
	test('every promise about one call holds', () => {
		fc.assert(
			fc.property(
				waitingEvents,
				blockedObjects,
				fc.integer({ min: 1, max: 5 }),
				fc.integer({ min: 0, max: 8 }),
				(waiting, blocked, perNotification, room) => {
					const made = form(waiting, new Set(blocked), { perNotification }, room)
					const bySequence = new Map(waiting.map((one) => [one.sequence, one]))
					expect(made.length).toBeLessThanOrEqual(room)
					const owner = new Map<string, number>()
					const taken = made.flatMap(({ sequences }) => sequences)
					expect(new Set(taken).size).toBe(taken.length)
					made.forEach(({ resource, sequences }, index) => {
						expect(sequences.length).toBeGreaterThan(0)
						expect(sequences.length).toBeLessThanOrEqual(perNotification)
						expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
						for (const sequence of sequences) {
							const { resource: itsResource, object } = bySequence.get(sequence)!
							expect(itsResource).toBe(resource)
							expect(blocked).not.toContain(object)
							expect(owner.get(object) ?? index).toBe(index)
							owner.set(object, index)
						}
					})
					// No event is taken while an earlier one of its object waits.
					for (const one of waiting) {
						if (taken.includes(one.sequence)) continue
						for (const later of waiting)
							if (later.object === one.object && later.sequence > one.sequence) expect(taken).not.toContain(later.sequence)
					}
				},
			),
		)
	})

	test('everything is sent in the end, each object in order, however notifications are settled', () => {
		fc.assert(
			fc.property(waitingEvents, fc.array(fc.nat(), { minLength: 1 }), (events, picks) => {
				let waiting = events
				const unsettled: { objects: string[] }[] = []
				const sent = new Map<string, number[]>()
				for (let step = 0; waiting.length > 0 || unsettled.length > 0; step++) {
					expect(step).toBeLessThan(1000)
					const made = form(waiting, new Set(unsettled.flatMap(({ objects }) => objects)), { perNotification: 3 }, 4 - unsettled.length)
					// Something always moves.
					expect(made.length + unsettled.length).toBeGreaterThan(0)
					const gone = new Set(made.flatMap(({ sequences }) => sequences))
					for (const { sequences } of made) {
						const members = events.filter((one) => sequences.includes(one.sequence)).toSorted((a, b) => a.sequence - b.sequence)
						unsettled.push({ objects: members.map((one) => one.object) })
						for (const one of members) sent.set(one.object, [...(sent.get(one.object) ?? []), one.sequence])
					}
					waiting = waiting.filter((one) => !gone.has(one.sequence))
					if (unsettled.length > 0) unsettled.splice((picks[step % picks.length] ?? 0) % unsettled.length, 1)
				}
				expect([...sent.values()].flat()).toHaveLength(events.length)
				for (const sequences of sent.values()) expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
			}),
		)
	})
})

test('heavy records go in notifications of their own, so that a claim of any of them stays small', () => {
	const heavy = (sequence: number): WaitingEvent => ({ sequence, resource: 'orders', object: `o${sequence}`, size: 2_500_000 })
	const formed = form(
		[heavy(1), heavy(2), heavy(3), { sequence: 4, resource: 'orders', object: 'o4' }],
		new Set(),
		{ perNotification: 100 },
		9,
	)
	expect(formed.map((one) => one.sequences)).toEqual([
		[1, 2],
		[3, 4],
	])
	expect(form([{ ...heavy(1), size: 9_000_000 }], new Set(), { perNotification: 1 }, 9)).toHaveLength(1)
})
