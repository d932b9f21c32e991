/**
 * Receivers of the stores' webhooks (docs/contract.md §7). A delivery is verified before anything is looked up or
 * stored, and gets 200 after the instance's object has recorded or counted it.
 */
import type { Context } from 'hono'
import type { WebhookHeaders, VendorWebhooks } from '../../elements/webhooks.ts'
import { findElement } from '../../elements/registry.ts'
import { BASE_PATH } from '../../lib/base-path.ts'
import { expectedAtMost } from '../../lib/limits.ts'
import { instanceExists } from '../../instances/rows.ts'
import { toRefText, type ObjectRef } from '../../lib/incarnation.ts'
import { logError } from '../../lib/log.ts'
import { PRIVATE_HEADERS } from '../../lib/response-headers.ts'
import type { WebhookDelivery } from '../../rpc/watcher.ts'
import { getClientAddress } from '../http/access.ts'
import { type Api, addToDocument } from '../http/serve.ts'
import type { PublicEnv } from '../http/environment.ts'
import { receiverOperations } from './operations.ts'
import {
	declaresOversizedBody,
	parseInstancePath,
	parseInstancesHeader,
	MAX_DELIVERY_BYTES,
	decodeJsonObject,
	parseVersions,
} from './parse-request.ts'
import { readBody } from '../../lib/body.ts'

/** Larger bodies are passed on without their record. */
const MAX_DELIVERY_RECORD_BYTES = 1.5 * 1024 * 1024

/** Longer than any ping. */
const MAX_PING_BYTES = 1024

type ReceiverContext = Context<PublicEnv>

/** Mounts the receivers before the API's middleware: stores send no credentials, and deliveries are not logged. */
export function mountReceivers(app: Api): void {
	for (const path of [`${BASE_PATH}/events/:elementKey`, `${BASE_PATH}/events/:elementKey/:instance`]) {
		app.get(path, (c) => respond(c, 200))
		app.on('POST', path, receiveDelivery)
	}
	addToDocument(app, receiverOperations, BASE_PATH)
}

/** Why a request is not known to be a store's. The response is the same for all. */
type RejectionReason = 'no-signature' | 'malformed-signature' | 'bad-topic' | 'bad-version' | 'bad-signature'

async function receiveDelivery(c: ReceiverContext): Promise<Response> {
	const webhooks = findElement(c.req.param('elementKey') ?? '')?.webhooks ?? null
	if (webhooks === null) return respond(c, 404, 'No such element')
	const request = parseRequest(c, webhooks)
	const { instances, headers } = request
	if (declaresOversizedBody(c.req.raw)) return reject(c, instances, 'too-large', null, 413, TOO_LARGE)
	// Rejected by its headers alone, so that the body is not read.
	const rejection = findRejection(request)
	if (rejection !== null && headers !== null) return rejectUnverified(c, instances, rejection, null)
	const retryAfterSeconds = headers === null ? null : getBlockedSeconds(c, instances)
	if (retryAfterSeconds !== null) {
		c.header('Retry-After', String(retryAfterSeconds))
		return reject(c, instances, 'too-many-failures', null, 429, TOO_MANY_FAILURES)
	}
	let body: Uint8Array<ArrayBuffer> | null
	try {
		body = await readBody(c.req.raw, headers === null ? MAX_PING_BYTES : MAX_DELIVERY_BYTES)
	} catch {
		return respond(c, 400, 'body: it ended early')
	}
	if (headers === null) {
		const isPing = body !== null && webhooks.isPing(c.req.raw.headers, new TextDecoder().decode(body))
		return isPing ? respond(c, 200) : rejectUnverified(c, instances, 'no-signature', body)
	}
	if (body === null) return reject(c, instances, 'too-large', null, 413, TOO_LARGE)
	return await acceptDelivery(c, webhooks, { ...request, headers }, body)
}

/** Verifies a delivery and passes it on. */
async function acceptDelivery(
	c: ReceiverContext,
	webhooks: VendorWebhooks,
	request: ReceiverRequest & { headers: WebhookHeaders },
	body: Uint8Array<ArrayBuffer>,
): Promise<Response> {
	const verified = await verifyDelivery(c, webhooks, request, body)
	if (verified === null) return rejectUnverified(c, request.instances, 'bad-signature', body)
	const text = decodeJsonObject(body)
	if (text === null) return reject(c, [verified.instance], 'not-json', body, 400, 'body: expected a JSON object')
	const delivery = toWebhookDelivery(webhooks, request.headers, text, body.length, c.var.services.now())
	const delivered = await deliverToWatcher(c, verified.instance, { ...delivery, version: verified.version })
	if (delivered.ok) return respond(c, 200)
	if (delivered.reason === 'retired') return reject(c, [verified.instance], 'retired', body, 401, UNVERIFIED)
	return delivered.reason === 'deleted'
		? respond(c, 410, 'This instance was deleted')
		: respond(c, 503, 'The delivery could not be stored. Polling finds the change')
}

/** The parts of a request before its signature is verified. `headers` null: they are not those of a webhook. */
interface ReceiverRequest {
	instances: ObjectRef[]
	versions: number[]
	headers: WebhookHeaders | null
}

function parseRequest(c: ReceiverContext, webhooks: VendorWebhooks): ReceiverRequest {
	const path = c.req.param('instance')
	return {
		instances:
			path === undefined
				? parseInstancesHeader(c.req.header('Element-Instances'))
				: [parseInstancePath(path)].filter((ref) => ref !== null),
		versions: parseVersions(c.req.queries('v') ?? []),
		headers: webhooks.parseHeaders(c.req.raw.headers),
	}
}

/** Seconds for which this address must wait; null: none. */
function getBlockedSeconds(c: ReceiverContext, instances: readonly ObjectRef[]): number | null {
	const { services } = c.var
	return services.senderLimiter.blockedSeconds(getClientAddress(c), instances.map(toRefText), services.now())
}

/**
 * The named instance whose secret signed the body, and the secret's version; null: none. Counts failures by address.
 */
async function verifyDelivery(
	c: ReceiverContext,
	webhooks: VendorWebhooks,
	{ instances, versions, headers }: ReceiverRequest & { headers: WebhookHeaders },
	body: Uint8Array<ArrayBuffer>,
): Promise<{ instance: ObjectRef; version: number } | null> {
	const { services } = c.var
	const { topic, signature } = headers
	const address = getClientAddress(c)
	for (const instance of instances) {
		const identity = { incarnation: instance.incarnation, topic, versions, signature: signature! }
		const version = await services.webhookVerifier.verify(c.env.MASTER_KEYS, webhooks, identity, body)
		if (version === null) continue
		services.senderLimiter.recordVerified(address, toRefText(instance))
		return { instance, version }
	}
	services.senderLimiter.recordFailure(
		address,
		instances.map(toRefText),
		instances.length * versions.length,
		services.now(),
	)
	return null
}

/** Why a request is rejected before its body is read; null: it is not. */
function findRejection({ headers, versions }: ReceiverRequest): RejectionReason | null {
	if (headers === null) return 'no-signature'
	if (headers.signature === null) return 'malformed-signature'
	if (headers.topic === '') return 'bad-topic'
	return versions.length === 0 ? 'bad-version' : null
}

/** A delivery for the instance's object. */
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
	if (bytes <= MAX_DELIVERY_RECORD_BYTES) return { ...fields, body: text, objectId: null }
	const parsed = webhooks.parseBody(envelope.topic, text)
	return { ...fields, body: null, objectId: parsed.kind === 'unknown' || parsed.id === null ? null : String(parsed.id) }
}

/** Passes a delivery to the instance's object. */
async function deliverToWatcher(
	c: ReceiverContext,
	instance: ObjectRef,
	delivery: WebhookDelivery,
): Promise<{ ok: true } | { ok: false; reason: 'retired' | 'deleted' | 'failed' }> {
	const { services } = c.var
	try {
		const watcher = services.watcher(instance)
		let result = await watcher.hook(delivery)
		if (result === 'unknown') {
			// The instance was deleted, or its object has lost its storage: then it is created again.
			if (!(await instanceExists(c.env.DB, instance))) return { ok: false, reason: 'deleted' }
			await watcher.create(instance.id, instance.incarnation, { again: true })
			result = await watcher.hook(delivery)
		}
		if (result === 'unknown') return { ok: false, reason: 'failed' }
		return result === 'retired' ? { ok: false, reason: 'retired' } : { ok: true }
	} catch (error) {
		logError('receiver.failed', error, { instance: instance.id })
		return { ok: false, reason: 'failed' }
	}
}

const TOO_LARGE = `body: ${expectedAtMost('receiverBody')}`
const UNVERIFIED = 'Signature: expected the signature of a webhook of this instance'
const TOO_MANY_FAILURES = 'Signature: too many invalid signatures from this address; try again later'

/** 401, whether or not the instance exists. */
function rejectUnverified(
	c: ReceiverContext,
	instances: readonly ObjectRef[],
	reason: RejectionReason,
	body: Uint8Array | null,
): Response {
	return reject(c, instances, reason, body, 401, UNVERIFIED)
}

/** Rejects and counts; passes the counts to the objects from time to time, after the response. */
function reject(
	c: ReceiverContext,
	instances: readonly ObjectRef[],
	reason: string,
	body: Uint8Array | null,
	status: 400 | 401 | 413 | 429,
	message: string,
): Response {
	const { services } = c.var
	const { rejectionBuffer: rejections } = services
	const nowMs = services.now()
	for (const instance of instances) rejections.count(instance, reason, nowMs, c.req.raw.headers, body)
	if (rejections.isDue(nowMs))
		c.executionCtx.waitUntil(rejections.flush(c.env.DB, (ref) => services.watcher(ref), nowMs))
	return respond(c, status, message)
}

/** Stores only read the status; the error body is for people. */
function respond(
	c: ReceiverContext,
	status: 200 | 400 | 401 | 404 | 410 | 413 | 429 | 503,
	message?: string,
): Response {
	const { requestId } = c.var
	return c.json(message === undefined ? {} : { message, requestId }, status, {
		'Elements-Request-Id': requestId,
		...PRIVATE_HEADERS,
	})
}
