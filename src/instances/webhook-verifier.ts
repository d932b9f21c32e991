/**
 * Verifies deliveries without looking anything up: the secret of a webhook follows from the ring of master keys and
 * from what the delivery itself says (instance, topic, version). Derived keys are kept for a while, since a store's
 * next delivery needs the same.
 */
import type { VendorWebhooks } from '../elements/webhooks.ts'
import { parseMasterKeys } from '../lib/sealing.ts'

/** Derived keys kept at most, each for one instance, topic and version. */
const MAX_CACHED_KEYS = 5000

/** The secrets that a delivery may be signed with, most likely first. */
export type WebhookSecrets = (
	ring: string,
	hooks: VendorWebhooks,
	instanceId: number,
	topic: string,
	version: number,
) => string[]

/** Derived from every key of the ring, the first one first: a store may still hold a secret of an older key. */
const deriveSecrets: WebhookSecrets = (ring, hooks, instanceId, topic, version) =>
	parseMasterKeys(ring).map((key) => hooks.deriveSecret(key.bytes, instanceId, topic, version))

/** What a delivery says of itself. */
interface DeliveryIdentity {
	instanceId: number
	topic: string
	/** Versions that its address names. */
	versions: readonly number[]
	signature: Uint8Array<ArrayBuffer>
}

/** Verifies, and remembers keys. */
export class WebhookVerifier {
	readonly #secrets: WebhookSecrets
	readonly #keyCache = new Map<string, Promise<CryptoKey[]>>()
	#cachedRing = ''

	constructor(secrets: WebhookSecrets = deriveSecrets) {
		this.#secrets = secrets
	}

	/** The version whose secret signed the body, compared in constant time; null when none did. */
	async verify(
		ring: string,
		hooks: VendorWebhooks,
		identity: DeliveryIdentity,
		body: Uint8Array<ArrayBuffer>,
	): Promise<number | null> {
		for (const version of identity.versions) {
			for (const key of await this.#getKeys(ring, hooks, identity, version)) {
				if (await crypto.subtle.verify('HMAC', key, identity.signature, body)) return version
			}
		}
		return null
	}

	#getKeys(
		ring: string,
		hooks: VendorWebhooks,
		{ instanceId, topic }: DeliveryIdentity,
		version: number,
	): Promise<CryptoKey[]> {
		if (ring !== this.#cachedRing) {
			this.#cachedRing = ring
			this.#keyCache.clear()
		}
		const cacheKey = `${instanceId}\n${topic}\n${version}`
		let keys = this.#keyCache.get(cacheKey)
		if (keys === undefined) {
			keys = Promise.all(this.#secrets(ring, hooks, instanceId, topic, version).map(importKey))
			if (this.#keyCache.size >= MAX_CACHED_KEYS) this.#keyCache.delete(this.#keyCache.keys().next().value!)
			this.#keyCache.set(cacheKey, keys)
		}
		return keys
	}
}

function importKey(secret: string): Promise<CryptoKey> {
	return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
		'verify',
	])
}
