/**
 * Explains why a signature does not match: undoes usual mistakes in the given headers, body and key until a signature
 * matches. A reason that was proven this way is certain; any other is a guess.
 */
import { createHmac } from 'node:crypto'
import { isWhsec, WHSEC_PREFIX } from '../../lib/signature-key.ts'
import { getBodyVariants, hasReorderedKeys, type BodyVariant } from './body-variants.ts'

const ELEMENTS_HEADER = 'Elements-Webhook-Signature'
const ELEMENTS_NEXT_HEADER = 'Elements-Webhook-Signature-Next'
const STANDARD_HEADER = 'webhook-signature'
/** Seconds that verifiers allow between a timestamp and their clock. */
const TOLERANCE_SECONDS = 300

/** The input: data of a receiver. */
export interface VerificationInput {
	/** The key that it uses; null: not given. */
	key: string | null
	/** The keys of the instance that it names; null: it names none. */
	instance: { current: string | null; next: string | null } | null
	/** Names in any case. */
	headers: Readonly<Record<string, string>>
	body: string
	nowMs: number
}

const REASON_MESSAGES = {
	'missing-header': (header) => `The header ${header} is missing. Check whether a proxy removes it`,
	'unreadable-signature': (header) => `${header} holds no signature: expected ${EXPECTED_FORMATS[header]}`,
	'no-key': () =>
		'The instance has no signature key, so its notifications are not signed. ' +
		'POST …/signature-key/rotate creates one',
	'wrong-key': () =>
		'The key is not the one that signed, or the body is not the one that was sent. Compare the key with ' +
		'GET …/signature-key, and verify the raw bytes of the body',
	'key-whitespace': () => 'The key has whitespace around it. Remove it where the key is copied or read from a file',
	'signing-key-whitespace': () =>
		"The instance's key has whitespace around it, and the given key has not. Use `key` of GET …/signature-key exactly, " +
		'or rotate to a key without whitespace',
	'signing-key-is-whsec': () =>
		"The instance's key begins with whsec_, and its text signs. A Standard Webhooks library decodes it and refuses the " +
		'signature: give the library `whsec` of GET …/signature-key, or rotate the key',
	'key-is-whsec': () =>
		'The key is in its whsec_ form, which only Standard Webhooks libraries decode. ' +
		'Use `key` of GET …/signature-key instead',
	hex: (header) => `The signature of ${header} is in hex: expected ${EXPECTED_FORMATS[header]}`,
	'wrong-content': (header) =>
		header === STANDARD_HEADER
			? `${header} was computed over the body alone: expected id.timestamp.body`
			: `${header} was computed over id.timestamp.body: expected the body alone`,
	'id-or-timestamp-changed': () =>
		'Key and body are right, but webhook-signature also covers webhook-id and webhook-timestamp: one of them changed',
	'timestamp-outside-tolerance': () =>
		`The signature is right, but webhook-timestamp is not within ${TOLERANCE_SECONDS} s of now. ` +
		'If the request has just arrived, set your clock',
	'body-bom': () => 'The body and what was signed differ by a byte order mark at the start',
	'body-trailing-newline': () => 'The body and what was signed differ by a newline at the end',
	'body-encoding': () => 'The body is UTF-8 but was decoded as Latin-1. Keep it as bytes',
	'body-rewritten': () => 'The body was parsed as JSON and serialized again. Verify the raw bytes',
	'body-key-order': () => 'The keys of the body are in another order than they were sent. Verify the raw bytes',
} satisfies Record<string, (header: string) => string>

const EXPECTED_FORMATS: Readonly<Record<string, string>> = {
	[ELEMENTS_HEADER]: 'sha256= and base64 of 32 bytes',
	[ELEMENTS_NEXT_HEADER]: 'sha256= and base64 of 32 bytes',
	[STANDARD_HEADER]: 'v1, and base64 of 32 bytes',
}

/** Kinds of problems. */
export type MismatchReason = keyof typeof REASON_MESSAGES

/** One problem. */
interface SignatureFinding {
	reason: MismatchReason
	/** The header of the problem; null: the key or the body. */
	header: string | null
	/** Undoing it was tried, and the signature matched; false: a guess. */
	certain: boolean
	/** The fact and the next step. */
	message: string
}

/** The result. */
export interface SignatureExplanation {
	/** A verifier that gets these headers, this body and this key accepts. */
	matches: boolean
	matched: { header: string; key: 'current' | 'next' }[]
	reasons: SignatureFinding[]
}

type Scheme = 'elements' | 'standard'

/** A signature in a header. */
interface ParsedSignature {
	header: string
	scheme: Scheme
	isHex: boolean
	digest: string
	/** The key that signs at this position during a rotation. */
	keyName: 'current' | 'next'
}

/** A key to try, and the problem of the given key if this one signed. */
interface CandidateKey {
	name: 'current' | 'next' | null
	bytes: Buffer
	reasons: MismatchReason[]
}

/** The inputs of a signature. */
interface SignatureMatch {
	key: CandidateKey
	reasons: MismatchReason[]
}

/** Explains. Pure; computes at most some fifty hashes of the body. */
export function explainSignature(input: VerificationInput): SignatureExplanation {
	const headers = new Map(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value.trim()]))
	const signatures = parseSignatures(headers)
	const keys = getCandidateKeys(input)
	const matches = findMatches(headers, signatures, keys, getBodyVariants(input.body))
	const findings = [
		...(keys.length === 0 ? [toFinding('no-key')] : []),
		...checkHeaders(headers, signatures),
		...(matches.size === 0 && input.instance?.current === null ? [toFinding('no-key')] : []),
	]
	const matched: SignatureExplanation['matched'] = []
	for (const signature of signatures) {
		const match = matches.get(signature)
		if (match === undefined) continue
		const { header, scheme, keyName } = signature
		const { key, reasons } = match
		const late = scheme === 'standard' && !isWithinTolerance(headers, input.nowMs)
		const all: MismatchReason[] = late ? [...reasons, 'timestamp-outside-tolerance'] : reasons
		if (all.length === 0) matched.push({ header, key: key.name ?? keyName })
		findings.push(...all.map((reason) => toFinding(reason, getReasonHeader(reason, header))))
	}
	findings.push(...checkSigningKeys([...matches.values()]))
	const isStandard = ({ scheme }: ParsedSignature): boolean => scheme === 'standard'
	const isCovered = headers.get('webhook-id') && headers.get('webhook-timestamp')
	if (matched.length > 0 && isCovered && signatures.some(isStandard) && ![...matches.keys()].some(isStandard))
		findings.push(toFinding('id-or-timestamp-changed', STANDARD_HEADER))
	if (matches.size === 0 && signatures.length > 0 && keys.length > 0) {
		if (hasReorderedKeys(input.body)) findings.push(toFinding('body-key-order', null, false))
		findings.push(toFinding('wrong-key', null, false))
	}
	const isFirst = ({ reason, header }: SignatureFinding, index: number): boolean =>
		findings.findIndex((other) => other.reason === reason && other.header === header) === index
	return { matches: matched.length > 0, matched, reasons: findings.filter(isFirst) }
}

/** The simplest explanation of each signature; once one matches as given, no mistake is tried. */
function findMatches(
	headers: ReadonlyMap<string, string>,
	signatures: readonly ParsedSignature[],
	keys: readonly CandidateKey[],
	bodies: readonly BodyVariant[],
): Map<ParsedSignature, SignatureMatch> {
	const [id, timestamp] = [headers.get('webhook-id') ?? '', headers.get('webhook-timestamp') ?? '']
	const schemes: Scheme[] = id === '' || timestamp === '' ? ['elements'] : ['elements', 'standard']
	const attempts = keys
		.flatMap((key) => bodies.map((body) => ({ key, body, reasons: [...key.reasons, ...body.reasons] })))
		.sort((a, b) => a.reasons.length - b.reasons.length)
	const matches = new Map<ParsedSignature, SignatureMatch>()
	for (const { key, body, reasons } of attempts) {
		if (matches.size === signatures.length || (reasons.length > 0 && matches.size > 0)) break
		for (const scheme of schemes) {
			const hash = createHmac('sha256', key.bytes).update(scheme === 'standard' ? `${id}.${timestamp}.` : '')
			const digest = hash.update(body.bytes).digest('hex')
			for (const signature of signatures)
				if (signature.digest === digest && !matches.has(signature))
					matches.set(signature, { key, reasons: [...reasons, ...getFormReasons(signature, scheme)] })
		}
	}
	return matches
}

function getFormReasons(signature: ParsedSignature, scheme: Scheme): MismatchReason[] {
	return [
		...(signature.isHex ? (['hex'] as const) : []),
		...(signature.scheme === scheme ? [] : (['wrong-content'] as const)),
	]
}

/** The given key, what it would be without a usual mistake, and the instance's own keys. */
function getCandidateKeys({ key, instance }: VerificationInput): CandidateKey[] {
	const instanceKeys = (['current', 'next'] as const).flatMap((name) => {
		const text = instance?.[name] ?? null
		return text === null ? [] : [{ name, bytes: Buffer.from(text) }]
	})
	if (key === null) return instanceKeys.map((candidate) => ({ ...candidate, reasons: [] }))
	const trimmed = key.trim()
	const bytes = Buffer.from(key)
	const name = instanceKeys.find((candidate) => candidate.bytes.equals(bytes))?.name ?? null
	const candidates: CandidateKey[] = [
		{ name, bytes, reasons: [] },
		{ name: null, bytes: Buffer.from(trimmed), reasons: ['key-whitespace'] },
		...(isWhsec(trimmed)
			? [
					{
						name: null,
						bytes: Buffer.from(trimmed.slice(WHSEC_PREFIX.length), 'base64'),
						reasons: ['key-is-whsec' as const],
					},
				]
			: []),
		...instanceKeys
			.filter((candidate) => candidate.bytes.toString().trim() === trimmed)
			.map((candidate) => ({ ...candidate, reasons: ['signing-key-whitespace' as const] })),
		// After the mistakes, which explain more than that the keys differ.
		...instanceKeys.map((candidate) => ({ ...candidate, reasons: ['wrong-key' as const] })),
	]
	return candidates.filter(
		(candidate, index) => candidates.findIndex((other) => other.bytes.equals(candidate.bytes)) === index,
	)
}

function parseSignatures(headers: ReadonlyMap<string, string>): ParsedSignature[] {
	return Object.keys(EXPECTED_FORMATS).flatMap((header) => {
		const scheme: Scheme = header === STANDARD_HEADER ? 'standard' : 'elements'
		const value = headers.get(header.toLowerCase()) ?? ''
		const [texts, prefix] = scheme === 'standard' ? [value.split(' '), 'v1,'] : [[value], 'sha256=']
		return texts.flatMap((text, index) => {
			const encoded = text.startsWith(prefix) ? text.slice(prefix.length) : ''
			const isHex = /^[0-9a-f]{64}$/i.test(encoded)
			if (!isHex && !/^[A-Za-z0-9+/]{43}=$/.test(encoded)) return []
			const digest = isHex ? encoded.toLowerCase() : Buffer.from(encoded, 'base64').toString('hex')
			return [
				{ header, scheme, isHex, digest, keyName: header === ELEMENTS_NEXT_HEADER || index > 0 ? 'next' : 'current' },
			]
		})
	})
}

function checkHeaders(
	headers: ReadonlyMap<string, string>,
	signatures: readonly ParsedSignature[],
): SignatureFinding[] {
	const present = Object.keys(EXPECTED_FORMATS).filter((header) => headers.has(header.toLowerCase()))
	if (present.length === 0) return [toFinding('missing-header', STANDARD_HEADER)]
	const unreadable = present.filter((header) => !signatures.some((signature) => signature.header === header))
	const covered = present.includes(STANDARD_HEADER) ? ['webhook-id', 'webhook-timestamp'] : []
	return [
		...unreadable.map((header) => toFinding('unreadable-signature', header)),
		...covered.filter((header) => !headers.get(header)).map((header) => toFinding('missing-header', header)),
	]
}

/** A key whose text signs as it should, but which a library would decode. */
function checkSigningKeys(matches: readonly SignatureMatch[]): SignatureFinding[] {
	return matches.some(({ key, reasons }) => reasons.length === 0 && isWhsec(key.bytes.toString()))
		? [toFinding('signing-key-is-whsec', null, false)]
		: []
}

function isWithinTolerance(headers: ReadonlyMap<string, string>, nowMs: number): boolean {
	return Math.abs(nowMs / 1000 - Number(headers.get('webhook-timestamp'))) <= TOLERANCE_SECONDS
}

function getReasonHeader(reason: MismatchReason, header: string): string | null {
	if (reason === 'timestamp-outside-tolerance') return 'webhook-timestamp'
	return reason === 'hex' || reason === 'wrong-content' ? header : null
}

function toFinding(reason: MismatchReason, header: string | null = null, certain = true): SignatureFinding {
	return { reason, header, certain, message: REASON_MESSAGES[reason](header ?? '') }
}
