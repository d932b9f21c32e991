/** Which events a call means: the filter of its query, checked. */
import { BadRequest } from '../../lib/errors.ts'
import { EVENT_STATUSES, type EventFilter } from '../../rpc/log.ts'
import { EVENT_TYPES } from '../../events/event.ts'
import { atMost, LIMITS } from '../../lib/limits.ts'
import type { KnownContext } from '../http/environment.ts'
import { listParameter } from '../http/paging.ts'
import { readMoment } from '../http/times.ts'

/** The filter of a query; `eventTypes[]`, `resources[]` and `status` may be given several times. 400 for what none of it can be. */
export function readEventFilter(
	c: KnownContext,
	query: { from?: string | undefined; to?: string | undefined; objectId?: string | undefined; text?: string | undefined },
): EventFilter {
	const types = wordsOf('eventTypes', listParameter(c, 'eventTypes'), EVENT_TYPES)
	const statuses = wordsOf('status', listParameter(c, 'status'), EVENT_STATUSES)
	const resources = listParameter(c, 'resources')
	if (resources.length > LIMITS.resourceNames.value) throw new BadRequest(`resources[]: ${atMost('resourceNames')}`)
	const { fromMs, toMs } = readRange(query)
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

/** `from` and `to`, epoch ms, both included; null: open. 400 when `to` lies before `from`. `at`: what stands before their names. */
export function readRange(
	query: { from?: string | undefined; to?: string | undefined },
	at = '',
): { fromMs: number | null; toMs: number | null } {
	const fromMs = readMoment(`${at}from`, query.from)
	const toMs = readMoment(`${at}to`, query.to)
	if (fromMs !== null && toMs !== null && toMs < fromMs) throw new BadRequest(`${at}to: expected a time not before from`)
	return { fromMs, toMs }
}

/** Those of the words that are given, in any case; 400 for any other. `name`: of the field. */
export function wordsOf<Word extends string>(name: string, values: readonly string[], words: readonly Word[]): Word[] {
	const given = values.map((value) => value.toUpperCase())
	const unknown = given.find((value) => !words.some((word) => word === value))
	if (unknown !== undefined) throw new BadRequest(`${name}: expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`)
	return words.filter((word) => given.includes(word))
}
