/**
 * Attempts: one row each from the second on; the first one's outcome is kept in its notification (docs/storage.md, The
 * object of an instance).
 */
import type { Core } from '../core/core.ts'
import type { Sql } from '../core/ports.ts'
import type { Tx } from '../core/tx.ts'
import type { AttemptOutcome } from '../../rpc/delivery.ts'
import type { AttemptReport } from '../../rpc/notification.ts'

/** Saves an attempt, unless it is the first. */
export function saveAttempt(
	_tx: Tx,
	core: Core,
	id: number,
	number: number,
	url: string | null,
	outcome: AttemptOutcome,
): void {
	if (number < 2) return
	core.ports.sql.run(
		`INSERT OR REPLACE INTO attempts (notification, number, started, outcome) VALUES (?, ?, ?, ?)`,
		id,
		number,
		outcome.startedMs,
		serializeOutcome(outcome, url),
	)
}

/** An outcome as JSON, with the callback's address. */
export function serializeOutcome(outcome: AttemptOutcome, url: string | null): string {
	return JSON.stringify(url === null ? outcome : { ...outcome, url: outcome.url ?? url })
}

/** All attempts of a notification that have ended, oldest first; null: there is no such notification. */
export function getAttempts(sql: Sql, id: number): AttemptReport[] | null {
	const row = sql.all<{ outcome: string | null }>(`SELECT outcome FROM notifications WHERE id = ?`, id)[0]
	if (row === undefined) return null
	const later = sql.all<{ number: number; outcome: string }>(
		`SELECT number, outcome FROM attempts WHERE notification = ? ORDER BY number`,
		id,
	)
	return [...(row.outcome === null ? [] : [{ number: 1, outcome: row.outcome }]), ...later].map(
		({ number, outcome }) => {
			const { url, delivered, startedMs, durationMs, status, error, body } = JSON.parse(outcome) as AttemptOutcome
			return { number, startedMs, durationMs, delivered, status, error, url: url ?? null, body }
		},
	)
}

/** Erases the callback's responses to a notification, which may quote what was sent. */
export function eraseResponses(tx: Tx, core: Core, id: number): void {
	core.ports.sql.run(`UPDATE attempts SET outcome = json_set(outcome, '$.body', '') WHERE notification = ?`, id)
	core.notifications.eraseResponse(tx, id)
}
