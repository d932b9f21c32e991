/**
 * What the operator's webhook is told (`operator.webhook.url`): written with the change that it is about, and handed to the organization's
 * own object by the alarm, until that has it.
 */
import type { Core } from './core.ts'

/** What happened: `instance.<state>` or one of these. */
export type OperatorTopic = `instance.${string}` | 'subscription.deactivated' | 'notification.dead' | 'webhook.repaired' | 'backlog.expired'

/** Puts down an operator event. Nothing is written where nobody hears it. Call it inside `core.commit`. */
export function announce(core: Core, topic: OperatorTopic, message: string, detail: Record<string, string | number | null>): void {
	if (!core.config.announces) return
	core.ports.sql.run(
		`INSERT INTO announcements (topic, at, body) VALUES (?, ?, ?)`,
		topic,
		core.ports.now(),
		JSON.stringify({ message, ...detail }),
	)
}
