/**
 * Deliveries of the store's webhooks: a verified delivery passes the same gate as every other observation; if its
 * payload proves too little, the object is read at the store (docs/architecture.md, Webhooks).
 */
import { isOtherSite } from '../../lib/urls.ts'
import { hashContent } from '../changes/content.ts'
import { findProfile, getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { noteDates } from '../core/unreadable-dates.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import type { Tx } from '../core/tx.ts'
import { readIndexRows, getSampleFieldNames } from '../changes/object-index.ts'
import { DELIVERY_FIRST_MS, recordObservations, toHookContext } from '../changes/recorder.ts'
import { getParentedLists, queueVariations } from '../changes/variation-index.ts'
import { addGap } from './gaps.ts'
import { getWatchedResources } from '../source/resources.ts'
import type { WebhookResult, WebhookDelivery } from '../../rpc/watcher.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'
import type { ParsedWebhook } from '../../elements/webhooks.ts'

/**
 * The first deliveries of a topic wait for a read that they are compared with; later one in this number is recorded and
 * compared.
 */
const INITIAL_PROBES = 5
const PROBE_INTERVAL = 100

/** Bytes of the payloads that wait for a read of one object: a row holds 2 MB. */
const MAX_PAYLOAD_BYTES = 1_500_000

/** Minimum time between two reads of an object for hints, ms. */
const MIN_HINT_INTERVAL_MS = 10_000

/** Processes a delivery that the edge verified. When this returns `taken`, its effects are committed. */
export function receiveWebhook(core: Core, delivery: WebhookDelivery): WebhookResult {
	const { hooks } = core.state
	const reasonToIgnore = findReasonToIgnore(core, delivery)
	if (reasonToIgnore !== null) {
		if (reasonToIgnore === 'disabled') core.commit(() => void hooks.counts.disabled++)
		if (reasonToIgnore === 'unknown-topic') core.commit(() => void hooks.counts.unknownTopic++)
		return reasonToIgnore
	}
	// Without a snapshot, a delivery only says which object changed.
	const body = delivery.body ?? JSON.stringify({ id: delivery.objectId })
	const payload = core.element.webhooks!.parseBody(delivery.topic, body)
	core.commit((tx) => {
		hooks.counts.taken++
		if (hooks.lastDeliveryMs !== null)
			hooks.gaps = addGap(hooks.gaps, Math.max(0, delivery.receivedMs - hooks.lastDeliveryMs), delivery.receivedMs)
		hooks.lastDeliveryMs = delivery.receivedMs
		if (queueOwnersOf(tx, core, payload) && payload.kind === 'hint' && payload.path === 'products') return
		const watched = findWatched(core, payload)
		if (watched === null || payload.kind === 'unknown' || payload.id === null) return
		const isForeign = isOtherSite(delivery.source, core.config.connection.home)
		if (isForeign) {
			const ours = isOurs(core, delivery) ? { webhookId: delivery.webhookId } : {}
			hooks.foreign = { source: delivery.source, atMs: delivery.receivedMs, ...ours }
		}
		const count = (hooks.seen[delivery.topic] = (hooks.seen[delivery.topic] ?? 0) + 1)
		const decision = decideDelivery(core, watched, delivery, payload, isForeign, count)
		applyDeliveryDecision(tx, core, watched, payload.id, delivery, decision)
	})
	return 'taken'
}

function findReasonToIgnore(core: Core, delivery: WebhookDelivery): Exclude<WebhookResult, 'taken'> | null {
	if (core.config.hooks === null || !acceptsVersion(core, delivery.version)) return 'retired'
	if (core.state.paused) return 'disabled'
	return core.element.webhooks?.topics.includes(delivery.topic) === true ? null : 'unknown-topic'
}

function findWatched(core: Core, payload: ParsedWebhook): WatchedResource | null {
	if (payload.kind === 'unknown') return null
	const watched = getWatchedResources(core).find(
		({ resource }) => resource.path === payload.path && resource.indexed && !resource.placeholders,
	)
	return watched ?? null
}

/**
 * A delivery about a variation asks for a read of its product's variations. Returns whether any product is known to
 * have it.
 */
function queueOwnersOf(tx: Tx, core: Core, payload: ParsedWebhook): boolean {
	if (payload.kind !== 'hint') return false
	let isKnown = false
	for (const watched of getWatchedResources(core)) {
		const { state: rs, resource } = watched
		const isOwn = payload.path === resource.path
		if (
			getParentedLists(core, watched) === null ||
			!(isOwn || payload.parent !== undefined || payload.path === 'variations')
		)
			continue
		const known = core.variations.readByIds(rs.number, [payload.id]).map(({ owner }) => owner)
		const owner = payload.parent ?? known[0]
		if (owner === undefined) continue
		const object = readIndexRows(core, rs.number, [owner]).get(owner)
		if (object?.state !== 'live' && object?.state !== 'unlisted') continue
		isKnown = true
		const now = core.ports.now()
		const readMs = core.variations.getOwners(rs.number, [owner]).get(owner)?.readMs ?? 0
		const dueMs = Math.max(now, readMs + MIN_HINT_INTERVAL_MS)
		queueVariations(tx, core, watched, owner, { dueMs, sinceMs: now, source: 'webhook' })
	}
	return isKnown
}

/** The handling of a delivery: a read of its object at the store, its payload as an observation, or both. */
type DeliveryDecision = { do: 'read'; check: PendingCheck } | { do: 'record'; snapshot: Snapshot; check?: PendingCheck }

/** `count`: deliveries of this topic so far, with this one. Changes nothing. */
function decideDelivery(
	core: Core,
	watched: WatchedResource,
	delivery: WebhookDelivery,
	payload: ParsedWebhook,
	isForeign: boolean,
	count: number,
): DeliveryDecision {
	const { state, element } = core
	// When the storage is full, the object is read once there is room.
	if (payload.kind !== 'record' || isForeign || state.full || !isTrusted(core, watched, delivery))
		return { do: 'read', check: {} }
	const snapshot = element.parseRecord(watched.resource, payload.record, getCurrentProfile(watched.state))
	if (snapshot !== null) noteDates(watched.state, watched.resource, [snapshot], core.ports.now())
	if (snapshot === null || !hasRestShape(core, watched, snapshot)) return { do: 'read', check: {} }
	// Payloads that are not trusted are compared with a read every time, so that they can be trusted again.
	const isHintsOnly = state.hooks.hintsOnly.includes(watched.state.number)
	const isInitial = count <= INITIAL_PROBES
	if (!isHintsOnly && !isInitial && count % PROBE_INTERVAL !== 0) return { do: 'record', snapshot }
	const probe = {
		hash: hashContent(snapshot.fields).hash,
		stampSec: snapshot.modifiedSec,
		profile: getCurrentProfile(watched.state).number,
	}
	if (isHintsOnly) return { do: 'read', check: { probe } }
	if (!isInitial) return { do: 'record', snapshot, check: { probe } }
	return { do: 'read', check: { probe, payloads: [{ record: snapshot.record, receivedMs: delivery.receivedMs }] } }
}

function applyDeliveryDecision(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	delivery: WebhookDelivery,
	decision: DeliveryDecision,
): void {
	if (decision.do === 'read') {
		queueHint(tx, core, watched, id, decision.check)
		return
	}
	const { snapshot } = decision
	const observed = { id: snapshot.id, snapshot }
	const result = recordObservations(tx, core, watched, [observed], toHookContext(core, delivery.receivedMs))
	for (const objectId of result.toRecheck) queueHint(tx, core, watched, objectId, {})
	if (decision.check !== undefined) queueHint(tx, core, watched, id, decision.check, DELIVERY_FIRST_MS)
}

/** The current version of the secrets is accepted, and the one before it until its grace ends. */
function acceptsVersion(core: Core, version: number): boolean {
	const { hooks } = core.config
	if (hooks === null) return false
	return (
		version === hooks.version ||
		(version === hooks.version - 1 && hooks.previousUntilMs !== null && core.ports.now() < hooks.previousUntilMs)
	)
}

/**
 * A payload is trusted only from a webhook that Shopbell created, and not if a `where` decides at the store whether
 * the object counts.
 */
function isTrusted(core: Core, watched: WatchedResource, delivery: WebhookDelivery): boolean {
	return !watched.resource.filtered && isOurs(core, delivery)
}

function isOurs({ state }: Core, { webhookId }: WebhookDelivery): boolean {
	return state.hooks.webhooks.some((webhook) => webhook.ours && String(webhook.id) === webhookId)
}

/** Whether it has the fields of a REST record: webhooks of another API version, or filtered by a plugin, do not. */
function hasRestShape(core: Core, watched: WatchedResource, snapshot: Snapshot): boolean {
	const { number } = watched.state
	const row = readIndexRows(core, number, [snapshot.id]).get(snapshot.id)
	const known =
		row === undefined ? getSampleFieldNames(core, number) : { names: row.content.fieldNames, profile: row.profile }
	if (known === null) return false
	const current = getCurrentProfile(watched.state)
	const profile = findProfile(watched.state, known.profile) ?? current
	const fields =
		profile.number === current.number
			? snapshot.fields
			: (core.element.parseRecord(watched.resource, snapshot.record, profile)?.fields ?? [])
	return known.names.length === fields.length && fields.every((field, index) => field.name === known.names[index])
}

/** Queues a read of an object; hints for one object are merged. */
function queueHint(tx: Tx, core: Core, watched: WatchedResource, id: ObjectId, check: PendingCheck, delayMs = 0): void {
	const earliestMs = core.ports.now() + delayMs
	const { number } = watched.state
	const lastReadMs = core.lastReadMs.get(`${number}:${id}`)
	const dueMs = lastReadMs === undefined ? earliestMs : Math.max(earliestMs, lastReadMs + MIN_HINT_INTERVAL_MS)
	const waiting = check.payloads === undefined ? [] : (core.lookups.find(number, id)?.check.payloads ?? [])
	const payloads = toStorablePayloads([...waiting, ...(check.payloads ?? [])])
	core.lookups.queue(tx, number, id, dueMs, { hook: true, ...check, ...(payloads.length > 0 && { payloads }) })
}

/** The newest of these payloads that one row can hold. */
function toStorablePayloads(payloads: NonNullable<PendingCheck['payloads']>): NonNullable<PendingCheck['payloads']> {
	let bytes = 0
	const first = payloads.findLastIndex((payload, index) => {
		bytes += Buffer.byteLength(JSON.stringify(payload))
		return index < payloads.length - 1 && bytes > MAX_PAYLOAD_BYTES
	})
	return payloads.slice(first + 1)
}
