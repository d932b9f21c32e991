/**
 * Encryption of stored secrets that Shopbell must show again or send to others: AES-256-GCM with the key ring
 * `MASTER_KEYS` (`id:base64,…`). The first key seals, all keys open. A sealed secret is bound to its place, so that one
 * copied to another row or field cannot be opened there.
 */
import type { ObjectRef } from './incarnation.ts'

/** Where a secret is stored. `v1Aad`: what earlier versions bound it to. */
export interface SecretPlace {
	aad: string
	v1Aad: string
}

/** Why a sealed secret cannot be opened. */
export class UnreadableSecret extends Error {
	/** The key that the ring lacks; null: the text was changed or belongs to another place. */
	readonly missingKeyId: string | null

	constructor(missingKeyId: string | null) {
		super(
			missingKeyId === null
				? 'A stored secret does not belong to its place or was changed'
				: `MASTER_KEYS lacks the key ${missingKeyId}, which a stored secret needs`,
		)
		this.name = 'UnreadableSecret'
		this.missingKeyId = missingKeyId
	}
}

const SEALED_VERSION = 'v2'

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

/** The place of a secret of an instance: a secret configuration key, or `token`. */
export function instanceSecret({ id, incarnation }: ObjectRef, key: string): SecretPlace {
	return { aad: `instance/${incarnation}/${key}`, v1Aad: `instance/${id}` }
}

/** The place of the account's operator key. */
export function operatorKeyPlace(organizationId: number): string {
	return `organization/${organizationId}/operator.webhook.key`
}

/** Seals a text under the first key of the ring. Returns `v2.<key id>.<iv>.<ciphertext>`, base64url. */
export async function sealSecret(ring: string, secret: string, place: SecretPlace | string): Promise<string> {
	const key = parseMasterKeys(ring)[0]!
	const iv = crypto.getRandomValues(new Uint8Array(12))
	const sealed = await crypto.subtle.encrypt(
		{ name: 'AES-GCM', iv, additionalData: encode(toAad(place, SEALED_VERSION)) },
		await getSealingKey(key),
		encode(secret),
	)
	const parts = [
		SEALED_VERSION,
		key.id,
		Buffer.from(iv).toString('base64url'),
		Buffer.from(sealed).toString('base64url'),
	]
	return parts.join('.')
}

/** Opens a text that `sealSecret` of this or an earlier version sealed for the same place. Throws UnreadableSecret. */
export async function openSecret(ring: string, sealed: string, place: SecretPlace | string): Promise<string> {
	const [version, id, iv, text] = sealed.split('.')
	if (!isSealed(sealed) || version === undefined || id === undefined || iv === undefined || text === undefined)
		throw new UnreadableSecret(null)
	const key = parseMasterKeys(ring).find((candidate) => candidate.id === id)
	if (key === undefined) throw new UnreadableSecret(id)
	try {
		const opened = await crypto.subtle.decrypt(
			{ name: 'AES-GCM', iv: Buffer.from(iv, 'base64url'), additionalData: encode(toAad(place, version)) },
			await getSealingKey(key),
			Buffer.from(text, 'base64url'),
		)
		return new TextDecoder().decode(opened)
	} catch {
		throw new UnreadableSecret(null)
	}
}

/** Whether a sealed text must be sealed anew: by another key than the first, or by an earlier version. */
export function isStale(ring: string, sealed: string): boolean {
	return isSealed(sealed) && !sealed.startsWith(`${SEALED_VERSION}.${parseMasterKeys(ring)[0]!.id}.`)
}

/** Whether a stored text has the form of a sealed secret. */
export function isSealed(text: string): boolean {
	return /^v[12]\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{22,}$/.test(text)
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

function toAad(place: SecretPlace | string, version: string): string {
	if (typeof place === 'string') return place
	return version === 'v1' ? place.v1Aad : place.aad
}
