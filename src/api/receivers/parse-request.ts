/**
 * What a receiver reads of a request before it trusts anything: which instances it names, which versions, and its
 * body's bytes within bounds.
 */
import { LIMITS } from '../../lib/limits.ts'
import { getNestingDepth } from '../http/json-depth.ts'

/** Largest body that is read; what is larger is refused, and reconciling finds the change. */
export const MAX_BODY_BYTES = LIMITS.receiverBody.value
/** Deepest nesting: WordPress itself writes no deeper JSON than this. */
export const MAX_NESTING_DEPTH = LIMITS.nesting.value
/** Instances that one request may name. */
const MAX_INSTANCES = 5
/** Versions that an address may name. */
const MAX_VERSIONS = 3

/** The instance of an address: its id in base64, padded or not, in either alphabet; null for anything else. */
export function parseInstancePath(text: string): number | null {
	if (!/^[A-Za-z0-9+/_-]{2,24}={0,2}$/.test(text)) return null
	const decoded = Buffer.from(text, 'base64')
	const plain = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/')
	// One spelling an id: leftover bits would make others.
	if (decoded.toString('base64').replace(/=+$/, '') !== plain) return null
	return parseInstanceId(decoded.toString('latin1'))
}

/** The instances of `Element-Instances: id[,id]`; empty when it names none or is anything else. */
export function parseInstancesHeader(text: string | undefined): number[] {
	const ids = (text ?? '').split(',').map((part) => parseInstanceId(part.trim()))
	if (ids.length > MAX_INSTANCES || ids.includes(null)) return []
	return [...new Set(ids as number[])]
}

/**
 * The versions of the secrets that an address names (`?v=2`); an address that was copied without one is of the first.
 */
export function parseVersions(values: readonly string[]): number[] {
	if (values.length === 0) return [1]
	if (values.length > MAX_VERSIONS || !values.every((value) => /^[1-9]\d{0,5}$/.test(value))) return []
	return [...new Set(values.map(Number))]
}

/** Whether a request says itself that its body is larger than allowed. */
export function declaresOversizedBody(request: Request): boolean {
	return Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES
}

/** A body's text when it is one JSON object, not nested deeper than allowed; null otherwise. */
export function decodeJsonObject(body: Uint8Array): string | null {
	let text: string
	try {
		text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body)
	} catch {
		return null
	}
	if (getNestingDepth(text) > MAX_NESTING_DEPTH) return null
	try {
		const value: unknown = JSON.parse(text)
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? text : null
	} catch {
		return null
	}
}

function parseInstanceId(text: string): number | null {
	return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null
}
