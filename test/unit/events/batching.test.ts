/** Forming: what goes together, and what must wait. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_BATCH, formNotifications, objectKey, type WaitingEvent } from '../../../src/events/batching.ts'

const limitOfTen = { perNotification: DEFAULT_BATCH.polling }
const noneBlocked: ReadonlySet<string> = new Set()

function createWaitingEvent(sequence: number, resource: string, id: number): WaitingEvent {
	return { sequence, resource, object: objectKey(resource, id) }
}

describe('forming', () => {
	test('puts events of one resource together, oldest first', () => {
		const waiting = [
			createWaitingEvent(4, 'orders', 2),
			createWaitingEvent(1, 'orders', 1),
			createWaitingEvent(2, 'products', 1),
			createWaitingEvent(3, 'products', 9),
		]
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 5)).toEqual([
			{ resource: 'orders', sequences: [1, 4] },
			{ resource: 'products', sequences: [2, 3] },
		])
	})

	test('splits at the limit', () => {
		const waiting = Array.from({ length: 25 }, (_, index) => createWaitingEvent(index + 1, 'orders', index))
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 5).map((made) => made.sequences.length)).toEqual([
			10, 10, 5,
		])
		expect(
			formNotifications(waiting, noneBlocked, { perNotification: DEFAULT_BATCH.webhook }, 5).map(
				(made) => made.sequences.length,
			),
		).toEqual([20, 5])
	})

	test('holds back objects with an unsettled notification, and no others', () => {
		const waiting = [
			createWaitingEvent(1, 'orders', 1),
			createWaitingEvent(2, 'orders', 2),
			createWaitingEvent(3, 'orders', 1),
		]
		expect(formNotifications(waiting, new Set([objectKey('orders', 1)]), limitOfTen, 5)).toEqual([
			{ resource: 'orders', sequences: [2] },
		])
	})

	test('distinguishes products/1 from orders/1', () => {
		expect(
			formNotifications([createWaitingEvent(1, 'orders', 1)], new Set([objectKey('products', 1)]), limitOfTen, 5),
		).toHaveLength(1)
	})

	test('lets several events of an object travel together, but never in two notifications at once', () => {
		const waiting = Array.from({ length: 12 }, (_, index) => createWaitingEvent(index + 1, 'orders', 1))
		expect(formNotifications([...waiting, createWaitingEvent(13, 'orders', 2)], noneBlocked, limitOfTen, 5)).toEqual([
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
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 5)).toEqual([{ resource: 'orders', sequences: [1] }])
	})

	test('makes no more than there is room for', () => {
		const waiting = Array.from({ length: 25 }, (_, index) => createWaitingEvent(index + 1, 'orders', index))
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 2)).toHaveLength(2)
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 0)).toEqual([])
		expect(formNotifications(waiting, noneBlocked, limitOfTen, -1)).toEqual([])
	})
})

const waitingEvents = fc
	.array(fc.tuple(fc.constantFrom('orders', 'products', 'coupons'), fc.integer({ min: 1, max: 6 })), { maxLength: 60 })
	.chain((parts) =>
		fc.shuffledSubarray(
			parts.map(([resource, id], index) => createWaitingEvent(index + 1, resource, id)),
			{ minLength: parts.length },
		),
	)
const blockedObjects = fc.uniqueArray(
	fc.constantFrom('orders\u00001', 'orders\u00002', 'products\u00003', 'coupons\u00001'),
)

describe('whatever waits', () => {
	test('every promise about one call holds', () => {
		fc.assert(
			fc.property(
				waitingEvents,
				blockedObjects,
				fc.integer({ min: 1, max: 5 }),
				fc.integer({ min: 0, max: 8 }),
				(waiting, blocked, perNotification, room) => {
					const formed = formNotifications(waiting, new Set(blocked), { perNotification }, room)
					const bySequence = new Map(waiting.map((waitingEvent) => [waitingEvent.sequence, waitingEvent]))
					expect(formed.length).toBeLessThanOrEqual(room)
					const notificationByObject = new Map<string, number>()
					const taken = formed.flatMap(({ sequences }) => sequences)
					expect(new Set(taken).size).toBe(taken.length)
					formed.forEach(({ resource, sequences }, index) => {
						expect(sequences.length).toBeGreaterThan(0)
						expect(sequences.length).toBeLessThanOrEqual(perNotification)
						expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
						for (const sequence of sequences) {
							const { resource: itsResource, object } = bySequence.get(sequence)!
							expect(itsResource).toBe(resource)
							expect(blocked).not.toContain(object)
							expect(notificationByObject.get(object) ?? index).toBe(index)
							notificationByObject.set(object, index)
						}
					})
					// No event is taken while an earlier one of its object waits.
					for (const waitingEvent of waiting) {
						if (taken.includes(waitingEvent.sequence)) continue
						for (const later of waiting)
							if (later.object === waitingEvent.object && later.sequence > waitingEvent.sequence)
								expect(taken).not.toContain(later.sequence)
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
					const formed = formNotifications(
						waiting,
						new Set(unsettled.flatMap(({ objects }) => objects)),
						{ perNotification: 3 },
						4 - unsettled.length,
					)
					// Something always moves.
					expect(formed.length + unsettled.length).toBeGreaterThan(0)
					const formedSequences = new Set(formed.flatMap(({ sequences }) => sequences))
					for (const { sequences } of formed) {
						const members = events
							.filter((waitingEvent) => sequences.includes(waitingEvent.sequence))
							.toSorted((a, b) => a.sequence - b.sequence)
						unsettled.push({ objects: members.map((member) => member.object) })
						for (const member of members) sent.set(member.object, [...(sent.get(member.object) ?? []), member.sequence])
					}
					waiting = waiting.filter((waitingEvent) => !formedSequences.has(waitingEvent.sequence))
					if (unsettled.length > 0) unsettled.splice((picks[step % picks.length] ?? 0) % unsettled.length, 1)
				}
				expect([...sent.values()].flat()).toHaveLength(events.length)
				for (const sequences of sent.values()) expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
			}),
		)
	})
})

test('heavy records go in notifications of their own, so that a claim of any of them stays small', () => {
	const createHeavyEvent = (sequence: number): WaitingEvent => ({
		sequence,
		resource: 'orders',
		object: `o${sequence}`,
		size: 2_500_000,
	})
	const formed = formNotifications(
		[createHeavyEvent(1), createHeavyEvent(2), createHeavyEvent(3), { sequence: 4, resource: 'orders', object: 'o4' }],
		new Set(),
		{ perNotification: 100 },
		9,
	)
	expect(formed.map((notification) => notification.sequences)).toEqual([
		[1, 2],
		[3, 4],
	])
	expect(
		formNotifications([{ ...createHeavyEvent(1), size: 9_000_000 }], new Set(), { perNotification: 1 }, 9),
	).toHaveLength(1)
})

describe('notifications that are open', () => {
	const open = { id: 7, resource: 'orders', count: 8, size: 0 }

	test('take events of their resource first, until they are full', () => {
		const waiting = Array.from({ length: 4 }, (_, index) => createWaitingEvent(index + 1, 'orders', index))
		expect(
			formNotifications([...waiting, createWaitingEvent(5, 'products', 1)], noneBlocked, limitOfTen, 5, [open]),
		).toEqual([
			{ resource: 'orders', sequences: [1, 2], into: 7 },
			{ resource: 'orders', sequences: [3, 4] },
			{ resource: 'products', sequences: [5] },
		])
	})

	test('take no more characters than a notification may have', () => {
		const waiting = [1, 2].map((sequence) => ({ ...createWaitingEvent(sequence, 'orders', sequence), size: 2_000_000 }))
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 5, [{ ...open, size: 3_000_000 }])).toEqual([
			{ resource: 'orders', sequences: [1], into: 7 },
			{ resource: 'orders', sequences: [2] },
		])
	})

	test('take what there is no room for otherwise, and are not named when they take nothing', () => {
		const waiting = [createWaitingEvent(1, 'orders', 1), createWaitingEvent(2, 'products', 1)]
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 0, [open])).toEqual([
			{ resource: 'orders', sequences: [1], into: 7 },
		])
		expect(formNotifications(waiting.slice(1), noneBlocked, limitOfTen, 0, [open])).toEqual([])
		expect(formNotifications(waiting, new Set([objectKey('orders', 1)]), limitOfTen, 0, [open])).toEqual([])
	})

	test('take all that goes together of an object, or it waits', () => {
		const waiting = [1, 2, 3].map((sequence) => createWaitingEvent(sequence, 'orders', 1))
		expect(formNotifications(waiting, noneBlocked, limitOfTen, 5, [open])).toEqual([
			{ resource: 'orders', sequences: [1, 2], into: 7 },
		])
	})
})
