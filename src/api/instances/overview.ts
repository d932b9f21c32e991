/** Handlers of the calls about all instances together: each reads D1 once and calls no object. */
import { estimatePercentile, sumActivity } from '../../events/activity.ts'
import { listInstanceStatuses, readInstanceStatuses, type ListedInstance } from '../../instances/overview.ts'
import { maskUrl } from '../../lib/url-masks.ts'
import { canSeeSecrets } from '../http/access.ts'
import type { OperationResponse, ValidatedInput } from '../http/contract.ts'
import type { CallerContext } from '../http/environment.ts'
import { formatPageToken, listParameter, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { toIsoSeconds, toIsoSecondsOrNull } from '../http/times.ts'
import { countStates, findAttention, sumFigures } from './attention.ts'
import type { overviewOperations } from './overview-operations.ts'
import { MAX_ATTENTION_ITEMS } from './overview-schema.ts'

const DEFAULT_PAGE_SIZE = 50

type Overview = OperationResponse<typeof overviewOperations.getOverview>
type StateRow = OperationResponse<typeof overviewOperations.listInstanceStates>[number]

/** `GET /instances/overview`. */
export async function getOverview(c: CallerContext): Promise<Overview> {
	const nowMs = c.var.services.now()
	const { statuses, worst } = await readInstanceStatuses(c.env.DB, c.var.user.organizationId, DEFAULT_PAGE_SIZE, nowMs)
	const attention = findAttention(statuses, nowMs)
	const { changes, delivered, waiting, recovered } = sumFigures(statuses, nowMs)
	const reportedMs = statuses.flatMap((status) => (status.reportedMs === null ? [] : [status.reportedMs]))
	return {
		asOf: reportedMs.length === 0 ? null : toIsoSeconds(reportedMs.reduce((newest, ms) => Math.max(newest, ms), 0)),
		attention: {
			total: attention.length,
			items: attention
				.slice(0, MAX_ATTENTION_ITEMS)
				.map(({ sinceMs, ...item }) => ({ ...item, since: toIsoSeconds(sinceMs) })),
		},
		changes,
		delivered,
		waiting: { events: waiting.events, since: toIsoSecondsOrNull(waiting.sinceMs), instances: waiting.instances },
		recovered,
		instances: {
			total: statuses.length,
			states: countStates(statuses),
			worst: worst.map((instance) => toStateRow(instance, canSeeSecrets(c), nowMs)),
		},
	}
}

/** `GET /instances/states`. */
export async function listInstanceStates(
	c: CallerContext,
	query: ValidatedInput<typeof overviewOperations.listInstanceStates>['query'],
): Promise<StateRow[]> {
	const nowMs = c.var.services.now()
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const { instances, total, more } = await listInstanceStatuses(
		c.env.DB,
		c.var.user.organizationId,
		{
			instanceId: query.instanceId ?? null,
			searchText: query.searchText ?? '',
			tags: listParameter(c, 'tags'),
			state: query.state ?? null,
			mode: query.mode ?? null,
		},
		{ size: query.pageSize ?? DEFAULT_PAGE_SIZE, afterId: afterId! },
		nowMs,
	)
	const last = instances.at(-1)
	setPageHeaders(c, {
		returned: instances.length,
		total,
		next: last !== undefined && more ? formatPageToken([last.id]) : null,
	})
	return instances.map((instance) => toStateRow(instance, canSeeSecrets(c), nowMs))
}

function toStateRow(instance: ListedInstance, showsUrl: boolean, nowMs: number): StateRow {
	const { id, name, storeUrl, state, reason, mode, tags, changes, activity } = instance
	return {
		id,
		name,
		storeUrl: showsUrl ? storeUrl : maskUrl(storeUrl),
		state,
		reason,
		since: toIsoSeconds(instance.sinceMs),
		mode,
		tags,
		changes,
		lagMs: estimatePercentile(sumActivity(activity?.hours ?? [], nowMs).lags, 0.5),
		waiting: activity?.waiting ?? 0,
		lastChange: toIsoSecondsOrNull(instance.lastChangeMs),
		progress: activity?.progress ?? null,
		reportedAt: toIsoSecondsOrNull(instance.reportedMs),
	}
}
