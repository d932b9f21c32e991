/** `GET …/objects/{resource}/{objectId}/timeline`. */
import type * as z from 'zod'
import { NotFound } from '../../lib/errors.ts'
import type { TimelineReport } from '../../rpc/log.ts'
import type { InstanceContext } from '../http/environment.ts'
import { formatPageToken, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { toIsoSeconds, toIsoSecondsOrNull } from '../http/times.ts'
import type { TimelineResponse } from './schema.ts'
import { toEventResponse } from './view.ts'
import { callWatcher } from '../http/ask.ts'
import { toDeliveryStatus } from './delivery-status.ts'

const DEFAULT_PAGE_SIZE = 50

/** The timeline of an object. 404 for an unknown resource or object. */
export async function getTimeline(
	c: InstanceContext,
	resource: string,
	objectId: string,
	query: { pageSize?: number | undefined; nextPage?: string | undefined },
): Promise<z.input<typeof TimelineResponse>> {
	const before = parsePageToken(query.nextPage, 1)?.[0]
	const report = await callWatcher(c, (watcher) =>
		watcher.timeline(resource, objectId, { pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE, before }),
	)
	if (report === null) throw new NotFound('This instance does not watch this resource, or does not know this object')
	const { events, next, lookup } = report
	setPageHeaders(c, {
		returned: events.length,
		total: null,
		next: next === null ? null : formatPageToken([next.number]),
	})
	const instanceId = c.var.instance.id
	return {
		objectType: report.objectType,
		objectId: report.objectId,
		elementInstanceId: instanceId,
		state: report.state as z.input<typeof TimelineResponse>['state'],
		createdDate: toIsoSecondsOrNull(report.createdMs),
		modifiedDate: toIsoSecondsOrNull(report.stampMs),
		acceptedDate: toIsoSeconds(report.acceptedMs),
		firstSeenDate: toIsoSecondsOrNull(report.firstSeenMs),
		objectSequence: report.objectSequence,
		heldSince: toIsoSecondsOrNull(report.heldSinceMs),
		lookup:
			lookup === null
				? null
				: { dueDate: toIsoSeconds(lookup.dueMs), since: toIsoSeconds(lookup.sinceMs), reasons: lookup.reasons },
		events: events.map(({ confirmedMs, deliveries, ...row }) => ({
			event: toEventResponse(instanceId, row),
			confirmedDate: toIsoSecondsOrNull(confirmedMs),
			deliveries: deliveries.map(toTimelineDelivery),
		})),
	}
}

function toTimelineDelivery(
	delivery: TimelineReport['events'][number]['deliveries'][number],
): z.input<typeof TimelineResponse>['events'][number]['deliveries'][number] {
	return {
		notificationId: delivery.id,
		subscriptionId: delivery.subscription,
		status: toDeliveryStatus(delivery.status),
		createdDate: toIsoSeconds(delivery.createdMs),
		deliveredDate: toIsoSecondsOrNull(delivery.deliveredMs),
		nextTryDate: toIsoSecondsOrNull(delivery.nextTryMs),
		attempts: delivery.tries.map(({ number, startedMs, durationMs, delivered, status, error }) => ({
			number,
			startedDate: new Date(startedMs).toISOString(),
			durationMs,
			delivered,
			status,
			error,
		})),
	}
}
