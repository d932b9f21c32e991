/** Filters of events in queries. */
import { BadRequest } from '../../lib/errors.ts'
import { EVENT_STATUSES, type LogFilter } from '../../rpc/log.ts'
import { EVENT_TYPES } from '../../events/event.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import type { CallerOrInstanceContext } from '../http/environment.ts'
import { listParameter } from '../http/paging.ts'
import { parseTimeParameter } from '../http/times.ts'

/** The filter of a query; 400 for invalid values. `eventTypes[]`, `resources[]` and `status` can be repeated. */
export function parseEventFilter(
	c: CallerOrInstanceContext,
	query: {
		from?: string | undefined
		to?: string | undefined
		objectId?: string | undefined
		text?: string | undefined
	},
): LogFilter {
	const types = parseEnumValues('eventTypes', listParameter(c, 'eventTypes'), EVENT_TYPES)
	const statuses = parseEnumValues('status', listParameter(c, 'status'), EVENT_STATUSES)
	const resources = listParameter(c, 'resources')
	if (resources.length > LIMITS.resourceNames.value)
		throw new BadRequest(`resources[]: ${expectedAtMost('resourceNames')}`)
	const { fromMs, toMs } = parseTimeRange(query)
	return {
		...(fromMs === null ? {} : { fromMs }),
		...(toMs === null ? {} : { toMs }),
		...(types.length === 0 ? {} : { types }),
		...(statuses.length === 0 ? {} : { statuses }),
		...(resources.length === 0 ? {} : { resources }),
		...(query.objectId === undefined || query.objectId === '' ? {} : { objectId: query.objectId }),
		...(query.text === undefined || query.text === '' ? {} : { text: query.text }),
	}
}

/**
 * `from` and `to`, epoch ms, inclusive; null: open. 400 when `to` is before `from`. `prefix`: of their names in errors.
 */
export function parseTimeRange(
	query: { from?: string | undefined; to?: string | undefined },
	prefix = '',
): { fromMs: number | null; toMs: number | null } {
	const fromMs = parseTimeParameter(`${prefix}from`, query.from)
	const toMs = parseTimeParameter(`${prefix}to`, query.to)
	if (fromMs !== null && toMs !== null && toMs < fromMs)
		throw new BadRequest(`${prefix}to: expected a time that is not before from`)
	return { fromMs, toMs }
}

/** The allowed values that are given, in any case; 400 for any other. `name`: of the field, for the error. */
export function parseEnumValues<Value extends string>(
	name: string,
	values: readonly string[],
	allowed: readonly Value[],
): Value[] {
	const upperCased = values.map((value) => value.toUpperCase())
	const unknown = upperCased.find((value) => !allowed.some((word) => word === value))
	if (unknown !== undefined)
		throw new BadRequest(`${name}: expected ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}`)
	return allowed.filter((word) => upperCased.includes(word))
}
