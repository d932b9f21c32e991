/**
 * Forming: events become notifications of a subscription as soon as they can be sent in order; the others wait
 * (docs/architecture.md, From change to notification). Filters and coalescing apply here: events that they leave out
 * are never sent to the subscription.
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
import { getObjectKeys, type NotificationRow, type Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import { writeEvent, type NewEvent } from '../log/event-log.ts'
import { insertNotification } from './notification-rows.ts'
import { resendReady } from './resend.ts'
import { countRecorded } from '../log/tally.ts'
import { MAX_UNSETTLED, getUnsettledRows, needsMore } from './unsettled.ts'
import type { ObjectId } from '../../elements/store.ts'

/** Maximum number of waiting events that are examined at a time. */
const WAITING_PAGE_SIZE = 1_000
/** Pages of waiting events that are queued at a time for a deactivated subscription. */
const MAX_QUEUED_PAGES = 5
/** SQL: the notification of a subscription that an event got while it waits. */
const RESERVED_ID_SQL = `(SELECT n.id FROM json_each(e.notifications) AS j JOIN notifications AS n ON n.id = j.value
	WHERE n.subscription = w.subscription)`
/** Factor by which pages grow while all of a page must wait. */
const PAGE_GROWTH_FACTOR = 4

/** Writes new events, each with the notifications that carry it. Events that cannot be sent in order yet wait. */
export function appendEvents(tx: Tx, core: Core, events: readonly NewEvent[]): void {
	const { sql } = core.ports
	const notificationIds = new Map<number, number[]>()
	const waiting: { subscription: number; event: NewEvent }[] = []
	for (const subscription of core.subscriptions.getAll()) {
		let subscribed = events.filter((event) => isSubscribed(subscription, event.resource))
		if (sql.all(`SELECT sequence FROM waiting WHERE subscription = ? LIMIT 1`, subscription.id).length === 0) {
			const { assigned, omitted } = assign(tx, core, subscription, subscribed.map(toCandidate), new Set())
			for (const [sequence, notification] of assigned)
				notificationIds.set(sequence, [...(notificationIds.get(sequence) ?? []), notification])
			subscribed = subscribed.filter((event) => !assigned.has(event.sequence) && !omitted.has(event.sequence))
		}
		for (const event of subscribed) waiting.push({ subscription: subscription.id, event })
	}
	const atMs = core.nextLogTimeMs(tx)
	for (const event of events) writeEvent(tx, core, event, notificationIds.get(event.sequence) ?? [], atMs)
	countRecorded(tx, core, events.length, atMs)
	for (const { subscription, event } of waiting) {
		sql.run(
			`INSERT INTO waiting (subscription, sequence, resource, object_id) VALUES (?, ?, ?, ?)`,
			subscription,
			event.sequence,
			event.resourceNumber,
			event.objectId,
		)
	}
	if (waiting.length > 0) formWaiting(tx, core)
}

/** Sends everything that can be sent now: resends first, then waiting events. */
export function drainWaiting(tx: Tx, core: Core): void {
	resendReady(tx, core)
	formWaiting(tx, core)
}

/** Whether events wait to be formed, or notifications to be sent again. */
export function hasWaiting(core: Core): boolean {
	return core.state.resending > 0 || core.ports.sql.all(`SELECT sequence FROM waiting LIMIT 1`).length > 0
}

/** Forms notifications of waiting events, as far as there is room. */
function formWaiting(tx: Tx, core: Core): void {
	for (const subscription of core.subscriptions.getAll()) formWaitingFor(tx, core, subscription)
}

function formWaitingFor(tx: Tx, core: Core, subscription: Subscription): void {
	let size = getFirstPageSize(core, subscription)
	const blocked = new Set<string>()
	let afterSequence = 0
	for (let pages = 0; size > 0 && (subscription.active || pages < MAX_QUEUED_PAGES); pages++) {
		const candidates = readWaiting(core, subscription, afterSequence, size)
		const last = candidates.at(-1)
		if (last === undefined) return
		const assignment = assign(tx, core, subscription, candidates, blocked)
		removeWaiting(tx, core, subscription, candidates, assignment)
		const { assigned, omitted } = assignment
		if (assigned.size > 0 && subscription.active) core.doorbellRequested = true
		if (candidates.length < size || (subscription.active && assigned.size > 0)) return
		// All of these must wait; later events of other objects may not have to.
		for (const { sequence, object } of candidates)
			if (!assigned.has(sequence) && !omitted.has(sequence)) blocked.add(object)
		afterSequence = last.sequence
		size = Math.min(WAITING_PAGE_SIZE, size * PAGE_GROWTH_FACTOR)
	}
}

/** Number of waiting events to read first; 0: the subscription has enough to send, or no room. */
function getFirstPageSize(core: Core, subscription: Subscription): number {
	if (!subscription.active) return WAITING_PAGE_SIZE
	if (!needsMore(core, subscription.id)) return 0
	const room = Math.max(0, MAX_UNSETTLED - getUnsettledFor(core, subscription).length)
	// Coalescing needs all waiting events of an object together.
	if (core.config.delivery.coalesce) return room === 0 ? 0 : WAITING_PAGE_SIZE
	return Math.min(WAITING_PAGE_SIZE, room * core.config.delivery.batch)
}

interface WaitingRow {
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
}

/** Waiting events of a subscription, ascending. */
function readWaiting(core: Core, subscription: Subscription, afterSequence: number, limit: number): Candidate[] {
	// Only conditions need the records here.
	const recordSql = core.config.delivery.filter.where === null ? 'NULL' : 'e.record'
	const reservedSql = core.kind.takesNotices ? RESERVED_ID_SQL : 'NULL'
	const rows = core.ports.sql.all<WaitingRow>(
		`SELECT w.sequence, w.resource, w.object_id, e.object_type, e.type, e.previous, e.previous_event, e.changed,
			length(e.record) AS size, ${recordSql} AS record, ${reservedSql} AS reserved
		FROM waiting w JOIN events e ON e.sequence = w.sequence
		WHERE w.subscription = ? AND w.sequence > ? ORDER BY w.sequence LIMIT ?`,
		subscription.id,
		afterSequence,
		limit,
	)
	return rows.map((row) => ({
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
}

/** Records in the log which notifications carry assigned events; assigned and omitted events no longer wait. */
function removeWaiting(
	_tx: Tx,
	core: Core,
	subscription: Subscription,
	candidates: readonly Candidate[],
	{ assigned, omitted }: Assignment,
): void {
	const { sql } = core.ports
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
}

function getUnsettledFor(core: Core, subscription: Subscription): NotificationRow[] {
	return getUnsettledRows(core).filter((row) => row.subscription === subscription.id)
}

/**
 * Whether a subscription receives a topic: an instance's receives all; `instance.*` receives all that begin with
 * `instance.`.
 */
function isSubscribed(subscription: Subscription, topic: string): boolean {
	return subscription.topics === null || subscription.topics.some((wanted) => topicMatches(wanted, topic))
}

/** A notification to create, with its events. */
interface FormedNotification {
	id: number
	resource: string
	sequences: number[]
	/** Its row exists already: it got an id while it waited. */
	reserved: boolean
}

/** The result for candidates: notifications, and the overrides of their members by sequence. */
interface Formation {
	notifications: FormedNotification[]
	assignment: Assignment
	overrides: Map<number, MemberOverrides>
}

/**
 * Creates notifications of the events that can be sent, ascending. For a deactivated subscription they are queued
 * immediately, in any number.
 */
function assign(
	tx: Tx,
	core: Core,
	subscription: Subscription,
	candidates: readonly Candidate[],
	alreadyBlocked: ReadonlySet<string>,
): Assignment {
	const blocked = new Set(alreadyBlocked)
	const unsettled = subscription.active ? getUnsettledFor(core, subscription) : []
	for (const row of unsettled) for (const object of getObjectKeys(row.members)) blocked.add(object)
	const resending = subscription.active ? core.resends.getObjects(subscription.id) : new Map<string, number>()
	const eligible = candidates.filter((candidate) => !blocked.has(candidate.object) && !resending.has(candidate.object))
	const room = subscription.active ? Math.max(0, MAX_UNSETTLED - unsettled.length) : Number.POSITIVE_INFINITY
	const { notifications, assignment, overrides } = form(core, subscription, eligible, blocked, room)
	linkPrevious(tx, core, subscription, eligible, assignment, overrides)
	const bySequence = new Map(eligible.map((candidate) => [candidate.sequence, candidate]))
	for (const { id, resource, sequences, reserved } of notifications) {
		if (reserved) {
			core.notifications.enqueue(tx, id, subscription.active ? 'waiting' : 'queued')
			continue
		}
		const members = sequences.map((sequence): NotificationMember => {
			const { resourceNumber, objectId } = bySequence.get(sequence)!
			return [sequence, resourceNumber, objectId, overrides.get(sequence)!]
		})
		insertNotification(tx, core, subscription, id, resource, members)
	}
	if (subscription.active)
		core.notifications.track(
			tx,
			notifications.map((notification) => notification.id),
		)
	return assignment
}

/** Decides which notifications eligible candidates form, and numbers them. Writes nothing. */
function form(
	core: Core,
	subscription: Subscription,
	eligible: readonly Candidate[],
	blocked: ReadonlySet<string>,
	room: number,
): Formation {
	const { delivery } = core.config
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
	// Queued notices are sent in order when they are released, so nothing else has to wait for them.
	const formed =
		core.kind.takesNotices && !subscription.active
			? kept.map(({ resource, sequence }) => ({ resource, sequences: [sequence] }))
			: formNotifications(kept, blocked, { perNotification: delivery.batch }, room)
	const bySequence = new Map(eligible.map((candidate) => [candidate.sequence, candidate]))
	const keptBySequence = new Map(kept.map((event) => [event.sequence, event]))
	const assignment: Assignment = { assigned: new Map(), omitted: new Set(cancelled.flatMap((run) => run.sequences)) }
	const overrides = new Map<number, MemberOverrides>()
	const notifications: FormedNotification[] = []
	for (const { resource, sequences } of formed) {
		const reservedId = bySequence.get(sequences[0]!)?.reserved ?? null
		const id = reservedId ?? ++core.state.notification
		notifications.push({ id, resource, sequences: [...sequences], reserved: reservedId !== null })
		for (const sequence of sequences) {
			const coalesced = keptBySequence.get(sequence)!
			for (const mergedSequence of coalesced.sequences) assignment.assigned.set(mergedSequence, id)
			const { p: _previous, ...extra } = toMemberOverrides(coalesced, bySequence.get(sequence)!)
			overrides.set(sequence, extra)
		}
	}
	dropFiltered(eligible, matching, assignment)
	return { notifications, assignment, overrides }
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
