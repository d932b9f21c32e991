/** An object's content as short hashes: enough to detect a change and its fields without keeping the record. */
import { createHash } from 'node:crypto'
import type { Snapshot } from '../../elements/store.ts'

/** An object's content: a hash of all fields, their names, and 4 bytes of hash per name in the same order. */
export interface ObjectContent {
	hash: string
	fieldNames: string[]
	/** 8 hex digits per name. */
	fieldHashes: string
}

/** A short hash of `Snapshot.identity`; null: not known. */
export function hashIdentity({ identity }: Snapshot): string | null {
	return identity === undefined ? null : createHash('sha256').update(identity).digest('base64url').slice(0, 11)
}

const FIELD_HASH_DIGITS = 8

/** Contents of fields: the head of a poll, the gate and page digests all need that of the same snapshot. */
const contentCache = new WeakMap<Snapshot['fields'], ObjectContent>()

/** Contents by all names and values: most polls show the same objects as the one before. */
const contentsByText = new Map<string, ObjectContent>()
const MAX_CACHED_TEXT_LENGTH = 8_192
const MAX_CACHED_CONTENTS = 500

/** Hashes a snapshot's fields, in the snapshot's order (sorted by name). */
export function hashContent(fields: Snapshot['fields']): ObjectContent {
	let content = contentCache.get(fields)
	if (content === undefined) {
		content = findContent(fields)
		contentCache.set(fields, content)
	}
	return content
}

function findContent(fields: Snapshot['fields']): ObjectContent {
	let text = ''
	for (const { name, value } of fields) text += `${name.length} ${name}${value.length} ${value}`
	if (text.length > MAX_CACHED_TEXT_LENGTH) return computeContent(fields)
	let content = contentsByText.get(text)
	if (content === undefined) {
		content = computeContent(fields)
		// Emptied when full, as below.
		if (contentsByText.size >= MAX_CACHED_CONTENTS) contentsByText.clear()
		contentsByText.set(text, content)
	}
	return content
}

function computeContent(fields: Snapshot['fields']): ObjectContent {
	let fieldHashes = ''
	// One call over all fields, because a call costs more than its bytes.
	let combined = ''
	for (const field of fields) {
		const digest = hashValue(field.value)
		combined += `${field.name}\u0000${digest}\n`
		fieldHashes += digest.slice(0, FIELD_HASH_DIGITS)
	}
	const hash = createHash('sha256').update(combined).digest('base64url').slice(0, 22)
	return { hash, fieldNames: fields.map((field) => field.name), fieldHashes }
}

/** Digests of short values: most fields are empty, false or one of a few words. */
const digestCache = new Map<string, string>()
const MAX_CACHED_VALUE_LENGTH = 128
const MAX_CACHED_DIGESTS = 2_000

function hashValue(value: string): string {
	const cached = digestCache.get(value)
	if (cached !== undefined) return cached
	const digest = createHash('sha256').update(value).digest('hex')
	if (value.length <= MAX_CACHED_VALUE_LENGTH) {
		// Emptied when full: frequent values return soon.
		if (digestCache.size >= MAX_CACHED_DIGESTS) digestCache.clear()
		digestCache.set(value, digest)
	}
	return digest
}

/** Names whose value differs, and names that only one of the contents has; `ignoredNames` are in neither list. */
export function diffContent(
	before: ObjectContent,
	after: ObjectContent,
	ignoredNames: readonly string[] = [],
): { changed: string[]; addedOrRemoved: string[] } {
	const previousHashes = new Map(
		before.fieldNames.map((name, index) => [
			name,
			before.fieldHashes.slice(index * FIELD_HASH_DIGITS, (index + 1) * FIELD_HASH_DIGITS),
		]),
	)
	const changed: string[] = []
	const addedOrRemoved: string[] = []
	after.fieldNames.forEach((name, index) => {
		const previousHash = previousHashes.get(name)
		previousHashes.delete(name)
		if (ignoredNames.includes(name)) return
		if (previousHash === undefined) addedOrRemoved.push(name)
		else if (previousHash !== after.fieldHashes.slice(index * FIELD_HASH_DIGITS, (index + 1) * FIELD_HASH_DIGITS))
			changed.push(name)
	})
	for (const name of previousHashes.keys()) if (!ignoredNames.includes(name)) addedOrRemoved.push(name)
	return { changed, addedOrRemoved }
}
