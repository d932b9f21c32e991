/**
 * The tables `resends` and `resend_items`: replays and releases, and the notifications that they still have to send
 * (docs/storage.md, The object of an instance).
 */
import type { Ports, Sql } from './ports.ts'
import { getObjectKeys } from './rows.ts'
import type { WatcherState } from './state.ts'
import type { Tx } from './tx.ts'

/** Why notifications are sent again. */
export type ResendKind = 'release' | 'replay'

/** A notification that a resend still has to send or to settle. */
export interface ResendItem {
	id: number
	resend: number
	kind: ResendKind
	members: string
}

const NO_OBJECTS: ReadonlyMap<string, number> = new Map()

/** Resends of one instance, and how many of each object's notifications they still have to send. */
export class ResendTable {
	readonly #ports: Ports
	readonly #state: WatcherState
	/** By subscription and object; null: not read. */
	#objectCounts: Map<number, Map<string, number>> | null = null

	constructor(ports: Ports, state: WatcherState) {
		this.#ports = ports
		this.#state = state
	}

	get #sql(): Sql {
		return this.#ports.sql
	}

	/** Forgets what is in memory. */
	invalidate(): void {
		this.#objectCounts = null
	}

	/**
	 * Starts a resend. `select` is a query of ids of settled notifications; those that another resend still has to send
	 * stay with that one. Returns its id.
	 */
	begin(tx: Tx, kind: ResendKind, select: string, ...values: (string | number)[]): number {
		const id = ++this.#state.resend
		this.#sql.run(
			`INSERT OR IGNORE INTO resend_items (notification, resend, subscription)
			SELECT id, ?, (SELECT subscription FROM notifications AS n WHERE n.id = one.id) FROM (${select}) AS one`,
			id,
			...values,
		)
		const total = this.#sql.all<{ n: number }>(`SELECT count(*) AS n FROM resend_items WHERE resend = ?`, id)[0]!.n
		this.#sql.run(
			`INSERT INTO resends (id, kind, total, failed, status, created) VALUES (?, ?, ?, 0, 'running', ?)`,
			id,
			kind,
			total,
			this.#ports.now(),
		)
		this.#state.resending++
		this.invalidate()
		this.#completeIfEmpty(tx, id)
		return id
	}

	/** The first items of a subscription, oldest notification first. */
	getItems(subscription: number, limit: number): ResendItem[] {
		return this.#sql.all<ResendItem>(
			`SELECT n.id, i.resend, r.kind, n.members FROM resend_items i JOIN notifications n ON n.id = i.notification
			JOIN resends r ON r.id = i.resend WHERE i.subscription = ? ORDER BY i.notification LIMIT ?`,
			subscription,
			limit,
		)
	}

	/** Objects with notifications that must still be sent again to a subscription, with their number. */
	getObjects(subscription: number): ReadonlyMap<string, number> {
		if (this.#state.resending === 0) return NO_OBJECTS
		this.#objectCounts ??= this.#readObjectCounts()
		return this.#objectCounts.get(subscription) ?? NO_OBJECTS
	}

	/** The reason of a resend; null: it is no longer stored. */
	getKind(resend: number): ResendKind | null {
		return this.#sql.all<{ kind: ResendKind }>(`SELECT kind FROM resends WHERE id = ?`, resend)[0]?.kind ?? null
	}

	/** The resend that still has to send or to settle a notification; null: none has, or it was cancelled. */
	findByNotification(notification: number): number | null {
		return (
			this.#sql.all<{ resend: number }>(`SELECT resend FROM resend_items WHERE notification = ?`, notification)[0]
				?.resend ?? null
		)
	}

	/** A notification that was sent again has settled. */
	settleItem(tx: Tx, notification: number, resend: number, delivered: boolean): void {
		this.#uncountObjects(notification)
		this.#sql.run(`DELETE FROM resend_items WHERE notification = ?`, notification)
		if (!delivered) this.#sql.run(`UPDATE resends SET failed = failed + 1 WHERE id = ? AND status = 'running'`, resend)
		this.#completeIfEmpty(tx, resend)
	}

	/** Stops a resend: it sends nothing more. False: it is not running. */
	cancel(_tx: Tx, resend: number): boolean {
		if (!this.#isRunning(resend)) return false
		this.#sql.run(`DELETE FROM resend_items WHERE resend = ?`, resend)
		this.#sql.run(`UPDATE resends SET status = 'cancelled', ended = ? WHERE id = ?`, this.#ports.now(), resend)
		this.#state.resending--
		this.invalidate()
		return true
	}

	/** Removes a subscription and everything that should have been sent to it again. */
	deleteItemsOf(tx: Tx, subscription: number): void {
		if (this.#state.resending === 0) return
		this.#sql.run(
			`DELETE FROM resend_items WHERE notification IN (SELECT id FROM notifications WHERE subscription = ?)`,
			subscription,
		)
		this.invalidate()
		for (const { id } of this.#sql.all<{ id: number }>(`SELECT id FROM resends WHERE status = 'running'`))
			this.#completeIfEmpty(tx, id)
	}

	/** Stores which job across instances started a replay. */
	setJob(_tx: Tx, resend: number, job: number): void {
		this.#sql.run(`UPDATE resends SET job = ? WHERE id = ?`, job, resend)
	}

	/** Deletes ended resends up to an id. */
	deleteEnded(_tx: Tx, upTo: number): void {
		this.#sql.run(`DELETE FROM resends WHERE id <= ? AND status <> 'running'`, upTo)
	}

	#readObjectCounts(): Map<number, Map<string, number>> {
		const counts = new Map<number, Map<string, number>>()
		for (const row of this.#sql.each<{ subscription: number; members: string }>(
			`SELECT n.subscription, n.members FROM resend_items i JOIN notifications n ON n.id = i.notification`,
		)) {
			const objects = counts.get(row.subscription) ?? new Map<string, number>()
			for (const object of getObjectKeys(row.members)) objects.set(object, (objects.get(object) ?? 0) + 1)
			counts.set(row.subscription, objects)
		}
		return counts
	}

	/** Decrements the counts of a notification's objects. */
	#uncountObjects(notification: number): void {
		if (this.#objectCounts === null) return
		const row = this.#sql.all<{ subscription: number; members: string }>(
			`SELECT n.subscription, n.members FROM resend_items i JOIN notifications n ON n.id = i.notification
			WHERE i.notification = ?`,
			notification,
		)[0]
		const objects = row === undefined ? undefined : this.#objectCounts.get(row.subscription)
		if (row === undefined || objects === undefined) {
			// The notification was pruned, or its subscription removed.
			this.invalidate()
			return
		}
		for (const object of getObjectKeys(row.members)) {
			const remaining = (objects.get(object) ?? 1) - 1
			if (remaining === 0) objects.delete(object)
			else objects.set(object, remaining)
		}
	}

	#completeIfEmpty(_tx: Tx, resend: number): void {
		if (this.#sql.all(`SELECT notification FROM resend_items WHERE resend = ? LIMIT 1`, resend).length > 0) return
		if (!this.#isRunning(resend)) return
		this.#sql.run(`UPDATE resends SET status = 'done', ended = ? WHERE id = ?`, this.#ports.now(), resend)
		this.#state.resending--
	}

	#isRunning(resend: number): boolean {
		return this.#sql.all(`SELECT id FROM resends WHERE id = ? AND status = 'running'`, resend).length > 0
	}
}
