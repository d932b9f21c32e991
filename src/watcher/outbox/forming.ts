/**
 * Forming: events become notifications of a subscription as soon as they can be sent in order; the others wait (design, The way of a
 * change, 4). Filters and coalescing act here: what they leave out was not meant for the subscription. Every function here is called
 * inside `core.commit`.
 */
import type { EventType } from '../../events/event.ts'
import { wants } from '../../events/filter.ts'
import { hearsTopic } from '../../events/topics.ts'
import { coalesce, coalescedExtra, form, objectKey, type CoalescedEvent, type WaitingChange } from '../../events/form.ts'
import type { Member, MemberExtra } from '../../events/member.ts'
import { follow, leaveOut, type Candidate, type Carried } from './chaining.ts'
import type { Core } from '../core/core.ts'
import { writeEvent, type NewEvent } from '../log/event-log.ts'
import { insertNotification, place } from './notification-rows.ts'
import { resendingObjects, sendAgain } from './resend.ts'
import { noteRecorded } from '../log/tally.ts'
import { subscriptionsOf } from './subscriptions.ts'
import { enlist, objectsOf, UNSETTLED_LIMIT, unsettledRows, wantsMore } from './unsettled.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import type { ObjectId } from '../../elements/store.ts'

/** How many waiting events are looked at in one go, at most. */
const WAITING_PAGE = 1_000
/** Pages of them that are queued in one go for a subscription that takes none. */
const QUEUED_PAGES = 5
/** SQL: the notification of a subscription that an event was given while it waits. */
const RESERVED = `(SELECT n.id FROM json_each(e.notifications) AS j JOIN notifications AS n ON n.id = j.value WHERE n.subscription = w.subscription)`
/** Where all of a page wait for something, the next one is so many times as large. */
const WIDER = 4

/** Writes new events, each with the notifications that carry it; what cannot be carried yet waits. */
export function putIntoNotifications(core: Core, events: readonly NewEvent[]): void {
	const { sql } = core.ports
	const carriers = new Map<number, number[]>()
	const waiting: { subscription: number; event: NewEvent }[] = []
	for (const subscription of subscriptionsOf(core)) {
		let heard = events.filter((event) => hears(subscription, event.resource))
		if (sql.all(`SELECT sequence FROM waiting WHERE subscription = ? LIMIT 1`, subscription.id).length === 0) {
			const { by, left } = carry(core, subscription, heard.map(candidateOf), new Set())
			for (const [sequence, notification] of by) carriers.set(sequence, [...(carriers.get(sequence) ?? []), notification])
			heard = heard.filter((event) => !by.has(event.sequence) && !left.has(event.sequence))
		}
		for (const event of heard) waiting.push({ subscription: subscription.id, event })
	}
	const atMs = core.stampMs()
	for (const event of events) writeEvent(sql, event, carriers.get(event.sequence) ?? [], atMs)
	noteRecorded(core, events.length, atMs)
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
export function flow(core: Core): void {
	sendAgain(core)
	formWaiting(core)
}

/** Whether events wait to be formed, or notifications to be sent again. */
export function waits(core: Core): boolean {
	return core.state.resending > 0 || core.ports.sql.all(`SELECT sequence FROM waiting LIMIT 1`).length > 0
}

/** Forms notifications of what waits, as far as there is room. */
export function formWaiting(core: Core): void {
	for (const subscription of subscriptionsOf(core)) formWaitingOf(core, subscription)
}

function formWaitingOf(core: Core, subscription: Subscription): void {
	const { sql } = core.ports
	const blocked = new Set<string>()
	// Conditions look into records; nothing else needs them here.
	const record = core.config.delivery.filter.where === null ? 'NULL' : 'e.record'
	const reserved = core.config.storeless ? RESERVED : 'NULL'
	let after = 0
	let size = WAITING_PAGE
	if (subscription.active) {
		if (!wantsMore(core, subscription.id)) return
		const room = UNSETTLED_LIMIT - unsettledOf(core, subscription).length
		if (room <= 0) return
		// Coalescing has to see an object's events together.
		if (!core.config.delivery.coalesce) size = Math.min(WAITING_PAGE, room * core.config.delivery.batch)
	}
	for (let pages = 0; subscription.active || pages < QUEUED_PAGES; pages++) {
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
			`SELECT w.sequence, w.resource, w.object_id, e.object_type, e.type, e.previous, e.previous_event, e.changed, length(e.record) AS size, ${record} AS record, ${reserved} AS reserved FROM waiting w JOIN events e ON e.sequence = w.sequence WHERE w.subscription = ? AND w.sequence > ? ORDER BY w.sequence LIMIT ?`,
			subscription.id,
			after,
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
		const { by, left } = carry(core, subscription, candidates, blocked)
		const known = new Set(candidates.map((one) => one.reserved))
		for (const [sequence, notification] of by)
			if (!known.has(notification))
				sql.run(
					`UPDATE events SET notifications = json_insert(coalesce(notifications, '[]'), '$[#]', ?) WHERE sequence = ?`,
					notification,
					sequence,
				)
		for (const sequence of [...by.keys(), ...left])
			sql.run(`DELETE FROM waiting WHERE subscription = ? AND sequence = ?`, subscription.id, sequence)
		if (by.size > 0 && subscription.active) core.ringWanted = true
		if (rows.length < size || (subscription.active && by.size > 0)) return
		// All of these wait for something: later ones of other objects need not.
		for (const { sequence, object } of candidates) if (!by.has(sequence) && !left.has(sequence)) blocked.add(object)
		after = last.sequence
		size = Math.min(WAITING_PAGE, size * WIDER)
	}
}

function unsettledOf(core: Core, subscription: Subscription): NotificationRow[] {
	return unsettledRows(core).filter((row) => row.subscription === subscription.id)
}

/** Whether a subscription hears of a topic: an instance's hears all of the instance, `instance.*` all that begins so. */
function hears(subscription: Subscription, topic: string): boolean {
	return subscription.topics === null || subscription.topics.some((one) => hearsTopic(one, topic))
}

/** Makes notifications of what can go now, ascending. For a subscription that is not active they are queued at once, in any number. */
function carry(core: Core, subscription: Subscription, candidates: readonly Candidate[], alsoBlocked: ReadonlySet<string>): Carried {
	const { delivery } = core.config
	const blocked = new Set(alsoBlocked)
	let room = Number.POSITIVE_INFINITY
	if (subscription.active) {
		const unsettled = unsettledOf(core, subscription)
		for (const row of unsettled) for (const object of objectsOf(row.members)) blocked.add(object)
		room = Math.max(0, UNSETTLED_LIMIT - unsettled.length)
	}
	const resending = subscription.active ? resendingObjects(core, subscription.id) : new Map<string, number>()
	const free = candidates.filter((one) => !blocked.has(one.object) && !resending.has(one.object))
	const wanted = free.filter((one) => wants(delivery.filter, { eventType: one.type, resource: one.resource, record: one.record }))
	const { kept, cancelled } = delivery.coalesce ? coalesce(wanted) : { kept: wanted.map(itself), cancelled: [] }
	const bySequence = new Map(free.map((one) => [one.sequence, one]))
	// What is queued goes when it is released, in order: of a notice nothing else has to wait for that.
	const formed =
		core.config.storeless && !subscription.active
			? kept.map(({ resource, sequence }) => ({ resource, sequences: [sequence] }))
			: form(kept, blocked, { perNotification: delivery.batch }, room)
	const notifications = formed.map((one) => ({ ...one, id: bySequence.get(one.sequences[0]!)?.reserved ?? ++core.state.notification }))

	const carried: Carried = { by: new Map(), left: new Set(cancelled.flatMap((run) => run.sequences)) }
	const extras = new Map<number, MemberExtra>()
	const keptBySequence = new Map(kept.map((one) => [one.sequence, one]))
	for (const { id, sequences } of notifications) {
		for (const sequence of sequences) {
			const told = keptBySequence.get(sequence)!
			for (const merged of told.sequences) carried.by.set(merged, id)
			const { p: _previous, ...extra } = coalescedExtra(told, bySequence.get(sequence)!)
			extras.set(sequence, extra)
		}
	}
	leaveOut(free, wanted, carried)
	follow(core, subscription, free, carried, extras)
	const now = core.ports.now()
	for (const { id, resource, sequences } of notifications) {
		if (bySequence.get(sequences[0]!)?.reserved === id) {
			place(core, subscription, id, now)
			continue
		}
		const members = sequences.map((sequence): Member => {
			const { resourceNumber, objectId } = bySequence.get(sequence)!
			return [sequence, resourceNumber, objectId, extras.get(sequence)!]
		})
		insertNotification(core, subscription, id, resource, members, now)
	}
	if (subscription.active)
		enlist(
			core,
			notifications.map((one) => one.id),
		)
	return carried
}

function itself(event: WaitingChange): CoalescedEvent {
	return { ...event, since: event.sequence, sequences: [event.sequence] }
}

function candidateOf(event: NewEvent): Candidate {
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
