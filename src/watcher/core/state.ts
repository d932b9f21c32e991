/**
 * The watcher's one state row: cursors, scan positions and counters of an instance, as plain JSON. Times in epoch ms
 * unless named `Sec`.
 */
import type { StoreWebhook } from '../../elements/webhooks.ts'
import type { Sql } from './ports.ts'
import type { Resource } from '../../elements/store.ts'

/** What is known of one polled resource. */
export interface ResourceState {
	/** Number of the resource in the index; never reused. */
	number: number
	/** Collection and `where`: what makes it the same resource when its label changes. */
	identity: string
	/**
	 * What its index calls an id: another field makes it another resource. Absent in states of an earlier version until
	 * the next poll.
	 */
	idField?: string
	objectType: string
	/** The bell went on: store clock, whole seconds, and the highest id then. */
	t0Sec: number
	highestId: number
	/** Store clock up to which changes are seen, before overlap; null before the first poll. */
	cursorMs: number | null
	/** A window that is being read: from its fixed lower bound, ascending. */
	window: PollWindow | null
	/** Digest of the head as it was last gated, void once anything else of the resource was accepted. */
	head: string | null
	/** Listed objects known: live + hidden. */
	listed: number
	/** Highest numeric id known. */
	newestId: number
	/** Total − listed that is known to be normal. */
	drift: number
	/** `total:difference` after a search: not repeated until one of them moves. */
	searched: string | null
	/** Store clock when the total last agreed: trash is looked at from there. */
	agreedMs: number | null
	search: { state: SearchState; total: number } | null
	baseline: { position: ScanPosition; total: number; startedMs: number } | null
	baselineDoneMs: number | null
	/** The running pass of a resource without modified filter, or the running re-read. */
	/** `missing`: ids not shown so far; `decided`: how many of them the brake no longer holds. */
	reread: { position: ScanPosition; startedMs: number; sampled: boolean; missing: number; decided?: number } | null
	rereadDoneMs: number | null
	/** When the last complete re-read began: the age of the oldest knowledge. */
	rereadBeganMs: number | null
	/** A re-read was asked for, or a pause ended. */
	rereadAsked: boolean
	recentDoneMs: number | null
	/** Pages that the pass may still read for this poll. */
	passLeft: number
	/** When the modified window was last read to its end. */
	windowDoneMs: number | null
	/** Seconds that local stamps lie east of GMT, as last seen, and when that changed. */
	offsetSec: number | null
	offsetChangedMs: number | null
	/** Rows a page, halved after timeouts. */
	pageSize: number
	volatile: string[]
	datesUnreadable: string | null
	/** The brake holds deletions. */
	heldSinceMs: number | null
	/** Ids and stamps of the last window, for resources polled without an index. */
	recent: string[]
	requests: number
	lastPollMs: number | null
	lastChangeLagMs: number | null
	error: { atMs: number; kind: string; message: string } | null
}

/** What is known of an instance's webhooks. */
export interface WebhooksState {
	/** The store's webhooks as last read. */
	webhooks: StoreWebhook[]
	/** When they were last read, and when they are read next. */
	checkedMs: number | null
	dueMs: number | null
	/** Version and key id that the store's secrets were last written with. */
	keyedAs: string | null
	/** … and what was last tried to write, where the store let only a part of it, or nothing. */
	triedAs: string | null
	lastDeliveryMs: number | null
	/** Another site delivers here: a staging clone, or the shop's own move. */
	foreign: { source: string; atMs: number } | null
	/** Numbers of resources whose payloads differ from REST reads: their deliveries are hints. */
	hintsOnly: number[]
	/** By resource number: how often its payloads were found to differ, and how many equal ones came in a row since. */
	doubted: Record<string, { times: number; equal: number }>
	/** Deliveries by topic, to know which are probed. */
	seen: Record<string, number>
	counts: { taken: number; disabled: number; unknownTopic: number }
	/** What the watchdog did, newest first. */
	repairs: { atMs: number; what: string }[]
	/** Why webhooks cannot be relied on at present. */
	degraded: { reason: string; sinceMs: number } | null
	/** The oldest change first seen by a poll whose webhook is still awaited. */
	suspect: { sequence: number; dueMs: number } | null
}

/** Webhooks of which nothing is known yet. */
export function newWebhooksState(): WebhooksState {
	return {
		webhooks: [],
		checkedMs: null,
		dueMs: 0,
		keyedAs: null,
		triedAs: null,
		lastDeliveryMs: null,
		foreign: null,
		hintsOnly: [],
		doubted: {},
		seen: {},
		counts: { taken: 0, disabled: 0, unknownTopic: 0 },
		repairs: [],
		degraded: null,
		suspect: null,
	}
}

/** The whole row. */
export interface WatcherState {
	version: 1
	/** The configuration's version when the instance was created. */
	bornVersion: number
	nextResource: number
	resources: ResourceState[]
	/** Sequence of the last event. */
	sequence: number
	/** Counter of the last notification. */
	notification: number
	/**
	 * Notifications that are not settled, oldest first: kept here and not in an index, which would cost a row at each end.
	 * May name ones settled since.
	 */
	unsettled: number[]
	/** What the newest of those that have settled came to, until a row of `settled` has it. */
	settledId: PackedStatus[]
	/** Number of the next subscription inside the object; never reused. The instance's callback is 1. */
	nextSubscription: number
	/** Some subscription was not meant to have an object's last events: `skipped` may hold rows. */
	skips: boolean
	/** Id of the last replay or release, and how many have not ended: `resend_items` holds rows. */
	resend: number
	resending: number
	/** Number of the last announcement, and when those that are kept are handed over next; null: none are. */
	announcement: number
	announceMs: number | null
	/** When an object was last erased; null: never. */
	erasedMs: number | null
	counters: {
		created: number
		updated: number
		deleted: number
		requests: number
		delivered: number
		dead: number
		expired: number
	}
	/** Events recorded and accepted by hour, of days that are not kept in `days` yet: added to what that has. */
	tally: HourTally[]
	lastEventMs: number | null
	/**
	 * The latest moment that an event or a notification was stamped with: no later one is stamped with an earlier
	 * (`Core.stampMs`).
	 */
	stampedMs: number
	/** Store clock − own clock, as last believed, and a candidate that was seen once. */
	skewMs: number | null
	clockDoubt: PendingClockSkew | null
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
	} | null
	lastRunMs: number | null
	lastRunId: number
	/** The newest runs that found or failed something, newest first. */
	runs: { at: number; requests: number; events: number; note: string }[]
	/** Consecutive failures, when the next try is allowed, and what kind failed. */
	failures: number
	backoffUntilMs: number | null
	trouble: { kind: string; message: string; sinceMs: number } | null
	/** Reads by id of the last minute. */
	reads: { minute: number; count: number }
	/** Last status written to D1. */
	reported: { atMs: number; state: string; reason: string; sinceMs: number; hour: number } | null
	/** Disabled, events off, or deleted in D1. */
	paused: boolean
	hooks: WebhooksState
	/** Storage is full: polling waits. */
	full: boolean
	/** When to prune next, and the log sequence that the running round has reached. */
	pruneMs: number | null
	prunedTo: number
	/** The log sequence up to which records were taken off settled events, since storage is short. */
	sparedTo: number
	/** Numbers of resources that left the configuration: their index is removed in slices. */
	dropped: number[]
}

/** A state as it is when an instance begins. */
export function newWatcherState(): WatcherState {
	return {
		version: 1,
		bornVersion: 0,
		nextResource: 1,
		resources: [],
		sequence: 0,
		notification: 0,
		unsettled: [],
		settledId: [],
		nextSubscription: 2,
		skips: false,
		resend: 0,
		resending: 0,
		announcement: 0,
		announceMs: null,
		erasedMs: null,
		counters: { created: 0, updated: 0, deleted: 0, requests: 0, delivered: 0, dead: 0, expired: 0 },
		tally: [],
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

/** A resource as it is when it is first polled. T0 and the highest id come from the store. */
export function newResourceState(
	number: number,
	resource: Resource,
	t0Sec: number,
	highestId: number,
	total: number,
	nowMs: number,
): ResourceState {
	return {
		number,
		identity: resource.identity,
		idField: resource.idField,
		objectType: resource.objectType,
		t0Sec,
		highestId,
		cursorMs: null,
		window: null,
		head: null,
		listed: 0,
		newestId: 0,
		drift: 0,
		searched: null,
		agreedMs: null,
		search: null,
		baseline: { position: INITIAL_SCAN_POSITION, total, startedMs: nowMs },
		baselineDoneMs: null,
		reread: null,
		rereadDoneMs: null,
		rereadBeganMs: null,
		rereadAsked: false,
		recentDoneMs: null,
		passLeft: 0,
		windowDoneMs: null,
		offsetSec: null,
		offsetChangedMs: null,
		pageSize: resource.pageSize,
		volatile: [],
		datesUnreadable: null,
		heldSinceMs: null,
		recent: [],
		requests: 0,
		lastPollMs: null,
		lastChangeLagMs: null,
		error: null,
	}
}

/** Reads the state row. */
export function loadState(sql: Sql): WatcherState {
	const row = sql.all<{ body: string }>(`SELECT body FROM state WHERE id = 1`)[0]
	if (row === undefined) return newWatcherState()
	// What an earlier version wrote lacks what came later, and counted its hours in the state.
	const { hours: _hours, ...stored } = JSON.parse(row.body) as Partial<WatcherState> & { hours?: unknown }
	const { unsettled = [], notification = 0, counters } = stored
	// Before deliveries were counted, all that was formed had been delivered, less what had not.
	const delivered = counters?.delivered ?? notification - unsettled.length - (counters?.dead ?? 0)
	return {
		...newWatcherState(),
		// Before it was kept, the last event says how far the log has come.
		stampedMs: stored.lastEventMs ?? 0,
		...stored,
		hooks: { ...newWebhooksState(), ...stored.hooks },
		counters: { ...newWatcherState().counters, ...counters, delivered },
	}
}

/** Writes the state row, as JSON text: one row. */
export function saveState(sql: Sql, body: string): void {
	sql.run(`INSERT INTO state (id, body) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body`, body)
}

/** Where a scan stands; plain JSON. `n`: store rows up to and including `lastId`. */
export interface ScanPosition {
	lastId: number | string | null
	n: number
	/** Steps back already tried for this page, since rows moved. */
	back: number
	/** The last total above zero. */
	total: number
	/** Rows looked at. */
	seen: number
	/**
	 * Up to this offset a page showed nothing new and not its last row: what stands before it was seen, or is counted
	 * without being listed.
	 */
	bare?: number
}

/** A scan's beginning. */
export const INITIAL_SCAN_POSITION: ScanPosition = { lastId: null, n: 0, back: 0, total: 0, seen: 0 }

/**
 * An interval of store offsets [from, to) and what was already counted before and after it: `shift` = known ids − store
 * rows.
 */
export interface Interval {
	from: number
	to: number
	/** Shift just before `from`, and at `to`. */
	before: number
	after: number
	/** Id of the row before `from` (0: start) and the last id inside the interval (Infinity: open end). */
	above: number
	upTo: number
}

/** Where a search stands; plain JSON, so that a slice can end anywhere. */
export interface SearchState {
	limit: number
	intervals: Interval[]
	missing: number[]
	unknown: number[]
	requests: number
}

/** A store clock that was seen once and is not believed yet. */
export interface PendingClockSkew {
	skewMs: number
	atMs: number
}

/** A window under way: the fixed step of its key-set, and the second inside of which it pages by id, if any. */
export interface PollWindow {
	afterSec: number
	/** Store clock when the poll began: the cursor once the window is read. */
	startedMs: number
	/** What the poll's first answer said of the total, and how many listed objects were known then. */
	total: number | null
	listed: number
	second: { sec: number; offset: number; found: number; before: number | null } | null
}

/** Hours since 1970, events recorded in it, and how many of all that were recorded then were accepted since. */
export type HourTally = [hour: number, recorded: number, accepted: number]

/** A carrier as it is kept: the last two are ms after `created`. */
export type PackedStatus = [id: number, status: string, created: number, updated: number, delivered: number | null]
