/**
 * What stores call (contract, section 7): deliveries of webhooks, and the probes that go before them. A delivery is verified before
 * anything is looked up or kept, and answered 200 only once the instance's object has committed it.
 */
import type { Context } from 'hono'
import type { HookEnvelope, Hooks } from '../../elements/webhooks.ts'
import { findElement } from '../../elements/registry.ts'
import { atMost } from '../../lib/limits.ts'
import { logError } from '../../lib/log.ts'
import type { HookAnswer, HookDelivery } from '../../rpc/watcher.ts'
import { addressOf } from '../http/access.ts'
import { type Api, describeOnly } from '../http/serve.ts'
import type { PublicEnv } from '../http/environment.ts'
import { receiverOperations } from './operations.ts'
import { declaresTooMuch, instanceOfPath, instancesOfHeader, LARGEST_BODY, objectText, versionsOf } from './request.ts'
import { readBody } from '../../lib/body.ts'

/** A body above this is a hint without its record (design, Seeing: webhooks). */
export const LARGEST_SNAPSHOT = 1.5 * 1024 * 1024

/** Longer than any probe. */
const LONGEST_PING = 1024

type ReceiverContext = Context<PublicEnv>

/** Mounts the receivers, at both addresses, before the middleware of the API: a store's request carries no credentials and is not logged one by one. */
export function declareReceivers(app: Api, base: string): void {
	for (const path of [`${base}/events/:elementKey`, `${base}/events/:elementKey/:instance`]) {
		app.get(path, (c) => answer(c, 200))
		app.on('POST', path, receive)
	}
	describeOnly(app, receiverOperations, base)
}

/** Why a request is refused before it is known to be a store's; all of them look the same from outside. */
type Refusal = 'no-signature' | 'malformed-signature' | 'bad-topic' | 'bad-version' | 'bad-signature'

async function receive(c: ReceiverContext): Promise<Response> {
	const hooks = findElement(c.req.param('elementKey') ?? '')?.hooks ?? null
	if (hooks === null) return answer(c, 404, 'No such element')
	const { services } = c.var
	const path = c.req.param('instance')
	const named =
		path === undefined ? instancesOfHeader(c.req.header('Element-Instances')) : [instanceOfPath(path)].filter((id) => id !== null)
	if (declaresTooMuch(c.req.raw)) return refuse(c, named, 'too-large', null, 413, TOO_LARGE)
	const envelope = hooks.envelope(c.req.raw.headers)
	const versions = versionsOf(c.req.queries('v') ?? [])
	// Its form alone may refuse it: then its body is not even read.
	const refusal = refusalOf(envelope, versions)
	if (refusal !== null && envelope !== null) return unverified(c, named, refusal, null)
	const address = addressOf(c)
	const blocked = envelope === null ? null : services.senders.blockedSeconds(address, named, services.now())
	if (blocked !== null) {
		c.header('Retry-After', String(blocked))
		return refuse(c, named, 'too-many-failures', null, 429, 'Signature: too many wrong ones from this address; wait before the next one')
	}
	let body: Uint8Array<ArrayBuffer> | null
	try {
		body = await readBody(c.req.raw, envelope === null ? LONGEST_PING : LARGEST_BODY)
	} catch {
		return answer(c, 400, 'body: it ended early')
	}
	if (envelope === null) {
		const ping = body !== null && hooks.isPing(c.req.raw.headers, new TextDecoder().decode(body))
		return ping ? answer(c, 200) : unverified(c, named, 'no-signature', body)
	}
	if (body === null) return refuse(c, named, 'too-large', null, 413, TOO_LARGE)
	const { topic, signature } = envelope
	let verified: { id: number; version: number } | null = null
	for (const id of named) {
		const claimed = { instanceId: id, topic, versions, signature: signature! }
		const version = await services.hookKeys.verify(c.env.MASTER_KEYS, hooks, claimed, body)
		if (version === null) continue
		// A secret is one instance's: no other one fits.
		verified = { id, version }
		break
	}
	if (verified === null) {
		services.senders.failed(address, named, named.length * versions.length, services.now())
		return unverified(c, named, 'bad-signature', body)
	}
	services.senders.verified(address, verified.id)

	// From here on it is a store's.
	const text = objectText(body)
	if (text === null) return refuse(c, [verified.id], 'not-json', body, 400, 'body: expected a JSON object')
	const delivery = deliveryOf(hooks, envelope, text, body.length, services.now())
	switch (await deliver(c, verified.id, { ...delivery, version: verified.version })) {
		case 'failed':
			return answer(c, 503, 'This delivery could not be kept; the change will be found by polling')
		case 'retired':
			return refuse(c, [verified.id], 'retired', body, 401, UNVERIFIED)
		case 'gone':
			return answer(c, 410, 'This instance was deleted')
		default:
			return answer(c, 200)
	}
}

/** What can be refused by form alone. */
function refusalOf(envelope: HookEnvelope | null, versions: readonly number[]): Refusal | null {
	if (envelope === null) return 'no-signature'
	if (envelope.signature === null) return 'malformed-signature'
	if (envelope.topic === '') return 'bad-topic'
	return versions.length === 0 ? 'bad-version' : null
}

/** A delivery as the instance's object takes it. */
function deliveryOf(hooks: Hooks, envelope: HookEnvelope, text: string, bytes: number, receivedMs: number): HookDelivery {
	const common = {
		topic: envelope.topic,
		version: 0,
		webhookId: envelope.webhookId,
		deliveryId: envelope.deliveryId,
		source: envelope.source,
		receivedMs,
	}
	if (bytes <= LARGEST_SNAPSHOT) return { ...common, body: text, objectId: null }
	const reading = hooks.read(envelope.topic, text)
	return { ...common, body: null, objectId: reading.kind === 'unknown' || reading.id === null ? null : String(reading.id) }
}

/** Hands a delivery to an instance. `gone`: it was deleted; `failed`: nobody knows. */
async function deliver(c: ReceiverContext, id: number, delivery: HookDelivery): Promise<HookAnswer | 'gone' | 'failed'> {
	const { services } = c.var
	try {
		const watcher = services.watcher(id)
		const said = await watcher.hook(delivery)
		if (said !== 'unknown') return said
		// The object knows nothing: it was deleted, or a ready one has lost its storage and is made again as it was.
		const row = await c.env.DB.prepare("SELECT 1 FROM instances WHERE id = ? AND state <> 'deleted'").bind(id).first()
		if (row === null) return 'gone'
		await watcher.create(id)
		const again = await watcher.hook(delivery)
		return again === 'unknown' ? 'failed' : again
	} catch (error) {
		logError('receiver.failed', error, { instance: id })
		return 'failed'
	}
}

const TOO_LARGE = `body: ${atMost('receiverBody')}`
const UNVERIFIED = 'Signature: expected that of a webhook which this instance keeps'

/** 401, whether or not the instance exists: nothing was looked up. */
function unverified(c: ReceiverContext, named: readonly number[], reason: Refusal, body: Uint8Array | null): Response {
	return refuse(c, named, reason, body, 401, UNVERIFIED)
}

/** Refuses and counts; now and then hands the counts over, after the answer. */
function refuse(
	c: ReceiverContext,
	named: readonly number[],
	reason: string,
	body: Uint8Array | null,
	status: 400 | 401 | 413 | 429,
	message: string,
): Response {
	const { services } = c.var
	const { rejections } = services
	const nowMs = services.now()
	for (const id of named) rejections.count(id, reason, nowMs, c.req.raw.headers, body)
	if (rejections.due(nowMs)) c.executionCtx.waitUntil(rejections.handOver(c.env.DB, (id) => services.watcher(id), nowMs))
	return answer(c, status, message)
}

/** The store reads the status alone; people who look get the contract's error body. */
function answer(c: ReceiverContext, status: 200 | 400 | 401 | 404 | 410 | 413 | 429 | 503, message?: string): Response {
	const requestId = crypto.randomUUID()
	return c.json(message === undefined ? {} : { message, requestId }, status, {
		'Elements-Request-Id': requestId,
		'Cache-Control': 'no-store',
		'X-Content-Type-Options': 'nosniff',
	})
}
