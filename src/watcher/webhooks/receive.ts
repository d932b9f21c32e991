/**
 * Webhooks at the instance: a verified delivery passes the same gate as everything else; what it may not say by itself
 * is read at the store. The watchdog keeps the store's webhooks alive (docs/architecture.md, Seeing: webhooks).
 */
import { toSiteKey } from '../../lib/urls.ts'
import { hashContent } from '../changes/content.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import type { Tx } from '../core/tx.ts'
import { readIndexRows, getSampleFieldNames } from '../changes/object-index.ts'
import { recordObservations } from '../changes/recorder.ts'
import { getWatchedResources } from '../source/resources.ts'
import type { WebhookResult, WebhookDelivery } from '../../rpc/watcher.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** The first deliveries of a topic are also read, then one in so many. */
const INITIAL_PROBES = 5
const PROBE_INTERVAL = 100

/** One object is read for hints at most this often. */
const MIN_HINT_INTERVAL_MS = 10_000

/** Takes a delivery that the edge verified. When this says `taken`, what it means is committed. */
export function receiveWebhook(core: Core, delivery: WebhookDelivery): WebhookResult {
	const { state, config } = core
	const { hooks } = state
	const { element } = core
	if (config.hooks === null || !acceptsVersion(core, delivery.version)) return 'retired'
	if (state.paused) {
		core.commit(() => void hooks.counts.disabled++)
		return 'disabled'
	}
	if (element.webhooks === null || !element.webhooks.topics.includes(delivery.topic)) {
		core.commit(() => void hooks.counts.unknownTopic++)
		return 'unknown-topic'
	}
	// Without its snapshot a delivery says which object, and nothing else.
	const payload = element.webhooks.parseBody(delivery.topic, delivery.body ?? JSON.stringify({ id: delivery.objectId }))
	core.commit((tx) => {
		hooks.counts.taken++
		hooks.lastDeliveryMs = delivery.receivedMs
		if (payload.kind === 'unknown') return
		const watched = getWatchedResources(core).find(
			(candidate) =>
				candidate.resource.path === payload.path && candidate.resource.indexed && !candidate.resource.placeholders,
		)
		if (watched === undefined || payload.id === null) return
		const isForeign = toSiteKey(delivery.source) !== toSiteKey(config.connection.home)
		if (isForeign) hooks.foreign = { source: delivery.source, atMs: delivery.receivedMs }
		const count = (hooks.seen[delivery.topic] = (hooks.seen[delivery.topic] ?? 0) + 1)
		// A full storage takes no more events: the change is read when there is room.
		if (payload.kind !== 'record' || isForeign || state.full || !isTrusted(core, watched, delivery)) {
			queueHint(tx, core, watched, payload.id, {})
			return
		}
		const snapshot = element.parseRecord(watched.resource, payload.record, watched.state.volatile)
		if (snapshot === null || !hasRestShape(core, watched, snapshot)) {
			queueHint(tx, core, watched, payload.id, {})
			return
		}
		// What is not believed is held against its read every time: so it can be believed again.
		const isHintsOnly = hooks.hintsOnly.includes(watched.state.number)
		if (isHintsOnly || count <= INITIAL_PROBES || count % PROBE_INTERVAL === 0) {
			queueHint(tx, core, watched, payload.id, {
				probe: { hash: hashContent(snapshot.fields).hash, stampSec: snapshot.modifiedSec },
			})
			return
		}
		const result = recordObservations(tx, core, watched, [{ id: snapshot.id, snapshot }], {
			source: 'webhook',
			via: 'hook',
			requestedAtMs: delivery.receivedMs,
			storeNowMs: delivery.receivedMs + (state.skewMs ?? 0),
			listed: true,
			backfill: config.backfill,
		})
		for (const id of result.toRecheck) queueHint(tx, core, watched, id, {})
	})
	return 'taken'
}

/** Versions are accepted until they are retired: the present one, and the one before it for its grace. */
function acceptsVersion(core: Core, version: number): boolean {
	const { hooks } = core.config
	if (hooks === null) return false
	return (
		version === hooks.version ||
		(version === hooks.version - 1 && hooks.previousUntilMs !== null && core.ports.now() < hooks.previousUntilMs)
	)
}

/**
 * A payload is believed only from a webhook that we made, and not where only the list knows whether its object counts.
 */
function isTrusted(core: Core, watched: WatchedResource, delivery: WebhookDelivery): boolean {
	const { hooks } = core.state
	return (
		!watched.resource.filtered &&
		hooks.webhooks.some((webhook) => webhook.ours && String(webhook.id) === delivery.webhookId)
	)
}

/** Only with the key set of a REST record: a webhook of another API version, or a plugin's filter, has others. */
function hasRestShape(core: Core, watched: WatchedResource, snapshot: Snapshot): boolean {
	const knownNames =
		readIndexRows(core, watched.state.number, [snapshot.id]).get(snapshot.id)?.content.fieldNames ??
		getSampleFieldNames(core, watched.state.number)
	return (
		knownNames !== null &&
		knownNames.length === snapshot.fields.length &&
		snapshot.fields.every((field, index) => field.name === knownNames[index])
	)
}

/** Puts an object on the list of reads; hints for one object are merged. */
function queueHint(tx: Tx, core: Core, watched: WatchedResource, id: ObjectId, check: PendingCheck): void {
	const now = core.ports.now()
	const lastReadMs = core.lastReadMs.get(`${watched.state.number}:${id}`)
	core.lookups.queue(
		tx,
		watched.state.number,
		id,
		lastReadMs === undefined ? now : Math.max(now, lastReadMs + MIN_HINT_INTERVAL_MS),
		{
			hook: true,
			...check,
		},
	)
}
