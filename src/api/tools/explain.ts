/**
 * Why a signature does not match: what a receiver has (headers, body, key) is tried with one usual mistake after another put right, until
 * a signature fits. What was tried and fits is certain; what could not be proven is said as what it is, a guess.
 */
import { createHmac } from 'node:crypto'
import { bodyVariants, looksReordered, type BodyReason } from './rewritten.ts'

/** Headers that carry a signature, in lower case. */
const ELEMENTS = 'elements-webhook-signature'
const ELEMENTS_NEXT = 'elements-webhook-signature-next'
const STANDARD = 'webhook-signature'

/** As they are written. */
const SHOWN: Readonly<Record<string, string>> = {
	[ELEMENTS]: 'Elements-Webhook-Signature',
	[ELEMENTS_NEXT]: 'Elements-Webhook-Signature-Next',
	'elements-webhook-id': 'Elements-Webhook-Id',
}

/** Seconds that verifiers allow between a timestamp and their clock. */
const TOLERANCE = 300
/** Signatures of one header that are looked at. */
const MOST_SIGNATURES = 10
/** Up to this many characters a body is tried with mistakes in key and body at once. */
const PAIRS_LIMIT = 65_536

/** What a receiver has. */
export interface SignatureCase {
	/** The key that it uses; null when it does not say. */
	key: string | null
	/** The keys of the instance that it names, as they sign now; null when it names none. */
	instance: { current: string | null; next: string | null } | null
	/** Names in any case. */
	headers: Readonly<Record<string, string>>
	body: string
	nowMs: number
}

/** What can be wrong. */
export type Reason =
	| BodyReason
	| 'missing-header'
	| 'unreadable-signature'
	| 'no-key'
	| 'wrong-key'
	| 'key-blanks'
	| 'key-quotes'
	| 'key-is-whsec'
	| 'key-is-base64'
	| 'key-signed-as-whsec'
	| 'key-looks-like-whsec'
	| 'prefix'
	| 'hex'
	| 'base64-alphabet'
	| 'other-scheme'
	| 'id-mismatch'
	| 'id-or-timestamp-changed'
	| 'timestamp-unreadable'
	| 'timestamp-outside-tolerance'

/** One thing that is wrong. */
export interface Finding {
	reason: Reason
	/** The header that it is about; null when it is about key or body. */
	header: string | null
	/** With this put right the signature fits; false: a guess. */
	certain: boolean
	/** A sentence with the fact and the next step. */
	message: string
}

/** The answer. */
export interface Explanation {
	/** A verifier that is given these headers, this body and this key accepts. */
	matches: boolean
	matched: { header: string; key: 'current' | 'next' }[]
	reasons: Finding[]
}

type Scheme = 'elements' | 'standard'

/** A signature of a header, read. */
interface Digest {
	header: string
	scheme: Scheme
	/** Its place among several. */
	index: number
	/** Of whichever scheme; null when there is none. */
	prefix: Scheme | null
	hex: string
	flaws: Reason[]
}

/** A key to try, and what is wrong with it. */
interface Key {
	name: 'current' | 'next' | null
	bytes: Buffer
	reasons: Reason[]
}

/** What made a signature. */
interface Hit {
	key: Key
	reasons: Reason[]
}

/** Explains. Pure; costs at most some fifty hashes of a large body. */
export function explainSignature(given: SignatureCase): Explanation {
	const headers = new Map(Object.entries(given.headers).map(([name, value]) => [name.toLowerCase(), value.trim()]))
	const findings: Finding[] = []
	const find = (reason: Reason, header: string | null, certain: boolean): void => {
		const shown = header === null ? null : (SHOWN[header] ?? header)
		if (findings.some((one) => one.reason === reason && one.header === shown)) return
		findings.push({ reason, header: shown, certain, message: MESSAGES[reason](shown ?? '', certain) })
	}

	const digests = readDigests(headers, (header) => find('unreadable-signature', header, true))
	const keys = keysToTry(given)
	if (keys.length === 0) find('no-key', null, true)
	if (![ELEMENTS, ELEMENTS_NEXT, STANDARD].some((name) => headers.has(name))) {
		find('missing-header', STANDARD, true)
		if (given.instance?.current === null) find('no-key', null, true)
	}
	if (headers.has(STANDARD))
		for (const name of ['webhook-id', 'webhook-timestamp']) if (!headers.get(name)) find('missing-header', name, true)

	const hits = search(given, headers, digests, keys)
	const matched: { digest: Digest; hit: Hit }[] = []
	for (const digest of digests) {
		const hit = hits.get(digest)
		if (hit === undefined) continue
		const reasons = [...hit.reasons, ...(digest.scheme === 'standard' ? lateness(headers, given.nowMs) : [])]
		if (reasons.length === 0) matched.push({ digest, hit })
		// An entry that fits only with a change is of no interest beside one that fits as it is.
		else if (!digests.some((other) => other.header === digest.header && hits.get(other)?.reasons.length === 0 && other !== digest))
			for (const reason of reasons) find(reason, headerOf(reason, digest), true)
	}

	const matches = matched.length > 0
	if (matches) {
		const body = matched.some(({ digest }) => digest.scheme === 'elements')
		const standard = digests.filter((digest) => digest.scheme === 'standard')
		// Key and body are right, and the signature over them, the id and the time is not.
		if (
			body &&
			standard.length > 0 &&
			!standard.some((digest) => hits.has(digest)) &&
			headers.get('webhook-id') &&
			headers.get('webhook-timestamp')
		)
			find('id-or-timestamp-changed', STANDARD, true)
		if (matched.some(({ hit }) => hit.key.bytes.subarray(0, 6).toString() === 'whsec_')) find('key-looks-like-whsec', null, false)
	} else if (digests.length > 0 && keys.length > 0 && hits.size === 0) {
		if (looksReordered(given.body)) find('body-key-order', null, false)
		find('wrong-key', null, false)
		if (given.instance?.current === null) find('no-key', null, true)
	}
	return {
		matches,
		matched: matched.map(({ digest, hit }) => ({ header: SHOWN[digest.header] ?? digest.header, key: hit.key.name ?? place(digest) })),
		reasons: findings,
	}
}

/** Tries what is given, then what it would be without one mistake, or with a small body two; each signature keeps what explains it with the least. */
function search(
	given: SignatureCase,
	headers: ReadonlyMap<string, string>,
	digests: readonly Digest[],
	keys: readonly Key[],
): Map<Digest, Hit> {
	const hits = new Map<Digest, Hit>()
	const compare = (key: Key, scheme: Scheme, mac: string, wrong: () => readonly Reason[]): void => {
		for (const digest of digests) {
			if (digest.hex !== mac) continue
			const other = digest.scheme !== scheme
			// The prefix of the scheme that it is of is not what is wrong with it.
			const flaws = digest.flaws.filter((flaw) => flaw !== 'prefix' || !(other && digest.prefix === scheme))
			const reasons: Reason[] = [...key.reasons, ...wrong(), ...(other ? (['other-scheme'] as const) : []), ...flaws]
			if (reasons.length < (hits.get(digest)?.reasons.length ?? Infinity)) hits.set(digest, { key, reasons })
		}
	}
	const [id, timestamp] = [headers.get('webhook-id') ?? '', headers.get('webhook-timestamp') ?? '']
	const attempt = (key: Key, body: Uint8Array, wrong: () => readonly Reason[]): void => {
		compare(key, 'elements', createHmac('sha256', key.bytes).update(body).digest('hex'), wrong)
		if (id !== '' && timestamp !== '') compare(key, 'standard', standardMac(key, id, timestamp, body), wrong)
	}

	const exact = Buffer.from(given.body, 'utf8')
	for (const key of keys) if (key.reasons.length === 0) attempt(key, exact, () => [])
	for (const key of keys) {
		if (key.reasons.length > 0 || timestamp === '' || digests.every((digest) => hits.has(digest))) continue
		for (const other of otherIds(headers, given.body))
			compare(key, 'standard', standardMac(key, other, timestamp, exact), () => [id === '' ? 'missing-header' : 'id-mismatch'])
	}
	if ([...hits.values()].some(({ reasons }) => reasons.length === 0) || digests.length === 0) return hits

	for (const key of keys) if (key.reasons.length > 0) attempt(key, exact, () => [])
	for (const body of bodyVariants(given.body)) {
		for (const key of keys) {
			if (key.reasons.length === 0 || given.body.length <= PAIRS_LIMIT) attempt(key, body.bytes, body.reasons)
		}
	}
	return hits
}

function standardMac(key: Key, id: string, timestamp: string, body: Uint8Array): string {
	return createHmac('sha256', key.bytes).update(`${id}.${timestamp}.`).update(body).digest('hex')
}

/** Ids that could have been signed in place of `webhook-id`. */
function otherIds(headers: ReadonlyMap<string, string>, body: string): string[] {
	const id = headers.get('webhook-id') ?? ''
	const named = /^\s*\{.{0,300}?"id"\s*:\s*"(\d{1,20})"/s.exec(body)?.[1]
	const ids = [headers.get('elements-webhook-id') ?? '', id.replace(/^ntf_/, ''), `ntf_${id}`, named === undefined ? '' : `ntf_${named}`]
	return [...new Set(ids)].filter((other) => other !== '' && other !== id)
}

/** What is wrong with the time of a standard signature. */
function lateness(headers: ReadonlyMap<string, string>, nowMs: number): Reason[] {
	const timestamp = headers.get('webhook-timestamp') ?? ''
	if (!/^\d{1,12}$/.test(timestamp)) return ['timestamp-unreadable']
	return Math.abs(nowMs / 1000 - Number(timestamp)) > TOLERANCE ? ['timestamp-outside-tolerance'] : []
}

/** The keys, and what they would be without a usual mistake. */
function keysToTry({ key, instance }: SignatureCase): Key[] {
	const own = [
		...(instance?.current == null ? [] : [{ name: 'current' as const, text: instance.current }]),
		...(instance?.next == null ? [] : [{ name: 'next' as const, text: instance.next }]),
	]
	if (key === null) return own.map(({ name, text }) => ({ name, bytes: Buffer.from(text, 'utf8'), reasons: [] }))
	const known = own.find(({ text }) => text === key)?.name ?? null
	const found: Key[] = []
	const add = (name: Key['name'], bytes: Buffer, ...reasons: Reason[]): void => {
		if (bytes.length > 0 && !found.some((one) => one.bytes.equals(bytes))) found.push({ name, bytes, reasons })
	}
	const text = (plain: string): Buffer => Buffer.from(plain, 'utf8')
	add(known, text(key))
	const trimmed = key.trim()
	add(null, text(trimmed), 'key-blanks')
	for (const variant of [`${key}\n`, `${key}\r\n`, `${key} `, ` ${key}`]) add(null, text(variant), 'key-blanks')
	add(null, text(trimmed.replace(/^(["'])(.*)\1$/s, '$2')), 'key-quotes')
	const blanks: Reason[] = trimmed === key ? [] : ['key-blanks']
	if (trimmed.startsWith('whsec_')) add(null, Buffer.from(trimmed.slice(6), 'base64'), 'key-is-whsec', ...blanks)
	else if (/^[A-Za-z0-9+/_-]{2,}={0,2}$/.test(trimmed)) add(null, Buffer.from(trimmed, 'base64'), 'key-is-base64', ...blanks)
	add(null, text(`whsec_${text(key).toString('base64')}`), 'key-signed-as-whsec')
	// After the mistakes: one of them explains more than that the keys differ.
	for (const { name, text: plain } of own) add(name, text(plain), 'wrong-key')
	return found
}

/** Reads the signatures of the headers. */
function readDigests(headers: ReadonlyMap<string, string>, unreadable: (header: string) => void): Digest[] {
	return [ELEMENTS, ELEMENTS_NEXT, STANDARD].flatMap((header) => {
		const value = headers.get(header)
		if (value === undefined) return []
		const scheme: Scheme = header === STANDARD ? 'standard' : 'elements'
		const texts = scheme === 'standard' ? value.split(/ +/).slice(0, MOST_SIGNATURES) : [value]
		const read = texts.flatMap((text, index) => readDigest(header, scheme, text, index) ?? [])
		if (read.length === 0) unreadable(header)
		return read
	})
}

function readDigest(header: string, scheme: Scheme, text: string, index: number): Digest | null {
	const prefix: Scheme | null = text.startsWith('sha256=') ? 'elements' : text.startsWith('v1,') ? 'standard' : null
	const value = prefix === 'elements' ? text.slice(7) : prefix === 'standard' ? text.slice(3) : text
	const digest = (hex: string, ...flaws: Reason[]): Digest => ({
		...{ header, scheme, index, prefix, hex },
		flaws: [...(prefix === scheme ? [] : ['prefix' as const]), ...flaws],
	})
	if (/^[0-9a-f]{64}$/i.test(value)) return digest(value.toLowerCase(), 'hex')
	if (/^[A-Za-z0-9+/]{43}=$/.test(value)) return digest(Buffer.from(value, 'base64').toString('hex'))
	if (/^[A-Za-z0-9+/_-]{43}=?$/.test(value)) return digest(Buffer.from(value, 'base64').toString('hex'), 'base64-alphabet')
	return null
}

/** Which key signs at this place while two do. */
function place(digest: Digest): 'current' | 'next' {
	return digest.header === ELEMENTS_NEXT || digest.index > 0 ? 'next' : 'current'
}

/** The header that a reason is about. */
function headerOf(reason: Reason, digest: Digest): string | null {
	if (reason.startsWith('timestamp-')) return 'webhook-timestamp'
	if (reason === 'id-mismatch' || reason === 'missing-header') return 'webhook-id'
	return reason.startsWith('key-') || reason.startsWith('body-') || reason === 'wrong-key' ? null : digest.header
}

const MESSAGES: Readonly<Record<Reason, (header: string, certain: boolean) => string>> = {
	'missing-header': (header) =>
		header === STANDARD
			? 'There is no signature: none of webhook-signature, Elements-Webhook-Signature and Elements-Webhook-Signature-Next is among the headers. See whether a proxy drops them'
			: `${header} is missing, and webhook-signature covers it: without it nothing can be verified`,
	'unreadable-signature': (header) =>
		header === STANDARD
			? `${header} holds no signature: expected v1, and base64 of 32 bytes, several with a blank between them`
			: `${header} holds no signature: expected sha256= and base64 of 32 bytes`,
	'no-key': () => 'There is no key: the instance has none, so its notifications are not signed. POST …/signature-key/rotate gives it one',
	'wrong-key': (_, certain) =>
		certain
			? 'The instance signs with another key than the one given: take it from GET …/signature-key'
			: "Another key signed this, or the body is not what was sent. Compare the key with GET …/signature-key, and verify the body's bytes as they came",
	'key-blanks': () =>
		'The key differs from the one that signed by blanks or a newline around it: see how it was copied, or read from a file',
	'key-quotes': () => 'The key stands in quotes that are not part of it',
	'key-is-whsec': () =>
		'The key is in its whsec_ form and used as it stands. Libraries of Standard Webhooks take that form; everything else takes the key as GET …/signature-key shows it under key',
	'key-is-base64': () => 'The key is base64 of the one that signed: it signs as it was given, not in an encoded form',
	'key-signed-as-whsec': () => 'This was signed with the text of the whsec_ form; the signature is to be made with the key itself',
	'key-looks-like-whsec': () =>
		'The signature matches. But the key begins with whsec_, and all of its characters sign: a library of Standard Webhooks would decode it. Give it the whsec form of GET …/signature-key',
	prefix: (header) =>
		header === STANDARD ? `The signature of ${header} lacks v1, in front` : `The signature of ${header} lacks sha256= in front`,
	hex: (header) => `The signature of ${header} is in hex; expected base64`,
	'base64-alphabet': (header) => `The signature of ${header} is in another base64: expected + and / and the padding =`,
	'other-scheme': (header) =>
		header === STANDARD
			? `${header} holds a signature over the body alone, which is that of Elements-Webhook-Signature; expected one over id.timestamp.body`
			: `${header} holds a signature over id.timestamp.body, which is that of webhook-signature; expected one over the body alone`,
	'id-mismatch': () => 'Another id was signed than webhook-id says: see what changes that header on the way',
	'id-or-timestamp-changed': () =>
		'Key and body are right, but webhook-signature covers webhook-id and webhook-timestamp too: one of the three is not what was sent',
	'timestamp-unreadable': () => 'webhook-timestamp is no number of seconds since 1970',
	'timestamp-outside-tolerance': () =>
		`The signature is right, but webhook-timestamp lies more than ${TOLERANCE} s from now. If you kept the request for a while, nothing is wrong with it; if it has just come, set your clock`,
	'body-bom': () => 'The body differs from what was signed by a byte order mark in front',
	'body-trailing-newline': () => 'The body differs from what was signed by a newline at its end',
	'body-blanks': () => 'The body differs from what was signed by blanks around it',
	'body-line-ends': () => 'The body differs from what was signed by its line ends (CRLF and LF)',
	'body-encoding': () => 'The body was read as Latin-1: it is UTF-8, and best kept as bytes',
	'body-whitespace': () => 'The body is JSON that was parsed and written again with other blanks; verify the bytes as they came',
	'body-escapes': () => 'The body is JSON that was parsed and written again with other escapes (\\u…, \\/); verify the bytes as they came',
	'body-numbers': () => 'The body is JSON that was parsed and written again with other numbers (1 for 1.0); verify the bytes as they came',
	'body-key-order': () => 'The body is JSON whose keys stand in another order than they were sent in; verify the bytes as they came',
}
