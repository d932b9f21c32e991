/**
 * Missed webhooks: a poll was the first to see a change of a resource that has webhooks, and no webhook reports it
 * (docs/architecture.md, Webhooks).
 */
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'

/** A change that a poll saw first counts as *recovered* when no webhook has arrived for it after this long. */
export const WEBHOOK_OVERDUE_MS = 15 * 60_000

/** Expects the webhook of a change that a poll saw first. */
export function expectWebhook(_tx: Tx, core: Core, watched: WatchedResource, sequence: number): void {
	const { hooks } = core.state
	if (core.config.hooks === null || hooks.suspect !== null || !hasWebhookTopics(core, watched)) return
	hooks.suspect = { sequence, dueMs: core.ports.now() + WEBHOOK_OVERDUE_MS }
}

/** Whether the instance has webhooks for a resource. */
export function hasWebhookTopics(core: Core, watched: WatchedResource): boolean {
	return core.config.hooks !== null && (core.element.webhooks?.topicsFor(watched.resource.path).length ?? 0) > 0
}
