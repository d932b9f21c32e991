/**
 * Filters of an instance's events (`event.notification.filter.*`), applied when notifications are formed: the log has
 * every event.
 */
import { parseExact } from '../elements/json.ts'
import { type Condition, matchesCondition, parseWhere } from '../elements/where.ts'
import { EVENT_TYPES, type EventType, type StoredEvent } from './event.ts'
import type { VendorRecord } from '../elements/store.ts'

/** Which events are sent; null: all. */
export interface SendFilter {
	types: EventType[] | null
	/** Labels, as `objectType` has them. */
	resources: string[] | null
	/** Conditions on the record, joined with AND. */
	where: Condition[] | null
}

/** All events. */
export const NO_FILTER: SendFilter = { types: null, resources: null, where: null }

/** The configuration keys of a filter. */
export const FILTER_KEYS = {
	types: 'event.notification.filter.types',
	resources: 'event.notification.filter.resources',
	where: 'event.notification.filter.where',
} as const

/** A filter, or the invalid keys: `message` says what was expected. */
type FilterResult = { ok: true; filter: SendFilter } | { ok: false; problems: { field: string; message: string }[] }

/**
 * Parses the three keys of a configuration. Blank means all.
 *
 * @param labels labels of the watched resources, which `resources` may name; null: not checked, for stored values
 */
export function parseFilter(
	configuration: Readonly<Record<string, string | null | undefined>>,
	labels: readonly string[] | null,
): FilterResult {
	const problems: { field: string; message: string }[] = []
	const types = parseNames(configuration[FILTER_KEYS.types])?.map((name) => name.toUpperCase()) ?? null
	if (types !== null && !types.every(isEventType))
		problems.push({
			field: FILTER_KEYS.types,
			message: `expected names out of ${EVENT_TYPES.join(', ')}, joined with |`,
		})
	const resources = parseNames(configuration[FILTER_KEYS.resources])
	if (resources !== null && labels !== null && !resources.every((name) => labels.includes(name)))
		problems.push({
			field: FILTER_KEYS.resources,
			message: `expected labels of watched resources, joined with |: out of ${labels.join(', ')}`,
		})
	const where = parseWhere(configuration[FILTER_KEYS.where] ?? '')
	if (!where.ok) problems.push({ field: FILTER_KEYS.where, message: where.message })
	if (problems.length > 0 || !where.ok) return { ok: false, problems }
	return {
		ok: true,
		filter: {
			types: types as EventType[] | null,
			resources,
			where: where.conditions.length === 0 ? null : where.conditions,
		},
	}
}

/**
 * Whether an event matches a filter.
 *
 * Conditions apply to records only. A DELETED matches them, since a receiver must not miss that an object is gone, and
 * so does an event without a full record (erased, too large, an id only).
 */
export function matchesFilter(
	filter: SendFilter,
	event: Pick<StoredEvent, 'eventType' | 'resource' | 'record'>,
): boolean {
	if (filter.types !== null && !filter.types.includes(event.eventType)) return false
	if (filter.resources !== null && !filter.resources.includes(event.resource)) return false
	if (filter.where === null || event.eventType === 'DELETED' || event.record === null) return true
	const record = parseExact(event.record) as VendorRecord
	return Object.keys(record).length < 2 || filter.where.every((condition) => matchesCondition(record, condition))
}

/** The distinct names in a text; null: none. */
function parseNames(text: string | null | undefined): string[] | null {
	const names = new Set(
		(text ?? '')
			.split('|')
			.map((name) => name.trim())
			.filter((name) => name !== ''),
	)
	return names.size === 0 ? null : [...names]
}

function isEventType(name: string): name is EventType {
	return EVENT_TYPES.some((type) => type === name)
}
