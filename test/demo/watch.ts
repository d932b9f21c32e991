/** Follows what arrives at the demo's callback: a line for each event, and in the end one line of totals. */
import { STANDARD_STEPS } from '../../src/delivery/schedule.ts'
import { judge, RESOURCES } from '../support/oracle.ts'
import { contentHash } from '../store/content.ts'
import type { JournalEntry, Rec } from '../store/types.ts'
import type { Arrival } from './callback.ts'
import { describe, describeChange, eventLine, failureLine, seconds, type Paint } from './screen.ts'
import { snapshot, type Stage } from './stage.ts'

/** What is younger than this when the demo ends may still be on its way, ms: a re-read's pace and its confirmations. */
const FRESH_MS = 40_000

/** Objects by resource and id, as the receiver last saw them. */
export class Seen {
	readonly #records = new Map<string, Rec>()

	constructor(records: Iterable<readonly [string, Rec]> = []) {
		for (const [key, record] of records) this.#records.set(key, record)
	}

	/** The record as it was before; keeps the new one. */
	swap(resource: string, id: string, record: Rec): Rec | undefined {
		const key = `${resource}/${id}`
		const before = this.#records.get(key)
		this.#records.set(key, record)
		return before
	}
}

/** The event's keys beyond those that the judge takes. */
interface Marks {
	eventId: string
	changedFields?: string[]
	trashed?: boolean
	restored?: boolean
}

/** The lines that an arrival makes. `journal`: the store's, newest last. `first`: nothing was signed on this screen yet. */
export function arrivalLines(arrival: Arrival, seen: Seen, journal: readonly JournalEntry[], first: boolean, paint: Paint): string[] {
	const { events, timeMs, attempt, status } = arrival
	if (status === null || status >= 300) {
		if (arrival.signed === false) return [failureLine({ timeMs, status, what: 'its signature is wrong', nextSeconds: null }, paint)]
		const kind = events[0]?.objectType ?? 'nothing'
		const what = events.length === 1 ? `${kind} ${events[0]?.objectId}` : `${events.length} events of ${kind}`
		return [failureLine({ timeMs, status, what, nextSeconds: STANDARD_STEPS[attempt - 1] ?? null }, paint)]
	}
	const marks = new Map((JSON.parse(arrival.body) as { message: { events: Marks[] } }).message.events.map((one) => [one.eventId, one]))
	return events.map((event, index) => {
		const record = (event.record ?? {}) as Rec
		const mark = marks.get(event.eventId)
		const before = seen.swap(event.objectType, event.objectId, record)
		const detail =
			event.eventType === 'DELETED'
				? mark?.trashed
					? `moved to the trash: ${describe(event.objectType, record)}`
					: 'gone for good'
				: event.eventType === 'CREATED'
					? `${mark?.restored ? 'out of the trash: ' : ''}${describe(event.objectType, record)}`
					: mark?.changedFields === undefined
						? describe(event.objectType, record)
						: describeChange(mark.changedFields, before, record)
		return eventLine(
			{
				timeMs,
				eventType: event.eventType,
				objectType: event.objectType,
				objectId: event.objectId,
				detail,
				lagMs: lagOf(event, record, journal),
				mark: attempt > 1 ? `✓ delivered at try ${attempt}` : first && index === 0 ? '✓ signed' : '✓',
			},
			paint,
		)
	})
}

/** From the change that an event tells to its arrival; null when the journal does not have it. */
function lagOf(event: Arrival['events'][number], record: Rec, journal: readonly JournalEntry[]): number | null {
	const resource = RESOURCES[event.objectType]
	const hash = event.eventType === 'DELETED' && !event.trashed ? null : contentHash(record)
	const entry = journal.findLast(
		(one) => one.resource === resource && String(one.id) === event.objectId && one.hash === hash && one.time <= event.timeMs,
	)
	return entry === undefined ? null : event.timeMs - entry.time
}

/** `41 changes, 39 rang, 0 missed, 0 doubled, median lag 2.1 s, 512 shop requests`; what may still be on its way is said, not counted as missed. */
export function totalsLine(stage: Stage, waiting: number | null): string {
	const { store, callback, start, t0Ms, baselineEndMs } = stage
	const journal = store.journal()
	const watched = new Set(Object.values(RESOURCES))
	const changes = journal.filter((entry) => watched.has(entry.resource) && entry.change !== 'saved-unchanged').length
	const judgement = judge({ journal, start, final: snapshot(store), t0Ms, baselineEndMs, arrivals: callback.deliveries })
	const now = store.now()
	const lastChange = new Map(journal.map((entry) => [`${entry.resource}/${entry.id}`, entry.time]))
	const missing = new Set(judgement.details.filter(({ kind }) => kind === 'missed').map(({ object }) => object))
	const onTheWay = [...missing].filter((object) => (waiting ?? 1) > 0 || now - (lastChange.get(object) ?? 0) < FRESH_MS).length
	return [
		`${changes} ${changes === 1 ? 'change' : 'changes'}`,
		`${judgement.created + judgement.updated + judgement.deleted} rang`,
		...(onTheWay === 0 ? [] : [`${onTheWay} on the way`]),
		`${missing.size - onTheWay} missed`,
		`${judgement.duplicates + judgement.renamed} doubled`,
		`median lag ${judgement.lagP50Ms === null ? '–' : seconds(judgement.lagP50Ms)}`,
		`${store.requests.toLocaleString('en-US')} shop requests`,
	].join(', ')
}
