/** Status rows across an organization's instances, each list in one query. */
import { getChangesByHour, type ActivityHour } from '../events/activity.ts'
import { HOUR_MS } from '../lib/time.ts'
import { INSTANCE_STATES, STATES_BY_SEVERITY, type ActivityReport, type InstanceState } from '../rpc/watcher.ts'

/** How an instance detects changes; `off`: its events are disabled. */
export const DETECTION_MODES = ['polling', 'webhook', 'hybrid', 'off'] as const
export type DetectionMode = (typeof DETECTION_MODES)[number]

/** An instance with what its object last reported. Times epoch ms. */
export interface InstanceStatus {
	id: number
	name: string
	state: InstanceState
	/** A sentence with the fact; '' before the first report. */
	reason: string
	sinceMs: number
	/** When its object last reported; null: it has not yet. */
	reportedMs: number | null
	/** null: an object of an earlier version reported last. */
	activity: ActivityReport | null
}

/** An instance as lists show it. */
export interface ListedInstance extends InstanceStatus {
	storeUrl: string
	tags: string[]
	mode: DetectionMode
	lastChangeMs: number | null
	/** Changes of each of the last 24 hours, oldest first. */
	changes: number[]
}

/** Filters of `listInstanceStatuses`. */
export interface StatusFilter {
	/** null: any. */
	instanceId: number | null
	/** Part of the name or of the store's URL, in any case, or the whole id; empty: all. */
	searchText: string
	/** Instances with all of these tags; empty: all. */
	tags: readonly string[]
	/** null: any. */
	state: InstanceState | null
	mode: DetectionMode | null
}

interface StatusTableRow {
	id: number
	name: string
	state: string
	created_ms: number
	reason: string | null
	since_ms: number | null
	alive_at_ms: number | null
	hours: string | null
	activity: string | null
}

interface ListedTableRow extends StatusTableRow {
	store_url: string | null
	tags: string
	mode: DetectionMode
	last_event_at_ms: number | null
}

/** SQL: the state; before the object's first report, an instance connects. */
const STATE_SQL = `CASE WHEN i.enabled = 0 THEN 'disabled' ELSE coalesce(s.state, 'connecting') END`
const MODE_SQL = `CASE WHEN i.events_enabled = 0 THEN 'off'
	WHEN json_extract(i.configuration, '$."event.vendor.type"') IN ('webhook', 'hybrid')
	THEN json_extract(i.configuration, '$."event.vendor.type"') ELSE 'polling' END`
const STORE_URL_SQL = `json_extract(i.configuration, '$."store.url"')`
const STATUS_COLUMNS = `i.id, i.name, ${STATE_SQL} AS state, i.created_ms, s.reason, s.since_ms, s.alive_at_ms,
	CASE WHEN s.activity IS NULL THEN s.hours END AS hours, s.activity`
const LISTED_COLUMNS = `${STORE_URL_SQL} AS store_url, i.tags, ${MODE_SQL} AS mode, s.last_event_at_ms`
/** SQL: a place in the order of severity. */
const SEVERITY_SQL = `instr('${STATES_BY_SEVERITY.map((state) => `/${state}/`).join('')}', '/' || ${STATE_SQL} || '/')`
const FROM_STATUSES = `instances AS i LEFT JOIN instance_status AS s ON s.instance_id = i.id`

/** The statuses of all ready instances of an organization, and at most `size` of them to list, worst state first. */
export async function readInstanceStatuses(
	db: D1Database,
	organizationId: number,
	size: number,
	nowMs: number,
): Promise<{ statuses: InstanceStatus[]; worst: ListedInstance[] }> {
	const { results } = await db
		.prepare(
			`WITH worst AS (SELECT i.id FROM ${FROM_STATUSES} WHERE i.organization_id = ?1 AND i.state = 'ready'
			ORDER BY ${SEVERITY_SQL}, i.id LIMIT ?2),
			listed AS (SELECT i.id, ${LISTED_COLUMNS} FROM ${FROM_STATUSES} WHERE i.id IN (SELECT id FROM worst))
			SELECT ${STATUS_COLUMNS}, l.id IS NOT NULL AS listed, l.store_url, l.tags, l.mode, l.last_event_at_ms
			FROM ${FROM_STATUSES} LEFT JOIN listed AS l ON l.id = i.id
			WHERE i.organization_id = ?1 AND i.state = 'ready' ORDER BY i.id`,
		)
		.bind(organizationId, size)
		.all<ListedTableRow & { listed: number }>()
	const worst = results.filter(({ listed }) => listed === 1).map((row) => toListed(row, nowMs))
	return {
		statuses: results.map(toStatus),
		worst: worst.sort((a, b) => STATES_BY_SEVERITY.indexOf(a.state) - STATES_BY_SEVERITY.indexOf(b.state)),
	}
}

/** Ready instances with their statuses by ascending id, above `afterId`, with the total and whether more follow. */
export async function listInstanceStatuses(
	db: D1Database,
	organizationId: number,
	filter: StatusFilter,
	page: { size: number; afterId: number },
	nowMs: number,
): Promise<{ instances: ListedInstance[]; total: number; more: boolean }> {
	// As SQLite's lower(): A to Z only.
	const search = filter.searchText.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase())
	const matching = `i.organization_id = ?1 AND i.state = 'ready'
		AND (?2 = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(?2) AS wanted WHERE wanted.value NOT IN (SELECT value
		FROM json_each(i.tags))))
		AND (?3 = '' OR instr(lower(i.name), ?3) > 0 OR instr(lower(${STORE_URL_SQL}), ?3) > 0
		OR CAST(i.id AS TEXT) = ?3)
		AND ${filter.state === null ? '?4 IS NULL' : `${STATE_SQL} = ?4`}
		AND (?5 IS NULL OR ${MODE_SQL} = ?5) AND (?8 IS NULL OR i.id = ?8)`
	// Without a state to compare, the total needs no status row, and SQLite joins it all the same.
	const fromCounted = filter.state === null ? 'instances AS i' : FROM_STATUSES
	// A page without rows also needs the total.
	const { results } = await db
		.prepare(
			`SELECT page.*, all_of_it.total FROM
			(SELECT count(*) AS total FROM ${fromCounted} WHERE ${matching}) AS all_of_it
			LEFT JOIN (SELECT ${STATUS_COLUMNS}, ${LISTED_COLUMNS}
			FROM ${FROM_STATUSES} WHERE ${matching} AND i.id > ?6 ORDER BY i.id LIMIT ?7) AS page ON TRUE ORDER BY page.id`,
		)
		.bind(
			organizationId,
			JSON.stringify([...new Set(filter.tags)]),
			search,
			filter.state,
			filter.mode,
			page.afterId,
			page.size + 1,
			filter.instanceId,
		)
		.all<{ total: number } & (ListedTableRow | { id: null })>()
	const found = results.flatMap((row) => (row.id === null ? [] : [toListed(row, nowMs)]))
	return { instances: found.slice(0, page.size), total: results[0]?.total ?? 0, more: found.length > page.size }
}

function toListed(row: ListedTableRow, nowMs: number): ListedInstance {
	const status = toStatus(row)
	return {
		...status,
		changes: getChangesByHour(status.activity?.hours ?? toUnsortedHours(row), nowMs),
		storeUrl: row.store_url ?? '',
		tags: JSON.parse(row.tags) as string[],
		mode: row.mode,
		lastChangeMs: row.last_event_at_ms,
	}
}

function toStatus(row: StatusTableRow): InstanceStatus {
	return {
		id: row.id,
		name: row.name,
		state: INSTANCE_STATES.find((state) => state === row.state) ?? 'healthy',
		reason: row.reason ?? '',
		sinceMs: row.since_ms ?? row.created_ms,
		reportedMs: row.alive_at_ms,
		activity: row.activity === null ? null : (JSON.parse(row.activity) as ActivityReport),
	}
}

/** The hours of a row that an object of an earlier version wrote: changes of any kind, up to that time. */
function toUnsortedHours({ hours, alive_at_ms: aliveAtMs }: StatusTableRow): ActivityHour[] {
	const counts = JSON.parse(hours ?? '[]') as number[]
	const last = Math.floor((aliveAtMs ?? 0) / HOUR_MS)
	return counts.map((count, index) => [last - counts.length + 1 + index, 0, count, 0, 0, 0, 0, []])
}
