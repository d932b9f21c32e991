/** Keeps the store's webhooks as they should be: reads them, repairs them, and has what they missed read again. */
import type { Core } from '../core/core.ts'
import type { DesiredWebhooks } from '../../elements/webhooks.ts'
import { getWatchedResources } from '../source/resources.ts'
import { hasWebhookTopics, WEBHOOK_OVERDUE_MS } from '../changes/missed-webhooks.ts'
import { type SliceBudget, StoreError } from '../source/requests.ts'
import { recordRepair } from '../log/repairs.ts'
import { enqueueOperatorEvent } from '../outbox/operator-events.ts'
import { requestReread } from '../polling/scans.ts'

export function formatKey(core: Core, keyId: string): string {
	return `${core.config.hooks?.version ?? 0}:${keyId}`
}

/** Version and key that the store's secrets are to be of. */
export function currentKey(core: Core): string {
	return formatKey(core, core.ports.masterKey.id)
}

/** … and are of, as far as is known: by its own writing, or by that of the API which made them. */
export function writtenKey(core: Core): string | null {
	const keyId = core.config.hooks?.writtenWith
	return core.state.hooks.keyedAs ?? (keyId === undefined ? null : formatKey(core, keyId))
}

/** What webhooks should exist: a topic for each watched collection that has one. Null: this instance keeps none. */
export function getDesiredWebhooks(core: Core): DesiredWebhooks | null {
	const { config, element } = core
	const { webhooks: hooks } = element
	if (config.hooks === null || hooks === null) return null
	const topics = new Set(getWatchedResources(core).flatMap((watched) => hooks.topicsFor(watched.resource.path)))
	const { version, deliveryUrl } = config.hooks
	const secrets = Object.fromEntries(
		[...topics].map((topic) => [
			topic,
			hooks.deriveSecret(core.ports.masterKey.bytes, config.instanceId, topic, version),
		]),
	)
	return {
		name: `Shopbell ${config.instanceId}`,
		deliveryUrl,
		secrets,
		rewriteSecrets: writtenKey(core) !== currentKey(core),
	}
}

/** When the watchdog looks next; null: there are no webhooks to look after. */
export function nextWatchdogMs(core: Core): number | null {
	const { hooks } = core.state
	if (
		core.config.hooks === null ||
		core.config.hooks.deliveryUrl === '' ||
		core.element.webhooks === null ||
		core.state.resources.length === 0
	)
		return null
	// A new secret is written at once; where the store does not let it, as often as everything else.
	if (writtenKey(core) !== currentKey(core) && hooks.triedAs !== currentKey(core)) return 0
	return Math.min(hooks.dueMs ?? 0, hooks.suspect?.dueMs ?? Number.POSITIVE_INFINITY)
}

/** Whether the store's webhooks are to be read now. */
export function isWatchdogDue(core: Core): boolean {
	return nextWatchdogMs(core) !== null && (nextWatchdogMs(core) ?? 0) <= core.ports.now()
}

export function hasRecoveredChange(core: Core, sequence: number, now: number): boolean {
	const numbers = getWatchedResources(core)
		.filter((watched) => hasWebhookTopics(core, watched))
		.map((watched) => watched.state.number)
	const found = core.ports.sql.all<{ sequence: number }>(
		`SELECT sequence FROM events WHERE sequence >= ? AND recorded <= ? AND source <> 'webhook' AND confirmed IS NULL AND resource IN (SELECT value FROM json_each(?)) LIMIT 1`,
		sequence,
		now - WEBHOOK_OVERDUE_MS,
		JSON.stringify(numbers),
	)
	return found.length > 0
}

/**
 * Reads the store's webhooks and mends them. What they missed meanwhile comes by the poll from the old cursor, and by a
 * re-read, since a webhook also tells what moves no stamp. False: the store did not let it; what else is due goes on
 * meanwhile. Throws StoreTrouble.
 */
export async function runWatchdogStep(core: Core, budget: SliceBudget): Promise<boolean> {
	const { state, element } = core
	const { hooks } = state
	const now = core.ports.now()
	if (hooks.suspect !== null && hooks.suspect.dueMs <= now) {
		const recovered = hasRecoveredChange(core, hooks.suspect.sequence, now)
		hooks.suspect = null
		if (recovered) recordRepair(core, 'a change came by polling that no webhook had told')
		else if ((nextWatchdogMs(core) ?? Number.POSITIVE_INFINITY) > now) return true
	}
	const desired = getDesiredWebhooks(core)
	const watched = getWatchedResources(core)[0]
	if (desired === null || element.webhooks === null || watched === undefined) return true
	const client = await core.client()
	const requestsBefore = client.requests
	const result = await element.webhooks.ensure(client, desired)
	budget.requests -= client.requests - requestsBefore
	state.counters.requests += client.requests - requestsBefore
	const { failure, missingPermission } = result
	if (failure !== null) {
		core.commit(() => {
			hooks.dueMs = now + Math.max(WATCHDOG_RETRY_MS, failure.retryAfterMs ?? 0)
			hooks.triedAs = currentKey(core)
			hooks.degraded = { reason: missingPermission ?? failure.message, sinceMs: hooks.degraded?.sinceMs ?? now }
		})
		// Lists may well answer where webhooks do not; only what concerns every request stops the others.
		if (missingPermission === null && (failure.kind === 'auth' || failure.kind === 'throttled'))
			throw new StoreError(failure, watched)
		return false
	}
	core.commit(() => {
		// A key that may no longer list them does not make them strangers.
		if (result.ok || result.webhooks.length > 0) hooks.webhooks = result.webhooks
		hooks.checkedMs = now
		hooks.dueMs = now + WATCHDOG_INTERVAL_MS
		hooks.triedAs = currentKey(core)
		if (result.ok) hooks.keyedAs = currentKey(core)
		if (hooks.foreign !== null && now - hooks.foreign.atMs > FOREIGN_SOURCE_TTL_MS) hooks.foreign = null
		for (const repair of result.changes) {
			recordRepair(core, repair)
			// A secret that was written anew was not broken.
			if (!repair.endsWith('given its secret')) enqueueOperatorEvent(core, 'webhook.repaired', repair, {})
		}
		const problem = result.missingPermission ?? result.errors[0] ?? null
		// What was done may have been done by a call whose answer was lost.
		const recovered = hooks.degraded !== null && problem === null
		hooks.degraded = problem === null ? null : { reason: problem, sinceMs: hooks.degraded?.sinceMs ?? now }
		// The gap since the last good moment: a webhook that was off told nothing of it. (`order.created given its secret`
		// was not off.)
		if (
			(recovered || result.changes.some((repair) => /^created | re-enabled | moved /.test(repair))) &&
			state.lastRunMs !== null
		) {
			state.nextPollMs = now
			requestReread(core)
		}
	})
	return true
}

/** A foreign source is spoken of for a day after its last delivery. */
export const FOREIGN_SOURCE_TTL_MS = 86_400_000

/** … and this soon again when that did not work. */
export const WATCHDOG_RETRY_MS = 5 * 60_000

/** The watchdog reads the store's webhooks this often. */
export const WATCHDOG_INTERVAL_MS = 3_600_000
