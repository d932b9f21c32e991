/**
 * Sending again: what was queued is released, what was sent is replayed. Both put notifications on one list; each
 * leaves it for the wire, oldest first, when no other notification of its objects is under way or before it on the
 * list, so that objects keep their order. Their new events wait meanwhile (docs/delivery.md, Sending again). Every
 * function here is called inside `core.commit`.
 */
import type { Core } from '../core/core.ts'
import { track, invalidate, getObjectKeys, getUnsettledRows, MAX_UNSETTLED, needsMore } from './unsettled.ts'

/**
 * How much of the list is looked at at a time: what is under way stands at its head, and more than that there is no
 * room for.
 */
const MAX_ITEMS_SCANNED = 500

/** Why notifications are sent again. */
export type ResendKind = 'release' | 'replay'

/**
 * How many unsettled notifications of a subscription there may be when another one is sent again: a replay leaves room
 * for what is new.
 */
const MAX_UNSETTLED_BY_KIND: Readonly<Record<ResendKind, number>> = {
	release: MAX_UNSETTLED,
	replay: MAX_UNSETTLED / 2,
}

/** SQL: what a notification was before it was sent again. */
const PREVIOUS_STATUS_SQL = `CASE WHEN delivered IS NULL THEN 'queued' ELSE 'delivered' END`

/**
 * Begins to send notifications again. `select` is a query of their counters, which are settled all; what is on the list
 * already stays with the resend that put it there. Returns its id.
 */
export function beginResend(core: Core, kind: ResendKind, select: string, ...values: (string | number)[]): number {
	const { sql } = core.ports
	const id = ++core.state.resend
	sql.run(
		`INSERT OR IGNORE INTO resend_items (notification, resend, subscription) SELECT id, ?, (SELECT subscription FROM notifications AS n WHERE n.id = one.id) FROM (${select}) AS one`,
		id,
		...values,
	)
	const total = sql.all<{ n: number }>(`SELECT count(*) AS n FROM resend_items WHERE resend = ?`, id)[0]!.n
	sql.run(
		`INSERT INTO resends (id, kind, total, failed, status, created) VALUES (?, ?, ?, 0, 'running', ?)`,
		id,
		kind,
		total,
		core.ports.now(),
	)
	core.state.resending++
	core.pendingResends = null
	completeIfEmpty(core, id)
	return id
}

/** Releases everything of a subscription that is queued. Returns how many notifications. */
export function releaseQueued(core: Core, subscription: number): number {
	const select = `SELECT id FROM notifications WHERE subscription = ? AND status = 'queued'`
	const queued = core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM (${select})`, subscription)[0]?.n ?? 0
	if (queued > 0) beginResend(core, 'release', select, subscription)
	return queued
}

/** Puts on the wire what can be sent again now. */
export function resendReady(core: Core): void {
	if (core.state.resending === 0) return
	const active = core.ports.sql.all<{ id: number }>(`SELECT id FROM subscriptions WHERE active = 1`)
	for (const { id } of active) if (needsMore(core, id)) resendReadyTo(core, id)
}

function resendReadyTo(core: Core, subscription: number): void {
	const { sql } = core.ports
	const now = core.ports.now()
	const rows = getUnsettledRows(core).filter((row) => row.subscription === subscription)
	const unsettledIds = new Set(rows.map((row) => row.id))
	const busyObjects = new Set(rows.flatMap((row) => getObjectKeys(row.members)))
	const sent: number[] = []
	// Each subscription has its own look: one that takes none must not fill it for the others.
	for (const row of sql.all<{ id: number; resend: number; kind: ResendKind; members: string }>(
		`SELECT n.id, i.resend, r.kind, n.members FROM resend_items i JOIN notifications n ON n.id = i.notification JOIN resends r ON r.id = i.resend WHERE i.subscription = ? ORDER BY i.notification LIMIT ?`,
		subscription,
		MAX_ITEMS_SCANNED,
	)) {
		if (unsettledIds.has(row.id)) continue
		const objects = getObjectKeys(row.members)
		if (
			rows.length + sent.length < MAX_UNSETTLED_BY_KIND[row.kind] &&
			!objects.some((object) => busyObjects.has(object))
		) {
			sent.push(row.id)
			sql.run(
				`UPDATE notifications SET status = 'waiting', delivered = coalesce(delivered, CASE WHEN status = 'delivered' THEN settled END), settled = NULL, due = ?, updated = ?, base = attempt, first_try = NULL, first_failure = NULL, resend = ? WHERE id = ?`,
				now,
				now,
				row.resend,
				row.id,
			)
		}
		for (const object of objects) busyObjects.add(object)
	}
	if (sent.length === 0) return
	track(core, sent)
	invalidate(core)
	core.doorbellRequested = true
}

/** Objects of which something is still to be sent again to a subscription: their new events wait. */
export function getResendingObjects(core: Core, subscription: number): ReadonlyMap<string, number> {
	if (core.state.resending === 0) return NO_OBJECTS
	if (core.pendingResends === null) {
		core.pendingResends = new Map()
		for (const row of core.ports.sql.each<{ subscription: number; members: string }>(
			`SELECT n.subscription, n.members FROM resend_items i JOIN notifications n ON n.id = i.notification`,
		)) {
			const objects = core.pendingResends.get(row.subscription) ?? new Map<string, number>()
			for (const object of getObjectKeys(row.members)) objects.set(object, (objects.get(object) ?? 0) + 1)
			core.pendingResends.set(row.subscription, objects)
		}
	}
	return core.pendingResends.get(subscription) ?? NO_OBJECTS
}

const NO_OBJECTS: ReadonlyMap<string, number> = new Map()

/** A notification that was sent again has settled: it leaves the list. */
export function settleItem(core: Core, notification: number, resend: number, delivered: boolean): void {
	const { sql } = core.ports
	uncountObjects(core, notification)
	sql.run(`DELETE FROM resend_items WHERE notification = ?`, notification)
	if (!delivered) sql.run(`UPDATE resends SET failed = failed + 1 WHERE id = ? AND status = 'running'`, resend)
	completeIfEmpty(core, resend)
}

/** Its objects have one notification less to be sent again. */
function uncountObjects(core: Core, notification: number): void {
	if (core.pendingResends === null) return
	const row = core.ports.sql.all<{ subscription: number; members: string }>(
		`SELECT n.subscription, n.members FROM resend_items i JOIN notifications n ON n.id = i.notification WHERE i.notification = ?`,
		notification,
	)[0]
	const objects = row === undefined ? undefined : core.pendingResends.get(row.subscription)
	if (row === undefined || objects === undefined) {
		// It was pruned, or its subscription removed: looked up anew.
		core.pendingResends = null
		return
	}
	for (const object of getObjectKeys(row.members)) {
		const remaining = (objects.get(object) ?? 1) - 1
		if (remaining === 0) objects.delete(object)
		else objects.set(object, remaining)
	}
}

/** A notification is gone from the log. */
export function deleteItem(core: Core, notification: number): void {
	const { sql } = core.ports
	const item = sql.all<{ resend: number }>(`SELECT resend FROM resend_items WHERE notification = ?`, notification)[0]
	if (item !== undefined) settleItem(core, notification, item.resend, false)
}

/** Why a notification is sent again; null: it was forgotten since. */
export function getResendKind(core: Core, resend: number): ResendKind | null {
	return core.ports.sql.all<{ kind: ResendKind }>(`SELECT kind FROM resends WHERE id = ?`, resend)[0]?.kind ?? null
}

/** A notification was accepted while it waited to be released: there is nothing left to release. */
export function completeRelease(core: Core, notification: number): void {
	if (core.state.resending === 0) return
	const item = core.ports.sql.all<{ resend: number }>(
		`SELECT resend FROM resend_items WHERE notification = ?`,
		notification,
	)[0]
	if (item !== undefined && getResendKind(core, item.resend) === 'release')
		settleItem(core, notification, item.resend, true)
}

/** Whether a notification is still to be sent again: false once its resend was cancelled. */
export function isResendPending(core: Core, notification: number): boolean {
	return core.ports.sql.all(`SELECT resend FROM resend_items WHERE notification = ?`, notification).length > 0
}

/** A notification whose resend was cancelled goes back to what it was. */
export function revertResend(core: Core, notification: number): void {
	const now = core.ports.now()
	core.ports.sql.run(
		`UPDATE notifications SET status = ${PREVIOUS_STATUS_SQL}, settled = ?, lease = NULL, updated = ?, resend = NULL WHERE id = ?`,
		now,
		now,
		notification,
	)
	invalidate(core)
}

/**
 * Stops a resend. What is not on the wire goes back to what it was; an attempt that is under way ends, and is not
 * repeated. False: it runs no more.
 */
export function stopResend(core: Core, resend: number): boolean {
	const { sql } = core.ports
	if (sql.all(`SELECT id FROM resends WHERE id = ? AND status = 'running'`, resend).length === 0) return false
	sql.run(`DELETE FROM resend_items WHERE resend = ?`, resend)
	for (const row of getUnsettledRows(core))
		if (row.resend === resend && row.status !== 'claimed') revertResend(core, row.id)
	getUnsettledRows(core)
	sql.run(`UPDATE resends SET status = 'cancelled', ended = ? WHERE id = ?`, core.ports.now(), resend)
	core.state.resending--
	core.pendingResends = null
	return true
}

/**
 * Everything unsettled of a subscription is settled without being sent: `queued` until it is released, or `dropped`
 * with it.
 */
export function settleUnsent(core: Core, subscription: number, status: 'queued' | 'dropped'): void {
	const { sql } = core.ports
	const now = core.ports.now()
	sql.run(
		`UPDATE notifications SET status = CASE WHEN delivered IS NULL THEN ? ELSE 'delivered' END, settled = ?, lease = NULL, updated = ? WHERE id IN (SELECT value FROM json_each(?)) AND subscription = ? AND settled IS NULL`,
		status,
		now,
		now,
		JSON.stringify(core.state.unsettled),
		subscription,
	)
	invalidate(core)
	getUnsettledRows(core)
}

/** A subscription is gone, and with it what was to be sent to it again. */
export function deleteItems(core: Core, subscription: number): void {
	if (core.state.resending === 0) return
	const { sql } = core.ports
	sql.run(
		`DELETE FROM resend_items WHERE notification IN (SELECT id FROM notifications WHERE subscription = ?)`,
		subscription,
	)
	core.pendingResends = null
	for (const { id } of sql.all<{ id: number }>(`SELECT id FROM resends WHERE status = 'running'`))
		completeIfEmpty(core, id)
}

function completeIfEmpty(core: Core, resend: number): void {
	const { sql } = core.ports
	if (sql.all(`SELECT notification FROM resend_items WHERE resend = ? LIMIT 1`, resend).length > 0) return
	if (sql.all(`SELECT id FROM resends WHERE id = ? AND status = 'running'`, resend).length === 0) return
	sql.run(`UPDATE resends SET status = 'done', ended = ? WHERE id = ?`, core.ports.now(), resend)
	core.state.resending--
}
