/**
 * Webhooks at the instance: a verified delivery passes the same gate as everything else; what it may not say by itself is read at the store.
 * The watchdog keeps the store's webhooks alive (design, Seeing: webhooks).
 */
import { announce } from '../outbox/operator-events.ts'
import type { ObjectId, Sighting } from '../../elements/element.ts'
import type { DesiredHooks } from '../../elements/webhooks.ts'
import { siteKey } from '../../lib/urls.ts'
import { contentOf } from '../changes/content.ts'
import type { Core, Watched } from '../core/core.ts'
import type { Doubt } from '../changes/gate.ts'
import { readRows, sampleNames } from '../changes/object-index.ts'
import { putLookup, record } from '../changes/recorder.ts'
import { StoreTrouble, type Budget } from '../source/requests.ts'
import { watchedResources } from '../source/resources.ts'
import type { HookAnswer, HookDelivery } from '../../rpc/watcher.ts'
import { askReread } from '../polling/scans.ts'
import { covered, RECOVERED_MS } from '../changes/missed-webhooks.ts'

/** The first deliveries of a topic are also read, then one in so many. */
const PROBED_FIRST = 5
const PROBED_EVERY = 100
/** Payloads that differed are believed again after so many equal ones in a row; each time they differ anew, after four times as many. */
const EQUAL_AGAIN = 5
const EQUAL_MORE = 4
const EQUAL_MOST = 4
/** One object is read for hints at most this often. */
const HINT_APART_MS = 10_000
/** The watchdog reads the store's webhooks this often. */
const WATCHDOG_MS = 3_600_000
/** … and this soon again when that did not work. */
const WATCHDOG_AGAIN_MS = 5 * 60_000
const REPAIRS_KEPT = 20
/** A foreign source is spoken of for a day after its last delivery. */
const FOREIGN_MS = 86_400_000

/** Takes a delivery that the edge verified. When this says `taken`, what it means is committed. */
export function takeDelivery(core: Core, delivery: HookDelivery): HookAnswer {
	const { state, config } = core
	const { hooks } = state
	const { element } = core
	if (config.hooks === null || !accepts(core, delivery.version)) return 'retired'
	if (state.paused) {
		core.commit(() => void hooks.counts.disabled++)
		return 'disabled'
	}
	if (element.hooks === null || !element.hooks.topics.includes(delivery.topic)) {
		core.commit(() => void hooks.counts.unknownTopic++)
		return 'unknown-topic'
	}
	// Without its snapshot a delivery says which object, and nothing else.
	const reading = element.hooks.read(delivery.topic, delivery.body ?? JSON.stringify({ id: delivery.objectId }))
	core.commit(() => {
		hooks.counts.taken++
		hooks.lastDeliveryMs = delivery.receivedMs
		if (reading.kind === 'unknown') return
		const watched = watchedResources(core).find(
			(one) => one.resource.path === reading.path && one.resource.indexed && !one.resource.placeholders,
		)
		if (watched === undefined || reading.id === null) return
		const foreign = siteKey(delivery.source) !== siteKey(config.connection.home)
		if (foreign) hooks.foreign = { source: delivery.source, atMs: delivery.receivedMs }
		const count = (hooks.seen[delivery.topic] = (hooks.seen[delivery.topic] ?? 0) + 1)
		// A full storage takes no more events: the change is read when there is room.
		if (reading.kind !== 'record' || foreign || state.full || !trusted(core, watched, delivery)) {
			hint(core, watched, reading.id, {})
			return
		}
		const sighting = element.sight(watched.resource, reading.record, watched.state.volatile)
		if (sighting === null || !looksLikeRest(core, watched, sighting)) {
			hint(core, watched, reading.id, {})
			return
		}
		// What is not believed is held against its read every time: so it can be believed again.
		const doubted = hooks.hintsOnly.includes(watched.state.number)
		if (doubted || count <= PROBED_FIRST || count % PROBED_EVERY === 0) {
			hint(core, watched, reading.id, { probe: { hash: contentOf(sighting.fields).hash, stampSec: sighting.stampSec } })
			return
		}
		const recorded = record(core, watched, [{ id: sighting.id, sighting }], {
			source: 'webhook',
			by: 'hook',
			askedAtMs: delivery.receivedMs,
			storeNowMs: delivery.receivedMs + (state.skewMs ?? 0),
			listed: true,
			backfill: config.backfill,
		})
		for (const id of recorded.undecided) hint(core, watched, id, {})
	})
	return 'taken'
}

/** Versions are accepted until they are retired: the present one, and the one before it for its grace. */
function accepts(core: Core, version: number): boolean {
	const { hooks } = core.config
	if (hooks === null) return false
	return (
		version === hooks.version ||
		(version === hooks.version - 1 && hooks.previousUntilMs !== null && core.ports.now() < hooks.previousUntilMs)
	)
}

/** A payload is believed only from a webhook that we made, and not where only the list knows whether its object counts. */
function trusted(core: Core, watched: Watched, delivery: HookDelivery): boolean {
	const { hooks } = core.state
	return !watched.resource.filtered && hooks.webhooks.some((one) => one.ours && String(one.id) === delivery.webhookId)
}

/** Only with the key set of a REST record: a webhook of another API version, or a plugin's filter, has others. */
function looksLikeRest(core: Core, watched: Watched, sighting: Sighting): boolean {
	const known =
		readRows(core, watched.state.number, [sighting.id]).get(sighting.id)?.content.names ?? sampleNames(core, watched.state.number)
	return known !== null && known.length === sighting.fields.length && sighting.fields.every((field, index) => field.name === known[index])
}

/** Puts an object on the list of reads; hints for one object are merged. Call it inside a commit. */
function hint(core: Core, watched: Watched, id: ObjectId, more: Doubt): void {
	const now = core.ports.now()
	const last = core.readAt.get(`${watched.state.number}:${id}`)
	putLookup(core, watched.state.number, id, last === undefined ? now : Math.max(now, last + HINT_APART_MS), { hook: true, ...more })
}

/**
 * A probed payload held against the read: where they differ, the resource's deliveries become hints, until so many were equal in a row. An
 * edit without a stamp between delivery and read looks like a plugin that changes payloads; the next ones tell which it was.
 */
export function judgeProbe(core: Core, watched: Watched, doubt: Doubt, sighting: Sighting | null): void {
	const { hooks } = core.state
	const { number, objectType } = watched.state
	if (doubt.probe === undefined || sighting === null || sighting.stampSec !== doubt.probe.stampSec) return
	const believed = !hooks.hintsOnly.includes(number)
	const equal = contentOf(sighting.fields).hash === doubt.probe.hash
	if (believed && equal) return
	// Those that an earlier version ceased to believe were not counted.
	const { times, equal: before } = hooks.doubted[number] ?? { times: believed ? 0 : 1, equal: 0 }
	const since = { times: believed ? times + 1 : times, equal: equal ? before + 1 : 0 }
	hooks.doubted[number] = since
	if (believed) {
		hooks.hintsOnly = [...hooks.hintsOnly, number]
		note(core, `payloads of ${objectType} differ from what the store's API says: they are hints from now on`)
	} else if (since.equal >= EQUAL_AGAIN * EQUAL_MORE ** Math.min(since.times - 1, EQUAL_MOST)) {
		hooks.hintsOnly = hooks.hintsOnly.filter((one) => one !== number)
		note(core, `payloads of ${objectType} are what the store's API says again: they are believed from now on`)
	}
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

/** Version and key that the store's secrets are to be of. */
function keyName(core: Core): string {
	return keyOf(core, core.ports.masterKey.id)
}

/** … and are of, as far as is known: by its own writing, or by that of the API which made them. */
function keyedAs(core: Core): string | null {
	const written = core.config.hooks?.writtenWith
	return core.state.hooks.keyedAs ?? (written === undefined ? null : keyOf(core, written))
}

function keyOf(core: Core, key: string): string {
	return `${core.config.hooks?.version ?? 0}:${key}`
}

/** Whether the store's webhooks are to be read now. */
export function watchdogDue(core: Core): boolean {
	return watchdogAt(core) !== null && (watchdogAt(core) ?? 0) <= core.ports.now()
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

function recoveredSince(core: Core, sequence: number, now: number): boolean {
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

function note(core: Core, what: string): void {
	const { hooks } = core.state
	hooks.repairs = [{ atMs: core.ports.now(), what }, ...hooks.repairs].slice(0, REPAIRS_KEPT)
}
