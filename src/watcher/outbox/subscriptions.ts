/**
 * Where an object's notifications go: rows that follow the configuration, are deactivated when a callback is dead and woken when it is
 * released (design, Ringing). Row 1 is the instance's callback.
 */
import type { Core } from '../core/core.ts'
import { forgetItems, release, settleUnsent } from './resend.ts'
import { forgetQueued, noteSettled } from '../core/settled.ts'
import type { Sql } from '../core/ports.ts'
import { forgetRows } from './unsettled.ts'
import type { Subscription } from '../core/rows.ts'

/** The instance's callback is the first subscription. */
export const CALLBACK = 1

interface Row {
	id: number
	number: number | null
	url: string
	topics: string | null
	active: number
	reason: string | null
	since: number
	guarded: number
	parked: number | null
	last_success: number | null
	failing_since: number | null
	last_status: string | null
	created: number
}

/** All subscriptions, the callback first. */
export function readSubscriptions(sql: Sql): Subscription[] {
	return sql
		.all<Row>(
			`SELECT id, number, url, topics, active, reason, since, guarded, parked, last_success, failing_since, last_status, created FROM subscriptions ORDER BY id`,
		)
		.map((row) => ({
			id: row.id,
			number: row.number,
			url: row.url,
			topics: row.topics === null ? null : (JSON.parse(row.topics) as string[]),
			active: row.active === 1,
			reason: row.reason,
			since: row.since,
			guarded: row.guarded === 1,
			parkedMs: row.parked,
			lastSuccessMs: row.last_success,
			failingSinceMs: row.failing_since,
			lastStatus: row.last_status,
			createdMs: row.created,
		}))
}

/** The same, looked up once. */
export function subscriptionsOf(core: Core): readonly Subscription[] {
	core.subscriptions ??= readSubscriptions(core.ports.sql)
	return core.subscriptions
}

/** The instance's callback; null: its events are kept in the log only, or go to further subscriptions. */
export function readCallback(sql: Sql): Subscription | null {
	return readSubscriptions(sql).find((one) => one.id === CALLBACK) ?? null
}

/**
 * Makes the rows what the configuration says. A new URL takes over everything unsettled; `released` sends again what was queued. Call it
 * inside `core.commit`, and let flow what can afterwards.
 */
export function followSubscriptions(core: Core, released: boolean): void {
	const { sql } = core.ports
	const now = core.ports.now()
	const { callbackUrl, subscriptionId, others } = core.config
	const present = readSubscriptions(sql)
	const wanted = [
		...(callbackUrl === null ? [] : [{ number: subscriptionId, url: callbackUrl, topics: null, callback: true }]),
		...others.map((one) => ({ ...one, callback: false })),
	]
	const kept = new Set<number>()
	for (const want of wanted) {
		const { callback } = want
		const row = present.find((one) => (callback ? one.id === CALLBACK : one.id !== CALLBACK && one.number === want.number))
		const topics = want.topics === null ? null : JSON.stringify(want.topics)
		if (row === undefined) {
			const id = callback ? CALLBACK : core.state.nextSubscription++
			kept.add(id)
			sql.run(
				`INSERT INTO subscriptions (id, number, url, topics, active, since, created) VALUES (?, ?, ?, ?, 1, ?, ?)`,
				id,
				want.number,
				want.url,
				topics,
				core.state.sequence,
				now,
			)
			continue
		}
		kept.add(row.id)
		const moved = row.url !== want.url
		if (moved || row.number !== want.number || topics !== (row.topics === null ? null : JSON.stringify(row.topics)))
			sql.run(`UPDATE subscriptions SET number = ?, url = ?, topics = ? WHERE id = ?`, want.number, want.url, topics, row.id)
		if (moved || released) activate(core, row.id)
	}
	for (const row of present) if (!kept.has(row.id)) remove(core, row.id)
	core.subscriptions = null
}

/** Sends to this subscription again, at once and what was queued first. */
export function activate(core: Core, id: number): number {
	const { sql } = core.ports
	const now = core.ports.now()
	sql.run(
		`UPDATE subscriptions SET active = 1, reason = NULL, failing_since = NULL, last_status = NULL, guarded = 0, parked = NULL WHERE id = ? AND (active = 0 OR failing_since IS NOT NULL OR guarded = 1)`,
		id,
	)
	core.subscriptions = null
	sql.run(
		`UPDATE notifications SET due = ? WHERE id IN (SELECT value FROM json_each(?)) AND subscription = ? AND due > ? AND settled IS NULL`,
		now,
		JSON.stringify(core.state.unsettled),
		id,
		now,
	)
	forgetRows(core)
	core.ringWanted = true
	return release(core, id)
}

/** Nothing more is sent to this subscription until it is released: what is unsettled, and what comes later, is queued. */
export function deactivate(core: Core, id: number, reason: string): void {
	core.ports.sql.run(`UPDATE subscriptions SET active = 0, reason = ?, parked = NULL WHERE id = ?`, reason, id)
	core.subscriptions = null
	settleUnsent(core, id, 'queued')
}

/** The subscription is no more: what was meant for it alone is dropped. */
function remove(core: Core, id: number): void {
	const { sql } = core.ports
	settleUnsent(core, id, 'dropped')
	// What was posted has its notification while it waits.
	const now = core.ports.now()
	sql.run(
		`UPDATE notifications SET status = 'dropped', settled = ?, updated = ? WHERE id IN (SELECT j.value FROM waiting AS w JOIN events AS e ON e.sequence = w.sequence, json_each(e.notifications) AS j WHERE w.subscription = ?) AND subscription = ? AND settled IS NULL`,
		now,
		now,
		id,
		id,
	)
	sql.run(`DELETE FROM waiting WHERE subscription = ?`, id)
	sql.run(`DELETE FROM skipped WHERE subscription = ?`, id)
	forgetItems(core, id)
	forgetQueued(sql, id)
	sql.run(`UPDATE notifications SET status = 'dropped' WHERE subscription = ? AND status = 'queued'`, id)
	noteSettled(
		sql,
		core.state,
		core.state.settled.map(([settled]) => settled),
	)
	sql.run(`DELETE FROM subscriptions WHERE id = ?`, id)
}
