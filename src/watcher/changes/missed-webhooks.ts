/**
 * The suspicious silence: a change that a poll saw first, of a resource that webhooks tell of, and no webhook comes for
 * it (docs/architecture.md, Seeing: webhooks).
 */
import type { Core, WatchedResource } from '../core/core.ts'

/**
 * A change that a poll saw first is *recovered* when no webhook came for it by then (docs/architecture.md, Seeing:
 * webhooks).
 */
export const WEBHOOK_OVERDUE_MS = 15 * 60_000

/** A poll saw a change first: its webhook is awaited. Call it inside a commit. */
export function expectWebhook(core: Core, watched: WatchedResource, sequence: number): void {
	const { hooks } = core.state
	if (core.config.hooks === null || hooks.suspect !== null || !hasWebhookTopics(core, watched)) return
	hooks.suspect = { sequence, dueMs: core.ports.now() + WEBHOOK_OVERDUE_MS }
}

/** Whether webhooks tell of a resource. */
export function hasWebhookTopics(core: Core, watched: WatchedResource): boolean {
	return core.config.hooks !== null && (core.element.webhooks?.topicsFor(watched.resource.path).length ?? 0) > 0
}
