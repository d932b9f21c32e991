/**
 * The watcher's one state row, plain JSON: a slice for each job. Keys are stored: never rename one. Times in epoch ms
 * unless named `Sec`.
 */
import type { ActivityHour } from '../../events/activity.ts'
import type { Cure } from '../../elements/store.ts'
import type { StoreWebhook } from '../../elements/webhooks.ts'
import { NO_NOISE } from './noise.ts'
import { toLegacyProfile } from './content-profiles.ts'
import type { Sql } from './ports.ts'
import { countHeldRows } from './held-table.ts'
import type { ResourceState } from './resource-state.ts'

/** The gaps between deliveries of one day (days since 1970): how many, by the bucket of their length. */
export interface DayOfGaps {
	day: number
	counts: Record<string, number>
}

/** The store's webhooks. */
export interface WebhooksState {
	/** The store's webhooks as last read. */
	webhooks: StoreWebhook[]
	/** When they were last read, when that was last tried, and when they are read next. */
	checkedMs: number | null
	triedMs: number | null
	dueMs: number | null
	/** Version and key id of the secrets that the store has. */
	keyedAs: string | null
	/** The last attempt to write secrets, where the store took only a part of them, or none. */
	triedAs: string | null
	lastDeliveryMs: number | null
	/** Gaps between deliveries in the last week. */
	gaps: DayOfGaps[]
	/** Another site delivers here: a staging clone, or the shop after a move. */
	/** `webhookId`: it is one of ours; absent: it is not. */
	foreign: { source: string; atMs: number; webhookId?: string } | null
	/** Numbers of resources whose payloads differ from REST reads: their deliveries are hints. */
	hintsOnly: number[]
	/** By resource number: how often its payloads differed, and how many equal ones came in a row since. */
	doubted: Record<string, { times: number; equal: number }>
	/** Deliveries by topic: they decide which payloads are probed. */
	seen: Record<string, number>
	counts: { taken: number; disabled: number; unknownTopic: number }
	/** Repairs by the watchdog, newest first. */
	repairs: { atMs: number; what: string }[]
	/** Why webhooks are not reliable at present. */
	degraded: { reason: string; sinceMs: number; action?: string | null } | null
	/** The oldest change that a poll saw first and whose webhook is overdue. */
	suspect: { sequence: number; dueMs: number } | null
	/** From this sequence on, changes that a poll saw first are not counted as recovered yet, and when they will be. */
	uncounted: { sequence: number; dueMs: number } | null
}

/** The store's clock. */
interface ClockState {
	/** Store clock − own clock, as last believed, and a candidate that was seen once. */
	skewMs: number | null
	clockDoubt: PendingClockSkew | null
}

/** Requests to the store: failures and limits. */
interface RequestState {
	/** Consecutive failures, when the next try is allowed, and what kind failed. */
	failures: number
	backoffUntilMs: number | null
	trouble: {
		kind: string
		message: string
		sinceMs: number
		/** What ends it, and the last try; absent in rows of earlier versions. */
		cure?: Cure | null
		lastTryMs?: number
	} | null
	/** When a caller last ended a back-off; in the future: when it will end. */
	hurriedMs: number | null
	/** Reads by id in the last minute. */
	reads: { minute: number; count: number }
}

/** Polling: resources and runs. */
interface PollState {
	nextResource: number
	resources: ResourceState[]
	nextPollMs: number | null
	/** The run under way: resources still to poll. */
	run: {
		id: number
		startedMs: number
		left: number[]
		requests: number
		events: number
		notes: string[]
		failed: number[]
		/** By resource number: requests that failed and are made again in another way; absent: none. */
		delays?: Record<string, number>
	} | null
	lastRunMs: number | null
	lastRunId: number
	/** The newest runs that found or failed something, newest first. */
	runs: { at: number; requests: number; events: number; note: string }[]
}

/** The event log. */
interface LogState {
	/** Sequence of the last event. */
	sequence: number
	/** How many sequences were skipped, so that none is given out twice; absent: none. */
	idsSkipped?: number
	/** Events recorded and accepted by hour, of days that the table `days` does not have yet. */
	tally: HourTally[]
	/** Changes and deliveries of the last 24 hours, for the status row. */
	activity: ActivityHour[]
	lastEventMs: number | null
	/** The latest time of an event or a notification: log times never descend (`Core.nextLogTimeMs`). */
	stampedMs: number
	/** When an object was last erased; null: never. */
	erasedMs: number | null
}

/** Notifications and their subscriptions. */
interface OutboxState {
	/** Counter of the last notification. */
	notification: number
	/**
	 * Unsettled notifications, oldest first: here and not in an index, which would cost a row at each end. May name
	 * notifications that have settled since.
	 */
	unsettled: number[]
	/** Number of the next subscription inside the object; never reused. The instance's callback is 1. */
	nextSubscription: number
	/** `skipped` may hold rows: a filter dropped an object's last events. */
	skips: boolean
	/** Id of the last replay or release, and how many have not ended: `resend_items` holds rows. */
	resend: number
	resending: number
}

/** Operator events, and the status in D1. */
interface OperatorState {
	/** Number of the last operator event, and when the kept ones are published; null: none are kept. */
	announcement: number
	announceMs: number | null
	/**
	 * Last status written to D1. `activity`: what it told, in short, and `waiting`: how many events waited then; rows of
	 * earlier versions lack both.
	 */
	reported: {
		atMs: number
		state: string
		reason: string
		sinceMs: number
		hour: number
		activity?: string
		waiting?: number
	} | null
}

/** Retention: pruning and storage space. */
interface RetentionState {
	/** Storage is full: polling waits. */
	full: boolean
	/** When to prune next, and the log sequence that the running round has reached. */
	pruneMs: number | null
	prunedTo: number
	/** The log sequence up to which records were removed from settled events, since storage is short. */
	sparedTo: number
	/** Numbers of resources that left the configuration: their index is removed in slices. */
	dropped: number[]
}

/** The whole row. */
export interface WatcherState
	extends ClockState, RequestState, PollState, LogState, OutboxState, OperatorState, RetentionState {
	version: 1
	/** The configuration's version when the instance was created. */
	bornVersion: number
	/** Disabled, events off, or deleted in D1. */
	paused: boolean
	/** Since when D1 has had no row for this object, epoch ms; absent: it has one. */
	missingSinceMs?: number
	hooks: WebhooksState
	/** Totals since the instance was created. */
	counters: {
		created: number
		updated: number
		deleted: number
		requests: number
		delivered: number
		dead: number
		expired: number
	}
}

function newWebhooksState(): WebhooksState {
	return {
		webhooks: [],
		checkedMs: null,
		triedMs: null,
		dueMs: 0,
		keyedAs: null,
		triedAs: null,
		lastDeliveryMs: null,
		gaps: [],
		foreign: null,
		hintsOnly: [],
		doubted: {},
		seen: {},
		counts: { taken: 0, disabled: 0, unknownTopic: 0 },
		repairs: [],
		degraded: null,
		suspect: null,
		uncounted: null,
	}
}

function newWatcherState(): WatcherState {
	return {
		version: 1,
		bornVersion: 0,
		nextResource: 1,
		resources: [],
		sequence: 0,
		notification: 0,
		unsettled: [],
		nextSubscription: 2,
		skips: false,
		resend: 0,
		resending: 0,
		announcement: 0,
		announceMs: null,
		erasedMs: null,
		counters: { created: 0, updated: 0, deleted: 0, requests: 0, delivered: 0, dead: 0, expired: 0 },
		tally: [],
		activity: [],
		lastEventMs: null,
		stampedMs: 0,
		skewMs: null,
		clockDoubt: null,
		nextPollMs: null,
		run: null,
		lastRunMs: null,
		lastRunId: 0,
		runs: [],
		failures: 0,
		backoffUntilMs: null,
		trouble: null,
		hurriedMs: null,
		reads: { minute: 0, count: 0 },
		reported: null,
		paused: false,
		hooks: newWebhooksState(),
		full: false,
		pruneMs: null,
		prunedTo: 0,
		sparedTo: 0,
		dropped: [],
	}
}

/** Reads the state row; the initial state when there is none. */
export function loadState(sql: Sql): WatcherState {
	const row = sql.all<{ body: string }>(`SELECT body FROM state WHERE id = 1`)[0]
	if (row === undefined) return newWatcherState()
	// Rows of earlier versions lack later fields, and have `hours` and `settled`.
	const {
		hours: _hours,
		settled: _settled,
		...stored
	} = JSON.parse(row.body) as Partial<WatcherState> & { hours?: unknown; settled?: unknown }
	const { unsettled = [], notification = 0, counters } = stored
	// Before deliveries were counted: all notifications except unsettled and failed ones.
	const delivered = counters?.delivered ?? notification - unsettled.length - (counters?.dead ?? 0)
	return {
		...newWatcherState(),
		// Before it was stored, the time of the last event is the latest log time.
		stampedMs: stored.lastEventMs ?? 0,
		...stored,
		hooks: { ...newWebhooksState(), ...stored.hooks },
		counters: { ...newWatcherState().counters, ...counters, delivered },
		resources: (stored.resources ?? []).map((rs) => ({
			...withoutEmptyHold(sql, rs),
			changes: rs.changes ?? { accepted: 0, listing: 0 },
			noise: rs.noise ?? [],
			noiseState: rs.noiseState ?? NO_NOISE,
			profiles: rs.profiles ?? [toLegacyProfile(rs.volatile)],
		})),
	}
}

/** Earlier versions began to hold deletions before they knew of which objects. Now these wait for a look. */
function withoutEmptyHold(sql: Sql, rs: ResourceState): ResourceState {
	if (rs.heldSinceMs === null || countHeldRows(sql, rs.number) > 0) return rs
	return {
		...rs,
		heldSinceMs: null,
		awaitsLookSinceMs: rs.heldSinceMs,
		rereadAsked: rs.reread === null || rs.rereadAsked,
	}
}

/** Writes the state row, as JSON text: one row. */
export function saveState(sql: Sql, body: string): void {
	sql.run(`INSERT INTO state (id, body) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body`, body)
}

/** A store clock that was seen once and is not believed yet. */
export interface PendingClockSkew {
	skewMs: number
	atMs: number
	/** The believed clock was seen since: both go on side by side. `isProven`: this one was seen twice. */
	isBeside?: true
	isProven?: true
}

/**
 * Hours since 1970, events recorded in that hour, how many of those were accepted since, and how many of them are
 * CREATED and DELETED events. Entries of earlier versions lack the last two: `untyped` of their events are of unknown
 * type.
 */
export type HourTally = [
	hour: number,
	recorded: number,
	accepted: number,
	created?: number,
	deleted?: number,
	untyped?: number,
]
