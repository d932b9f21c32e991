/**
 * Verifies deliveries without a lookup: the secret of a webhook is derived from the key ring and from the delivery
 * itself (the instance's incarnation, topic, version). Derived keys are cached, since a store's next delivery needs the
 * same one.
 */
import type { VendorWebhooks } from '../elements/webhooks.ts'
import { parseMasterKeys } from '../lib/sealing.ts'

/** Maximum number of cached keys, each for one instance, topic and version. */
const MAX_CACHED_KEYS = 5000

/** The secrets that may have signed a delivery, most likely first. */
export type WebhookSecrets = (
	ring: string,
	hooks: VendorWebhooks,
	incarnation: string,
	topic: string,
	version: number,
) => string[]

/** Derived from every key of the ring, the first one first: a store may still have a secret of an older key. */
const deriveSecrets: WebhookSecrets = (ring, hooks, incarnation, topic, version) =>
	parseMasterKeys(ring).map((key) => hooks.deriveSecret(key.bytes, incarnation, topic, version))

/** The claims of a delivery that is not verified yet. */
interface DeliveryIdentity {
	/** Of the instance that its URL names. */
	incarnation: string
	topic: string
	/** Versions that its URL names. */
	versions: readonly number[]
	signature: Uint8Array<ArrayBuffer>
}

/** Verifies signatures and caches derived keys. */
export class WebhookVerifier {
	readonly #secrets: WebhookSecrets
	readonly #keyCache = new Map<string, Promise<CryptoKey[]>>()
	#cachedRing = ''

	constructor(secrets: WebhookSecrets = deriveSecrets) {
		this.#secrets = secrets
	}

	/** The version whose secret signed the body, compared in constant time; null: none did. */
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
		{ incarnation, topic }: DeliveryIdentity,
		version: number,
	): Promise<CryptoKey[]> {
		if (ring !== this.#cachedRing) {
			this.#cachedRing = ring
			this.#keyCache.clear()
		}
		const cacheKey = `${incarnation}\n${topic}\n${version}`
		let keys = this.#keyCache.get(cacheKey)
		if (keys === undefined) {
			keys = Promise.all(this.#secrets(ring, hooks, incarnation, topic, version).map(importKey))
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
