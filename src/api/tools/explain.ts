/**
 * Why a signature does not match: what a receiver has (headers, body, key) is tried with one usual mistake after
 * another put right, until a signature fits. What was tried and fits is certain; what could not be proven is said as
 * what it is, a guess.
 */
import { createHmac } from 'node:crypto'
import { generateBodyVariants, hasReorderedKeys, type BodyReason } from './rewritten.ts'

/** Headers that carry a signature, in lower case. */
const ELEMENTS_HEADER = 'elements-webhook-signature'
const ELEMENTS_NEXT_HEADER = 'elements-webhook-signature-next'
const STANDARD_HEADER = 'webhook-signature'

/** As they are written. */
const HEADER_DISPLAY_NAMES: Readonly<Record<string, string>> = {
	[ELEMENTS_HEADER]: 'Elements-Webhook-Signature',
	[ELEMENTS_NEXT_HEADER]: 'Elements-Webhook-Signature-Next',
	'elements-webhook-id': 'Elements-Webhook-Id',
}

/** Seconds that verifiers allow between a timestamp and their clock. */
const TOLERANCE_SECONDS = 300
/** Signatures of one header that are looked at. */
const MAX_SIGNATURES = 10
/** Up to this many characters a body is tried with mistakes in key and body at once. */
const MAX_COMBINED_BODY_LENGTH = 65_536

/** What a receiver has. */
export interface VerificationInput {
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
export type MismatchReason =
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
export interface SignatureFinding {
	reason: MismatchReason
	/** The header that it is about; null when it is about key or body. */
	header: string | null
	/** With this put right the signature fits; false: a guess. */
	certain: boolean
	/** A sentence with the fact and the next step. */
	message: string
}

/** The answer. */
export interface SignatureExplanation {
	/** A verifier that is given these headers, this body and this key accepts. */
	matches: boolean
	matched: { header: string; key: 'current' | 'next' }[]
	reasons: SignatureFinding[]
}

type Scheme = 'elements' | 'standard'

/** A signature of a header, read. */
interface ParsedSignature {
	header: string
	scheme: Scheme
	/** Its place among several. */
	index: number
	/** Of whichever scheme; null when there is none. */
	prefix: Scheme | null
	hex: string
	reasons: MismatchReason[]
}

/** A key to try, and what is wrong with it. */
interface CandidateKey {
	name: 'current' | 'next' | null
	bytes: Buffer
	reasons: MismatchReason[]
}

/** What made a signature. */
interface SignatureMatch {
	key: CandidateKey
	reasons: MismatchReason[]
}

/** Explains. Pure; costs at most some fifty hashes of a large body. */
export function explainSignature(input: VerificationInput): SignatureExplanation {
	const headers = new Map(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value.trim()]))
	const findings: SignatureFinding[] = []
	const addFinding = (reason: MismatchReason, header: string | null, certain: boolean): void => {
		const displayName = header === null ? null : (HEADER_DISPLAY_NAMES[header] ?? header)
		if (findings.some((finding) => finding.reason === reason && finding.header === displayName)) return
		findings.push({
			reason,
			header: displayName,
			certain,
			message: REASON_MESSAGES[reason](displayName ?? '', certain),
		})
	}

	const signatures = parseSignatures(headers, (header) => addFinding('unreadable-signature', header, true))
	const candidateKeys = getCandidateKeys(input)
	if (candidateKeys.length === 0) addFinding('no-key', null, true)
	if (![ELEMENTS_HEADER, ELEMENTS_NEXT_HEADER, STANDARD_HEADER].some((name) => headers.has(name))) {
		addFinding('missing-header', STANDARD_HEADER, true)
		if (input.instance?.current === null) addFinding('no-key', null, true)
	}
	if (headers.has(STANDARD_HEADER))
		for (const name of ['webhook-id', 'webhook-timestamp'])
			if (!headers.get(name)) addFinding('missing-header', name, true)

	const matchBySignature = findMatches(input, headers, signatures, candidateKeys)
	const matched: { signature: ParsedSignature; match: SignatureMatch }[] = []
	for (const signature of signatures) {
		const match = matchBySignature.get(signature)
		if (match === undefined) continue
		const reasons = [...match.reasons, ...(signature.scheme === 'standard' ? checkTimestamp(headers, input.nowMs) : [])]
		if (reasons.length === 0) matched.push({ signature, match })
		// An entry that fits only with a change is of no interest beside one that fits as it is.
		else if (
			!signatures.some(
				(other) =>
					other.header === signature.header && matchBySignature.get(other)?.reasons.length === 0 && other !== signature,
			)
		)
			for (const reason of reasons) addFinding(reason, getReasonHeader(reason, signature), true)
	}

	const matches = matched.length > 0
	if (matches) {
		const bodyMatches = matched.some(({ signature: digest }) => digest.scheme === 'elements')
		const standardSignatures = signatures.filter((digest) => digest.scheme === 'standard')
		// Key and body are right, and the signature over them, the id and the time is not.
		if (
			bodyMatches &&
			standardSignatures.length > 0 &&
			!standardSignatures.some((digest) => matchBySignature.has(digest)) &&
			headers.get('webhook-id') &&
			headers.get('webhook-timestamp')
		)
			addFinding('id-or-timestamp-changed', STANDARD_HEADER, true)
		if (matched.some(({ match: hit }) => hit.key.bytes.subarray(0, 6).toString() === 'whsec_'))
			addFinding('key-looks-like-whsec', null, false)
	} else if (signatures.length > 0 && candidateKeys.length > 0 && matchBySignature.size === 0) {
		if (hasReorderedKeys(input.body)) addFinding('body-key-order', null, false)
		addFinding('wrong-key', null, false)
		if (input.instance?.current === null) addFinding('no-key', null, true)
	}
	return {
		matches,
		matched: matched.map(({ signature: digest, match: hit }) => ({
			header: HEADER_DISPLAY_NAMES[digest.header] ?? digest.header,
			key: hit.key.name ?? getSigningKeyName(digest),
		})),
		reasons: findings,
	}
}

/**
 * Tries what is given, then what it would be without one mistake, or with a small body two; each signature keeps what
 * explains it with the least.
 */
function findMatches(
	input: VerificationInput,
	headers: ReadonlyMap<string, string>,
	digests: readonly ParsedSignature[],
	keys: readonly CandidateKey[],
): Map<ParsedSignature, SignatureMatch> {
	const matches = new Map<ParsedSignature, SignatureMatch>()
	const recordMatches = (
		key: CandidateKey,
		scheme: Scheme,
		mac: string,
		getReasons: () => readonly MismatchReason[],
	): void => {
		for (const digest of digests) {
			if (digest.hex !== mac) continue
			const isOtherScheme = digest.scheme !== scheme
			// The prefix of the scheme that it is of is not what is wrong with it.
			const signatureReasons = digest.reasons.filter(
				(flaw) => flaw !== 'prefix' || !(isOtherScheme && digest.prefix === scheme),
			)
			const reasons: MismatchReason[] = [
				...key.reasons,
				...getReasons(),
				...(isOtherScheme ? (['other-scheme'] as const) : []),
				...signatureReasons,
			]
			if (reasons.length < (matches.get(digest)?.reasons.length ?? Infinity)) matches.set(digest, { key, reasons })
		}
	}
	const [id, timestamp] = [headers.get('webhook-id') ?? '', headers.get('webhook-timestamp') ?? '']
	const tryKey = (key: CandidateKey, body: Uint8Array, getReasons: () => readonly MismatchReason[]): void => {
		recordMatches(key, 'elements', createHmac('sha256', key.bytes).update(body).digest('hex'), getReasons)
		if (id !== '' && timestamp !== '')
			recordMatches(key, 'standard', computeStandardMac(key, id, timestamp, body), getReasons)
	}

	const bodyBytes = Buffer.from(input.body, 'utf8')
	for (const key of keys) if (key.reasons.length === 0) tryKey(key, bodyBytes, () => [])
	for (const key of keys) {
		if (key.reasons.length > 0 || timestamp === '' || digests.every((digest) => matches.has(digest))) continue
		for (const otherId of getAlternativeIds(headers, input.body))
			recordMatches(key, 'standard', computeStandardMac(key, otherId, timestamp, bodyBytes), () => [
				id === '' ? 'missing-header' : 'id-mismatch',
			])
	}
	if ([...matches.values()].some(({ reasons }) => reasons.length === 0) || digests.length === 0) return matches

	for (const key of keys) if (key.reasons.length > 0) tryKey(key, bodyBytes, () => [])
	for (const body of generateBodyVariants(input.body)) {
		for (const key of keys) {
			if (key.reasons.length === 0 || input.body.length <= MAX_COMBINED_BODY_LENGTH)
				tryKey(key, body.bytes, body.reasons)
		}
	}
	return matches
}

function computeStandardMac(key: CandidateKey, id: string, timestamp: string, body: Uint8Array): string {
	return createHmac('sha256', key.bytes).update(`${id}.${timestamp}.`).update(body).digest('hex')
}

/** Ids that could have been signed in place of `webhook-id`. */
function getAlternativeIds(headers: ReadonlyMap<string, string>, body: string): string[] {
	const id = headers.get('webhook-id') ?? ''
	const bodyId = /^\s*\{.{0,300}?"id"\s*:\s*"(\d{1,20})"/s.exec(body)?.[1]
	const ids = [
		headers.get('elements-webhook-id') ?? '',
		id.replace(/^ntf_/, ''),
		`ntf_${id}`,
		bodyId === undefined ? '' : `ntf_${bodyId}`,
	]
	return [...new Set(ids)].filter((other) => other !== '' && other !== id)
}

/** What is wrong with the time of a standard signature. */
function checkTimestamp(headers: ReadonlyMap<string, string>, nowMs: number): MismatchReason[] {
	const timestamp = headers.get('webhook-timestamp') ?? ''
	if (!/^\d{1,12}$/.test(timestamp)) return ['timestamp-unreadable']
	return Math.abs(nowMs / 1000 - Number(timestamp)) > TOLERANCE_SECONDS ? ['timestamp-outside-tolerance'] : []
}

/** The keys, and what they would be without a usual mistake. */
function getCandidateKeys({ key, instance }: VerificationInput): CandidateKey[] {
	const instanceKeys = [
		...(instance?.current == null ? [] : [{ name: 'current' as const, text: instance.current }]),
		...(instance?.next == null ? [] : [{ name: 'next' as const, text: instance.next }]),
	]
	if (key === null)
		return instanceKeys.map(({ name, text }) => ({ name, bytes: Buffer.from(text, 'utf8'), reasons: [] }))
	const knownName = instanceKeys.find(({ text }) => text === key)?.name ?? null
	const candidates: CandidateKey[] = []
	const add = (name: CandidateKey['name'], bytes: Buffer, ...reasons: MismatchReason[]): void => {
		if (bytes.length > 0 && !candidates.some((candidate) => candidate.bytes.equals(bytes)))
			candidates.push({ name, bytes, reasons })
	}
	const toBytes = (value: string): Buffer => Buffer.from(value, 'utf8')
	add(knownName, toBytes(key))
	const trimmed = key.trim()
	add(null, toBytes(trimmed), 'key-blanks')
	for (const variant of [`${key}\n`, `${key}\r\n`, `${key} `, ` ${key}`]) add(null, toBytes(variant), 'key-blanks')
	add(null, toBytes(trimmed.replace(/^(["'])(.*)\1$/s, '$2')), 'key-quotes')
	const blankReasons: MismatchReason[] = trimmed === key ? [] : ['key-blanks']
	if (trimmed.startsWith('whsec_')) add(null, Buffer.from(trimmed.slice(6), 'base64'), 'key-is-whsec', ...blankReasons)
	else if (/^[A-Za-z0-9+/_-]{2,}={0,2}$/.test(trimmed))
		add(null, Buffer.from(trimmed, 'base64'), 'key-is-base64', ...blankReasons)
	add(null, toBytes(`whsec_${toBytes(key).toString('base64')}`), 'key-signed-as-whsec')
	// After the mistakes: one of them explains more than that the keys differ.
	for (const { name, text: value } of instanceKeys) add(name, toBytes(value), 'wrong-key')
	return candidates
}

/** Reads the signatures of the headers. */
function parseSignatures(
	headers: ReadonlyMap<string, string>,
	unreadable: (header: string) => void,
): ParsedSignature[] {
	return [ELEMENTS_HEADER, ELEMENTS_NEXT_HEADER, STANDARD_HEADER].flatMap((header) => {
		const value = headers.get(header)
		if (value === undefined) return []
		const scheme: Scheme = header === STANDARD_HEADER ? 'standard' : 'elements'
		const texts = scheme === 'standard' ? value.split(/ +/).slice(0, MAX_SIGNATURES) : [value]
		const parsed = texts.flatMap((text, index) => parseSignature(header, scheme, text, index) ?? [])
		if (parsed.length === 0) unreadable(header)
		return parsed
	})
}

function parseSignature(header: string, scheme: Scheme, text: string, index: number): ParsedSignature | null {
	const prefix: Scheme | null = text.startsWith('sha256=') ? 'elements' : text.startsWith('v1,') ? 'standard' : null
	const value = prefix === 'elements' ? text.slice(7) : prefix === 'standard' ? text.slice(3) : text
	const toSignature = (hex: string, ...flaws: MismatchReason[]): ParsedSignature => ({
		...{ header, scheme, index, prefix, hex },
		reasons: [...(prefix === scheme ? [] : ['prefix' as const]), ...flaws],
	})
	if (/^[0-9a-f]{64}$/i.test(value)) return toSignature(value.toLowerCase(), 'hex')
	if (/^[A-Za-z0-9+/]{43}=$/.test(value)) return toSignature(Buffer.from(value, 'base64').toString('hex'))
	if (/^[A-Za-z0-9+/_-]{43}=?$/.test(value))
		return toSignature(Buffer.from(value, 'base64').toString('hex'), 'base64-alphabet')
	return null
}

/** Which key signs at this place while two do. */
function getSigningKeyName(digest: ParsedSignature): 'current' | 'next' {
	return digest.header === ELEMENTS_NEXT_HEADER || digest.index > 0 ? 'next' : 'current'
}

/** The header that a reason is about. */
function getReasonHeader(reason: MismatchReason, digest: ParsedSignature): string | null {
	if (reason.startsWith('timestamp-')) return 'webhook-timestamp'
	if (reason === 'id-mismatch' || reason === 'missing-header') return 'webhook-id'
	return reason.startsWith('key-') || reason.startsWith('body-') || reason === 'wrong-key' ? null : digest.header
}

const REASON_MESSAGES: Readonly<Record<MismatchReason, (header: string, certain: boolean) => string>> = {
	'missing-header': (header) =>
		header === STANDARD_HEADER
			? 'There is no signature: none of webhook-signature, Elements-Webhook-Signature and Elements-Webhook-Signature-Next is among the headers. See whether a proxy drops them'
			: `${header} is missing, and webhook-signature covers it: without it nothing can be verified`,
	'unreadable-signature': (header) =>
		header === STANDARD_HEADER
			? `${header} holds no signature: expected v1, and base64 of 32 bytes, several with a blank between them`
			: `${header} holds no signature: expected sha256= and base64 of 32 bytes`,
	'no-key': () =>
		'There is no key: the instance has none, so its notifications are not signed. POST …/signature-key/rotate gives it one',
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
	'key-signed-as-whsec': () =>
		'This was signed with the text of the whsec_ form; the signature is to be made with the key itself',
	'key-looks-like-whsec': () =>
		'The signature matches. But the key begins with whsec_, and all of its characters sign: a library of Standard Webhooks would decode it. Give it the whsec form of GET …/signature-key',
	prefix: (header) =>
		header === STANDARD_HEADER
			? `The signature of ${header} lacks v1, in front`
			: `The signature of ${header} lacks sha256= in front`,
	hex: (header) => `The signature of ${header} is in hex; expected base64`,
	'base64-alphabet': (header) => `The signature of ${header} is in another base64: expected + and / and the padding =`,
	'other-scheme': (header) =>
		header === STANDARD_HEADER
			? `${header} holds a signature over the body alone, which is that of Elements-Webhook-Signature; expected one over id.timestamp.body`
			: `${header} holds a signature over id.timestamp.body, which is that of webhook-signature; expected one over the body alone`,
	'id-mismatch': () => 'Another id was signed than webhook-id says: see what changes that header on the way',
	'id-or-timestamp-changed': () =>
		'Key and body are right, but webhook-signature covers webhook-id and webhook-timestamp too: one of the three is not what was sent',
	'timestamp-unreadable': () => 'webhook-timestamp is no number of seconds since 1970',
	'timestamp-outside-tolerance': () =>
		`The signature is right, but webhook-timestamp lies more than ${TOLERANCE_SECONDS} s from now. If you kept the request for a while, nothing is wrong with it; if it has just come, set your clock`,
	'body-bom': () => 'The body differs from what was signed by a byte order mark in front',
	'body-trailing-newline': () => 'The body differs from what was signed by a newline at its end',
	'body-blanks': () => 'The body differs from what was signed by blanks around it',
	'body-line-ends': () => 'The body differs from what was signed by its line ends (CRLF and LF)',
	'body-encoding': () => 'The body was read as Latin-1: it is UTF-8, and best kept as bytes',
	'body-whitespace': () =>
		'The body is JSON that was parsed and written again with other blanks; verify the bytes as they came',
	'body-escapes': () =>
		'The body is JSON that was parsed and written again with other escapes (\\u…, \\/); verify the bytes as they came',
	'body-numbers': () =>
		'The body is JSON that was parsed and written again with other numbers (1 for 1.0); verify the bytes as they came',
	'body-key-order': () =>
		'The body is JSON whose keys stand in another order than they were sent in; verify the bytes as they came',
}
