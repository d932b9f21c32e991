/** What an object consists of, as short hashes: enough to say that it changed and which fields did, without keeping the record. */
import { createHash } from 'node:crypto'
import type { Sighting } from '../../elements/store.ts'

/** Counts up when the way of hashing changes: rows of an older version are stored anew in silence (design, The gate). */
export const HASH_VERSION = 1

/** Content of an object: a hash of all its fields, their names, and 4 bytes of hash per name in the same order. */
export interface Content {
	hash: string
	names: string[]
	/** 8 hex digits per name. */
	hashes: string
}

const FIELD_DIGITS = 8

/** Hashes a sighting's fields. The order of the names is the sighting's (sorted). */
export function contentOf(fields: Sighting['fields']): Content {
	let hashes = ''
	// Each call of the hash costs more than its bytes: the whole is fed in one piece.
	let whole = ''
	for (const field of fields) {
		const digest = digestOf(field.value)
		whole += `${field.name}\u0000${digest}\n`
		hashes += digest.slice(0, FIELD_DIGITS)
	}
	const hash = createHash('sha256').update(whole).digest('base64url').slice(0, 22)
	return { hash, names: fields.map((field) => field.name), hashes }
}

/** Digests of short values: most fields of most objects are empty, false or one of a few words. */
const digests = new Map<string, string>()
const SHORT = 32
const MOST_DIGESTS = 2_000

function digestOf(value: string): string {
	const known = digests.get(value)
	if (known !== undefined) return known
	const digest = createHash('sha256').update(value).digest('hex')
	if (value.length <= SHORT) {
		// Begun anew when full: what is frequent comes back at once.
		if (digests.size >= MOST_DIGESTS) digests.clear()
		digests.set(value, digest)
	}
	return digest
}

/** How two contents differ: names whose value differs, and names that only one of them has. `ignored` names count for neither. */
export function difference(before: Content, after: Content, ignored: readonly string[] = []): { changed: string[]; cameOrWent: string[] } {
	const old = new Map(before.names.map((name, index) => [name, before.hashes.slice(index * FIELD_DIGITS, (index + 1) * FIELD_DIGITS)]))
	const changed: string[] = []
	const cameOrWent: string[] = []
	after.names.forEach((name, index) => {
		const was = old.get(name)
		old.delete(name)
		if (ignored.includes(name)) return
		if (was === undefined) cameOrWent.push(name)
		else if (was !== after.hashes.slice(index * FIELD_DIGITS, (index + 1) * FIELD_DIGITS)) changed.push(name)
	})
	for (const name of old.keys()) if (!ignored.includes(name)) cameOrWent.push(name)
	return { changed, cameOrWent }
}
