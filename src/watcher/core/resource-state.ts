/** The polling state of a resource, as plain JSON in the object's state row. Times in epoch ms unless named `Sec`. */
import type { Abilities, Doubts } from './abilities.ts'
import type { Look, MassChange } from './mass-change.ts'
import type { ResourceLimits } from './resource-limits.ts'
import type { Freshness } from './freshness.ts'
import type { Findings } from './findings.ts'
import { NO_NOISE, type NoiseState } from './noise.ts'
import { toFirstProfile, type NumberedProfile } from './content-profiles.ts'
import type { ReadabilityState } from './unreadable.ts'
import type { Cure, ObjectId, Resource } from '../../elements/store.ts'

/** The state of one polled resource. Fields are stored: never rename one. */
export interface ResourceState extends ReadabilityState {
	/** Number of the resource in the index; never reused. */
	number: number
	/** Collection and `where`: a new label leaves it the same resource. */
	identity: string
	/**
	 * The field that the index takes as id: another field makes it another resource. Earlier versions did not store it.
	 */
	idField?: string
	objectType: string
	/** When events were switched on: store clock, whole seconds, and the highest id then. */
	t0Sec: number
	highestId: number
	/** Store clock up to which changes are seen, before overlap; null before the first poll. */
	cursorMs: number | null
	/**
	 * The newest modified date that a fresh answer showed, not later than the store's clock: the cursor of windows.
	 * Absent: an earlier version polled last.
	 */
	seenMs?: number | null
	/** The newest rows: since when they are the same (own clock), and whether windows show nothing beside them. */
	newest?: { rows: string; sinceMs: number; isSettled: boolean }
	/** What is known of caches. */
	freshness?: Freshness
	/** The window under way: from its fixed lower bound, ascending. */
	window: PollWindow | null
	/** Digest of the head as last gated; cleared when something else of the resource is accepted. */
	head: string | null
	/** Known listed objects: live + hidden. */
	listed: number
	/** What has changed so far: a search or re-read compares it with its own copy, of when it began. */
	changes: ChangeCounts
	/** Highest known numeric id. */
	newestId: number
	/** Total − listed that counts as normal. */
	drift: number
	/** `total:difference` after a search: the search repeats only if one of them changes. */
	searched: string | null
	/** Store clock when the total last matched: deletions since then are searched in the trash. */
	agreedMs: number | null
	/** The running search. Earlier versions did not store when it began. */
	search: { state: SearchState; total: number; startedMs?: number; changes?: ChangeCounts } | null
	baseline: { position: ScanPosition; total: number; startedMs: number } | null
	baselineDoneMs: number | null
	/**
	 * The running re-read, or the running pass of a resource without modified filter. `missing`: ids not seen so far;
	 * `decided`: how many of them the mass-deletion guard no longer holds; `total`: of the first page.
	 */
	reread: {
		position: ScanPosition
		startedMs: number
		sampled: boolean
		missing: number
		decided?: number
		total?: number | null
		changes?: ChangeCounts
	} | null
	rereadDoneMs: number | null
	/** When the last complete re-read began. */
	rereadBeganMs: number | null
	/** A re-read was requested, or a pause ended. */
	rereadAsked: boolean
	recentDoneMs: number | null
	/** Where the running re-read of the newest objects goes on; absent: none is under way. */
	recentOffset?: number
	/** Pages that the pass may still read for this poll. */
	passLeft: number
	/** When the modified window was last read to its end. */
	windowDoneMs: number | null
	/** Seconds that local times are ahead of GMT, as last seen, and when that changed. */
	offsetSec: number | null
	offsetChangedMs: number | null
	/** Rows per page, fewer where more cannot be read at once. */
	pageSize: number
	/** Names that an earlier version took for noise: its rows do not have them. */
	volatile: string[]
	/** Paths that are taken for noise, and their proofs (noise.ts). */
	noise: readonly string[]
	noiseState: NoiseState
	/** Objects that were indexed in silence (unchecked-table.ts); null or absent: none. */
	unchecked?: UncheckedObjects | null
	/** The content profiles whose rows may exist; the last one is the current one (content-profiles.ts). */
	profiles: readonly NumberedProfile[]
	/** The last date that could not be read; when, and by which rules: absent in rows of earlier versions. */
	datesUnreadable: string | null
	datesUnreadableMs?: number
	datesUnreadableIn?: string
	/** What cannot be read as usual; absent: nothing. */
	limits?: ResourceLimits
	/** What its answers showed beside, or instead of, what was asked for; absent: nothing. */
	findings?: Findings
	/** Ids of rows that the store puts into every page; absent: none. */
	pinned?: ObjectId[]
	/** What its lists can do (abilities.ts), what is doubted, and when they are asked; absent: nothing is known. */
	abilities?: Abilities
	doubts?: Doubts
	/** When it is asked what it can do, epoch ms (absent: not planned), and when it was last. */
	probeMs?: number
	probedMs?: number
	/** Whether objects of before may be missing from the index, since lists were cut short; absent: not known. */
	incomplete?: boolean
	/** Differences of the total that nothing explained, of a resource of so many objects (completeness.ts). */
	unexplained?: { count: number; sinceMs: number; listed: number }
	/** Why the whole collection cannot be read by any strategy, and since when; absent: it can. */
	outOfReach?: { message: string; sinceMs: number }
	/** Since when the mass-deletion guard holds deletions. */
	heldSinceMs: number | null
	/**
	 * Deletions are not confirmed until a search or whole re-read that began no earlier has ended: so many seem to be gone
	 * that the mass-deletion guard decides first.
	 */
	awaitsLookSinceMs?: number | null
	/** What the running look has found (mass-change.ts). This and the next two: absent in rows of earlier versions. */
	look?: Look | null
	/** The mass changes of the last look that found any, and since when changes are held. */
	massChanges?: MassChange[]
	changesHeldSinceMs?: number | null
	/** Keys of rows that the next sweep can show again, for resources polled without an index, and its sweeps. */
	recent: string[]
	sweep?: SweepState
	/** What is known of the variations of its objects; absent: they are not read. */
	variations?: VariationState
	requests: number
	lastPollMs: number | null
	/** Of the newest change; null: unknown, or there was none. */
	lastChangeLagMs: number | null
	/** How many changes had an unknown lag; absent: 0. */
	unknownLags?: number
	/** Events of its objects get an `objectSequence` above it; absent: 0. */
	objectSequenceFloor?: number
	error: {
		atMs: number
		kind: string
		message: string
		/** What ends it; absent in rows of earlier versions. */
		cure?: Cure | null
		/** Since when lists are refused, not only single objects. */
		listedSinceMs?: number
	} | null
}

/** How many observations were accepted, and how often it changed which objects are listed. */
export interface ChangeCounts {
	accepted: number
	listing: number
}

/** Objects whose changes in some fields cannot be known, since an earlier version left these out of its rows. */
export interface UncheckedObjects {
	fields: string[]
	sinceMs: number
	/** Whether its operator event was recorded. */
	announced: boolean
	/** When a person decided that an UPDATED is sent of each; null: nobody decided. */
	decidedMs: number | null
}

/** What is known of the variations of a resource's objects. Times epoch ms. */
export interface VariationState {
	/** Since when its objects are looked at for variations; 0: since the first of them was read. */
	sinceMs: number
	/** When the store said last that it has no list of all variations; absent: it has one, or was not asked. */
	noListMs?: number
	/** The running pass through that list, and when the last complete one began. */
	pass: { position: ScanPosition; startedMs: number } | null
	passBeganMs: number | null
	/** Requests of this hour (hours since 1970) that count in the budget. */
	spent: { hour: number; requests: number }
	/** Paths of variations that differ between reads of them, and since when they do not count. */
	noise: { path: string; sinceMs: number }[]
}

/** A resource at its first poll. T0 and the highest id come from the store. */
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
		changes: { accepted: 0, listing: 0 },
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
		noise: [],
		noiseState: NO_NOISE,
		profiles: [toFirstProfile(resource.ignore, nowMs)],
		datesUnreadable: null,
		heldSinceMs: null,
		recent: [],
		requests: 0,
		lastPollMs: null,
		lastChangeLagMs: null,
		error: null,
	}
}

/** Counts what has changed. */
export function countChanges(rs: ResourceState, { accepted = 0, listing = 0 }: Partial<ChangeCounts>): void {
	rs.changes = { accepted: rs.changes.accepted + accepted, listing: rs.changes.listing + listing }
}

/** The position of a scan. `n`: store rows up to and including `lastId`. */
export interface ScanPosition {
	lastId: number | string | null
	n: number
	/** Steps back already tried for this page, since rows moved. */
	back: number
	/** The last total above zero. */
	total: number
	/** Rows read. */
	seen: number
	/** Up to this offset a page showed nothing new and not its last row: rows before it were seen, or are not listed. */
	bare?: number
	/** Rows of the last page, where they were at most half of what was asked for. */
	short?: number
	/** Where a scan in no order stands; absent: this one is in the order of ids. */
	plain?: PlainPosition
}

/** The position of a scan that reads page after page, whatever their order (plain-scan.ts). */
export interface PlainPosition {
	/** Rows to skip to the next page, and pages read, which are rows of the table `scanned`. */
	offset: number
	pages: number
	/**
	 * The list may be read several times: the number of this time, how many objects it was the first to show, and how many
	 * times before it in a row showed none.
	 */
	round: number
	fresh: number
	quiet: number
	/** Pages came in several orders, so that a page without anything new shows nothing; absent: no. */
	mixed?: true
}

/** The position at the beginning of a scan. */
export const INITIAL_SCAN_POSITION: ScanPosition = { lastId: null, n: 0, back: 0, total: 0, seen: 0 }

/**
 * An interval of store offsets [from, to), and what was counted before and after it: `shift` = known ids − store rows.
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

/** The position of a search. A slice can end at any point. */
export interface SearchState {
	limit: number
	intervals: Interval[]
	missing: number[]
	unknown: number[]
	requests: number
}

/** A window under way: its lower bound, and the second inside of which it pages by id, if any. */
export interface PollWindow {
	afterSec: number
	/** Store clock when the poll began: the cursor once the window is read. */
	startedMs: number
	/** The newest modified date that its pages have shown, seconds, and whether a cache gave one of them. */
	newestSec?: number
	isStale?: boolean
	/** The total in the poll's first answer, and how many listed objects were known then. */
	total: number | null
	listed: number
	second: { sec: number; offset: number; found: number; before: number | null } | null
	/** Where paging back from the newest rows stands; absent: the window is read from its bound. */
	back?: BackPosition
	/**
	 * The newest rows and the date of the last one: newer rows of the window must be among them. `isProven`: the store
	 * sorts by modified date. `isOld`: they were not.
	 */
	head?: { ids: readonly ObjectId[]; lastSec: number; isProven?: boolean; isOld?: boolean }
	/** Pages in a row that showed nothing of what they were asked for; absent: none. */
	idle?: number
}

/** The position of paging back from the newest rows (head-paging.ts). */
export interface BackPosition {
	offset: number
	/** Of the last row read: the next page shows it too, or newer ones. */
	lastId: ObjectId | null
	lastSec: number | null
	total: number | null
	/** How often it began again, since rows moved. */
	restarts: number
}

/** What is kept of the sweeps of a resource. */
export interface SweepState {
	/** Rows up to this date never count, s; null: no sweep has ended yet. */
	floorSec: number | null
	running: Sweep | null
	/** The store's clock at the beginning of the last sweep that read everything, epoch ms; absent: not known. */
	polledMs?: number
	/** The first page as it was last, since when, epoch ms, and whether all behind it has been read since. */
	head: { digest: string; sinceMs: number; settled: boolean } | null
}

/** A sweep under way. Its dates are those by which the list is ordered. */
export interface Sweep {
	order: 'modified-desc' | 'id-desc'
	/** Rows up to this date are known, s. */
	horizonSec: number
	/** Own clock and store clock at its first page, epoch ms, and the newest date so far that is no later. */
	beganMs: number
	startedMs: number
	newestSec: number | null
	offset: number
	/** Rows before this date instead of an offset, where the store ignores that; null: by offset. */
	beforeSec: number | null
	/** Last date of the page before, and its ids. */
	lastSec: number | null
	lastIds: string
	/** The rows so far were in order. */
	isOrdered: boolean
	/** A page could not be reached. */
	isCut: boolean
	/** A cache gave one of its pages. */
	isStale?: true
	/** Pages of this pass, passes so far, and rows of this pass that no pass before showed. */
	pages: number
	passes: number
	unseen: number
	/** The highest id that it showed. */
	highestId: number
	/** The run that reads it, and the pages that this run has read. */
	runId: number
	runPages: number
}
