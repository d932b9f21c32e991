/**
 * Forming: events become notifications of a subscription as soon as they can be sent in order; the others wait (design, The way of a
 * change, 4). Filters and coalescing act here: what they leave out was not meant for the subscription. Every function here is called
 * inside `core.commit`.
 */
import type { EventType } from '../events/event.ts'
import { wants } from '../events/filter.ts'
import { hearsTopic } from '../events/topics.ts'
import { coalesce, coalescedExtra, form, objectKey, type CoalescedEvent, type WaitingChange } from '../events/form.ts'
import { formatMembers, type Member, type MemberExtra } from '../events/member.ts'
import { senderAddress, type NotificationInstance } from '../events/notification.ts'
import type { ObjectId } from '../elements/element.ts'
import type { Core } from './core.ts'
import { writeEvent, type NewEvent } from './event-log.ts'
import { resendingObjects, sendAgain } from './resend.ts'
import { subscriptionsOf, type Subscription } from './subscriptions.ts'
import { enlist, forgetRows, objectsOf, unsettledRows, UNSETTLED_LIMIT, wantsMore, type NotificationRow } from './unsettled.ts'

/** How many waiting events are looked at in one go, at most. */
const WAITING_PAGE = 1_000
/** Pages of them that are queued in one go for a subscription that takes none. */
const QUEUED_PAGES = 5
/** No subscription has this number: what was posted and nobody hears. */
const NOBODY = 0
/** SQL: the notification of a subscription that an event was given while it waits. */
const RESERVED = `(SELECT n.id FROM json_each(e.notifications) AS j JOIN notifications AS n ON n.id = j.value WHERE n.subscription = w.subscription)`
/** Where all of a page wait for something, the next one is so many times as large. */
const WIDER = 4

/** An event that may become part of a notification. */
interface Candidate extends WaitingChange {
	resourceNumber: number
	objectId: ObjectId
	/** Place in the log of the object's event before it. */
	previousEvent: number | null
	/** null also where no condition asks for it. */
	record: string | null
	/** The notification that tells of it has its id already (`reserve`). */
	reserved: number | null
}

/** What became of candidates. */
interface Carried {
	/** Sequence → the notification that tells of it. */
	by: Map<number, number>
	/** Told by no notification, and not to be looked at again: filtered, or cancelled out. */
	left: Set<number>
}

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
	const now = core.ports.now()
	for (const event of events) writeEvent(sql, event, carriers.get(event.sequence) ?? [], now)
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

/** What the filter does not want is left out, unless an earlier event of its object still waits: `previousSequence` is counted in order. */
function leaveOut(free: readonly Candidate[], wanted: readonly Candidate[], carried: Carried): void {
	const want = new Set(wanted)
	const stuck = new Set<string>()
	for (const one of free) {
		if (carried.by.has(one.sequence) || carried.left.has(one.sequence)) continue
		if (want.has(one)) stuck.add(one.object)
		else if (!stuck.has(one.object)) carried.left.add(one.sequence)
	}
}

/**
 * Works out `previousSequence`: the object's last event that was meant for this subscription, so that a gap is only what differs from it.
 * Where events were left out, the next one follows what they followed.
 */
function follow(
	core: Core,
	subscription: Subscription,
	free: readonly Candidate[],
	carried: Carried,
	extras: ReadonlyMap<number, MemberExtra>,
): void {
	const { sql } = core.ports
	const skipped = new Map<string, { previous: number | null } | null>()
	const before = new Map<string, { previous: number | null } | null>()
	const last = new Map<string, Candidate>()
	for (const one of free) {
		const { sequence, object } = one
		if (!carried.by.has(sequence) && !carried.left.has(sequence)) continue
		last.set(object, one)
		if (!skipped.has(object)) {
			const row = core.state.skips
				? (sql.all<{ previous: number | null }>(
						`SELECT previous FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`,
						subscription.id,
						one.resourceNumber,
						one.objectId,
					)[0] ?? null)
				: null
			skipped.set(object, row)
			before.set(object, row)
		}
		const own = one.previousEvent !== null && one.previousEvent <= subscription.since ? null : one.previousSequence
		const left = skipped.get(object) ?? null
		const previous = left === null ? own : left.previous
		const extra = extras.get(sequence)
		if (extra === undefined) skipped.set(object, { previous })
		else {
			if (previous !== one.previousSequence) extra.p = previous
			skipped.set(object, null)
		}
	}
	for (const [object, now] of skipped) {
		const was = before.get(object) ?? null
		if (was?.previous === now?.previous && (was === null) === (now === null)) continue
		const { resourceNumber, objectId } = last.get(object)!
		if (now === null)
			sql.run(`DELETE FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`, subscription.id, resourceNumber, objectId)
		else {
			core.state.skips = true
			sql.run(
				`INSERT OR REPLACE INTO skipped (subscription, resource, object_id, previous) VALUES (?, ?, ?, ?)`,
				subscription.id,
				resourceNumber,
				objectId,
				now.previous,
			)
		}
	}
}

/** Writes a notification's row: to be sent at once, or queued for a subscription that takes none. */
export function insertNotification(
	core: Core,
	subscription: Subscription,
	id: number,
	resource: string,
	members: readonly Member[],
	now: number,
): void {
	const row = write(core, subscription.id, id, resource, members, subscription.active ? 'waiting' : 'queued', now)
	// Counted up: the newest is the last.
	if (subscription.active) core.unsettled?.push(row)
}

/**
 * Gives an event that was posted its notifications now, whoever can hear of it yet: whoever posted it is told an id. What waits for its turn
 * has one that is put on the wire later; what nobody hears has one that was never sent. Returns the first one's counter.
 */
export function reserve(core: Core, event: NewEvent): number {
	const { sql } = core.ports
	const now = core.ports.now()
	const { sequence, resource, resourceNumber, objectId } = event
	const stored = sql.all<{ notifications: string | null }>(`SELECT notifications FROM events WHERE sequence = ?`, sequence)[0]
	const ids = JSON.parse(stored?.notifications ?? '[]') as number[]
	const waiting = sql.all<{ subscription: number }>(
		`SELECT subscription FROM waiting WHERE subscription IN (SELECT id FROM subscriptions) AND sequence = ?`,
		sequence,
	)
	const members: Member[] = [[sequence, resourceNumber, objectId]]
	const make = (subscription: number, status: 'waiting' | 'dropped'): void => {
		const id = ++core.state.notification
		write(core, subscription, id, resource, members, status, now)
		ids.push(id)
	}
	for (const { subscription } of waiting) make(subscription, 'waiting')
	if (ids.length === 0) make(NOBODY, 'dropped')
	sql.run(`UPDATE events SET notifications = ? WHERE sequence = ?`, JSON.stringify(ids), sequence)
	return Math.min(...ids)
}

/** A notification that has its id and has waited for its turn: to be sent now, or queued. */
function place(core: Core, subscription: Subscription, id: number, now: number): void {
	core.ports.sql.run(
		`UPDATE notifications SET status = ?, due = ?, settled = ?, updated = ? WHERE id = ?`,
		subscription.active ? 'waiting' : 'queued',
		now,
		subscription.active ? null : now,
		now,
		id,
	)
	forgetRows(core)
}

function write(
	core: Core,
	subscription: number,
	id: number,
	resource: string,
	members: readonly Member[],
	status: 'waiting' | 'queued' | 'dropped',
	now: number,
): NotificationRow {
	const row: NotificationRow = {
		id,
		subscription,
		object_type: resource,
		members: formatMembers(members),
		created: now,
		context: JSON.stringify(envelope(core)),
		status,
		attempt: 0,
		base: 0,
		due: now,
		lease: null,
		first_try: null,
		first_failure: null,
		settled: status === 'waiting' ? null : now,
		delivered: null,
		resend: null,
	}
	core.ports.sql.run(
		`INSERT INTO notifications (id, subscription, object_type, members, created, context, status, attempt, due, settled, updated) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
		id,
		row.subscription,
		row.object_type,
		row.members,
		now,
		row.context,
		row.status,
		now,
		row.settled,
		now,
	)
	return row
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

/** What the body says of the instance: fixed when the notification is formed. */
function envelope(core: Core): NotificationInstance {
	const { config } = core
	return {
		instanceId: config.instanceId,
		elementKey: config.elementKey,
		hubKey: config.storeless ? '' : core.element.hub,
		organizationId: config.organizationId,
		userId: config.userId,
		name: config.name,
		tags: config.tags,
		sender: senderAddress(core.ports.publicUrl),
		...(config.delivery.mode === 'thin' ? { mode: 'thin' } : {}),
		publicUrl: core.ports.publicUrl,
		...(config.storeless ? { notice: true } : {}),
	}
}
