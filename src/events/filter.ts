/** Which events an instance's callback is told of (`event.notification.filter.*`). Acts at forming: the log has every event. */
import type { Condition } from '../elements/where.ts'
import type { EventType } from './event.ts'

/** What is wanted; null: no bound. */
export interface EventFilter {
	types: EventType[] | null
	/** Labels, as `objectType` has them. */
	resources: string[] | null
	/** Conditions on the record, all of which must hold. */
	where: Condition[] | null
}

/** Everything. */
export const NO_FILTER: EventFilter = { types: null, resources: null, where: null }
