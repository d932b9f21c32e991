/**
 * Forming: events become notifications of a subscription as soon as they can be sent in order; the others wait
 * (docs/architecture.md, The way of a change). Filters and coalescing act here: what they leave out was not meant for
 * the subscription. Every function here is called inside `core.commit`.
 */
import type { EventType } from '../../events/event.ts'
import { matchesFilter } from '../../events/filter.ts'
import { topicMatches } from '../../events/topics.ts'
import {
	coalesce,
	toMemberOverrides,
	formNotifications,
	objectKey,
	type CoalescedEvent,
	type WaitingChange,
} from '../../events/batching.ts'
import type { NotificationMember, MemberOverrides } from '../../events/notification-members.ts'
import { linkPrevious, dropFiltered, type Candidate, type Assignment } from './chaining.ts'
import type { Core } from '../core/core.ts'
import { writeEvent, type NewEvent } from '../log/event-log.ts'
import { insertNotification, enqueueReserved } from './notification-rows.ts'
import { getResendingObjects, resendReady } from './resend.ts'
import { countRecorded } from '../log/tally.ts'
import { getSubscriptions } from './subscriptions.ts'
import { track, getObjectKeys, MAX_UNSETTLED, getUnsettledRows, needsMore } from './unsettled.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import type { ObjectId } from '../../elements/store.ts'

/** How many waiting events are looked at in one go, at most. */
const WAITING_PAGE_SIZE = 1_000
/** Pages of them that are queued in one go for a subscription that takes none. */
const MAX_QUEUED_PAGES = 5
/** SQL: the notification of a subscription that an event was given while it waits. */
const RESERVED_ID_SQL = `(SELECT n.id FROM json_each(e.notifications) AS j JOIN notifications AS n ON n.id = j.value WHERE n.subscription = w.subscription)`
/** Where all of a page wait for something, the next one is so many times as large. */
const PAGE_GROWTH_FACTOR = 4

/** Writes new events, each with the notifications that carry it; what cannot be carried yet waits. */
export function appendEvents(core: Core, events: readonly NewEvent[]): void {
	const { sql } = core.ports
	const notificationIds = new Map<number, number[]>()
	const waiting: { subscription: number; event: NewEvent }[] = []
	for (const subscription of getSubscriptions(core)) {
		let subscribed = events.filter((event) => isSubscribed(subscription, event.resource))
		if (sql.all(`SELECT sequence FROM waiting WHERE subscription = ? LIMIT 1`, subscription.id).length === 0) {
			const { assigned, omitted } = assign(core, subscription, subscribed.map(toCandidate), new Set())
			for (const [sequence, notification] of assigned)
				notificationIds.set(sequence, [...(notificationIds.get(sequence) ?? []), notification])
			subscribed = subscribed.filter((event) => !assigned.has(event.sequence) && !omitted.has(event.sequence))
		}
		for (const event of subscribed) waiting.push({ subscription: subscription.id, event })
	}
	const atMs = core.nextLogTimeMs()
	for (const event of events) writeEvent(sql, event, notificationIds.get(event.sequence) ?? [], atMs)
	countRecorded(core, events.length, atMs)
	for (const { subscription, event } of waiting) {
		sql.run(
			`INSERT INTO waiting (subscription, sequence, resource, object_id) VALUES (?, ?, ?, ?)`,
			subscription,
			event.sequence,
			event.resourceNumber,
			event.objectId,
		)
	}
	if (waiting.length > 0) formWaiting(core)
}

/** Everything that can go now: what is to be sent again, then what waits. */
export function drainWaiting(core: Core): void {
	resendReady(core)
	formWaiting(core)
}

/** Whether events wait to be formed, or notifications to be sent again. */
export function hasWaiting(core: Core): boolean {
	return core.state.resending > 0 || core.ports.sql.all(`SELECT sequence FROM waiting LIMIT 1`).length > 0
}

/** Forms notifications of what waits, as far as there is room. */
export function formWaiting(core: Core): void {
	for (const subscription of getSubscriptions(core)) formWaitingFor(core, subscription)
}

function formWaitingFor(core: Core, subscription: Subscription): void {
	const { sql } = core.ports
	const blocked = new Set<string>()
	// Conditions look into records; nothing else needs them here.
	const recordSql = core.config.delivery.filter.where === null ? 'NULL' : 'e.record'
	const reservedSql = core.kind.takesNotices ? RESERVED_ID_SQL : 'NULL'
	let afterSequence = 0
	let size = WAITING_PAGE_SIZE
	if (subscription.active) {
		if (!needsMore(core, subscription.id)) return
		const room = MAX_UNSETTLED - getUnsettledFor(core, subscription).length
		if (room <= 0) return
		// Coalescing has to see an object's events together.
		if (!core.config.delivery.coalesce) size = Math.min(WAITING_PAGE_SIZE, room * core.config.delivery.batch)
	}
	for (let pages = 0; subscription.active || pages < MAX_QUEUED_PAGES; pages++) {
		const rows = sql.all<{
			sequence: number
			resource: number
			object_id: ObjectId
			object_type: string
			type: EventType
			previous: number | null
			previous_event: number | null
			changed: string | null
			size: number | null
			record: string | null
			reserved: number | null
		}>(
			`SELECT w.sequence, w.resource, w.object_id, e.object_type, e.type, e.previous, e.previous_event, e.changed, length(e.record) AS size, ${recordSql} AS record, ${reservedSql} AS reserved FROM waiting w JOIN events e ON e.sequence = w.sequence WHERE w.subscription = ? AND w.sequence > ? ORDER BY w.sequence LIMIT ?`,
			subscription.id,
			afterSequence,
			size,
		)
		const last = rows.at(-1)
		if (last === undefined) return
		const candidates = rows.map((row) => ({
			sequence: row.sequence,
			resource: row.object_type,
			resourceNumber: row.resource,
			objectId: row.object_id,
			object: objectKey(String(row.resource), row.object_id),
			type: row.type,
			previousSequence: row.previous,
			previousEvent: row.previous_event,
			changedFields: row.changed === null ? null : (JSON.parse(row.changed) as string[]),
			size: row.size ?? 0,
			record: row.record,
			reserved: row.reserved,
		}))
		const { assigned, omitted } = assign(core, subscription, candidates, blocked)
		const reservedIds = new Set(candidates.map((candidate) => candidate.reserved))
		for (const [sequence, notification] of assigned)
			if (!reservedIds.has(notification))
				sql.run(
					`UPDATE events SET notifications = json_insert(coalesce(notifications, '[]'), '$[#]', ?) WHERE sequence = ?`,
					notification,
					sequence,
				)
		for (const sequence of [...assigned.keys(), ...omitted])
			sql.run(`DELETE FROM waiting WHERE subscription = ? AND sequence = ?`, subscription.id, sequence)
		if (assigned.size > 0 && subscription.active) core.doorbellRequested = true
		if (rows.length < size || (subscription.active && assigned.size > 0)) return
		// All of these wait for something: later ones of other objects need not.
		for (const { sequence, object } of candidates)
			if (!assigned.has(sequence) && !omitted.has(sequence)) blocked.add(object)
		afterSequence = last.sequence
		size = Math.min(WAITING_PAGE_SIZE, size * PAGE_GROWTH_FACTOR)
	}
}

function getUnsettledFor(core: Core, subscription: Subscription): NotificationRow[] {
	return getUnsettledRows(core).filter((row) => row.subscription === subscription.id)
}

/**
 * Whether a subscription hears of a topic: an instance's hears all of the instance, `instance.*` all that begins so.
 */
function isSubscribed(subscription: Subscription, topic: string): boolean {
	return subscription.topics === null || subscription.topics.some((wanted) => topicMatches(wanted, topic))
}

/**
 * Makes notifications of what can go now, ascending. For a subscription that is not active they are queued at once, in
 * any number.
 */
function assign(
	core: Core,
	subscription: Subscription,
	candidates: readonly Candidate[],
	alreadyBlocked: ReadonlySet<string>,
): Assignment {
	const { delivery } = core.config
	const blocked = new Set(alreadyBlocked)
	let room = Number.POSITIVE_INFINITY
	if (subscription.active) {
		const unsettled = getUnsettledFor(core, subscription)
		for (const row of unsettled) for (const object of getObjectKeys(row.members)) blocked.add(object)
		room = Math.max(0, MAX_UNSETTLED - unsettled.length)
	}
	const resending = subscription.active ? getResendingObjects(core, subscription.id) : new Map<string, number>()
	const eligible = candidates.filter((candidate) => !blocked.has(candidate.object) && !resending.has(candidate.object))
	const matching = eligible.filter((candidate) =>
		matchesFilter(delivery.filter, {
			eventType: candidate.type,
			resource: candidate.resource,
			record: candidate.record,
		}),
	)
	const { kept, cancelled } = delivery.coalesce
		? coalesce(matching)
		: { kept: matching.map(asCoalesced), cancelled: [] }
	const bySequence = new Map(eligible.map((candidate) => [candidate.sequence, candidate]))
	// What is queued goes when it is released, in order: of a notice nothing else has to wait for that.
	const formed =
		core.kind.takesNotices && !subscription.active
			? kept.map(({ resource, sequence }) => ({ resource, sequences: [sequence] }))
			: formNotifications(kept, blocked, { perNotification: delivery.batch }, room)
	const notifications = formed.map((notification) => ({
		...notification,
		id: bySequence.get(notification.sequences[0]!)?.reserved ?? ++core.state.notification,
	}))

	const assignment: Assignment = { assigned: new Map(), omitted: new Set(cancelled.flatMap((run) => run.sequences)) }
	const extras = new Map<number, MemberOverrides>()
	const keptBySequence = new Map(kept.map((event) => [event.sequence, event]))
	for (const { id, sequences } of notifications) {
		for (const sequence of sequences) {
			const coalesced = keptBySequence.get(sequence)!
			for (const mergedSequence of coalesced.sequences) assignment.assigned.set(mergedSequence, id)
			const { p: _previous, ...extra } = toMemberOverrides(coalesced, bySequence.get(sequence)!)
			extras.set(sequence, extra)
		}
	}
	dropFiltered(eligible, matching, assignment)
	linkPrevious(core, subscription, eligible, assignment, extras)
	const now = core.ports.now()
	for (const { id, resource, sequences } of notifications) {
		if (bySequence.get(sequences[0]!)?.reserved === id) {
			enqueueReserved(core, subscription, id, now)
			continue
		}
		const members = sequences.map((sequence): NotificationMember => {
			const { resourceNumber, objectId } = bySequence.get(sequence)!
			return [sequence, resourceNumber, objectId, extras.get(sequence)!]
		})
		insertNotification(core, subscription, id, resource, members, now)
	}
	if (subscription.active)
		track(
			core,
			notifications.map((notification) => notification.id),
		)
	return assignment
}

function asCoalesced(event: WaitingChange): CoalescedEvent {
	return { ...event, since: event.sequence, sequences: [event.sequence] }
}

function toCandidate(event: NewEvent): Candidate {
	return {
		sequence: event.sequence,
		resource: event.resource,
		resourceNumber: event.resourceNumber,
		objectId: event.objectId,
		object: objectKey(String(event.resourceNumber), event.objectId),
		type: event.eventType,
		previousSequence: event.previousSequence,
		previousEvent: event.previousEvent,
		changedFields: event.changedFields,
		size: event.record?.length ?? 0,
		record: event.record,
		reserved: null,
	}
}
