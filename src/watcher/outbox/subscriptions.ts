/**
 * Where an object's notifications go: rows that follow the configuration, are deactivated when a callback is dead and
 * woken when it is released (docs/delivery.md, Subscriptions). Row 1 is the instance's callback.
 */
import type { Core } from '../core/core.ts'
import { deleteItems, releaseQueued, settleUnsent } from './resend.ts'
import type { Sql } from '../core/ports.ts'
import { invalidate } from './unsettled.ts'
import type { Subscription } from '../core/rows.ts'

/** The instance's callback is the first subscription. */
export const CALLBACK_ID = 1

interface SubscriptionRecord {
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
		.all<SubscriptionRecord>(
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
export function getSubscriptions(core: Core): readonly Subscription[] {
	core.subscriptions ??= readSubscriptions(core.ports.sql)
	return core.subscriptions
}

/** The instance's callback; null: its events are kept in the log only, or go to further subscriptions. */
export function readCallback(sql: Sql): Subscription | null {
	return readSubscriptions(sql).find((subscription) => subscription.id === CALLBACK_ID) ?? null
}

/**
 * Makes the rows what the configuration says. A new URL takes over everything unsettled; `released` sends again what
 * was queued. Call it inside `core.commit`, and let flow what can afterwards.
 */
export function syncSubscriptions(core: Core, shouldRelease: boolean): void {
	const { sql } = core.ports
	const now = core.ports.now()
	const { callbackUrl, subscriptionId, others } = core.config
	const existing = readSubscriptions(sql)
	const targets = [
		...(callbackUrl === null ? [] : [{ number: subscriptionId, url: callbackUrl, topics: null, callback: true }]),
		...others.map((subscription) => ({ ...subscription, callback: false })),
	]
	const keptIds = new Set<number>()
	for (const target of targets) {
		const { callback } = target
		const row = existing.find((candidate) =>
			callback ? candidate.id === CALLBACK_ID : candidate.id !== CALLBACK_ID && candidate.number === target.number,
		)
		const topics = target.topics === null ? null : JSON.stringify(target.topics)
		if (row === undefined) {
			const id = callback ? CALLBACK_ID : core.state.nextSubscription++
			keptIds.add(id)
			sql.run(
				`INSERT INTO subscriptions (id, number, url, topics, active, since, created) VALUES (?, ?, ?, ?, 1, ?, ?)`,
				id,
				target.number,
				target.url,
				topics,
				core.state.sequence,
				now,
			)
			continue
		}
		keptIds.add(row.id)
		const urlChanged = row.url !== target.url
		if (
			urlChanged ||
			row.number !== target.number ||
			topics !== (row.topics === null ? null : JSON.stringify(row.topics))
		)
			sql.run(
				`UPDATE subscriptions SET number = ?, url = ?, topics = ? WHERE id = ?`,
				target.number,
				target.url,
				topics,
				row.id,
			)
		if (urlChanged || shouldRelease) activateSubscription(core, row.id)
	}
	for (const row of existing) if (!keptIds.has(row.id)) dropSubscription(core, row.id)
	core.subscriptions = null
}

/** Sends to this subscription again, at once and what was queued first. */
export function activateSubscription(core: Core, id: number): number {
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
	invalidate(core)
	core.doorbellRequested = true
	return releaseQueued(core, id)
}

/**
 * Nothing more is sent to this subscription until it is released: what is unsettled, and what comes later, is queued.
 */
export function deactivateSubscription(core: Core, id: number, reason: string): void {
	core.ports.sql.run(`UPDATE subscriptions SET active = 0, reason = ?, parked = NULL WHERE id = ?`, reason, id)
	core.subscriptions = null
	settleUnsent(core, id, 'queued')
}

/** The subscription is no more: what was meant for it alone is dropped. */
function dropSubscription(core: Core, id: number): void {
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
	deleteItems(core, id)
	sql.run(`UPDATE notifications SET status = 'dropped' WHERE subscription = ? AND status = 'queued'`, id)
	sql.run(`DELETE FROM subscriptions WHERE id = ?`, id)
}
