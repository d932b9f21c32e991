/**
 * What the operator's webhook is told (`operator.webhook.url`): put down in the commit of the change that it is about,
 * and handed to the organization's own object by the alarm until that has it. Handed over twice it is told once: the
 * object knows the last number it took.
 */
import type { Core } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import type { Notice } from '../../rpc/delivery.ts'

/** What happened: `instance.<state>`, or one of these. */
export type OperatorTopic =
	| `instance.${string}`
	| 'subscription.deactivated'
	| 'notification.dead'
	| 'webhook.repaired'
	| 'backlog.expired'

/** How many are handed over in one call. */
const MAX_EVENTS_PER_CALL = 50
/** Pause after a call that failed, ms. */
const RETRY_DELAY_MS = 60_000

/** Puts down an operator event. Nothing is written where nobody hears it. */
export function enqueueOperatorEvent(
	_tx: Tx,
	core: Core,
	topic: OperatorTopic,
	message: string,
	detail: Record<string, string | number | null>,
): void {
	if (!core.config.announces) return
	const { state } = core
	const now = core.ports.now()
	core.ports.sql.run(
		`INSERT INTO announcements (id, topic, at, body) VALUES (?, ?, ?, ?)`,
		++state.announcement,
		topic,
		now,
		JSON.stringify({ message, instanceId: core.config.instanceId, instanceName: core.config.name, ...detail }),
	)
	state.announceMs = now
}

/** Hands over what was put down, when it is due. Never throws: what could not be handed over is again in a minute. */
export async function publishOperatorEvents(core: Core): Promise<void> {
	const { state, config } = core
	const { sql } = core.ports
	if (state.announceMs === null || state.announceMs > core.ports.now()) return
	const rows = sql.all<{ id: number; topic: string; at: number; body: string }>(
		`SELECT id, topic, at, body FROM announcements ORDER BY id LIMIT ?`,
		MAX_EVENTS_PER_CALL,
	)
	try {
		if (rows.length > 0 && config.announces)
			await core.ports.publish(
				config.organizationId,
				rows.map(({ id, topic, at, body }): Notice => ({
					origin: config.instanceId,
					number: id,
					topic,
					atMs: at,
					severity: 'medium',
					body,
				})),
			)
	} catch (error) {
		core.ports.log('announcements.kept', {
			instance: config.instanceId,
			error: error instanceof Error ? error.name : 'unknown',
		})
		core.commit(() => {
			state.announceMs = core.ports.now() + RETRY_DELAY_MS
		})
		return
	}
	core.commit(() => {
		const last = rows.at(-1)
		if (last !== undefined) sql.run(`DELETE FROM announcements WHERE id <= ?`, last.id)
		// One may have been put down while these were handed over.
		state.announceMs = sql.all(`SELECT id FROM announcements LIMIT 1`).length > 0 ? core.ports.now() : null
	})
}
