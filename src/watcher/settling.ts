/** Settling: what follows from how an attempt ended (design, Ringing: claim and settle, the last try fails). */
import { breaks } from '../delivery/classify.ts'
import { nextTryAt } from '../delivery/schedule.ts'
import { notificationId } from '../events/ids.ts'
import { announce } from './announcements.ts'
import { keepAttempt, keptOutcome } from './attempts.ts'
import type { Core } from './core.ts'
import { flow } from './forming.ts'
import { isWanted, itemSettled, restore } from './resend.ts'
import type { Outcome } from './rpc.ts'
import { deactivate, readSubscriptions, type Subscription } from './subscriptions.ts'
import { leave, NOTIFICATION_COLUMNS, type NotificationRow } from './unsettled.ts'

/** Settles an attempt. Delivered is a fact, from any attempt, at any time; a failure counts only with the current attempt number. */
export function settle(core: Core, counter: number, attempt: number, outcome: Outcome): { retryAtMs: number | null } {
	const before = core.lasting()
	// That it is settled stands in its row: the state that only forgets it may wait for the next commit.
	return core.commit(
		() => settleOne(core, counter, attempt, outcome),
		() => core.lasting() !== before,
	)
}

function settleOne(core: Core, counter: number, attempt: number, outcome: Outcome): { retryAtMs: number | null } {
	const { sql } = core.ports
	const row = sql.all<NotificationRow>(`SELECT ${NOTIFICATION_COLUMNS} FROM notifications WHERE id = ?`, counter)[0]
	if (row === undefined || row.status === 'delivered') return { retryAtMs: null }
	const subscription = readSubscriptions(sql).find((one) => one.id === row.subscription) ?? null
	keepAttempt(sql, row.id, attempt, subscription?.url ?? null, outcome)
	let retryAtMs: number | null = null
	if (outcome.delivered) delivered(core, row, subscription, attempt, outcome)
	else if (row.status === 'claimed' && attempt === row.attempt) retryAtMs = failed(core, row, subscription, outcome)
	// Told once more, since the answer was lost: what follows is decided. What is sent again has not been tried yet.
	else if (row.status === 'retry' && attempt === row.attempt) retryAtMs = row.due
	if (outcome.directive === 'disable' && subscription?.active === true)
		deactivateFor(core, subscription, 'The callback asked for it (webhook-delivery: disable).')
	flow(core)
	return { retryAtMs }
}

function delivered(core: Core, row: NotificationRow, subscription: Subscription | null, attempt: number, outcome: Outcome): void {
	const { sql } = core.ports
	const now = core.ports.now()
	// Of an attempt from before it was sent again: a fact too, but not what was asked for.
	const late = row.resend !== null && attempt <= row.base
	sql.run(
		late
			? `UPDATE notifications SET delivered = coalesce(delivered, ?), outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`
			: `UPDATE notifications SET delivered = coalesce(delivered, ?), outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END, status = 'delivered', settled = ?, lease = NULL, updated = ?, resend = NULL WHERE id = ?`,
		...[now, attempt, keptOutcome(outcome, subscription?.url ?? null), ...(late ? [] : [now, now]), row.id],
	)
	if (subscription !== null && subscription.failingSinceMs !== null)
		sql.run(`UPDATE subscriptions SET failing_since = NULL, last_success = ?, last_status = NULL WHERE id = ?`, now, subscription.id)
	if (late) return
	leave(core, row.id)
	if (row.resend !== null) itemSettled(core, row.id, true)
}

/** Returns when it is tried again; null: no more. */
function failed(core: Core, row: NotificationRow, subscription: Subscription | null, outcome: Outcome): number | null {
	const { sql } = core.ports
	const now = core.ports.now()
	const kept = keptOutcome(outcome, subscription?.url ?? null)
	const firstFailure = row.first_failure ?? now
	if (subscription !== null)
		sql.run(
			`UPDATE subscriptions SET failing_since = coalesce(failing_since, ?), last_status = ?, guarded = max(guarded, ?) WHERE id = ?`,
			now,
			outcome.error ?? String(outcome.status),
			Number(breaks(outcome)),
			subscription.id,
		)
	if (row.resend !== null && !isWanted(core, row.id)) {
		sql.run(`UPDATE notifications SET outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`, row.attempt, kept, row.id)
		restore(core, row.id)
		leave(core, row.id)
		return null
	}
	const next = nextAfter(core, row, firstFailure, outcome)
	sql.run(
		`UPDATE notifications SET status = ?, due = coalesce(?, due), settled = ?, lease = NULL, first_failure = ?, updated = ?, outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`,
		next !== null ? 'retry' : row.delivered === null ? 'queued' : 'delivered',
		next,
		next === null ? now : null,
		firstFailure,
		now,
		row.attempt,
		kept,
		row.id,
	)
	if (next !== null) return next
	leave(core, row.id)
	if (row.delivered === null) core.state.counters.dead++
	if (row.resend !== null) itemSettled(core, row.id, false)
	if (subscription !== null) ended(core, row, subscription, outcome)
	return null
}

/** When it is tried again; null: never. */
function nextAfter(core: Core, row: NotificationRow, firstFailureMs: number, outcome: Outcome): number | null {
	const { schedule, failurePolicy } = core.config.delivery
	if (outcome.directive === 'abort' || outcome.directive === 'disable') return null
	if (outcome.status === 410 && outcome.directive !== 'retry') return null
	if (failurePolicy === 'queue') return null
	return nextTryAt({
		schedule,
		attempt: row.attempt - row.base,
		firstFailureMs,
		nowMs: core.ports.now(),
		retryAfterMs: outcome.retryAfterMs,
		random: core.ports.random(),
	})
}

/** The last try has failed: the notification is dead, or its subscription is. */
function ended(core: Core, row: NotificationRow, subscription: Subscription, outcome: Outcome): void {
	const said = outcome.error ?? String(outcome.status)
	if (outcome.status === 410 && outcome.directive !== 'abort') {
		deactivateFor(core, subscription, 'The callback answered 410: it is gone.')
		return
	}
	// What was to be tried once, or was told to end, says nothing of the subscription.
	const alone = core.config.delivery.failurePolicy === 'queue' || outcome.directive === 'abort' || succeededSince(core, row, subscription)
	if (!alone) deactivateFor(core, subscription, `Every try failed until the last (${said}), and nothing else was delivered meanwhile.`)
	// A replay of what was accepted before leaves it as it was.
	else if (row.delivered === null)
		announce(core, 'notification.dead', `A notification could not be delivered (${said}); it waits to be released.`, {
			notificationId: notificationId(core.config.instanceId, row.id),
			subscriptionId: subscription.number,
			status: said,
		})
}

/** Whether anything was delivered to a subscription since a notification's first try. */
function succeededSince(core: Core, row: NotificationRow, subscription: Subscription): boolean {
	const since = row.first_try ?? row.created
	return (
		(subscription.lastSuccessMs ?? 0) > since ||
		core.ports.sql.all(
			`SELECT id FROM notifications WHERE subscription = ? AND status = 'delivered' AND settled > ? LIMIT 1`,
			subscription.id,
			since,
		).length > 0
	)
}

function deactivateFor(core: Core, subscription: Subscription, reason: string): void {
	deactivate(core, subscription.id, reason)
	announce(core, 'subscription.deactivated', reason, { subscriptionId: subscription.number, url: subscription.url })
}
