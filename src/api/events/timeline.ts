/** `GET …/objects/{resource}/{objectId}/timeline`: everything known of one object. */
import type * as z from 'zod'
import { NotFound } from '../../lib/errors.ts'
import type { TimelineReport } from '../../rpc/log.ts'
import type { InstanceContext } from '../http/environment.ts'
import { formatPageToken, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { TimelineAnswer } from './schema.ts'
import { showEvent } from './view.ts'
import { ask } from '../http/ask.ts'
import { deliveryStatus } from './delivery-status.ts'

/** Events of a page unless asked otherwise. */
const DEFAULT_PAGE_SIZE = 50

/** Answers with what the object says. 404 for what it does not know. */
export async function timeline(
	c: InstanceContext,
	resource: string,
	objectId: string,
	query: { pageSize?: number | undefined; nextPage?: string | undefined },
): Promise<z.input<typeof TimelineAnswer>> {
	const before = parsePageToken(query.nextPage, 1)?.[0]
	const report = await ask(c, (watcher) => watcher.timeline(resource, objectId, { pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE, before }))
	if (report === null) throw new NotFound('This instance watches no such resource, or knows no such object of it')
	const { events, next, lookup } = report
	setPageHeaders(c, { returned: events.length, total: null, next: next === null ? null : formatPageToken([next.number]) })
	const instanceId = c.var.instance.id
	return {
		objectType: report.objectType,
		objectId: report.objectId,
		elementInstanceId: instanceId,
		state: report.state as z.input<typeof TimelineAnswer>['state'],
		createdDate: moment(report.createdMs),
		modifiedDate: moment(report.stampMs),
		acceptedDate: toIsoSeconds(report.acceptedMs),
		firstSeenDate: moment(report.firstSeenMs),
		objectSequence: report.objectSequence,
		heldSince: moment(report.heldSinceMs),
		lookup: lookup === null ? null : { dueDate: toIsoSeconds(lookup.dueMs), since: toIsoSeconds(lookup.sinceMs), reasons: lookup.reasons },
		events: events.map(({ confirmedMs, deliveries, ...row }) => ({
			event: showEvent(instanceId, row),
			confirmedDate: moment(confirmedMs),
			deliveries: deliveries.map(showDelivery),
		})),
	}
}

function showDelivery(
	one: TimelineReport['events'][number]['deliveries'][number],
): z.input<typeof TimelineAnswer>['events'][number]['deliveries'][number] {
	return {
		notificationId: one.id,
		subscriptionId: one.subscription,
		status: deliveryStatus(one.status),
		createdDate: toIsoSeconds(one.createdMs),
		deliveredDate: moment(one.deliveredMs),
		nextTryDate: moment(one.nextTryMs),
		attempts: one.tries.map(({ number, startedMs, durationMs, delivered, status, error }) => ({
			number,
			startedDate: new Date(startedMs).toISOString(),
			durationMs,
			delivered,
			status,
			error,
		})),
	}
}

function moment(ms: number | null): string | null {
	return ms === null ? null : toIsoSeconds(ms)
}
