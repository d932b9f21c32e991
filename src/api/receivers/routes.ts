/**
 * What stores call (docs/contract.md §7): deliveries of webhooks, and the probes that go before them. A delivery is
 * verified before anything is looked up or kept, and answered 200 only once the instance's object has committed it.
 */
import type { Context } from 'hono'
import type { WebhookHeaders, VendorWebhooks } from '../../elements/webhooks.ts'
import { findElement } from '../../elements/registry.ts'
import { BASE_PATH } from '../../lib/base-path.ts'
import { expectedAtMost } from '../../lib/limits.ts'
import { logError } from '../../lib/log.ts'
import type { WebhookResult, WebhookDelivery } from '../../rpc/watcher.ts'
import { getClientAddress } from '../http/access.ts'
import { type Api, addToDocument } from '../http/serve.ts'
import type { PublicEnv } from '../http/environment.ts'
import { receiverOperations } from './operations.ts'
import {
	declaresOversizedBody,
	parseInstancePath,
	parseInstancesHeader,
	MAX_BODY_BYTES,
	decodeJsonObject,
	parseVersions,
} from './parse-request.ts'
import { readBody } from '../../lib/body.ts'

/** A body above this is a hint without its record. */
export const MAX_RECORD_BYTES = 1.5 * 1024 * 1024

/** Longer than any probe. */
const MAX_PING_BYTES = 1024

type ReceiverContext = Context<PublicEnv>

/**
 * Mounts the receivers, at both addresses, before the middleware of the API: a store's request carries no credentials
 * and is not logged one by one.
 */
export function mountReceivers(app: Api): void {
	for (const path of [`${BASE_PATH}/events/:elementKey`, `${BASE_PATH}/events/:elementKey/:instance`]) {
		app.get(path, (c) => respond(c, 200))
		app.on('POST', path, receiveDelivery)
	}
	addToDocument(app, receiverOperations, BASE_PATH)
}

/** Why a request is refused before it is known to be a store's; all of them look the same from outside. */
type RejectionReason = 'no-signature' | 'malformed-signature' | 'bad-topic' | 'bad-version' | 'bad-signature'

async function receiveDelivery(c: ReceiverContext): Promise<Response> {
	const webhooks = findElement(c.req.param('elementKey') ?? '')?.webhooks ?? null
	if (webhooks === null) return respond(c, 404, 'No such element')
	const { services } = c.var
	const path = c.req.param('instance')
	const instanceIds =
		path === undefined
			? parseInstancesHeader(c.req.header('Element-Instances'))
			: [parseInstancePath(path)].filter((id) => id !== null)
	if (declaresOversizedBody(c.req.raw)) return reject(c, instanceIds, 'too-large', null, 413, TOO_LARGE)
	const envelope = webhooks.parseHeaders(c.req.raw.headers)
	const versions = parseVersions(c.req.queries('v') ?? [])
	// Its form alone may refuse it: then its body is not even read.
	const rejection = findRejection(envelope, versions)
	if (rejection !== null && envelope !== null) return rejectUnverified(c, instanceIds, rejection, null)
	const address = getClientAddress(c)
	const retryAfterSeconds =
		envelope === null ? null : services.senderLimiter.blockedSeconds(address, instanceIds, services.now())
	if (retryAfterSeconds !== null) {
		c.header('Retry-After', String(retryAfterSeconds))
		return reject(
			c,
			instanceIds,
			'too-many-failures',
			null,
			429,
			'Signature: too many wrong ones from this address; wait before the next one',
		)
	}
	let body: Uint8Array<ArrayBuffer> | null
	try {
		body = await readBody(c.req.raw, envelope === null ? MAX_PING_BYTES : MAX_BODY_BYTES)
	} catch {
		return respond(c, 400, 'body: it ended early')
	}
	if (envelope === null) {
		const isPing = body !== null && webhooks.isPing(c.req.raw.headers, new TextDecoder().decode(body))
		return isPing ? respond(c, 200) : rejectUnverified(c, instanceIds, 'no-signature', body)
	}
	if (body === null) return reject(c, instanceIds, 'too-large', null, 413, TOO_LARGE)
	const { topic, signature } = envelope
	let verified: { id: number; version: number } | null = null
	for (const instanceId of instanceIds) {
		const claimed = { instanceId: instanceId, topic, versions, signature: signature! }
		const version = await services.webhookVerifier.verify(c.env.MASTER_KEYS, webhooks, claimed, body)
		if (version === null) continue
		// A secret is one instance's: no other one fits.
		verified = { id: instanceId, version }
		break
	}
	if (verified === null) {
		services.senderLimiter.recordFailure(address, instanceIds, instanceIds.length * versions.length, services.now())
		return rejectUnverified(c, instanceIds, 'bad-signature', body)
	}
	services.senderLimiter.recordVerified(address, verified.id)

	// From here on it is a store's.
	const text = decodeJsonObject(body)
	if (text === null) return reject(c, [verified.id], 'not-json', body, 400, 'body: expected a JSON object')
	const delivery = toWebhookDelivery(webhooks, envelope, text, body.length, services.now())
	switch (await deliverToWatcher(c, verified.id, { ...delivery, version: verified.version })) {
		case 'failed':
			return respond(c, 503, 'This delivery could not be kept; the change will be found by polling')
		case 'retired':
			return reject(c, [verified.id], 'retired', body, 401, UNVERIFIED)
		case 'gone':
			return respond(c, 410, 'This instance was deleted')
		default:
			return respond(c, 200)
	}
}

/** What can be refused by form alone. */
function findRejection(envelope: WebhookHeaders | null, versions: readonly number[]): RejectionReason | null {
	if (envelope === null) return 'no-signature'
	if (envelope.signature === null) return 'malformed-signature'
	if (envelope.topic === '') return 'bad-topic'
	return versions.length === 0 ? 'bad-version' : null
}

/** A delivery as the instance's object takes it. */
function toWebhookDelivery(
	webhooks: VendorWebhooks,
	envelope: WebhookHeaders,
	text: string,
	bytes: number,
	receivedMs: number,
): WebhookDelivery {
	const fields = {
		topic: envelope.topic,
		version: 0,
		webhookId: envelope.webhookId,
		deliveryId: envelope.deliveryId,
		source: envelope.source,
		receivedMs,
	}
	if (bytes <= MAX_RECORD_BYTES) return { ...fields, body: text, objectId: null }
	const parsed = webhooks.parseBody(envelope.topic, text)
	return { ...fields, body: null, objectId: parsed.kind === 'unknown' || parsed.id === null ? null : String(parsed.id) }
}

/** Hands a delivery to an instance. `gone`: it was deleted; `failed`: nobody knows. */
async function deliverToWatcher(
	c: ReceiverContext,
	id: number,
	delivery: WebhookDelivery,
): Promise<WebhookResult | 'gone' | 'failed'> {
	const { services } = c.var
	try {
		const watcher = services.watcher(id)
		const outcome = await watcher.hook(delivery)
		if (outcome !== 'unknown') return outcome
		// The object knows nothing: it was deleted, or a ready one has lost its storage and is made again as it was.
		const row = await c.env.DB.prepare("SELECT 1 FROM instances WHERE id = ? AND state <> 'deleted'").bind(id).first()
		if (row === null) return 'gone'
		await watcher.create(id)
		const retried = await watcher.hook(delivery)
		return retried === 'unknown' ? 'failed' : retried
	} catch (error) {
		logError('receiver.failed', error, { instance: id })
		return 'failed'
	}
}

const TOO_LARGE = `body: ${expectedAtMost('receiverBody')}`
const UNVERIFIED = 'Signature: expected that of a webhook which this instance keeps'

/** 401, whether or not the instance exists: nothing was looked up. */
function rejectUnverified(
	c: ReceiverContext,
	instanceIds: readonly number[],
	reason: RejectionReason,
	body: Uint8Array | null,
): Response {
	return reject(c, instanceIds, reason, body, 401, UNVERIFIED)
}

/** Refuses and counts; now and then hands the counts over, after the answer. */
function reject(
	c: ReceiverContext,
	instanceIds: readonly number[],
	reason: string,
	body: Uint8Array | null,
	status: 400 | 401 | 413 | 429,
	message: string,
): Response {
	const { services } = c.var
	const { rejectionBuffer: rejections } = services
	const nowMs = services.now()
	for (const id of instanceIds) rejections.count(id, reason, nowMs, c.req.raw.headers, body)
	if (rejections.isDue(nowMs)) c.executionCtx.waitUntil(rejections.flush(c.env.DB, (id) => services.watcher(id), nowMs))
	return respond(c, status, message)
}

/** The store reads the status alone; people who look get the contract's error body. */
function respond(
	c: ReceiverContext,
	status: 200 | 400 | 401 | 404 | 410 | 413 | 429 | 503,
	message?: string,
): Response {
	const { requestId } = c.var
	return c.json(message === undefined ? {} : { message, requestId }, status, {
		'Elements-Request-Id': requestId,
		'Cache-Control': 'no-store',
		'X-Content-Type-Options': 'nosniff',
	})
}
