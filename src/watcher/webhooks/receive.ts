/**
 * Webhooks at the instance: a verified delivery passes the same gate as everything else; what it may not say by itself is read at the store.
 * The watchdog keeps the store's webhooks alive (design, Seeing: webhooks).
 */
import { siteKey } from '../../lib/urls.ts'
import { contentOf } from '../changes/content.ts'
import type { Core, Watched } from '../core/core.ts'
import type { Doubt } from '../changes/gate.ts'
import { readRows, sampleNames } from '../changes/object-index.ts'
import { putLookup, record } from '../changes/recorder.ts'
import { watchedResources } from '../source/resources.ts'
import type { HookAnswer, HookDelivery } from '../../rpc/watcher.ts'
import type { ObjectId, Sighting } from '../../elements/store.ts'

/** The first deliveries of a topic are also read, then one in so many. */
const PROBED_FIRST = 5
const PROBED_EVERY = 100

/** One object is read for hints at most this often. */
const HINT_APART_MS = 10_000

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
