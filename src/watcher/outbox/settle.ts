/** Settling: what follows from how an attempt ended (design, Ringing: claim and settle, the last try fails). */
import { breaks } from '../../delivery/classify.ts'
import { nextTryAt, tries } from '../../delivery/schedule.ts'
import { notificationId } from '../../events/ids.ts'
import { announce } from './operator-events.ts'
import { keepAttempt, keptOutcome } from '../log/attempts.ts'
import type { Core } from '../core/core.ts'
import { withoutErased } from '../log/erasure.ts'
import { flow } from './forming.ts'
import { endRelease, isWanted, itemSettled, kindOf, restore } from './resend.ts'
import type { Outcome } from '../../rpc/delivery.ts'
import { deactivate, subscriptionsOf } from './subscriptions.ts'
import { CARRIER_COLUMNS, noteSettled, type Carrier } from '../core/settled.ts'
import { noteAccepted } from '../log/tally.ts'
import { forgetRows, LEASE_MS, leave, NOTIFICATION_COLUMNS, unsettledRows } from './unsettled.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'

/** Class of an attempt whose outcome nobody told. */
const UNKNOWN = 'unknown'
/** So many attempts that nobody tells of are made where the schedule has fewer: they say nothing of the callback. */
const MOST_UNKNOWN = 3

/** Whether the attempt whose lease has ended was the last. */
export function wasLast(core: Core, row: NotificationRow): boolean {
	const { schedule, failurePolicy } = core.config.delivery
	return row.attempt - row.base >= Math.max(MOST_UNKNOWN, failurePolicy === 'queue' ? 1 : tries(schedule))
}

/** Ends notifications whose last attempt nobody told of: what ends its consumer each time must not be tried for ever. */
export function endUnknown(core: Core, rows: readonly NotificationRow[]): void {
	core.commit(() => {
		const subscriptions = subscriptionsOf(core)
		for (const row of rows) {
			const subscription = subscriptions.find((one) => one.id === row.subscription) ?? null
			const outcome = unknownOutcome(row)
			keepAttempt(core.ports.sql, row.id, row.attempt, subscription?.url ?? null, outcome)
			failed(core, row, subscription, outcome)
		}
		flow(core)
	})
}

/** The outcome of a claim that was not settled in time. */
export function unknownOutcome(row: NotificationRow): Outcome {
	return {
		delivered: false,
		status: null,
		error: UNKNOWN,
		retryAfterMs: null,
		durationMs: LEASE_MS,
		startedMs: (row.lease ?? 0) - LEASE_MS,
		body: '',
		directive: null,
	}
}

/** Settles an attempt. Delivered is a fact, from any attempt, at any time; a failure counts only with the current attempt number. */
export function settle(core: Core, counter: number, attempt: number, outcome: Outcome): { retryAtMs: number | null } {
	const before = core.lasting()
	// That it is settled stands in its row: the state that only forgets it may wait for the next commit.
	return core.commit(
		() => settleOne(core, counter, attempt, outcome),
		() => core.lasting() !== before,
	)
}

function settleOne(core: Core, counter: number, attempt: number, answer: Outcome): { retryAtMs: number | null } {
	const { sql } = core.ports
	const row =
		unsettledRows(core).find((one) => one.id === counter) ??
		sql.all<NotificationRow>(`SELECT ${NOTIFICATION_COLUMNS} FROM notifications WHERE id = ?`, counter)[0]
	if (row === undefined || row.status === 'delivered') return { retryAtMs: null }
	const subscription = subscriptionsOf(core).find((one) => one.id === row.subscription) ?? null
	const outcome = ofThisAddress(withoutErased(core, row.members, answer), subscription)
	keepAttempt(sql, row.id, attempt, subscription?.url ?? null, outcome)
	let retryAtMs: number | null = null
	if (outcome.delivered) delivered(core, row, subscription, attempt, outcome)
	else if (row.status === 'claimed' && attempt === row.attempt) retryAtMs = failed(core, row, subscription, outcome)
	else {
		if (attempt === 1) sql.run(`UPDATE notifications SET outcome = ? WHERE id = ?`, keptOutcome(outcome, subscription?.url ?? null), row.id)
		// Told once more, since the answer was lost: what follows is decided.
		if (row.status === 'retry' && attempt === row.attempt) retryAtMs = row.due
	}
	if (outcome.directive === 'disable' && subscription?.active === true)
		deactivateFor(core, subscription, 'The callback asked for it (webhook-delivery: disable).')
	flow(core)
	return { retryAtMs }
}

/** What an address that is no longer asked wants done, or says by 410, is not for the one that is: there it is tried again. */
function ofThisAddress(outcome: Outcome, subscription: Subscription | null): Outcome {
	if (subscription === null || outcome.url === undefined || outcome.url === subscription.url) return outcome
	return { ...outcome, directive: outcome.delivered ? null : 'retry' }
}

function delivered(core: Core, row: NotificationRow, subscription: Subscription | null, attempt: number, outcome: Outcome): void {
	const { sql } = core.ports
	const now = core.ports.now()
	// Of an attempt from before a replay: a fact too, but not what was asked for. A release has what it wants.
	const late = row.resend !== null && attempt <= row.base && kindOf(core, row.resend) === 'replay'
	if (row.delivered === null) noteAccepted(core, row)
	const written = sql.all<Carrier>(
		`UPDATE notifications SET delivered = coalesce(delivered, ?), outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END${late ? '' : `, status = 'delivered', settled = ?, lease = NULL, updated = ?, resend = NULL`} WHERE id = ? RETURNING ${CARRIER_COLUMNS}`,
		...[now, attempt, keptOutcome(outcome, subscription?.url ?? null), ...(late ? [] : [now, now]), row.id],
	)
	if (subscription !== null && subscription.failingSinceMs !== null) {
		sql.run(`UPDATE subscriptions SET failing_since = NULL, last_success = ?, last_status = NULL WHERE id = ?`, now, subscription.id)
		core.subscriptions = null
	}
	if (late) {
		forgetRows(core)
		// Where its replay has ended meanwhile it is on no list.
		noteSettled(sql, core.state, [row.id], written)
		core.afterwards++
		return
	}
	leave(core, row.id, written)
	// What its row names once it has settled is a resend that has ended.
	if (row.resend !== null && row.settled === null) itemSettled(core, row.id, row.resend, true)
	else endRelease(core, row.id)
}

/** Returns when it is tried again; null: no more. */
function failed(core: Core, row: NotificationRow, subscription: Subscription | null, outcome: Outcome): number | null {
	const { sql } = core.ports
	const now = core.ports.now()
	const kept = keptOutcome(outcome, subscription?.url ?? null)
	const firstFailure = row.first_failure ?? now
	// What an address answered that is no longer asked says nothing of the one that is.
	if (subscription !== null && (outcome.url ?? subscription.url) === subscription.url) {
		sql.run(
			`UPDATE subscriptions SET failing_since = coalesce(failing_since, ?), last_status = ?, guarded = max(guarded, ?) WHERE id = ?`,
			now,
			outcome.error ?? String(outcome.status),
			Number(outcome.error !== UNKNOWN && breaks(outcome)),
			subscription.id,
		)
		core.subscriptions = null
	}
	if (row.resend !== null && !isWanted(core, row.id)) {
		sql.run(`UPDATE notifications SET outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`, row.attempt, kept, row.id)
		restore(core, row.id)
		leave(core, row.id)
		return null
	}
	const next = nextAfter(core, row, firstFailure, outcome)
	const written = sql.all<Carrier>(
		`UPDATE notifications SET status = ?, due = coalesce(?, due), settled = ?, lease = NULL, first_failure = ?, updated = ?, outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ? RETURNING ${CARRIER_COLUMNS}`,
		next !== null ? 'retry' : row.delivered === null ? 'queued' : 'delivered',
		next,
		next === null ? now : null,
		firstFailure,
		now,
		row.attempt,
		kept,
		row.id,
	)
	forgetRows(core)
	if (next !== null) return next
	leave(core, row.id, written)
	if (row.delivered === null) core.state.counters.dead++
	if (row.resend !== null) itemSettled(core, row.id, row.resend, false)
	if (subscription !== null) ended(core, row, subscription, outcome)
	return null
}

/** When it is tried again; null: never. */
function nextAfter(core: Core, row: NotificationRow, firstFailureMs: number, outcome: Outcome): number | null {
	const { schedule, failurePolicy } = core.config.delivery
	if (outcome.directive === 'abort' || outcome.directive === 'disable') return null
	if (outcome.status === 410 && outcome.directive !== 'retry') return null
	if (failurePolicy === 'queue' && outcome.directive !== 'retry') return null
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
	// Deactivated for it when this is settled.
	if (outcome.directive === 'disable') return
	if (outcome.status === 410 && outcome.directive !== 'abort') {
		deactivateFor(core, subscription, 'The callback answered 410: it is gone.')
		return
	}
	// What was to be tried once, was told to end, or ended with our own consumers, says nothing of the subscription.
	const alone =
		core.config.delivery.failurePolicy === 'queue' ||
		outcome.directive === 'abort' ||
		outcome.error === UNKNOWN ||
		succeededSince(core, row, subscription)
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
			`SELECT id FROM notifications WHERE subscription = ? AND status = 'delivered' AND settled > ? ORDER BY id DESC LIMIT 1`,
			subscription.id,
			since,
		).length > 0
	)
}

function deactivateFor(core: Core, subscription: Subscription, reason: string): void {
	deactivate(core, subscription.id, reason)
	announce(core, 'subscription.deactivated', reason, { subscriptionId: subscription.number, url: subscription.url })
}
