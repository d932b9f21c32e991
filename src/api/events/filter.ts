/** Which events a call means: the filter of its query, checked. */
import { BadRequest } from '../../errors.ts'
import { EVENT_STATUSES, type EventFilter } from '../../watcher/log-rpc.ts'
import { atMost, LIMITS } from '../../limits.ts'
import type { KnownContext } from '../environment.ts'
import { listParameter } from '../paging.ts'
import { readMoment } from '../times.ts'

/** The kinds of change. */
const EVENT_TYPES = ['CREATED', 'UPDATED', 'DELETED'] as const

/** The filter of a query; `eventTypes[]`, `resources[]` and `status` may be given several times. 400 for what none of it can be. */
export function readEventFilter(
	c: KnownContext,
	query: { from?: string | undefined; to?: string | undefined; objectId?: string | undefined; text?: string | undefined },
): EventFilter {
	const types = listOf(c, 'eventTypes', EVENT_TYPES)
	const statuses = listOf(c, 'status', EVENT_STATUSES)
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

/** `from` and `to`, epoch ms, both included; null: open. 400 when `to` lies before `from`. */
export function readRange(query: { from?: string | undefined; to?: string | undefined }): { fromMs: number | null; toMs: number | null } {
	const fromMs = readMoment('from', query.from)
	const toMs = readMoment('to', query.to)
	if (fromMs !== null && toMs !== null && toMs < fromMs) throw new BadRequest('to: expected a time not before from')
	return { fromMs, toMs }
}

function listOf<Word extends string>(c: KnownContext, name: string, words: readonly Word[]): Word[] {
	const given = listParameter(c, name).map((value) => value.toUpperCase())
	const unknown = given.find((value) => !words.some((word) => word === value))
	if (unknown !== undefined) throw new BadRequest(`${name}: expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`)
	return words.filter((word) => given.includes(word))
}
