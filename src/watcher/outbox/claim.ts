/** Claiming: what is due is handed to consumers, each notification with an attempt number and a lease (design, Ringing: claim and settle). */
import { PARK_MS } from '../../delivery/breaker.ts'
import { notificationId, parseNotificationId } from '../../events/ids.ts'
import { parseMembers, told } from '../../events/member.ts'
import { body, noticeBody, type NotificationInstance } from '../../events/notification.ts'
import type { Core } from '../core/core.ts'
import { EVENT_COLUMNS, storedEvent, type EventRecord } from '../log/event-log.ts'
import { keepAttempt, keptOutcome } from '../log/attempts.ts'
import { flow } from './forming.ts'
import { isWanted, restore } from './resend.ts'
import type { Admission, Ask, Claim } from '../../rpc/delivery.ts'
import { CALLBACK, subscriptionsOf } from './subscriptions.ts'
import { endUnknown, unknownOutcome, wasLast } from './settle.ts'
import { LEASE_MS, unsettledRows } from './unsettled.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'

/** Characters that the bodies of a claim hold together, unless it is a single one: an RPC answer holds 32 MiB, two bytes a character. */
const CLAIM_SIZE = 8_000_000

/** When a notification is due, or the lease of its claim ends. */
function dueMs(row: Pick<NotificationRow, 'lease' | 'due'>): number {
	return row.lease ?? row.due
}

/** When the earliest notification may be claimed; null: none is unsettled, or none may be sent. */
export function nextDeliveryMs(core: Core): number | null {
	const rows = unsettledRows(core)
	if (rows.length === 0) return null
	const subscriptions = new Map(subscriptionsOf(core).map((one) => [one.id, one]))
	const times = rows.flatMap((row) => {
		const subscription = subscriptions.get(row.subscription)
		if (subscription?.active !== true) return []
		// Parked is only who must ask: a rate that was taken away holds nothing back any longer.
		const asks = subscription.guarded || core.config.delivery.rate !== null
		return [Math.max(dueMs(row), (asks ? subscription.parkedMs : null) ?? 0)]
	})
	return times.length === 0 ? null : Math.min(...times)
}

/**
 * Claims up to `limit` due notifications, oldest due first. What is due on a guarded subscription is not handed out but asked for: whoever
 * was admitted claims again, with the admission.
 */
export function claim(core: Core, limit: number, admission?: Admission): { claims: Claim[]; more: boolean; asks: Ask[] } {
	if (core.state.paused) return { claims: [], more: false, asks: [] }
	const now = core.ports.now()
	const lost = unsettledRows(core).filter((row) => row.lease !== null && row.lease <= now && wasLast(core, row))
	if (lost.length > 0) endUnknown(core, lost)
	const rows = unsettledRows(core)
	const due = rows.filter((row) => dueMs(row) <= now).sort((a, b) => a.due - b.due || a.id - b.id)
	const subscriptions = subscriptionsOf(core).filter((one) => one.active)
	return admission === undefined
		? claimOpen(core, limit, rows, due, subscriptions)
		: claimAdmitted(core, limit, admission, due, subscriptions)
}

function claimOpen(
	core: Core,
	limit: number,
	rows: readonly NotificationRow[],
	due: readonly NotificationRow[],
	subscriptions: readonly Subscription[],
): { claims: Claim[]; more: boolean; asks: Ask[] } {
	const { rate } = core.config.delivery
	const open = subscriptions.filter((one) => !one.guarded && rate === null)
	const mine = due.filter((row) => open.some((one) => one.id === row.subscription))
	const claims = take(core, mine, limit, open, false)
	const asks = subscriptions.filter((one) => !open.includes(one)).flatMap((one) => askFor(core, one, rows, due))
	return { claims, more: mine.length > claims.length, asks }
}

/** What is asked of a subscription's callback before it is rung; nothing while nothing is due. */
function askFor(core: Core, subscription: Subscription, rows: readonly NotificationRow[], due: readonly NotificationRow[]): Ask[] {
	const wanted = due.filter((row) => row.subscription === subscription.id).length
	const own = rows.filter((row) => row.subscription === subscription.id)
	// A probe far off would find out late that the callback answers again.
	const soon = core.ports.now() + PARK_MS
	const oldest = own.find((row) => dueMs(row) <= soon) ?? own[0]
	if (wanted === 0 || oldest === undefined) return []
	return [
		{
			subscription: subscription.id,
			organizationId: core.config.organizationId,
			url: subscription.url,
			rate: core.config.delivery.rate,
			oldest: { notificationId: notificationId(core.config.instanceId, oldest.id), createdMs: oldest.created, dueMs: dueMs(oldest) },
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
): { claims: Claim[]; more: boolean; asks: Ask[] } {
	const subscription = subscriptions.find((one) => one.id === admission.subscription)
	if (subscription === undefined) return { claims: [], more: false, asks: [] }
	const only = admission.only === null ? null : (parseNotificationId(admission.only)?.counter ?? 0)
	const own = due.filter((row) => row.subscription === subscription.id)
	const mine = own.filter((row) => only === null || row.id === only)
	// Whether it is guarded longer, and until when it is parked, is said by who let it through.
	if ((admission.closed && subscription.guarded) || subscription.parkedMs !== null) {
		core.ports.sql.run(
			`UPDATE subscriptions SET guarded = ?, parked = NULL WHERE id = ?`,
			admission.closed ? 0 : Number(subscription.guarded),
			subscription.id,
		)
		core.subscriptions = null
	}
	const claims = take(core, mine, Math.min(limit, admission.permits), [subscription], true)
	return { claims, more: own.length > claims.length, asks: [] }
}

/** Is not rung before then: its breaker is open, or its rate used up. */
export function park(core: Core, subscription: number, untilMs: number): void {
	core.ports.sql.run(`UPDATE subscriptions SET parked = ? WHERE id = ? AND parked IS NOT ?`, untilMs, subscription, untilMs)
	core.subscriptions = null
}

function take(
	core: Core,
	due: readonly NotificationRow[],
	limit: number,
	subscriptions: readonly Subscription[],
	guarded: boolean,
): Claim[] {
	if (due.length === 0 || limit <= 0) return []
	return core.commit(
		() => takeDue(core, due, limit, subscriptions, guarded),
		({ restored }) => restored,
	).claims
}

function takeDue(
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
		// Its lease ended, and what sent it again was cancelled meanwhile.
		if (row.lease !== null && row.resend !== null && !isWanted(core, row.id)) {
			restore(core, row.id)
			restored = true
			continue
		}
		const text = notificationBody(core, row)
		size += text.length
		if (claimed.length > 0 && size > CLAIM_SIZE) break
		claimed.push(
			claimOne(
				core,
				subscriptions.find((one) => one.id === row.subscription)!,
				row,
				text,
				guarded,
			),
		)
	}
	// What waited for them waits no longer.
	if (restored) flow(core)
	return { claims: claimed, restored }
}

function claimOne(core: Core, subscription: Subscription, row: NotificationRow, text: string, guarded: boolean): Claim {
	const { sql } = core.ports
	const now = core.ports.now()
	if (row.lease !== null) keepUnknown(core, row, subscription)
	const attempt = row.attempt + 1
	const lease = now + LEASE_MS
	Object.assign(row, {
		attempt,
		lease,
		first_try: row.first_try ?? now,
		status: 'claimed',
		updated: now,
	} satisfies Partial<NotificationRow>)
	sql.run(
		`UPDATE notifications SET attempt = ?, lease = ?, first_try = coalesce(first_try, ?), status = 'claimed', updated = ? WHERE id = ?`,
		attempt,
		lease,
		now,
		now,
		row.id,
	)
	const kind = row.resend === null ? undefined : sql.all<{ kind: string }>(`SELECT kind FROM resends WHERE id = ?`, row.resend)[0]?.kind
	return {
		notificationId: notificationId(core.config.instanceId, row.id),
		organizationId: core.config.organizationId,
		createdMs: row.created,
		subscription: subscription.id,
		attempt,
		leaseUntilMs: lease,
		url: subscription.url,
		body: text,
		sealedFor: core.config.storeless ? 'account' : 'instance',
		configuration: configurationFor(core, subscription),
		signature: core.config.signature,
		guarded,
		replay: kind === 'replay',
	}
}

/** The outcome of the attempt before this claim, which nobody has told. */
function keepUnknown(core: Core, row: NotificationRow, subscription: Subscription): void {
	const { sql } = core.ports
	const outcome = unknownOutcome(row)
	keepAttempt(sql, row.id, row.attempt, subscription.url, outcome)
	if (row.attempt === 1)
		sql.run(`UPDATE notifications SET outcome = ? WHERE id = ? AND outcome IS NULL`, keptOutcome(outcome, subscription.url), row.id)
}

/** Keys of the configuration that are for the instance's own callback alone: another address is not given its credentials. */
const CALLBACK_ALONE = ['event.notification.basic.username', 'event.notification.basic.password', 'event.notification.callback.headers']

function configurationFor(core: Core, subscription: Subscription): Record<string, string | null> {
	const { configuration } = core.config
	if (subscription.id === CALLBACK) return configuration
	return Object.fromEntries(Object.entries(configuration).filter(([key]) => !CALLBACK_ALONE.includes(key)))
}

/** The bytes of a notification, from stored rows alone. */
export function notificationBody(core: Core, row: NotificationRow): string {
	const members = parseMembers(row.members)
	const records = core.ports.sql.all<EventRecord>(
		`SELECT ${EVENT_COLUMNS} FROM events WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
		JSON.stringify(members.map(([sequence]) => sequence)),
	)
	const context = JSON.parse(row.context) as NotificationInstance
	const stored = { id: notificationId(context.instanceId, row.id), createdMs: row.created, resource: row.object_type }
	const [first] = records
	if (context.notice === true && first !== undefined) return noticeBody(stored, storedEvent(first), context)
	return body(
		stored,
		records.map((record, index) => told(storedEvent(record), members[index]?.[3])),
		context,
	)
}
