/** Stored events as tests need them. */
import type { StoredEvent } from '../../../src/events/event.ts'

/** An event of order 12, with what the test wants different. */
export function createStoredEvent(changes: Partial<StoredEvent> = {}): StoredEvent {
	return {
		sequence: 5,
		tag: 0x0a0b0c,
		resource: 'orders',
		objectId: 12,
		objectSequence: 2,
		previousSequence: 1,
		eventType: 'UPDATED',
		dateMs: Date.UTC(2018, 7, 20, 15, 29, 6),
		pollDateMs: Date.UTC(2018, 7, 20, 15, 29, 34, 827),
		source: 'poll',
		changedFields: ['status', 'billing.email'],
		flags: {},
		record: '{"id":12,"total":"10.00"}',
		...changes,
	}
}
