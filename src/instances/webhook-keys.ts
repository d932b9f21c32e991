/**
 * Verifies deliveries without looking anything up: the secret of a webhook follows from the ring of master keys and from what the
 * delivery itself says (instance, topic, version). Derived keys are kept for a while, since a store's next delivery needs the same.
 */
import type { Hooks } from '../elements/webhooks.ts'
import { masterKeys } from '../lib/sealing.ts'

/** Derived keys kept at most, each for one instance, topic and version. */
const MOST_KEPT = 5000

/** The secrets that a delivery may be signed with, most likely first. */
export type HookSecrets = (ring: string, hooks: Hooks, instanceId: number, topic: string, version: number) => string[]

/** Derived from every key of the ring, the first one first: a store may still hold a secret of an older key. */
const derived: HookSecrets = (ring, hooks, instanceId, topic, version) =>
	masterKeys(ring).map((key) => hooks.secretOf(key.bytes, instanceId, topic, version))

/** What a delivery says of itself. */
export interface Claimed {
	instanceId: number
	topic: string
	/** Versions that its address names. */
	versions: readonly number[]
	signature: Uint8Array<ArrayBuffer>
}

/** Verifies, and remembers keys. */
export class HookKeys {
	readonly #secrets: HookSecrets
	readonly #kept = new Map<string, Promise<CryptoKey[]>>()
	#ring = ''

	constructor(secrets: HookSecrets = derived) {
		this.#secrets = secrets
	}

	/** The version whose secret signed the body, compared in constant time; null when none did. */
	async verify(ring: string, hooks: Hooks, claimed: Claimed, body: Uint8Array<ArrayBuffer>): Promise<number | null> {
		for (const version of claimed.versions) {
			for (const key of await this.#keys(ring, hooks, claimed, version)) {
				if (await crypto.subtle.verify('HMAC', key, claimed.signature, body)) return version
			}
		}
		return null
	}

	#keys(ring: string, hooks: Hooks, { instanceId, topic }: Claimed, version: number): Promise<CryptoKey[]> {
		if (ring !== this.#ring) {
			this.#ring = ring
			this.#kept.clear()
		}
		const name = `${instanceId}\n${topic}\n${version}`
		let keys = this.#kept.get(name)
		if (keys === undefined) {
			keys = Promise.all(this.#secrets(ring, hooks, instanceId, topic, version).map(importKey))
			if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
			this.#kept.set(name, keys)
		}
		return keys
	}
}

function importKey(secret: string): Promise<CryptoKey> {
	return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}
