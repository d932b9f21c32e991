/** The delivery side of an instance: events become notifications, notifications are claimed and settled (design, Ringing). */
import { body, senderAddress, type NotificationInstance } from '../events/notification.ts'
import type { EventSource, EventType, StoredEvent } from '../events/event.ts'
import { form, FORM_LIMITS, objectKey, type WaitingEvent } from '../events/form.ts'
import { notificationId } from '../events/ids.ts'
import { nextTryAt } from '../delivery/schedule.ts'
import type { ObjectId } from '../elements/element.ts'
import type { Core } from './core.ts'
import type { Claim, Outcome } from './rpc.ts'
import type { Sql } from './ports.ts'

/** An event about to be recorded. */
export interface NewEvent extends StoredEvent {
	resourceNumber: number
	/** Log sequence of the object's event before this one. */
	previousEvent: number | null
}

/** A claim is kept for this long; not settled by then, its outcome is unknown and it is due again. */
export const LEASE_MS = 45_000
const FIRST = 1
/** Characters that the bodies of a claim hold together, unless it is a single one: an RPC answer holds 32 MiB, two bytes a character. */
const CLAIM_SIZE = 8_000_000
const WAITING_PAGE = 1_000

interface NotificationRow {
	id: number
	object_type: string
	members: string
	created: number
	context: string
	status: string
	attempt: number
	due: number
	lease: number | null
	first_try: number | null
	first_failure: number | null
	settled: number | null
}

/** The instance's first subscription, as stored. */
export interface Subscription {
	url: string
	active: boolean
	lastSuccessMs: number | null
	failingSinceMs: number | null
	lastStatus: string | null
}

/** Reads the instance's subscription; null: events are kept in the log only. */
export function readSubscription(sql: Sql): Subscription | null {
	const row = sql.all<{
		url: string
		active: number
		last_success: number | null
		failing_since: number | null
		last_status: string | null
	}>(`SELECT url, active, last_success, failing_since, last_status FROM subscriptions WHERE id = ?`, FIRST)[0]
	return row === undefined
		? null
		: {
				url: row.url,
				active: row.active === 1,
				lastSuccessMs: row.last_success,
				failingSinceMs: row.failing_since,
				lastStatus: row.last_status,
			}
}

/** Makes the subscription follow the configured callback. A new URL takes over everything unsettled; `release` sends what was queued again. */
export function followCallback(core: Core, release: boolean): void {
	const { sql } = core.ports
	const url = core.config.callbackUrl
	const now = core.ports.now()
	const present = readSubscription(sql)
	if (url === null) {
		if (present === null) return
		sql.run(`DELETE FROM subscriptions WHERE id = ?`, FIRST)
		sql.run(`DELETE FROM waiting WHERE subscription = ?`, FIRST)
		sql.run(
			`UPDATE notifications SET status = 'dropped', settled = ?, updated = ? WHERE id IN (SELECT value FROM json_each(?)) AND settled IS NULL`,
			now,
			now,
			JSON.stringify(core.state.unsettled),
		)
		core.state.unsettled = []
		return
	}
	const changed = present !== null && present.url !== url
	if (present === null) sql.run(`INSERT INTO subscriptions (id, url, active, created) VALUES (?, ?, 1, ?)`, FIRST, url, now)
	else if (changed || (release && !present.active))
		sql.run(`UPDATE subscriptions SET url = ?, active = 1, failing_since = NULL WHERE id = ?`, url, FIRST)
	if (changed || release) {
		const queued = sql
			.all<{ id: number }>(`SELECT id FROM notifications WHERE subscription = ? AND status = 'queued' ORDER BY id`, FIRST)
			.map((row) => row.id)
		core.state.unsettled = [...new Set([...queued, ...core.state.unsettled])].sort((a, b) => a - b)
		sql.run(
			`UPDATE notifications SET status = 'waiting', settled = NULL, due = ?, updated = ?, first_failure = NULL WHERE id IN (SELECT value FROM json_each(?))`,
			now,
			now,
			JSON.stringify(queued),
		)
		sql.run(
			`UPDATE notifications SET due = ? WHERE id IN (SELECT value FROM json_each(?)) AND due > ? AND settled IS NULL`,
			now,
			JSON.stringify(core.state.unsettled),
			now,
		)
		core.ringWanted = true
	}
	if (changed || release) formWaiting(core)
}

/** Writes new events, each with the notification that carries it; what cannot be carried yet waits. */
export function putIntoNotifications(core: Core, events: readonly NewEvent[]): void {
	const { sql } = core.ports
	const subscription = readSubscription(sql)
	const carried = new Map<number, number>()
	let wait = events
	if (subscription === null) wait = []
	else if (subscription.active && sql.all(`SELECT sequence FROM waiting WHERE subscription = ? LIMIT 1`, FIRST).length === 0) {
		const waiting = events.map((event) => ({
			sequence: event.sequence,
			resource: event.resource,
			object: objectKey(String(event.resourceNumber), event.objectId),
		}))
		const bySequence = new Map(events.map((event) => [event.sequence, event]))
		for (const id of formFrom(core, waiting, new Set(), (sequence) => bySequence.get(sequence)!)) {
			for (const sequence of id.sequences) carried.set(sequence, id.id)
		}
		wait = events.filter((event) => !carried.has(event.sequence))
	}
	for (const event of events) {
		const notification = carried.get(event.sequence)
		sql.run(
			`INSERT INTO events (sequence, tag, resource, object_type, object_id, object_sequence, previous, previous_event, type, date, recorded, source, changed, flags, record, notifications) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			event.sequence,
			event.tag,
			event.resourceNumber,
			event.resource,
			event.objectId,
			event.objectSequence,
			event.previousSequence,
			event.previousEvent,
			event.eventType,
			event.dateMs,
			event.pollDateMs ?? core.ports.now(),
			event.source,
			event.changedFields === null ? null : JSON.stringify(event.changedFields),
			JSON.stringify(event.flags),
			event.record,
			notification === undefined ? null : JSON.stringify([notification]),
		)
	}
	for (const event of wait) {
		sql.run(
			`INSERT INTO waiting (subscription, sequence, resource, object_id) VALUES (?, ?, ?, ?)`,
			FIRST,
			event.sequence,
			event.resourceNumber,
			event.objectId,
		)
	}
	if (wait.length > 0 && subscription?.active === true) formWaiting(core)
}

/** Forms notifications of what waits, as far as there is room. */
export function formWaiting(core: Core): void {
	const { sql } = core.ports
	if (readSubscription(sql)?.active !== true) return
	const blocked = new Set<string>()
	let after = 0
	for (;;) {
		const rows = sql.all<{ sequence: number; resource: number; object_id: ObjectId; object_type: string }>(
			`SELECT w.sequence, w.resource, w.object_id, e.object_type FROM waiting w JOIN events e ON e.sequence = w.sequence WHERE w.subscription = ? AND w.sequence > ? ORDER BY w.sequence LIMIT ?`,
			FIRST,
			after,
			WAITING_PAGE,
		)
		const last = rows.at(-1)
		if (last === undefined) return
		const waiting = rows.map((row) => ({
			sequence: row.sequence,
			resource: row.object_type,
			object: objectKey(String(row.resource), row.object_id),
		}))
		const byId = new Map(rows.map((row) => [row.sequence, { resourceNumber: row.resource, objectId: row.object_id }]))
		const formed = formFrom(core, waiting, blocked, (sequence) => byId.get(sequence)!)
		const taken = new Set<number>()
		for (const { id, sequences } of formed) {
			for (const sequence of sequences) {
				taken.add(sequence)
				sql.run(`UPDATE events SET notifications = json_insert(coalesce(notifications, '[]'), '$[#]', ?) WHERE sequence = ?`, id, sequence)
				sql.run(`DELETE FROM waiting WHERE subscription = ? AND sequence = ?`, FIRST, sequence)
			}
		}
		if (formed.length > 0) core.ringWanted = true
		if (rows.length < WAITING_PAGE || formed.length > 0) return
		// All of these wait for something: later ones of other objects need not.
		for (const event of waiting) blocked.add(event.object)
		after = last.sequence
	}
}

function formFrom(
	core: Core,
	waiting: readonly WaitingEvent[],
	alsoBlocked: ReadonlySet<string>,
	member: (sequence: number) => { resourceNumber: number; objectId: ObjectId },
): { id: number; sequences: number[] }[] {
	const { sql } = core.ports
	const limits = FORM_LIMITS[core.config.vendorType === 'webhook' ? 'webhook' : 'polling']
	const unsettled = unsettledRows(core)
	const blocked = new Set(alsoBlocked)
	for (const row of unsettled) {
		for (const [, resource, id] of JSON.parse(row.members) as [number, number, ObjectId][]) blocked.add(objectKey(String(resource), id))
	}
	const room = Math.max(0, limits.unsettled - unsettled.length)
	const now = core.ports.now()
	return form(waiting, blocked, limits, room).map((formed) => {
		const id = ++core.state.notification
		core.state.unsettled.push(id)
		const members = formed.sequences.map((sequence) => [sequence, member(sequence).resourceNumber, member(sequence).objectId])
		sql.run(
			`INSERT INTO notifications (id, subscription, object_type, members, created, context, status, attempt, due, updated) VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?)`,
			id,
			FIRST,
			formed.resource,
			JSON.stringify(members),
			now,
			JSON.stringify(envelope(core)),
			now,
			now,
		)
		return { id, sequences: formed.sequences }
	})
}

/** What the body says of the instance: fixed when the notification is formed. */
function envelope(core: Core): NotificationInstance {
	const { config } = core
	return {
		instanceId: config.instanceId,
		elementKey: config.elementKey,
		hubKey: core.element.hub,
		organizationId: config.organizationId,
		userId: config.userId,
		name: config.name,
		tags: config.tags,
		sender: senderAddress(core.ports.publicUrl),
	}
}

function unsettledRows(core: Core): NotificationRow[] {
	const { unsettled } = core.state
	if (unsettled.length === 0) return []
	const rows = core.ports.sql.all<NotificationRow>(
		`SELECT id, object_type, members, created, context, status, attempt, due, lease, first_try, first_failure, settled FROM notifications WHERE id IN (SELECT value FROM json_each(?)) AND settled IS NULL ORDER BY id`,
		JSON.stringify(unsettled),
	)
	forgetSettled(core, rows)
	return rows
}

/** The stored list may still name what was settled after it was last written. */
function forgetSettled(core: Core, rows: readonly { id: number }[]): void {
	if (rows.length < core.state.unsettled.length) core.state.unsettled = rows.map((row) => row.id)
}

/** When the earliest unsettled notification is due, or its lease ends; null: none, or they may not be sent. */
export function nextDeliveryMs(core: Core): number | null {
	const { sql } = core.ports
	if (core.state.unsettled.length === 0 || readSubscription(sql)?.active !== true) return null
	const rows = sql.all<{ id: number; next: number }>(
		`SELECT id, coalesce(lease, due) AS next FROM notifications WHERE id IN (SELECT value FROM json_each(?)) AND settled IS NULL ORDER BY id`,
		JSON.stringify(core.state.unsettled),
	)
	forgetSettled(core, rows)
	return rows.length === 0 ? null : Math.min(...rows.map((row) => row.next))
}

/** Claims up to `limit` due notifications, oldest first: an attempt number and a lease for each. */
export function claim(core: Core, limit: number): { claims: Claim[]; more: boolean } {
	const { sql } = core.ports
	const subscription = readSubscription(sql)
	if (subscription === null || !subscription.active || core.state.paused) return { claims: [], more: false }
	const now = core.ports.now()
	const due = unsettledRows(core)
		.filter((row) => (row.lease === null ? row.due <= now : row.lease <= now))
		.sort((a, b) => a.due - b.due || a.id - b.id)
	if (due.length === 0) return { claims: [], more: false }
	const claims = sql.transaction(() => {
		const claimed: Claim[] = []
		let size = 0
		for (const row of due) {
			if (claimed.length >= limit) break
			const text = bodyOf(core, row)
			size += text.length
			if (claimed.length > 0 && size > CLAIM_SIZE) break
			claimed.push(claimOne(core, subscription, row, text, now))
		}
		return claimed
	})
	return { claims, more: due.length > claims.length }
}

function claimOne(core: Core, subscription: Subscription, row: NotificationRow, text: string, now: number): Claim {
	const { sql } = core.ports
	if (row.lease !== null)
		keepAttempt(sql, row.id, row.attempt, {
			delivered: false,
			status: null,
			error: 'unknown',
			retryAfterMs: null,
			durationMs: LEASE_MS,
			startedMs: row.lease - LEASE_MS,
			body: '',
		})
	const attempt = row.attempt + 1
	const lease = now + LEASE_MS
	sql.run(
		`UPDATE notifications SET attempt = ?, lease = ?, first_try = coalesce(first_try, ?), status = 'claimed', updated = ? WHERE id = ?`,
		attempt,
		lease,
		now,
		now,
		row.id,
	)
	return {
		notificationId: notificationId(core.config.instanceId, row.id),
		attempt,
		leaseUntilMs: lease,
		url: subscription.url,
		body: text,
		configuration: core.config.configuration,
		signature: core.config.signature,
	}
}

/** The bytes of a notification, from stored rows alone. */
function bodyOf(core: Core, row: NotificationRow): string {
	const members = JSON.parse(row.members) as [number, number, ObjectId][]
	const events = readEvents(
		core.ports.sql,
		members.map(([sequence]) => sequence),
	)
	const context = JSON.parse(row.context) as NotificationInstance
	return body({ id: notificationId(context.instanceId, row.id), createdMs: row.created, resource: row.object_type }, events, context)
}

interface EventRecord {
	sequence: number
	tag: number
	object_type: string
	object_id: ObjectId
	object_sequence: number
	previous: number | null
	type: EventType
	date: number
	recorded: number
	source: EventSource
	changed: string | null
	flags: string
	record: string | null
}

/** Reads events by sequence, in the order given. */
export function readEvents(sql: Sql, sequences: readonly number[]): StoredEvent[] {
	const rows = sql.all<EventRecord>(
		`SELECT sequence, tag, object_type, object_id, object_sequence, previous, type, date, recorded, source, changed, flags, record FROM events WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
		JSON.stringify(sequences),
	)
	return rows.map(storedEvent)
}

/** A row of the log as an event. */
export function storedEvent(row: EventRecord): StoredEvent {
	return {
		sequence: row.sequence,
		tag: row.tag,
		resource: row.object_type,
		objectId: row.object_id,
		objectSequence: row.object_sequence,
		previousSequence: row.previous,
		eventType: row.type,
		dateMs: row.date,
		pollDateMs: row.source === 'webhook' ? null : row.recorded,
		source: row.source,
		changedFields: row.changed === null ? null : (JSON.parse(row.changed) as string[]),
		flags: JSON.parse(row.flags) as StoredEvent['flags'],
		record: row.record,
	}
}

/** Settles an attempt. Delivered is a fact, from any attempt, at any time; a failure counts only with the current attempt number. */
export function settle(core: Core, counter: number, attempt: number, outcome: Outcome): void {
	const { notification, counters } = core.state
	const { dead } = counters
	// That it is settled stands in its row: the state that only forgets it may wait for the next commit.
	core.commit(
		() => settleOne(core, counter, attempt, outcome),
		() => core.state.notification !== notification || core.state.counters.dead !== dead,
	)
}

function settleOne(core: Core, counter: number, attempt: number, outcome: Outcome): void {
	const { sql } = core.ports
	const row = sql.all<NotificationRow>(
		`SELECT id, object_type, members, created, context, status, attempt, due, lease, first_try, first_failure, settled FROM notifications WHERE id = ?`,
		counter,
	)[0]
	if (row === undefined || row.status === 'delivered') return
	const now = core.ports.now()
	keepAttempt(sql, row.id, attempt, outcome)
	const kept = JSON.stringify(outcome)
	if (outcome.delivered) {
		sql.run(
			`UPDATE notifications SET status = 'delivered', settled = ?, lease = NULL, updated = ?, outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`,
			now,
			now,
			attempt,
			kept,
			row.id,
		)
		leave(core, row.id)
		const subscription = readSubscription(sql)
		if (subscription?.failingSinceMs !== null)
			sql.run(`UPDATE subscriptions SET failing_since = NULL, last_success = ?, last_status = NULL WHERE id = ?`, now, FIRST)
	} else if (row.settled === null && attempt === row.attempt) {
		failed(core, row, outcome, now, kept)
	}
	formWaiting(core)
}

function failed(core: Core, row: NotificationRow, outcome: Outcome, now: number, kept: string): void {
	const { sql } = core.ports
	const firstFailure = row.first_failure ?? now
	const next =
		outcome.status === 410
			? null
			: nextTryAt({
					schedule: 'standard',
					attempt: row.attempt,
					firstFailureMs: firstFailure,
					nowMs: now,
					retryAfterMs: outcome.retryAfterMs,
					random: core.ports.random(),
				})
	sql.run(
		`UPDATE subscriptions SET failing_since = coalesce(failing_since, ?), last_status = ? WHERE id = ?`,
		now,
		outcome.error ?? String(outcome.status),
		FIRST,
	)
	if (next !== null) {
		sql.run(
			`UPDATE notifications SET status = 'retry', due = ?, lease = NULL, first_failure = ?, updated = ?, outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`,
			next,
			firstFailure,
			now,
			row.attempt,
			kept,
			row.id,
		)
		return
	}
	const since = row.first_try ?? row.created
	const succeeded =
		outcome.status !== 410 &&
		((readSubscription(sql)?.lastSuccessMs ?? 0) > since ||
			sql.all(`SELECT id FROM notifications WHERE subscription = ? AND status = 'delivered' AND settled > ? LIMIT 1`, FIRST, since).length >
				0)
	sql.run(
		`UPDATE notifications SET status = 'queued', settled = ?, lease = NULL, first_failure = ?, updated = ?, outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`,
		now,
		firstFailure,
		now,
		row.attempt,
		kept,
		row.id,
	)
	leave(core, row.id)
	core.state.counters.dead++
	// No success since this notification's first try: not the notification is dead, the subscription is.
	if (!succeeded) sql.run(`UPDATE subscriptions SET active = 0 WHERE id = ?`, FIRST)
}

/** A notification is settled: nothing is due for it any more. */
function leave(core: Core, id: number): void {
	core.state.unsettled = core.state.unsettled.filter((one) => one !== id)
}

/** One row an attempt from the second on; the first one's outcome stands on its notification. */
function keepAttempt(sql: Sql, id: number, number: number, outcome: Outcome): void {
	if (number < 2) return
	sql.run(
		`INSERT OR REPLACE INTO attempts (notification, number, started, outcome) VALUES (?, ?, ?, ?)`,
		id,
		number,
		outcome.startedMs,
		JSON.stringify(outcome),
	)
}

/** How many events wait for delivery; of those in no notification at most 10 001 are counted. */
export function backlog(core: Core): number {
	const { sql } = core.ports
	const waiting =
		sql.all<{ n: number }>(`SELECT count(*) AS n FROM (SELECT 1 FROM waiting WHERE subscription = ? LIMIT 10001)`, FIRST)[0]?.n ?? 0
	return waiting + unsettledRows(core).reduce((sum, row) => sum + (JSON.parse(row.members) as unknown[]).length, 0)
}
