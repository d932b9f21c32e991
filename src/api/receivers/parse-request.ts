/** Parses the parts of a request that a receiver needs before it verifies the signature. Pure. */
import { parseRefText, type ObjectRef } from '../../lib/incarnation.ts'
import { LIMITS } from '../../lib/limits.ts'
import { getNestingDepth } from '../http/json-depth.ts'

/** Larger bodies are rejected; polling finds the change. */
export const MAX_DELIVERY_BYTES = LIMITS.receiverBody.value
/** WordPress itself writes no deeper JSON. */
export const MAX_NESTING_DEPTH = LIMITS.nesting.value
/** Instances per request. */
const MAX_INSTANCES = 5
/** Versions per URL. */
const MAX_VERSIONS = 3

/**
 * The instance of a path: `<id>.<incarnation>` or the id of an earlier instance, in base64, padded or not, in either
 * alphabet; null for anything else.
 */
export function parseInstancePath(text: string): ObjectRef | null {
	if (!/^[A-Za-z0-9+/_-]{2,56}={0,2}$/.test(text)) return null
	const decoded = Buffer.from(text, 'base64')
	const plain = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/')
	// Leftover bits would be a second spelling of an id.
	if (decoded.toString('base64').replace(/=+$/, '') !== plain) return null
	return parseRefText(decoded.toString('latin1'))
}

/** The instances of `Element-Instances: instance[,instance]`, as in paths; empty for anything else. */
export function parseInstancesHeader(text: string | undefined): ObjectRef[] {
	const parts = [...new Set((text ?? '').split(',').map((part) => part.trim()))]
	const refs = parts.map(parseRefText).filter((ref) => ref !== null)
	return parts.length > MAX_INSTANCES || refs.length < parts.length ? [] : refs
}

/** The versions of the secrets that a URL names (`?v=2`); by default the first. */
export function parseVersions(values: readonly string[]): number[] {
	if (values.length === 0) return [1]
	if (values.length > MAX_VERSIONS || !values.every((value) => /^[1-9]\d{0,5}$/.test(value))) return []
	return [...new Set(values.map(Number))]
}

/** Whether Content-Length exceeds the limit. */
export function declaresOversizedBody(request: Request): boolean {
	return Number(request.headers.get('content-length') ?? 0) > MAX_DELIVERY_BYTES
}

/** The text of a body that is one JSON object within the nesting limit; null otherwise. */
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
