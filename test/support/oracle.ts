/**
 * The judge: holds what a callback received against what happened in the store.
 * It knows nothing of how Shopbell works: only the store's journal, two states of the store, and the arrivals.
 */
import { contentHash } from '../store/content.ts'
import type { JournalEntry, Rec } from '../store/types.ts'

/** An object as the store has it at one moment. `hash`: `contentHash` of its record; `status`: null where it has none. */
export interface StoreObject {
	resource: string
	id: number
	hash: string
	status: string | null
}

/** One `events[i]` of an accepted arrival. */
export interface ReceivedEvent {
	eventId: string
	objectType: string
	objectId: string
	eventType: 'CREATED' | 'UPDATED' | 'DELETED'
	objectSequence: number
	/** Names of what changed, where the callback was told; a product's may be of its variations alone. */
	changedFields?: readonly string[] | null
	/** The mark `trashed`: its record is that of the object in the trash. */
	trashed?: boolean
	/** The mark `backfill`: what was there at T0 is sent once. */
	backfill?: boolean
	/** The record beside it in `raw`; null when it was sent thin. */
	record: unknown
	/** When it arrived, epoch ms, on the store's clock. */
	timeMs: number
}

/** The judge's input. Times epoch ms on the store's clock. */
export interface JudgeInput {
	journal: readonly JournalEntry[]
	/** The store before anything in the journal after `startNumber` happened. */
	start: readonly StoreObject[]
	/** The last journal entry that `start` includes; 0 by default. */
	startNumber?: number
	/** The store when it was quiet. */
	final: readonly StoreObject[]
	/** When the instance was created (the store's clock as its Date header said). */
	t0Ms: number
	/** When the baseline was complete. */
	baselineEndMs: number
	/** In the order of arrival. */
	arrivals: readonly ReceivedEvent[]
	/** Label → the store's collection; others are not watched. */
	resources?: Readonly<Record<string, string>>
	/** Whole completed polls: what existed, or was gone, throughout one must have been sent. */
	polls?: readonly { startMs: number; endMs: number }[]
}

/** What is wrong with one object. */
export interface Finding {
	kind: 'missed' | 'duplicate' | 'invented' | 'renamed' | 'disordered'
	/** `orders/12`. */
	object: string
	eventId: string | null
	note: string
}

/** The judgement. The first five are 0 where all is well; repeats are no error. */
export interface Judgement {
	missed: number
	duplicates: number
	invented: number
	renamed: number
	disordered: number
	/** Later arrivals of event ids that had arrived. */
	repeats: number
	/** From the change in the store to its first arrival; null when nothing arrived. */
	lagP50Ms: number | null
	lagP99Ms: number | null
	/** First arrivals by type. */
	created: number
	updated: number
	deleted: number
	details: Finding[]
}

/** The default resources by their labels, and the names that documents give them. */
export const COLLECTION_BY_LABEL: Readonly<Record<string, string>> = {
	orders: 'orders',
	products: 'products',
	coupons: 'coupons',
	discounts: 'coupons',
	customers: 'customers',
	contacts: 'customers',
}

type LifecycleState = 'live' | 'hidden' | 'unlisted' | 'trashed' | 'gone'

/** What an object was from a moment on. */
interface HistoryEntry {
	state: LifecycleState
	hash: string | null
	timeMs: number
	/** Its stamp moved on the way here. */
	stampMoved: boolean
	/** Nothing changed on the way here. */
	unchanged: boolean
}

/** What a receiver believes of an object: from the start, or from an event. */
interface ReceiverView {
	present: boolean
	/** null: an event without record, which may be any state. */
	hash: string | null
	fromEvent: boolean
}

/** Judges. Throws when journal and final state contradict each other: then the harness is wrong, and no judgement would mean anything. */
export function judge(input: JudgeInput): Judgement {
	const resources = input.resources ?? COLLECTION_BY_LABEL
	const watched = new Set(Object.values(resources))
	const histories = buildHistories(input, watched)
	const findings: Finding[] = []
	const lags: number[] = []
	const { firsts, repeats } = firstArrivals(input.arrivals)
	const byObject = new Map<string, ReceivedEvent[]>()
	for (const event of firsts) {
		const object = `${resources[event.objectType] ?? `(${event.objectType})`}/${event.objectId}`
		const list = byObject.get(object)
		if (list === undefined) byObject.set(object, [event])
		else list.push(event)
	}
	for (const object of new Set([...histories.keys(), ...byObject.keys()])) {
		const addFinding = (kind: Finding['kind'], note: string, event?: ReceivedEvent): void =>
			void findings.push({ kind, object, eventId: event?.eventId ?? null, note })
		const history = histories.get(object)
		const events = byObject.get(object) ?? []
		if (history === undefined) {
			for (const event of events)
				addFinding('invented', 'there never was such an object, or its resource is not watched', event)
			continue
		}
		judgeOrder(events, addFinding)
		judgeObject(
			history,
			events.filter((event) => !isOfVariations(event)).toSorted((a, b) => a.objectSequence - b.objectSequence),
			input,
			addFinding,
			lags,
		)
	}
	const count = (kind: Finding['kind']): number => findings.filter((finding) => finding.kind === kind).length
	const countByType = (type: ReceivedEvent['eventType']): number =>
		firsts.filter((event) => event.eventType === type).length
	lags.sort((a, b) => a - b)
	return {
		missed: count('missed'),
		duplicates: count('duplicate'),
		invented: count('invented'),
		renamed: count('renamed'),
		disordered: count('disordered'),
		repeats,
		lagP50Ms: percentile(lags, 0.5),
		lagP99Ms: percentile(lags, 0.99),
		created: countByType('CREATED'),
		updated: countByType('UPDATED'),
		deleted: countByType('DELETED'),
		details: findings,
	}
}

/** Whether it tells of a product's variations alone: the product itself stays as it was. */
function isOfVariations({ eventType, changedFields }: ReceivedEvent): boolean {
	return (
		eventType === 'UPDATED' &&
		(changedFields?.length ?? 0) > 0 &&
		changedFields!.every((name) => /^variations\.\d+(\.|$)/.test(name))
	)
}

/** Received is the first arrival of each event id; later ones are repeats. */
function firstArrivals(arrivals: readonly ReceivedEvent[]): { firsts: ReceivedEvent[]; repeats: number } {
	const firsts = new Map<string, ReceivedEvent>()
	for (const event of arrivals) if (!firsts.has(event.eventId)) firsts.set(event.eventId, event)
	return { firsts: [...firsts.values()], repeats: arrivals.length - firsts.size }
}

/** Order of arrival and names: ascending `objectSequence`, one id for each. */
function judgeOrder(
	events: readonly ReceivedEvent[],
	addFinding: (kind: Finding['kind'], note: string, event?: ReceivedEvent) => void,
): void {
	let highest = Number.NEGATIVE_INFINITY
	const ids = new Map<number, string>()
	for (const event of events) {
		const other = ids.get(event.objectSequence)
		if (other !== undefined) addFinding('renamed', `objectSequence ${event.objectSequence} came as ${other} too`, event)
		else if (event.objectSequence < highest)
			addFinding('disordered', `objectSequence ${event.objectSequence} came after ${highest}`, event)
		ids.set(event.objectSequence, event.eventId)
		highest = Math.max(highest, event.objectSequence)
	}
}

/** Folds an object's events over what it was at T0, each against the object's history, and compares the end with the store. */
function judgeObject(
	history: readonly HistoryEntry[],
	events: readonly ReceivedEvent[],
	input: JudgeInput,
	addFinding: (kind: Finding['kind'], note: string, event?: ReceivedEvent) => void,
	lags: number[],
): void {
	const present = computePresence(history)
	let view: ReceiverView = { present: present[0]!, hash: history[0]!.hash, fromEvent: false }
	/** Where in the history the last event stands. */
	let position = 0
	const hashes = new Map(
		events.map((event) => [event, event.record === null ? null : contentHash(event.record as Rec)]),
	)

	for (const event of events) {
		const hash = hashes.get(event) ?? null
		const creates = event.eventType !== 'DELETED'
		const unchangedCounts = (moment: HistoryEntry): boolean =>
			moment.timeMs <= input.baselineEndMs && moment.stampMoved && !view.fromEvent
		const matches = (moment: HistoryEntry, index: number): boolean =>
			eventMatches(event, hash, moment, present[index]!) && (!creates || !moment.unchanged || unchangedCounts(moment))
		// Nothing but a backfill tells the first moment, so a later one with the same content is meant.
		const laterMatch = history.findIndex((moment, index) => index >= Math.max(position, 1) && matches(moment, index))
		const found = laterMatch >= 0 ? laterMatch : history.findIndex(matches)
		const next: ReceiverView = { present: creates, hash: creates ? hash : null, fromEvent: true }

		if (view.fromEvent && view.present === next.present && (!creates || (hash !== null && view.hash === hash))) {
			addFinding('duplicate', `${event.eventType} tells the same state again`, event)
		} else if (found < 0) {
			addFinding(
				'invented',
				creates
					? 'the object never had this content, or never in a way that emits an event'
					: 'the object was never deleted, or not with this content',
				event,
			)
		} else {
			const contradiction = contradictionReason(event, view, history, present, found, input)
			if (contradiction !== null) addFinding('invented', contradiction, event)
		}
		if (found > 0) lags.push(event.timeMs - history[found]!.timeMs)
		position = Math.max(position, found)
		view = next
	}
	const reason = missingReason(view, history, present, input)
	if (reason !== null) addFinding('missed', reason)
	const undelivered = countUndeliveredSpells(
		history,
		present,
		events,
		(event, index) => eventMatches(event, hashes.get(event) ?? null, history[index]!, present[index]!),
		input,
	)
	for (let i = 0; i < undelivered; i++)
		addFinding('missed', 'it was there, or gone, across a whole poll without CREATED or DELETED')
}

/** Whether an event can tell of this moment: by what it says the object is, and by the content that came with it. */
function eventMatches(event: ReceivedEvent, hash: string | null, moment: HistoryEntry, present: boolean): boolean {
	if (event.eventType !== 'DELETED')
		return (present || moment.state === 'unlisted') && (hash === null || moment.hash === hash)
	return (
		!present &&
		(moment.state === 'trashed' || moment.state === 'gone') &&
		(!event.trashed || hash === null || moment.hash === hash)
	)
}

/** Why an event's type contradicts the object's history; null when it does not. `found`: the moment that the event tells. */
function contradictionReason(
	event: ReceivedEvent,
	view: ReceiverView,
	history: readonly HistoryEntry[],
	present: readonly boolean[],
	found: number,
	input: JudgeInput,
): string | null {
	if (event.backfill && !view.fromEvent && view.present) return null
	// Up to its arrival: the content that it tells may have been there before, too.
	const wasDuringBaseline = (from: boolean): boolean =>
		history.some(
			(moment, index) =>
				index > 0 && moment.timeMs <= event.timeMs && present[index] === from && moment.timeMs <= input.baselineEndMs,
		)
	if (event.eventType === 'DELETED') return view.present ? null : 'DELETED of an object that was not there'
	if (event.eventType === 'CREATED') {
		// What went before the baseline met it was never known: back again, it is new.
		const unlistedEarly = history.some(
			(moment, index) =>
				index > 0 &&
				moment.timeMs <= event.timeMs &&
				moment.state === 'unlisted' &&
				moment.timeMs <= input.baselineEndMs,
		)
		return !view.present || (!view.fromEvent && (wasDuringBaseline(false) || unlistedEarly))
			? null
			: 'CREATED of an object that was there'
	}
	if (!view.present) {
		// What came back during the baseline is UPDATED: its id and its created date are old, its stamp is new.
		const wasBefore = !view.fromEvent && history[0]!.state !== 'gone'
		return wasBefore && wasDuringBaseline(true) ? null : 'UPDATED of an object that was not there'
	}
	return !view.fromEvent && found === 0 ? 'UPDATED to what it was at T0' : null
}

/** Why the belief in the end is not what the store has; null when it is. */
function missingReason(
	view: ReceiverView,
	history: readonly HistoryEntry[],
	present: readonly boolean[],
	input: JudgeInput,
): string | null {
	const end = history.length - 1
	const last = history[end]!
	if (last.state === 'unlisted') return unlistedMissingReason(view, history, present[end]!, input)
	if (!present[end]) {
		if (!view.present) return null
		const leftIndex = history.findIndex(
			(moment, index) => index > 0 && (!present[index] || moment.state === 'unlisted'),
		)
		// Gone, or off the list, before the baseline could have met it.
		if (!view.fromEvent && leftIndex > 0 && history[leftIndex]!.timeMs <= input.baselineEndMs) return null
		return `it is ${last.state}, the receiver believes it is there`
	}
	if (!view.present) return 'it is there, the receiver does not know it'
	if (view.hash === null && view.fromEvent) return null
	const acceptableHashes = view.fromEvent ? [view.hash] : baselineHashes(history, input)
	return acceptableHashes.includes(last.hash)
		? null
		: view.fromEvent
			? 'its last change was not sent'
			: 'no change of it was sent'
}

/**
 * What is no longer listed is looked at when it leaves; what happens to it afterwards nobody sees. What was never listed across a whole
 * poll, or left before the baseline could have met it, emits nothing.
 */
function unlistedMissingReason(
	view: ReceiverView,
	history: readonly HistoryEntry[],
	known: boolean,
	input: JudgeInput,
): string | null {
	const lastListed = history.findLastIndex((moment) => moment.state !== 'unlisted')
	const leftMs = history[lastListed + 1]?.timeMs ?? Number.NEGATIVE_INFINITY
	if (!view.present) {
		const lastGone = history.findLastIndex((moment) => moment.state === 'trashed' || moment.state === 'gone')
		const seen = history.some(
			(moment, index) =>
				index > lastGone &&
				moment.state === 'live' &&
				input.polls?.some(
					(poll) =>
						poll.startMs >= moment.timeMs && poll.endMs <= (history[index + 1]?.timeMs ?? Number.POSITIVE_INFINITY),
				),
		)
		return known && (input.polls === undefined || seen) ? 'it exists unlisted, the receiver does not know it' : null
	}
	if (view.hash === null && view.fromEvent) return null
	if (!view.fromEvent && leftMs <= input.baselineEndMs) return null
	// Off the list before the baseline met it and never on it again, whatever else became of it.
	const first = history.findIndex((moment, index) => index > 0 && moment.state === 'unlisted')
	const listedAgain = history.slice(first).some((moment) => moment.state === 'live')
	if (!view.fromEvent && first > 0 && history[first]!.timeMs <= input.baselineEndMs && !listedAgain) return null
	// Away while the baseline passed, and never back across a whole poll: nobody met it.
	const lastAway = history.findLastIndex(
		(moment, index) => index > 0 && index <= lastListed && (moment.state === 'trashed' || moment.state === 'gone'),
	)
	const backMs = history[lastAway + 1]?.timeMs ?? Number.NEGATIVE_INFINITY
	const wasPolled =
		input.polls === undefined || input.polls.some((poll) => poll.startMs >= backMs && poll.endMs <= leftMs)
	if (!view.fromEvent && lastAway > 0 && history[lastAway]!.timeMs <= input.baselineEndMs && !wasPolled) return null
	// Old stores show no status: one that leaves with the content it is known by has not changed, and only changed content emits an event then.
	const acceptableHashes = view.fromEvent ? [view.hash] : baselineHashes(history, input)
	return history.slice(lastListed + 1).some((moment) => acceptableHashes.includes(moment.hash))
		? null
		: 'that it is no longer listed was not sent'
}

/** The states that the baseline may have found without an event: that of T0, and what edits without a stamp made of it until the baseline's end. */
function baselineHashes(history: readonly HistoryEntry[], input: JudgeInput): (string | null)[] {
	const hashes = [history[0]!.hash]
	for (const moment of history.slice(1)) {
		if (moment.timeMs > input.baselineEndMs || moment.stampMoved || moment.state !== history[0]!.state) break
		hashes.push(moment.hash)
	}
	return hashes
}

/**
 * How many spells of being there, or of being gone, outlasted a whole poll against what the receiver believed, and were never sent.
 * The last spell is judged by the fold.
 *
 * An event may tell of several spells with the same content. The receiver's side is taken: of all ways to give the events to the spells
 * in order, the one that leaves the fewest unsent counts.
 *
 * @param fits whether an event can tell of a moment
 */
function countUndeliveredSpells(
	history: readonly HistoryEntry[],
	present: readonly boolean[],
	events: readonly ReceivedEvent[],
	fits: (event: ReceivedEvent, index: number) => boolean,
	input: JudgeInput,
): number {
	const spells: { from: number; to: number }[] = []
	history.forEach((_, index) => {
		const last = spells.at(-1)
		if (last !== undefined && present[last.from] === present[index]) last.to = index
		else spells.push({ from: index, to: index })
	})
	const matching = events.filter((event) => history.some((_, index) => fits(event, index)))
	/** Least unsent spells so far, by how many events were given away. */
	let fewestUndelivered = [0, ...matching.map(() => Number.POSITIVE_INFINITY)]
	for (const [number, { from, to }] of spells.entries()) {
		const next = matching.map(() => Number.POSITIVE_INFINITY)
		next.push(Number.POSITIVE_INFINITY)
		const isRequired = number > 0 && number < spells.length - 1 && spansWholePoll(history, present, from, to, input)
		for (let used = 0; used <= matching.length; used++) {
			const believedPresent = used === 0 ? present[0] : matching[used - 1]!.eventType !== 'DELETED'
			const undelivered =
				isRequired &&
				(present[from] || wasKnownPresent(history, present, from, input)) &&
				believedPresent !== present[from]
					? 1
					: 0
			next[used] = Math.min(next[used]!, fewestUndelivered[used]! + undelivered)
			for (let upTo = used; upTo < matching.length && eventFitsSpell(matching[upTo]!, from, to, fits); upTo++)
				next[upTo + 1] = Math.min(next[upTo + 1]!, fewestUndelivered[used]!)
		}
		fewestUndelivered = next
	}
	return Math.min(...fewestUndelivered)
}

/**
 * Whether somebody could know that an object is there when it goes at `index`: at the last moment before that lasted a whole poll, or that the
 * baseline met, it was there and listed. What was never met, and what is known as unlisted, goes unseen.
 */
function wasKnownPresent(
	history: readonly HistoryEntry[],
	present: readonly boolean[],
	index: number,
	input: JudgeInput,
): boolean {
	for (let at = index - 1; at >= 0; at--) {
		const fromMs = history[at]!.timeMs
		const toMs = history[at + 1]!.timeMs
		const indexed = fromMs <= input.baselineEndMs && toMs > input.baselineEndMs
		const polled =
			input.polls?.some((poll) => poll.startMs >= Math.max(fromMs, input.baselineEndMs) && poll.endMs <= toMs) ?? false
		if (indexed || polled) return present[at]! && history[at]!.state !== 'unlisted'
	}
	return false
}

function eventFitsSpell(
	event: ReceivedEvent,
	from: number,
	to: number,
	fits: (event: ReceivedEvent, index: number) => boolean,
): boolean {
	for (let index = from; index <= to; index++) if (fits(event, index)) return true
	return false
}

/** Whether a whole poll after the baseline lies within a spell. Hidden is not gone: what was never live has no DELETED. */
function spansWholePoll(
	history: readonly HistoryEntry[],
	present: readonly boolean[],
	from: number,
	to: number,
	input: JudgeInput,
): boolean {
	if (!present[from] && !history.slice(from, to + 1).some(({ state }) => state === 'trashed' || state === 'gone'))
		return false
	const within = (startMs: number, endMs: number): boolean =>
		input.polls?.some((poll) => poll.startMs >= Math.max(startMs, input.baselineEndMs) && poll.endMs <= endMs) ?? false
	if (!present[from]) return within(history[from]!.timeMs, history[to + 1]!.timeMs)
	// There, but not listed, no poll shows it.
	for (let at = from; at <= to; at++)
		if (history[at]!.state === 'live' && within(history[at]!.timeMs, history[at + 1]!.timeMs)) return true
	return false
}

/** Whether a receiver should believe the object is there: hidden ones are no thing before they have been live; unlisted ones neither. */
function computePresence(history: readonly HistoryEntry[]): boolean[] {
	let known = false
	return history.map((moment) => {
		if (moment.state === 'live') known = true
		else if (moment.state === 'trashed' || moment.state === 'gone') known = false
		return known
	})
}

/** Every watched object's moments: what it was at T0, then one for each entry. */
function buildHistories(input: JudgeInput, watched: ReadonlySet<string>): Map<string, HistoryEntry[]> {
	const histories = new Map<string, HistoryEntry[]>()
	for (const object of input.start) {
		if (!watched.has(object.resource)) continue
		const state = toLifecycleState(object.resource, object.status)
		histories.set(`${object.resource}/${object.id}`, [
			{ state, hash: object.hash, timeMs: Number.NEGATIVE_INFINITY, stampMoved: false, unchanged: false },
		])
	}
	// Stamps are whole seconds, and so is T0.
	const t0Ms = Math.floor(input.t0Ms / 1000) * 1000
	for (const entry of input.journal) {
		if (entry.number <= (input.startNumber ?? 0) || !watched.has(entry.resource)) continue
		const key = `${entry.resource}/${entry.id}`
		const moments = histories.get(key) ?? [
			{ state: 'gone', hash: null, timeMs: Number.NEGATIVE_INFINITY, stampMoved: false, unchanged: false } as const,
		]
		const state = entry.hash === null ? 'gone' : toLifecycleState(entry.resource, entry.status)
		const before = moments.at(-1)!
		const moment: HistoryEntry = {
			state,
			hash: entry.hash,
			timeMs: entry.time,
			stampMoved: entry.stampMoved,
			unchanged: before.state === state && before.hash === entry.hash,
		}
		histories.set(
			key,
			entry.time < t0Ms
				? [{ ...moment, timeMs: Number.NEGATIVE_INFINITY, stampMoved: false, unchanged: false }]
				: [...moments, moment],
		)
	}
	const final = new Map(input.final.map((object) => [`${object.resource}/${object.id}`, object]))
	for (const [key, moments] of histories) {
		if ((final.get(key)?.hash ?? null) !== moments.at(-1)!.hash)
			throw new Error(`journal and final state contradict each other about ${key}`)
	}
	for (const [key, object] of final) {
		if (watched.has(object.resource) && !histories.has(key))
			throw new Error(`the final state has ${key}, which neither the start nor the journal knows`)
	}
	return histories
}

/** What a status means (what the default list of each collection leaves out). */
function toLifecycleState(resource: string, status: string | null): LifecycleState {
	if (status === 'trash') return 'trashed'
	if (status === 'auto-draft') return 'hidden'
	if (resource === 'orders') return status === 'checkout-draft' || status === 'draft' ? 'hidden' : 'live'
	if (resource === 'coupons')
		return status === null || status === 'publish' || status === 'private' ? 'live' : 'unlisted'
	return 'live'
}

function percentile(sorted: readonly number[], share: number): number | null {
	return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!
}
