/** Keeps the store's webhooks as they should be: reads them, repairs them, and has what they missed read again. */
import type { Core } from '../core/core.ts'
import type { DesiredHooks } from '../../elements/webhooks.ts'
import { watchedResources } from '../source/resources.ts'
import { covered, RECOVERED_MS } from '../changes/missed-webhooks.ts'
import { type Budget, StoreTrouble } from '../source/requests.ts'
import { note } from '../log/repairs.ts'
import { announce } from '../outbox/operator-events.ts'
import { askReread } from '../polling/scans.ts'

export function keyOf(core: Core, key: string): string {
	return `${core.config.hooks?.version ?? 0}:${key}`
}

/** Version and key that the store's secrets are to be of. */
export function keyName(core: Core): string {
	return keyOf(core, core.ports.masterKey.id)
}

/** … and are of, as far as is known: by its own writing, or by that of the API which made them. */
export function keyedAs(core: Core): string | null {
	const written = core.config.hooks?.writtenWith
	return core.state.hooks.keyedAs ?? (written === undefined ? null : keyOf(core, written))
}

/** What webhooks should exist: a topic for each watched collection that has one. Null: this instance keeps none. */
export function desiredHooks(core: Core): DesiredHooks | null {
	const { config, element } = core
	const { hooks } = element
	if (config.hooks === null || hooks === null) return null
	const topics = new Set(watchedResources(core).flatMap((one) => hooks.topicsOf(one.resource.path)))
	const { version, deliveryUrl } = config.hooks
	const secrets = Object.fromEntries(
		[...topics].map((topic) => [topic, hooks.secretOf(core.ports.masterKey.bytes, config.instanceId, topic, version)]),
	)
	return { name: `Shopbell ${config.instanceId}`, deliveryUrl, secrets, rekey: keyedAs(core) !== keyName(core) }
}

/** When the watchdog looks next; null: there are no webhooks to look after. */
export function watchdogAt(core: Core): number | null {
	const { hooks } = core.state
	if (
		core.config.hooks === null ||
		core.config.hooks.deliveryUrl === '' ||
		core.element.hooks === null ||
		core.state.resources.length === 0
	)
		return null
	// A new secret is written at once; where the store does not let it, as often as everything else.
	if (keyedAs(core) !== keyName(core) && hooks.triedAs !== keyName(core)) return 0
	return Math.min(hooks.dueMs ?? 0, hooks.suspect?.dueMs ?? Number.POSITIVE_INFINITY)
}

/** Whether the store's webhooks are to be read now. */
export function watchdogDue(core: Core): boolean {
	return watchdogAt(core) !== null && (watchdogAt(core) ?? 0) <= core.ports.now()
}

export function recoveredSince(core: Core, sequence: number, now: number): boolean {
	const numbers = watchedResources(core)
		.filter((one) => covered(core, one))
		.map((one) => one.state.number)
	const found = core.ports.sql.all<{ sequence: number }>(
		`SELECT sequence FROM events WHERE sequence >= ? AND recorded <= ? AND source <> 'webhook' AND confirmed IS NULL AND resource IN (SELECT value FROM json_each(?)) LIMIT 1`,
		sequence,
		now - RECOVERED_MS,
		JSON.stringify(numbers),
	)
	return found.length > 0
}

/**
 * Reads the store's webhooks and mends them. What they missed meanwhile comes by the poll from the old cursor, and by a re-read, since a
 * webhook also tells what moves no stamp. False: the store did not let it; what else is due goes on meanwhile. Throws StoreTrouble.
 */
export async function watchdogStep(core: Core, budget: Budget): Promise<boolean> {
	const { state, element } = core
	const { hooks } = state
	const now = core.ports.now()
	if (hooks.suspect !== null && hooks.suspect.dueMs <= now) {
		const recovered = recoveredSince(core, hooks.suspect.sequence, now)
		hooks.suspect = null
		if (recovered) note(core, 'a change came by polling that no webhook had told')
		else if ((watchdogAt(core) ?? Number.POSITIVE_INFINITY) > now) return true
	}
	const desired = desiredHooks(core)
	const watched = watchedResources(core)[0]
	if (desired === null || element.hooks === null || watched === undefined) return true
	const client = await core.client()
	const before = client.requests
	const ensured = await element.hooks.ensure(client, desired)
	budget.requests -= client.requests - before
	state.counters.requests += client.requests - before
	const { failure, missingRight } = ensured
	if (failure !== null) {
		core.commit(() => {
			hooks.dueMs = now + Math.max(WATCHDOG_AGAIN_MS, failure.retryAfterMs ?? 0)
			hooks.triedAs = keyName(core)
			hooks.degraded = { reason: missingRight ?? failure.message, sinceMs: hooks.degraded?.sinceMs ?? now }
		})
		// Lists may well answer where webhooks do not; only what concerns every request stops the others.
		if (missingRight === null && (failure.kind === 'auth' || failure.kind === 'throttled')) throw new StoreTrouble(failure, watched)
		return false
	}
	core.commit(() => {
		// A key that may no longer list them does not make them strangers.
		if (ensured.ok || ensured.webhooks.length > 0) hooks.webhooks = ensured.webhooks
		hooks.checkedMs = now
		hooks.dueMs = now + WATCHDOG_MS
		hooks.triedAs = keyName(core)
		if (ensured.ok) hooks.keyedAs = keyName(core)
		if (hooks.foreign !== null && now - hooks.foreign.atMs > FOREIGN_MS) hooks.foreign = null
		for (const what of ensured.done) {
			note(core, what)
			// A secret that was written anew was not broken.
			if (!what.endsWith('given its secret')) announce(core, 'webhook.repaired', what, {})
		}
		const trouble = ensured.missingRight ?? ensured.errors[0] ?? null
		// What was done may have been done by a call whose answer was lost.
		const mended = hooks.degraded !== null && trouble === null
		hooks.degraded = trouble === null ? null : { reason: trouble, sinceMs: hooks.degraded?.sinceMs ?? now }
		// The gap since the last good moment: a webhook that was off told nothing of it. (`order.created given its secret` was not off.)
		if ((mended || ensured.done.some((what) => /^created | re-enabled | moved /.test(what))) && state.lastRunMs !== null) {
			state.nextPollMs = now
			askReread(core)
		}
	})
	return true
}

/** A foreign source is spoken of for a day after its last delivery. */
export const FOREIGN_MS = 86_400_000

/** … and this soon again when that did not work. */
export const WATCHDOG_AGAIN_MS = 5 * 60_000

/** The watchdog reads the store's webhooks this often. */
export const WATCHDOG_MS = 3_600_000
