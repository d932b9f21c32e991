/**
 * The table `notifications`: its only writer, the list of unsettled ones and their rows in memory (docs/storage.md, The
 * object of an instance). Times epoch ms.
 */
import type { Ports, Sql } from './ports.ts'
import { DELETED_STATUS } from './posted.ts'
import type { NotificationRow, NotificationStatus } from './rows.ts'
import type { WatcherState } from './state.ts'
import type { Tx } from './tx.ts'

/** The columns of `NotificationRow`. */
export const NOTIFICATION_COLUMNS =
	'id, subscription, object_type, members, created, updated, context, status, attempt, base, due, lease, first_try, ' +
	'first_failure, settled, delivered, resend'

/** Notifications of one instance. */
export class NotificationTable {
	/** Number of notifications that were added to the list of unsettled ones since this instance was created. */
	trackedCount = 0
	/** Number of notifications that changed after they had left that list. */
	lateChanges = 0
	readonly #ports: Ports
	readonly #state: WatcherState
	#unsettled: NotificationRow[] | null = null

	constructor(ports: Ports, state: WatcherState) {
		this.#ports = ports
		this.#state = state
	}

	get #sql(): Sql {
		return this.#ports.sql
	}

	/** Unsettled rows in memory, oldest first; null: not read since they were last invalidated. */
	get cached(): readonly NotificationRow[] | null {
		return this.#unsettled
	}

	/** Forgets the rows in memory. */
	invalidate(): void {
		this.#unsettled = null
	}

	/**
	 * Reads the rows on the list of unsettled ones into memory. The stored list may still name notifications that settled
	 * after it was written: they leave it, and their ids are returned.
	 */
	loadUnsettled(): { rows: readonly NotificationRow[]; settledIds: readonly number[] } {
		const { unsettled } = this.#state
		this.#unsettled =
			unsettled.length === 0
				? []
				: this.#sql.all<NotificationRow>(
						`SELECT ${NOTIFICATION_COLUMNS} FROM notifications
						WHERE id IN (SELECT value FROM json_each(?)) AND settled IS NULL ORDER BY id`,
						JSON.stringify(unsettled),
					)
		const rows = this.#unsettled
		if (rows.length === unsettled.length) return { rows, settledIds: [] }
		const unsettledIds = new Set(rows.map((row) => row.id))
		this.#state.unsettled = rows.map((row) => row.id)
		return { rows, settledIds: unsettled.filter((id) => !unsettledIds.has(id)) }
	}

	/** One notification as it is stored; null: it does not exist or was pruned. */
	get(id: number): NotificationRow | null {
		return (
			this.#sql.all<NotificationRow>(`SELECT ${NOTIFICATION_COLUMNS} FROM notifications WHERE id = ?`, id)[0] ?? null
		)
	}

	/** Statuses by id. A notification that has left the log is missing. Consecutive ids are read by one statement. */
	readStatuses(ids: Iterable<number>): NotificationStatus[] {
		const wanted = new Set(ids)
		return toRuns(wanted)
			.flatMap(([first, length]) =>
				this.#sql.all<NotificationStatus>(
					`SELECT id, status, created, updated, delivered, json_extract(context, '$.postedAs') AS postedAs
					FROM notifications WHERE id >= ? ORDER BY id LIMIT ?`,
					first,
					length,
				),
			)
			.filter(({ id }) => wanted.has(id))
	}

	/** Adds the newest row. `sent`: it can be sent now, and the caller adds it to the list of unsettled ones. */
	insert(_tx: Tx, row: NotificationRow, sent: boolean): void {
		this.#sql.run(
			`INSERT INTO notifications
				(id, subscription, object_type, members, created, context, status, attempt, due, settled, updated)
			VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
			row.id,
			row.subscription,
			row.object_type,
			row.members,
			row.created,
			row.context,
			row.status,
			row.due,
			row.settled,
			row.updated,
		)
		if (sent) this.#unsettled?.push(row)
	}

	/** Events were added to a notification that was never claimed; changes the given row too. */
	setMembers(_tx: Tx, row: NotificationRow, members: string): void {
		const updated = this.#ports.now()
		Object.assign(row, { members, updated } satisfies Partial<NotificationRow>)
		this.#sql.run(`UPDATE notifications SET members = ?, updated = ? WHERE id = ?`, members, updated, row.id)
	}

	/** Rows of a posted notification that was just created: they are shown as the first one. */
	showAs(_tx: Tx, ids: readonly number[], first: number): void {
		if (ids.length === 0) return
		this.#sql.run(
			`UPDATE notifications SET context = json_set(context, '$.postedAs', ?)
			WHERE id IN (SELECT value FROM json_each(?))`,
			first,
			JSON.stringify(ids),
		)
		this.invalidate()
	}

	/** Settled notifications are not shown any more, and never sent again. Whether they were accepted stays. */
	hide(_tx: Tx, ids: readonly number[]): void {
		this.#sql.run(
			`UPDATE notifications
			SET delivered = coalesce(delivered, CASE WHEN status = 'delivered' THEN settled END), status = ?, updated = ?
			WHERE id IN (SELECT value FROM json_each(?)) AND settled IS NOT NULL`,
			DELETED_STATUS,
			this.#ports.now(),
			JSON.stringify(ids),
		)
	}

	/** Adds notifications to the list of unsettled ones. */
	track(_tx: Tx, ids: readonly number[]): void {
		this.trackedCount += ids.length
		const cachedIds = new Set(this.#unsettled?.map((row) => row.id))
		if (!ids.every((id) => cachedIds.has(id))) this.invalidate()
		this.#state.unsettled = [...new Set([...this.#state.unsettled, ...ids])].sort((a, b) => a - b)
	}

	/** Removes a settled notification from that list. */
	untrack(_tx: Tx, id: number): void {
		if (!this.#state.unsettled.includes(id)) this.lateChanges++
		this.#state.unsettled = this.#state.unsettled.filter((other) => other !== id)
		if (this.#unsettled !== null) this.#unsettled = this.#unsettled.filter((row) => row.id !== id)
	}

	/** A notification that waited for earlier ones is sent now, or is queued. */
	enqueue(_tx: Tx, id: number, status: 'waiting' | 'queued'): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications SET status = ?, due = ?, settled = ?, updated = ? WHERE id = ?`,
			status,
			now,
			status === 'waiting' ? null : now,
			now,
			id,
		)
		this.invalidate()
	}

	/** Claims an unsettled notification for its next attempt; changes the given row too. */
	claim(_tx: Tx, row: NotificationRow, leaseMs: number): { attempt: number; leaseUntilMs: number } {
		const now = this.#ports.now()
		const attempt = row.attempt + 1
		const lease = now + leaseMs
		Object.assign(row, {
			attempt,
			lease,
			first_try: row.first_try ?? now,
			status: 'claimed',
			updated: now,
		} satisfies Partial<NotificationRow>)
		this.#sql.run(
			`UPDATE notifications
			SET attempt = ?, lease = ?, first_try = coalesce(first_try, ?), status = 'claimed', updated = ? WHERE id = ?`,
			attempt,
			lease,
			now,
			now,
			row.id,
		)
		return { attempt, leaseUntilMs: lease }
	}

	/** Stores the outcome of the first attempt (`serializeOutcome`). */
	setOutcome(_tx: Tx, id: number, outcome: string): void {
		this.#sql.run(`UPDATE notifications SET outcome = ? WHERE id = ?`, outcome, id)
	}

	/** Stores the outcome of the first attempt, unless there is one. */
	setMissingOutcome(_tx: Tx, id: number, outcome: string): void {
		this.#sql.run(`UPDATE notifications SET outcome = ? WHERE id = ? AND outcome IS NULL`, outcome, id)
	}

	/** Removes the callback's response to the first attempt. */
	eraseResponse(_tx: Tx, id: number): void {
		this.#sql.run(
			`UPDATE notifications SET outcome = json_set(outcome, '$.body', '') WHERE id = ? AND outcome IS NOT NULL`,
			id,
		)
	}

	/** An attempt was accepted: settles the notification. */
	settleDelivered(tx: Tx, id: number, attempt: number, outcome: string): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications
			SET delivered = coalesce(delivered, ?), outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END, status = 'delivered',
				settled = ?, lease = NULL, updated = ?, resend = NULL
			WHERE id = ?`,
			now,
			attempt,
			outcome,
			now,
			now,
			id,
		)
		this.untrack(tx, id)
	}

	/** An attempt from before a replay was accepted: this is recorded, but the replay continues. */
	recordLateDelivery(_tx: Tx, id: number, attempt: number, outcome: string): void {
		this.#sql.run(
			`UPDATE notifications
			SET delivered = coalesce(delivered, ?), outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END WHERE id = ?`,
			this.#ports.now(),
			attempt,
			outcome,
			id,
		)
		this.invalidate()
		this.lateChanges++
	}

	/** An attempt failed. `retryAtMs`: when the next one is due; null: it was the last, and the notification settles. */
	recordFailure(tx: Tx, row: NotificationRow, retryAtMs: number | null, firstFailure: number, outcome: string): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications
			SET status = ?, due = coalesce(?, due), settled = ?, lease = NULL, first_failure = ?, updated = ?,
				outcome = CASE WHEN ? = 1 THEN ? ELSE outcome END
			WHERE id = ?`,
			retryAtMs !== null ? 'retry' : row.delivered === null ? 'queued' : 'delivered',
			retryAtMs,
			retryAtMs === null ? now : null,
			firstFailure,
			now,
			row.attempt,
			outcome,
			row.id,
		)
		this.invalidate()
		if (retryAtMs === null) this.untrack(tx, row.id)
	}

	/** A settled notification will be sent again by a resend. The caller adds it to the list of unsettled ones. */
	sendAgain(_tx: Tx, id: number, resend: number): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications
			SET status = 'waiting', delivered = coalesce(delivered, CASE WHEN status = 'delivered' THEN settled END),
				settled = NULL, due = ?, updated = ?, base = attempt, first_try = NULL, first_failure = NULL, resend = ?
			WHERE id = ?`,
			now,
			now,
			resend,
			id,
		)
		this.invalidate()
	}

	/** Sets a notification whose resend was cancelled back to what it was before. */
	revertResend(_tx: Tx, id: number): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications
			SET status = CASE WHEN delivered IS NULL THEN 'queued' ELSE 'delivered' END, settled = ?, lease = NULL,
				updated = ?, resend = NULL
			WHERE id = ?`,
			now,
			now,
			id,
		)
		this.invalidate()
	}

	/** Settles all unsettled ones of a subscription without sending them. */
	settleUnsent(_tx: Tx, subscription: number, status: 'queued' | 'dropped'): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications
			SET status = CASE WHEN delivered IS NULL THEN ? ELSE 'delivered' END, settled = ?, lease = NULL, updated = ?
			WHERE id IN (SELECT value FROM json_each(?)) AND subscription = ? AND settled IS NULL`,
			status,
			now,
			now,
			JSON.stringify(this.#state.unsettled),
			subscription,
		)
		this.invalidate()
	}

	/** Makes all unsettled ones of a subscription due now. */
	makeDue(_tx: Tx, subscription: number): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications SET due = ?
			WHERE id IN (SELECT value FROM json_each(?)) AND subscription = ? AND due > ? AND settled IS NULL`,
			now,
			JSON.stringify(this.#state.unsettled),
			subscription,
			now,
		)
		this.invalidate()
	}

	/** Drops notifications of a subscription that have an id but still wait to be sent. */
	dropReserved(_tx: Tx, subscription: number): void {
		const now = this.#ports.now()
		this.#sql.run(
			`UPDATE notifications SET status = 'dropped', settled = ?, updated = ?
			WHERE id IN (
				SELECT j.value FROM waiting AS w JOIN events AS e ON e.sequence = w.sequence, json_each(e.notifications) AS j
				WHERE w.subscription = ?) AND subscription = ? AND settled IS NULL`,
			now,
			now,
			subscription,
			subscription,
		)
	}

	/** Drops queued notifications of a subscription. */
	dropQueued(_tx: Tx, subscription: number): void {
		this.#sql.run(
			`UPDATE notifications SET status = 'dropped' WHERE subscription = ? AND status = 'queued'`,
			subscription,
		)
	}

	/** Acknowledges a notification; only the first time counts. */
	acknowledge(_tx: Tx, id: number): void {
		this.#sql.run(
			`UPDATE notifications SET acknowledged = coalesce(acknowledged, ?) WHERE id = ?`,
			this.#ports.now(),
			id,
		)
	}

	/** Deletes those none of whose events is there: a backup read the log before they were formed. */
	deleteWithoutEvents(_tx: Tx): void {
		this.#sql.run(
			`DELETE FROM notifications WHERE NOT EXISTS (
				SELECT 1 FROM json_each(notifications.members) AS m
				JOIN events AS e ON e.sequence = json_extract(m.value, '$[0]'))`,
		)
		this.invalidate()
	}

	delete(tx: Tx, id: number): void {
		this.#sql.run(`DELETE FROM notifications WHERE id = ?`, id)
		if (this.#state.unsettled.includes(id)) this.untrack(tx, id)
	}
}

/** Groups numbers into runs of consecutive ones: the start of each, and its length. */
function toRuns(numbers: Iterable<number>): [first: number, length: number][] {
	const runs: [number, number][] = []
	for (const number of [...numbers].sort((a, b) => a - b)) {
		const run = runs.at(-1)
		if (run !== undefined && run[0] + run[1] === number) run[1]++
		else runs.push([number, 1])
	}
	return runs
}
