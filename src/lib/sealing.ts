/**
 * Encryption of stored secrets that Shopbell must show again or send to others: AES-256-GCM with the key ring
 * `MASTER_KEYS` (`id:base64,…`). The first key seals, all keys open. A sealed secret is bound to its place
 * (`context`), so a row copied to another instance cannot be opened there.
 */

/** A key of the ring: its name, and its 32 bytes. */
interface MasterKey {
	id: string
	bytes: Uint8Array
}

/** Parsed rings of this isolate, so that keys are parsed and derived once. */
const parsedRings = new Map<string, MasterKey[]>()
const sealingKeys = new WeakMap<MasterKey, Promise<CryptoKey>>()

/** Parses `MASTER_KEYS`. Throws, without quoting it, if it is invalid. */
export function parseMasterKeys(ring: string): MasterKey[] {
	const known = parsedRings.get(ring)
	if (known !== undefined) return known
	const keys = ring
		.split(',')
		.map((part) => part.trim())
		.filter((part) => part !== '')
		.map((part) => {
			const colon = part.indexOf(':')
			const id = part.slice(0, colon)
			const bytes = new Uint8Array(Buffer.from(part.slice(colon + 1), 'base64'))
			if (colon < 1 || !/^[A-Za-z0-9_-]+$/.test(id) || bytes.length !== 32)
				throw new Error('MASTER_KEYS must be id:base64,… of 32-byte keys')
			return { id, bytes }
		})
	if (keys.length === 0 || new Set(keys.map((key) => key.id)).size !== keys.length)
		throw new Error('MASTER_KEYS must name each key once')
	parsedRings.set(ring, keys)
	return keys
}

/** The context of secrets in an instance's configuration, for `sealSecret` and `openSecret`. */
export function instanceContext(instanceId: number): string {
	return `instance/${instanceId}`
}

/** Seals a text under the first key of the ring. Returns `v1.<key id>.<iv>.<ciphertext>`, base64url. */
export async function sealSecret(ring: string, secret: string, context: string): Promise<string> {
	const key = parseMasterKeys(ring)[0]!
	const iv = crypto.getRandomValues(new Uint8Array(12))
	const sealed = await crypto.subtle.encrypt(
		{ name: 'AES-GCM', iv, additionalData: encode(context) },
		await getSealingKey(key),
		encode(secret),
	)
	return `v1.${key.id}.${Buffer.from(iv).toString('base64url')}.${Buffer.from(sealed).toString('base64url')}`
}

/**
 * Opens a text that `sealSecret` sealed with the same context. Throws if the ring lacks its key or the context
 * differs.
 */
export async function openSecret(ring: string, sealed: string, context: string): Promise<string> {
	const [version, id, iv, text] = sealed.split('.')
	if (version !== 'v1' || iv === undefined || text === undefined) throw new Error('not a sealed secret')
	const key = parseMasterKeys(ring).find((candidate) => candidate.id === id)
	if (key === undefined) throw new Error('MASTER_KEYS lacks the key of a sealed secret')
	const opened = await crypto.subtle.decrypt(
		{ name: 'AES-GCM', iv: Buffer.from(iv, 'base64url'), additionalData: encode(context) },
		await getSealingKey(key),
		Buffer.from(text, 'base64url'),
	)
	return new TextDecoder().decode(opened)
}

/** Whether a stored text has the form of a sealed secret. */
export function isSealed(text: string): boolean {
	return /^v1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{22,}$/.test(text)
}

/** Derives the key that seals, so that the master key itself is not used for two algorithms. */
function getSealingKey(key: MasterKey): Promise<CryptoKey> {
	let promise = sealingKeys.get(key)
	if (promise === undefined) {
		promise = crypto.subtle
			.importKey('raw', key.bytes as Uint8Array<ArrayBuffer>, 'HKDF', false, ['deriveKey'])
			.then((base) =>
				crypto.subtle.deriveKey(
					{ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: encode('shopbell-seal') },
					base,
					{ name: 'AES-GCM', length: 256 },
					false,
					['encrypt', 'decrypt'],
				),
			)
		sealingKeys.set(key, promise)
	}
	return promise
}

function encode(text: string): Uint8Array<ArrayBuffer> {
	return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>
}

/** The context of the account's operator key, for `sealSecret` and `openSecret`. */
export function operatorKeyContext(organizationId: number): string {
	return `organization/${organizationId}/operator.webhook.key`
}
