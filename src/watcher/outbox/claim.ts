/**
 * Claiming: consumers get due notifications, each with an attempt number and a lease (docs/architecture.md, From
 * change to notification).
 */
import { MAX_PARK_MS } from '../../delivery/circuit-breaker.ts'
import { toNotificationId, parseNotificationId } from '../../events/ids.ts'
import { parseMembers, applyMemberOverrides } from '../../events/notification-members.ts'
import { toNotificationBody, toNoticeBody, type NotificationInstance } from '../../events/notification.ts'
import type { Core } from '../core/core.ts'
import { EVENT_COLUMNS, toStoredEvent, type StoredEventRow } from '../log/event-log.ts'
import { saveAttempt, serializeOutcome } from '../log/attempts.ts'
import { drainWaiting } from './forming.ts'
import { isResendPending } from './resend.ts'
import type { Admission, AdmissionRequest, Claim } from '../../rpc/delivery.ts'
import { CALLBACK_ID } from './subscriptions.ts'
import { failExpiredLeases, unknownOutcome, isLastAttempt } from './settle.ts'
import { getDueTimes } from './open-notifications.ts'
import { CLAIM_LEASE_MS, getUnsettledRows } from './unsettled.ts'
import { getShownCounter } from '../core/posted.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'

/** Maximum characters of the bodies of several claims: an RPC answer holds 32 MiB, with two bytes per character. */
const MAX_CLAIM_CHARACTERS = 8_000_000

/** When the earliest notification may be claimed; null: none is unsettled, or none may be sent. */
export function nextDeliveryMs(core: Core): number | null {
	const rows = getUnsettledRows(core)
	if (rows.length === 0) return null
	const getDueMs = getDueTimes(core, rows)
	const subscriptions = new Map(core.subscriptions.getAll().map((subscription) => [subscription.id, subscription]))
	const times = rows.flatMap((row) => {
		const subscription = subscriptions.get(row.subscription)
		if (subscription?.active !== true) return []
		// Without a rate, and with the circuit breaker closed, parking no longer applies.
		const needsAdmission = subscription.guarded || core.config.delivery.rate !== null
		return [Math.max(getDueMs(row), (needsAdmission ? subscription.parkedMs : null) ?? 0)]
	})
	return times.length === 0 ? null : Math.min(...times)
}

/**
 * Claims up to `limit` due notifications, oldest due first. For guarded subscriptions it returns admission requests
 * instead (`asks`): the consumer that is admitted claims again, with the admission.
 */
export function claimDue(
	core: Core,
	limit: number,
	admission?: Admission,
): { claims: Claim[]; more: boolean; asks: AdmissionRequest[] } {
	if (core.state.paused) return { claims: [], more: false, asks: [] }
	const now = core.ports.now()
	const expired = getUnsettledRows(core).filter(
		(row) => row.lease !== null && row.lease <= now && isLastAttempt(core, row),
	)
	if (expired.length > 0) failExpiredLeases(core, expired)
	const rows = getUnsettledRows(core)
	const getDueMs = getDueTimes(core, rows)
	const due = rows.filter((row) => getDueMs(row) <= now).sort((a, b) => a.due - b.due || a.id - b.id)
	const subscriptions = core.subscriptions.getAll().filter((subscription) => subscription.active)
	return admission === undefined
		? claimUnguarded(core, limit, rows, due, subscriptions)
		: claimAdmitted(core, limit, admission, due, subscriptions)
}

function claimUnguarded(
	core: Core,
	limit: number,
	rows: readonly NotificationRow[],
	due: readonly NotificationRow[],
	subscriptions: readonly Subscription[],
): { claims: Claim[]; more: boolean; asks: AdmissionRequest[] } {
	const { rate } = core.config.delivery
	const unguarded = subscriptions.filter((subscription) => !subscription.guarded && rate === null)
	const claimable = due.filter((row) => unguarded.some((subscription) => subscription.id === row.subscription))
	const claims = commitClaims(core, claimable, limit, unguarded, false)
	const asks = subscriptions
		.filter((subscription) => !unguarded.includes(subscription))
		.flatMap((subscription) => toAdmissionRequests(core, subscription, rows, due))
	return { claims, more: claimable.length > claims.length, asks }
}

/** The admission request to the callback of a subscription; none while nothing is due. */
function toAdmissionRequests(
	core: Core,
	subscription: Subscription,
	rows: readonly NotificationRow[],
	due: readonly NotificationRow[],
): AdmissionRequest[] {
	const wanted = due.filter((row) => row.subscription === subscription.id).length
	const own = rows.filter((row) => row.subscription === subscription.id)
	// A probe that is due much later would delay the discovery that the callback answers again.
	const horizonMs = core.ports.now() + MAX_PARK_MS
	const getDueMs = getDueTimes(core, rows)
	const oldest = own.find((row) => getDueMs(row) <= horizonMs) ?? own[0]
	if (wanted === 0 || oldest === undefined) return []
	return [
		{
			subscription: subscription.id,
			organizationId: core.config.organizationId,
			organizationIncarnation: core.config.organizationIncarnation,
			url: subscription.url,
			rate: core.config.delivery.rate,
			oldest: {
				notificationId: toNotificationId(core.config.instanceId, oldest.id),
				createdMs: oldest.created,
				dueMs: getDueMs(oldest),
			},
			wanted,
		},
	]
}

function claimAdmitted(
	core: Core,
	limit: number,
	admission: Admission,
	due: readonly NotificationRow[],
	subscriptions: readonly Subscription[],
): { claims: Claim[]; more: boolean; asks: AdmissionRequest[] } {
	const subscription = subscriptions.find((candidate) => candidate.id === admission.subscription)
	if (subscription === undefined) return { claims: [], more: false, asks: [] }
	const only = admission.only === null ? null : (parseNotificationId(admission.only)?.counter ?? 0)
	const own = due.filter((row) => row.subscription === subscription.id)
	const claimable = own.filter((row) => only === null || row.id === only)
	// The circuit breaker that admitted it decides about guarding and parking.
	if ((admission.closed && subscription.guarded) || subscription.parkedMs !== null) {
		core.commit(
			(tx) => core.subscriptions.unpark(tx, subscription.id, !admission.closed && subscription.guarded),
			() => false,
		)
	}
	const claims = commitClaims(core, claimable, Math.min(limit, admission.permits), [subscription], true)
	return { claims, more: own.length > claims.length, asks: [] }
}

/** Sends nothing to a subscription before a time: its circuit breaker is open, or its rate is used up. */
export function park(core: Core, subscription: number, untilMs: number): void {
	core.commit(
		(tx) => core.subscriptions.park(tx, subscription, untilMs),
		() => false,
	)
}

function commitClaims(
	core: Core,
	due: readonly NotificationRow[],
	limit: number,
	subscriptions: readonly Subscription[],
	guarded: boolean,
): Claim[] {
	if (due.length === 0 || limit <= 0) return []
	return core.commit(
		(tx) => claimRows(tx, core, due, limit, subscriptions, guarded),
		({ restored }) => restored,
	).claims
}

function claimRows(
	tx: Tx,
	core: Core,
	due: readonly NotificationRow[],
	limit: number,
	subscriptions: readonly Subscription[],
	guarded: boolean,
): { claims: Claim[]; restored: boolean } {
	let restored = false
	const claimed: Claim[] = []
	let size = 0
	for (const row of due) {
		if (claimed.length >= limit) break
		// Its lease expired, and its resend was cancelled meanwhile.
		if (row.lease !== null && row.resend !== null && !isResendPending(core, row.id)) {
			core.notifications.revertResend(tx, row.id)
			restored = true
			continue
		}
		const text = renderBody(core, row)
		size += text.length
		if (claimed.length > 0 && size > MAX_CLAIM_CHARACTERS) break
		claimed.push(
			claimRow(
				tx,
				core,
				subscriptions.find((subscription) => subscription.id === row.subscription)!,
				row,
				text,
				guarded,
			),
		)
	}
	// Events that waited for these notifications can be sent now.
	if (restored) drainWaiting(tx, core)
	return { claims: claimed, restored }
}

function claimRow(
	tx: Tx,
	core: Core,
	subscription: Subscription,
	row: NotificationRow,
	text: string,
	guarded: boolean,
): Claim {
	if (row.lease !== null) saveUnknownOutcome(tx, core, row, subscription)
	const { attempt, leaseUntilMs } = core.notifications.claim(tx, row, CLAIM_LEASE_MS)
	const shownCounter = getShownCounter(row)
	return {
		notificationId: toNotificationId(core.config.instanceId, row.id),
		...(shownCounter === row.id ? {} : { shownId: toNotificationId(core.config.instanceId, shownCounter) }),
		organizationId: core.config.organizationId,
		organizationIncarnation: core.config.organizationIncarnation,
		createdMs: row.created,
		subscription: subscription.id,
		attempt,
		leaseUntilMs,
		url: subscription.url,
		body: text,
		sealedFor: core.kind.sealedFor,
		incarnation: core.config.incarnation,
		configuration: configurationFor(core, subscription),
		signature: core.config.signature,
		guarded,
		replay: row.resend !== null && core.resends.getKind(row.resend) === 'replay',
	}
}

/** Stores the outcome of the previous attempt, which no consumer reported. */
function saveUnknownOutcome(tx: Tx, core: Core, row: NotificationRow, subscription: Subscription): void {
	const outcome = unknownOutcome(row)
	saveAttempt(tx, core, row.id, row.attempt, subscription.url, outcome)
	if (row.attempt === 1) core.notifications.setMissingOutcome(tx, row.id, serializeOutcome(outcome, subscription.url))
}

/** Configuration keys for the instance's own callback only: other URLs do not get its credentials. */
const CALLBACK_ONLY_KEYS = [
	'event.notification.basic.username',
	'event.notification.basic.password',
	'event.notification.callback.headers',
]

function configurationFor(core: Core, subscription: Subscription): Record<string, string | null> {
	const { configuration } = core.config
	if (subscription.id === CALLBACK_ID) return configuration
	return Object.fromEntries(Object.entries(configuration).filter(([key]) => !CALLBACK_ONLY_KEYS.includes(key)))
}

/** The bytes of a notification, from stored rows alone. */
export function renderBody(core: Core, row: NotificationRow): string {
	const members = parseMembers(row.members)
	const records = readEventRows(
		core,
		members.map(([sequence]) => sequence),
	)
	const context = JSON.parse(row.context) as NotificationInstance
	const stored = {
		id: toNotificationId(context.instanceId, context.postedAs ?? row.id),
		createdMs: row.created,
		resource: row.object_type,
	}
	const overridesBySequence = new Map(members.map(([sequence, , , extra]) => [sequence, extra]))
	const [first] = records
	if (context.notice === true && first !== undefined) return toNoticeBody(stored, toStoredEvent(first), context)
	const earlier = readEventRows(
		core,
		members.flatMap(([, , , overrides]) => overrides?.v ?? []),
	)
	return toNotificationBody(
		stored,
		// A restored backup may lack the newest ones.
		records.map((record) => {
			const overrides = overridesBySequence.get(record.sequence)
			const merged = earlier.filter(({ sequence }) => overrides?.v?.includes(sequence))
			return applyMemberOverrides(toStoredEvent(record), overrides, merged.map(toStoredEvent))
		}),
		context,
	)
}

/** The rows of events that are still stored, ascending. */
function readEventRows(core: Core, sequences: readonly number[]): StoredEventRow[] {
	if (sequences.length === 0) return []
	return core.ports.sql.all<StoredEventRow>(
		`SELECT ${EVENT_COLUMNS} FROM events WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
		JSON.stringify(sequences),
	)
}
