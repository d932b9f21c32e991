/** The event log (contract, sections 6 and 11): of one instance, of one event by its id, and across an organization's instances. */
import * as z from 'zod'
import { parseEventId, verifyEventTag } from '../../events/ids.ts'
import { BadRequest, NotFound } from '../../errors.ts'
import { findOwner } from '../../instances/organizations.ts'
import { findInstance } from '../../instances/records.ts'
import { masterKeys } from '../../instances/sealing.ts'
import { instancesWithEvents } from '../../instances/status.ts'
import type { CallerContext, InstanceContext } from '../environment.ts'
import { declare } from '../declare.ts'
import { type Api } from '../serve.ts'
import { ask } from '../instances/watching.ts'
import { formatPageToken, listParameter, PageSize, parsePageToken, setPageHeaders } from '../paging.ts'
import { readMoment } from '../times.ts'
import { mergeLogs } from './merge.ts'
import { EventAnswer, showEvent } from './view.ts'

/** Events of a page unless asked otherwise. */
const DEFAULT_PAGE_SIZE = 100
/** Instances that a merge asks at most (design, Faces). */
const MOST_INSTANCES = 200

const Query = z.object({
	pageSize: PageSize.optional(),
	nextPage: z.string().max(500).optional(),
	from: z.string().max(64).optional(),
	to: z.string().max(64).optional(),
})
type Query = z.output<typeof Query>

/** Declares the calls. */
export function declareEvents(api: Api): void {
	const answer = z.array(EventAnswer)
	declare(api, {
		method: 'get',
		path: '/instances/events',
		summary: 'Events, newest first: of the token’s instance, or of all',
		access: 'caller',
		query: Query,
		answer,
		handle: (c, { query }) => listAny(c, query),
	})
	declare(api, {
		method: 'get',
		path: '/instances/events/{eventId}',
		summary: 'One event',
		access: 'caller',
		answer: EventAnswer,
		handle: (c) => showOne(c, null),
	})
	declare(api, {
		method: 'get',
		path: '/instances/{id}/events',
		summary: 'Events of an instance, newest first',
		access: 'instance',
		query: Query,
		answer,
		handle: (c, { query }) => listOf(c, query),
	})
	declare(api, {
		method: 'get',
		path: '/instances/{id}/events/{eventId}',
		summary: 'One event',
		access: 'instance',
		answer: EventAnswer,
		handle: (c) => showOne(c as never, c.var.instance.id),
	})
}

async function listAny(c: CallerContext, query: Query): Promise<Response> {
	if (c.var.tokenInstance !== null) {
		c.set('instance' as never, c.var.tokenInstance as never)
		return await listOf(c as unknown as InstanceContext, query)
	}
	const { fromMs, toMs } = rangeOf(query)
	const after = parsePageToken(query.nextPage, 3)
	const ids = await instancesWithEvents(
		c.env.DB,
		c.var.user.organizationId,
		{ fromMs: fromMs ?? 0, tags: listParameter(c, 'tags') },
		MOST_INSTANCES + 1,
	)
	if (ids.length > MOST_INSTANCES)
		throw new BadRequest(`More than ${MOST_INSTANCES} instances have events in this range; narrow by time (from), tag (tags[]) or instance`)
	const pageSize = query.pageSize ?? DEFAULT_PAGE_SIZE
	const place = after === null ? null : { recordedMs: after[0]!, instanceId: after[1]!, sequence: after[2]! }
	const { events, more } = await mergeLogs(ids, { pageSize, after: place, fromMs, toMs }, async (id, part) => {
		const page = await c.var.services.watcher(id).events(part)
		return page === 'unknown' ? null : page
	})
	const last = events.at(-1)
	setPageHeaders(c, {
		returned: events.length,
		total: null,
		next: more && last !== undefined ? formatPageToken([last.row.recordedMs, last.instanceId, last.row.sequence]) : null,
	})
	return c.json(
		events.map((event) => showEvent(event.instanceId, event.row)),
		200,
	)
}

async function listOf(c: InstanceContext, query: Query): Promise<Response> {
	const { instance } = c.var
	const { fromMs, toMs } = rangeOf(query)
	const pageSize = query.pageSize ?? DEFAULT_PAGE_SIZE
	const before = parsePageToken(query.nextPage, 1)?.[0]
	if (fromMs === null && toMs === null) {
		const page = await ask(c, (watcher) => watcher.events({ pageSize, ...(before === undefined ? {} : { before }) }))
		setPageHeaders(c, { returned: page.events.length, total: null, next: page.next === null ? null : formatPageToken([page.next]) })
		return c.json(
			page.events.map((row) => showEvent(instance.id, row)),
			200,
		)
	}
	const place = before === undefined ? null : { recordedMs: Number.MAX_SAFE_INTEGER, instanceId: instance.id, sequence: before }
	const { events, more } = await mergeLogs([instance.id], { pageSize, after: place, fromMs, toMs }, (_id, part) =>
		ask(c, (watcher) => watcher.events(part)),
	)
	const last = events.at(-1)
	setPageHeaders(c, {
		returned: events.length,
		total: null,
		next: more && last !== undefined ? formatPageToken([last.row.sequence]) : null,
	})
	return c.json(
		events.map((event) => showEvent(event.instanceId, event.row)),
		200,
	)
}

/** One event: its id says which instance it is of. The tag is checked before any object is touched, so that guessed ids find nothing. */
async function showOne(c: CallerContext, instanceId: number | null): Promise<Response> {
	const eventId = c.req.param('eventId') ?? ''
	const position = parseEventId(eventId)
	const keys = masterKeys(c.env.MASTER_KEYS).map((key) => key.bytes)
	if (position === null || !verifyEventTag(keys, position) || (instanceId !== null && position.instanceId !== instanceId))
		throw new NotFound('No such event')
	const own = c.var.tokenInstance
	const proven = own?.id === position.instanceId || (c.var.organizationProven && (await isOwn(c, position.instanceId)))
	if (!proven) throw new NotFound('No such event')
	c.set('instanceId', position.instanceId)
	const row = await c.var.services.watcher(position.instanceId).event(position.sequence)
	if (row === 'unknown' || row === null || row.eventId !== eventId) throw new NotFound('No such event')
	return c.json(showEvent(position.instanceId, row), 200)
}

/** Whether an id is of one of the organization's instances, or of its own object (`POST /notifications`, operator events). */
async function isOwn(c: CallerContext, id: number): Promise<boolean> {
	const { organizationId } = c.var.user
	return (await findInstance(c.env.DB, organizationId, id)) !== null || (await findOwner(c.env.DB, organizationId)) === id
}

function rangeOf(query: Query): { fromMs: number | null; toMs: number | null } {
	const fromMs = readMoment('from', query.from)
	const toMs = readMoment('to', query.to)
	if (fromMs !== null && toMs !== null && toMs < fromMs) throw new BadRequest('to: expected a time not before from')
	return { fromMs, toMs }
}
