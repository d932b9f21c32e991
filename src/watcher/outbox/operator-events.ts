/**
 * Operator events (`operator.webhook.url`): stored in the commit of the change that they report, and published to the
 * organization's own object by the alarm until they arrive. Publishing twice sends once: that object stores the last
 * number that it received (docs/delivery.md, Operator webhook).
 */
import type { Core } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import type { Notice } from '../../rpc/delivery.ts'

/** The type: `instance.<state>`, or one of these. */
type OperatorTopic =
	| `instance.${string}`
	| 'subscription.deactivated'
	| 'notification.dead'
	| 'objects.unchecked'
	| 'webhook.repaired'
	| 'backlog.expired'
	| 'mass-change.detected'

/** Maximum events that a call publishes. */
const MAX_EVENTS_PER_CALL = 50
/** Pause after a failed call, ms. */
const RETRY_DELAY_MS = 60_000

/** Stores an operator event, if the organization has an operator webhook. */
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

/** Publishes stored events when they are due. Never throws: after a failure it is retried in a minute. */
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
				{ id: config.organizationId, incarnation: config.organizationIncarnation },
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
		// Another event may have been stored meanwhile.
		state.announceMs = sql.all(`SELECT id FROM announcements LIMIT 1`).length > 0 ? core.ports.now() : null
	})
}
