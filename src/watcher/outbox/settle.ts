/** Settling: the effects of an attempt's outcome (docs/delivery.md, Retries). */
import { isCallbackFailure } from '../../delivery/failure-kinds.ts'
import { explainNotSent } from '../../delivery/not-sent.ts'
import { getNextRetryMs, getMaxAttempts } from '../../delivery/schedule.ts'
import { toNotificationId } from '../../events/ids.ts'
import { enqueueOperatorEvent } from './operator-events.ts'
import { saveAttempt, serializeOutcome } from '../log/attempts.ts'
import type { Core } from '../core/core.ts'
import { redactOutcome } from '../log/erasure.ts'
import { drainWaiting } from './forming.ts'
import { completeRelease, isResendPending } from './resend.ts'
import type { AttemptOutcome } from '../../rpc/delivery.ts'
import { deactivateSubscription } from './subscriptions.ts'
import { countAccepted } from '../log/tally.ts'
import { CLAIM_LEASE_MS, getUnsettledRows } from './unsettled.ts'
import { DELETED_STATUS, getShownCounter } from '../core/posted.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'

/** Error of an attempt whose outcome no consumer reported. */
const UNKNOWN_ERROR = 'unknown'
/**
 * Minimum number of attempts without a report, even if the schedule has fewer: they say nothing about the callback.
 */
const MAX_UNKNOWN_ATTEMPTS = 3

/** Whether an attempt whose lease has expired was the last. */
export function isLastAttempt(core: Core, row: NotificationRow): boolean {
	const { schedule, failurePolicy } = core.config.delivery
	return (
		row.attempt - row.base >= Math.max(MAX_UNKNOWN_ATTEMPTS, failurePolicy === 'queue' ? 1 : getMaxAttempts(schedule))
	)
}

/**
 * Fails notifications whose last attempt was never reported, so that one that crashes its consumer is not retried
 * forever.
 */
export function failExpiredLeases(core: Core, rows: readonly NotificationRow[]): void {
	core.commit((tx) => {
		const subscriptions = core.subscriptions.getAll()
		for (const row of rows) {
			const subscription = subscriptions.find((candidate) => candidate.id === row.subscription) ?? null
			const outcome = unknownOutcome(row)
			saveAttempt(tx, core, row.id, row.attempt, subscription?.url ?? null, outcome)
			handleFailed(tx, core, row, subscription, outcome)
		}
		drainWaiting(tx, core)
	})
}

/** The outcome of a claim that was not settled in time. */
export function unknownOutcome(row: NotificationRow): AttemptOutcome {
	return {
		delivered: false,
		status: null,
		error: UNKNOWN_ERROR,
		retryAfterMs: null,
		durationMs: CLAIM_LEASE_MS,
		startedMs: (row.lease ?? 0) - CLAIM_LEASE_MS,
		body: '',
		directive: null,
	}
}

/**
 * Settles an attempt. A delivery counts from any attempt, at any time; a failure only from the current attempt.
 * `retryAtMs`: when the notification is tried again; null: it is not.
 */
export function settle(
	core: Core,
	counter: number,
	attempt: number,
	outcome: AttemptOutcome,
): { retryAtMs: number | null } {
	const durableBefore = core.durableKey()
	// Its row says that it is settled: a state that only removes it from a list can wait for the next commit.
	return core.commit(
		(tx) => settleAttempt(tx, core, counter, attempt, outcome),
		() => core.durableKey() !== durableBefore,
	)
}

function settleAttempt(
	tx: Tx,
	core: Core,
	counter: number,
	attempt: number,
	reported: AttemptOutcome,
): { retryAtMs: number | null } {
	const row = getUnsettledRows(core).find((candidate) => candidate.id === counter) ?? core.notifications.get(counter)
	if (row === null || row.status === 'delivered' || row.status === DELETED_STATUS) return { retryAtMs: null }
	const subscription = core.subscriptions.getAll().find((candidate) => candidate.id === row.subscription) ?? null
	const outcome = scopeToAddress(redactOutcome(core, row.members, reported), subscription)
	saveAttempt(tx, core, row.id, attempt, subscription?.url ?? null, outcome)
	let retryAtMs: number | null = null
	if (outcome.delivered) handleDelivered(tx, core, row, subscription, attempt, outcome)
	else if (row.status === 'claimed' && attempt === row.attempt)
		retryAtMs = handleFailed(tx, core, row, subscription, outcome)
	else {
		if (attempt === 1) core.notifications.setOutcome(tx, row.id, serializeOutcome(outcome, subscription?.url ?? null))
		// Reported again because the answer was lost: the retry is already decided.
		if (row.status === 'retry' && attempt === row.attempt) retryAtMs = row.due
	}
	if (outcome.directive === 'disable' && subscription?.active === true)
		deactivateAndNotify(tx, core, subscription, 'The callback asked to be deactivated (webhook-delivery: disable).')
	drainWaiting(tx, core)
	return { retryAtMs }
}

/** Ignores the directive and the 410 of a previous URL: the current one is tried. */
function scopeToAddress(outcome: AttemptOutcome, subscription: Subscription | null): AttemptOutcome {
	if (subscription === null || outcome.url === undefined || outcome.url === subscription.url) return outcome
	return { ...outcome, directive: outcome.delivered ? null : 'retry' }
}

function handleDelivered(
	tx: Tx,
	core: Core,
	row: NotificationRow,
	subscription: Subscription | null,
	attempt: number,
	outcome: AttemptOutcome,
): void {
	// An attempt from before a replay counts too, but the replay still sends. A release has achieved its purpose.
	const isLate = row.resend !== null && attempt <= row.base && core.resends.getKind(row.resend) === 'replay'
	const serializedOutcome = serializeOutcome(outcome, subscription?.url ?? null)
	if (row.delivered === null) countAccepted(tx, core, row, core.ports.now())
	if (subscription !== null && subscription.failingSinceMs !== null)
		core.subscriptions.recordRecovery(tx, subscription.id)
	if (isLate) {
		core.notifications.recordLateDelivery(tx, row.id, attempt, serializedOutcome)
		return
	}
	core.notifications.settleDelivered(tx, row.id, attempt, serializedOutcome)
	// A settled row may still name a resend, which has ended.
	if (row.resend !== null && row.settled === null) core.resends.settleItem(tx, row.id, row.resend, true)
	else completeRelease(tx, core, row.id)
}

/** Returns when the notification is tried again; null: it is not. */
function handleFailed(
	tx: Tx,
	core: Core,
	row: NotificationRow,
	subscription: Subscription | null,
	outcome: AttemptOutcome,
): number | null {
	const serializedOutcome = serializeOutcome(outcome, subscription?.url ?? null)
	const firstFailureMs = row.first_failure ?? core.ports.now()
	// A response of a previous URL says nothing about the current one.
	if (subscription !== null && (outcome.url ?? subscription.url) === subscription.url)
		core.subscriptions.recordFailure(
			tx,
			subscription.id,
			outcome.error ?? String(outcome.status),
			outcome.error !== UNKNOWN_ERROR && isCallbackFailure(outcome),
			outcome.notSentReason ?? null,
		)
	if (row.resend !== null && !isResendPending(core, row.id)) {
		if (row.attempt === 1) core.notifications.setOutcome(tx, row.id, serializedOutcome)
		core.notifications.revertResend(tx, row.id)
		core.notifications.untrack(tx, row.id)
		return null
	}
	const retryAtMs = nextRetryMs(core, row, firstFailureMs, outcome)
	core.notifications.recordFailure(tx, row, retryAtMs, firstFailureMs, serializedOutcome)
	if (retryAtMs !== null) return retryAtMs
	if (row.delivered === null) core.state.counters.dead++
	if (row.resend !== null) core.resends.settleItem(tx, row.id, row.resend, false)
	if (subscription !== null) handleLastFailure(tx, core, row, subscription, outcome)
	return null
}

/** When a failed notification is tried again; null: never. */
function nextRetryMs(core: Core, row: NotificationRow, firstFailureMs: number, outcome: AttemptOutcome): number | null {
	const { schedule, failurePolicy } = core.config.delivery
	if (outcome.directive === 'abort' || outcome.directive === 'disable') return null
	if (outcome.status === 410 && outcome.directive !== 'retry') return null
	if (failurePolicy === 'queue' && outcome.directive !== 'retry') return null
	return getNextRetryMs({
		schedule,
		attempt: row.attempt - row.base,
		firstFailureMs,
		nowMs: core.ports.now(),
		retryAfterMs: outcome.retryAfterMs,
		random: core.ports.random(),
	})
}

/** The last attempt has failed: the notification fails for good, or its subscription is deactivated. */
function handleLastFailure(
	tx: Tx,
	core: Core,
	row: NotificationRow,
	subscription: Subscription,
	outcome: AttemptOutcome,
): void {
	const cause = outcome.error ?? String(outcome.status)
	const described =
		outcome.notSentReason === undefined ? cause : `not sent, because ${explainNotSent(outcome.notSentReason).fact}`
	// The caller deactivates the subscription.
	if (outcome.directive === 'disable') return
	if (outcome.status === 410 && outcome.directive !== 'abort') {
		deactivateAndNotify(tx, core, subscription, 'The callback answered 410 Gone.')
		return
	}
	// A single attempt, an abort, or a failure of our own consumers says nothing about the subscription.
	const keepsSubscription =
		core.config.delivery.failurePolicy === 'queue' ||
		outcome.directive === 'abort' ||
		outcome.error === UNKNOWN_ERROR ||
		succeededSince(core, row, subscription)
	if (!keepsSubscription)
		deactivateAndNotify(
			tx,
			core,
			subscription,
			`All attempts to deliver a notification failed (last: ${described}), and no other delivery succeeded meanwhile.`,
		)
	// After a failed replay, an accepted notification keeps its status.
	else if (row.delivered === null)
		enqueueOperatorEvent(
			tx,
			core,
			'notification.dead',
			`A notification could not be delivered (${described}). It is kept until it is released.`,
			{
				notificationId: toNotificationId(core.config.instanceId, getShownCounter(row)),
				subscriptionId: subscription.number,
				status: cause,
			},
		)
}

/** Whether anything was delivered to a subscription since a notification's first attempt. */
function succeededSince(core: Core, row: NotificationRow, subscription: Subscription): boolean {
	const since = row.first_try ?? row.created
	return (
		(subscription.lastSuccessMs ?? 0) > since ||
		core.ports.sql.all(
			`SELECT id FROM notifications
			WHERE subscription = ? AND status = 'delivered' AND settled > ? ORDER BY id DESC LIMIT 1`,
			subscription.id,
			since,
		).length > 0
	)
}

function deactivateAndNotify(tx: Tx, core: Core, subscription: Subscription, reason: string): void {
	deactivateSubscription(tx, core, subscription.id, reason)
	enqueueOperatorEvent(tx, core, 'subscription.deactivated', reason, {
		subscriptionId: subscription.number,
		url: subscription.url,
	})
}
