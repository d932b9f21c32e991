/** Follows what arrives at the demo's callback: a line for each event, and in the end one line of totals. */
import { STANDARD_RETRY_SECONDS } from '../../src/delivery/schedule.ts'
import { judge, COLLECTION_BY_LABEL } from '../support/oracle.ts'
import { contentHash } from '../store/content.ts'
import type { JournalEntry, Rec } from '../store/types.ts'
import type { Arrival } from './callback.ts'
import { describeRecord, describeChange, eventLine, failureLine, formatMs, type Paint } from './screen.ts'
import { snapshotStore, type DemoStage } from './stage.ts'

/** What is younger than this when the demo ends may still be on its way, ms: a re-read's pace and its confirmations. */
const RECENT_MS = 40_000

/** Objects by resource and id, as the receiver last saw them. */
export class SeenRecords {
	readonly #records = new Map<string, Rec>()

	constructor(records: Iterable<readonly [string, Rec]> = []) {
		for (const [key, record] of records) this.#records.set(key, record)
	}

	/** The record as it was before; keeps the new one. */
	replace(resource: string, id: string, record: Rec): Rec | undefined {
		const key = `${resource}/${id}`
		const before = this.#records.get(key)
		this.#records.set(key, record)
		return before
	}
}

/** The event's keys beyond those that the judge takes. */
interface EventMarks {
	eventId: string
	changedFields?: string[]
	trashed?: boolean
	restored?: boolean
}

/** The lines that an arrival makes. `journal`: the store's, newest last. `first`: nothing was signed on this screen yet. */
export function arrivalLines(
	arrival: Arrival,
	seen: SeenRecords,
	journal: readonly JournalEntry[],
	first: boolean,
	paint: Paint,
): string[] {
	const { events, timeMs, attempt, status } = arrival
	if (status === null || status >= 300) {
		if (arrival.signed === false)
			return [failureLine({ timeMs, status, what: 'its signature is wrong', nextSeconds: null }, paint)]
		const kind = events[0]?.objectType ?? 'nothing'
		const what = events.length === 1 ? `${kind} ${events[0]?.objectId}` : `${events.length} events of ${kind}`
		return [failureLine({ timeMs, status, what, nextSeconds: STANDARD_RETRY_SECONDS[attempt - 1] ?? null }, paint)]
	}
	const marks = new Map(
		(JSON.parse(arrival.body) as { message: { events: EventMarks[] } }).message.events.map((event) => [
			event.eventId,
			event,
		]),
	)
	return events.map((event, index) => {
		const record = (event.record ?? {}) as Rec
		const mark = marks.get(event.eventId)
		const before = seen.replace(event.objectType, event.objectId, record)
		const detail =
			event.eventType === 'DELETED'
				? mark?.trashed
					? `moved to the trash: ${describeRecord(event.objectType, record)}`
					: 'gone for good'
				: event.eventType === 'CREATED'
					? `${mark?.restored ? 'out of the trash: ' : ''}${describeRecord(event.objectType, record)}`
					: mark?.changedFields === undefined
						? describeRecord(event.objectType, record)
						: describeChange(mark.changedFields, before, record)
		return eventLine(
			{
				timeMs,
				eventType: event.eventType,
				objectType: event.objectType,
				objectId: event.objectId,
				detail,
				lagMs: findLagMs(event, record, journal),
				mark: attempt > 1 ? `✓ delivered at try ${attempt}` : first && index === 0 ? '✓ signed' : '✓',
			},
			paint,
		)
	})
}

/** From the change that an event reports to its arrival; null when the journal does not have it. */
function findLagMs(event: Arrival['events'][number], record: Rec, journal: readonly JournalEntry[]): number | null {
	const resource = COLLECTION_BY_LABEL[event.objectType]
	const hash = event.eventType === 'DELETED' && !event.trashed ? null : contentHash(record)
	const entry = journal.findLast(
		(candidate) =>
			candidate.resource === resource &&
			String(candidate.id) === event.objectId &&
			candidate.hash === hash &&
			candidate.time <= event.timeMs,
	)
	return entry === undefined ? null : event.timeMs - entry.time
}

/** `41 changes, 39 events, 0 missed, 0 duplicated, median lag 2.1 s, 512 shop requests`; what may still be on its way is said, not counted as missed. */
export function totalsLine(stage: DemoStage, waiting: number | null): string {
	const { store, callback, initialObjects: start, t0Ms, baselineEndMs } = stage
	const journal = store.journal()
	const watched = new Set(Object.values(COLLECTION_BY_LABEL))
	const changes = journal.filter((entry) => watched.has(entry.resource) && entry.change !== 'saved-unchanged').length
	const judgement = judge({
		journal,
		start,
		final: snapshotStore(store),
		t0Ms,
		baselineEndMs,
		arrivals: callback.acceptedEvents,
	})
	const now = store.now()
	const lastChange = new Map(journal.map((entry) => [`${entry.resource}/${entry.id}`, entry.time]))
	const missing = new Set(judgement.details.filter(({ kind }) => kind === 'missed').map(({ object }) => object))
	const pendingCount = [...missing].filter(
		(object) => (waiting ?? 1) > 0 || now - (lastChange.get(object) ?? 0) < RECENT_MS,
	).length
	return [
		`${changes} ${changes === 1 ? 'change' : 'changes'}`,
		`${judgement.created + judgement.updated + judgement.deleted} events`,
		...(pendingCount === 0 ? [] : [`${pendingCount} on the way`]),
		`${missing.size - pendingCount} missed`,
		`${judgement.duplicates + judgement.renamed} duplicated`,
		`median lag ${judgement.lagP50Ms === null ? '–' : formatMs(judgement.lagP50Ms)}`,
		`${store.requests.toLocaleString('en-US')} shop requests`,
	].join(', ')
}
