/** The table `subscriptions`: its only writer, and its rows in memory (docs/storage.md, The object of an instance). */
import type { NotSentReason } from '../../rpc/delivery.ts'
import type { Ports, Sql } from './ports.ts'
import type { Subscription } from './rows.ts'
import type { Tx } from './tx.ts'

interface SubscriptionRow {
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
	not_sent: string | null
	created: number
}

/** A subscription in the configuration. `topics`: null means all of this object. */
export interface SubscriptionTarget {
	number: number
	url: string
	topics: readonly string[] | null
}

/** All subscriptions as they are stored, the callback first. */
export function readSubscriptions(sql: Sql): Subscription[] {
	return sql
		.all<SubscriptionRow>(
			`SELECT id, number, url, topics, active, reason, since, guarded, parked, last_success, failing_since,
				last_status, not_sent, created FROM subscriptions ORDER BY id`,
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
			notSent: row.not_sent === null ? null : (JSON.parse(row.not_sent) as NotSentReason),
			createdMs: row.created,
		}))
}

/** Subscriptions of one instance. Every write forgets the rows in memory. */
export class SubscriptionTable {
	readonly #ports: Ports
	#rows: readonly Subscription[] | null = null

	constructor(ports: Ports) {
		this.#ports = ports
	}

	/** The rows in memory; null: not read since they were last written. */
	get cached(): readonly Subscription[] | null {
		return this.#rows
	}

	/** All subscriptions, the callback first. */
	getAll(): readonly Subscription[] {
		this.#rows ??= readSubscriptions(this.#ports.sql)
		return this.#rows
	}

	/** Forgets the rows in memory. */
	invalidate(): void {
		this.#rows = null
	}

	/** `since`: the log's sequence; events up to it are not meant for this subscription. */
	insert(tx: Tx, id: number, { number, url, topics }: SubscriptionTarget, since: number): void {
		this.#write(
			tx,
			`INSERT INTO subscriptions (id, number, url, topics, active, since, created) VALUES (?, ?, ?, ?, 1, ?, ?)`,
			id,
			number,
			url,
			topics === null ? null : JSON.stringify(topics),
			since,
			this.#ports.now(),
		)
	}

	update(tx: Tx, id: number, { number, url, topics }: SubscriptionTarget): void {
		this.#write(
			tx,
			`UPDATE subscriptions SET number = ?, url = ?, topics = ? WHERE id = ?`,
			number,
			url,
			topics === null ? null : JSON.stringify(topics),
			id,
		)
	}

	/** Makes it active, with no failure and no circuit breaker to ask. */
	activate(tx: Tx, id: number): void {
		this.#write(
			tx,
			`UPDATE subscriptions
			SET active = 1, reason = NULL, failing_since = NULL, last_status = NULL, not_sent = NULL, guarded = 0,
				parked = NULL
			WHERE id = ? AND (active = 0 OR failing_since IS NOT NULL OR guarded = 1)`,
			id,
		)
	}

	deactivate(tx: Tx, id: number, reason: string): void {
		this.#write(tx, `UPDATE subscriptions SET active = 0, reason = ?, parked = NULL WHERE id = ?`, reason, id)
	}

	/** Sends nothing to it before a time, epoch ms. */
	park(tx: Tx, id: number, untilMs: number): void {
		this.#write(tx, `UPDATE subscriptions SET parked = ? WHERE id = ? AND parked IS NOT ?`, untilMs, id, untilMs)
	}

	/** Ends its parking. `guarded`: its deliveries still ask the circuit breaker first. */
	unpark(tx: Tx, id: number, guarded: boolean): void {
		this.#write(tx, `UPDATE subscriptions SET guarded = ?, parked = NULL WHERE id = ?`, Number(guarded), id)
	}

	/** A delivery succeeded after failures. */
	recordRecovery(tx: Tx, id: number): void {
		this.#write(
			tx,
			`UPDATE subscriptions SET failing_since = NULL, last_success = ?, last_status = NULL, not_sent = NULL
			WHERE id = ?`,
			this.#ports.now(),
			id,
		)
	}

	/** A delivery failed. `guards`: the following ones ask the circuit breaker first. `notSent`: null if it was sent. */
	recordFailure(tx: Tx, id: number, lastStatus: string, guards: boolean, notSent: NotSentReason | null): void {
		this.#write(
			tx,
			`UPDATE subscriptions
			SET failing_since = coalesce(failing_since, ?), last_status = ?, guarded = max(guarded, ?), not_sent = ?
			WHERE id = ?`,
			this.#ports.now(),
			lastStatus,
			Number(guards),
			notSent === null ? null : JSON.stringify(notSent),
			id,
		)
	}

	delete(tx: Tx, id: number): void {
		this.#write(tx, `DELETE FROM subscriptions WHERE id = ?`, id)
	}

	#write(_tx: Tx, query: string, ...values: (string | number | null)[]): void {
		this.#ports.sql.run(query, ...values)
		this.invalidate()
	}
}
