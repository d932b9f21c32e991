/** Variants of a body from before a receiver rewrote it. Pure. */
import { ExactNumber, parseExact } from '../../elements/json.ts'

/** The change that a receiver made to a body. */
type BodyReason = 'body-bom' | 'body-trailing-newline' | 'body-encoding' | 'body-rewritten'

/** A body to try, and the change to the given body if this one was signed. */
export interface BodyVariant {
	bytes: Uint8Array
	reasons: BodyReason[]
}

const BOM = '\ufeff'
const ENVELOPE_KEYS = ['severity', 'createdDate', 'topic', 'action', 'id', 'message', 'user']

/** The given body, then its variants without one of the usual changes. */
export function getBodyVariants(body: string): BodyVariant[] {
	const withoutBom = body.startsWith(BOM) ? body.slice(1) : body
	const json = toOriginalJson(withoutBom)
	const isLatin1 = /[\x80-\xff]/.test(body) && /^[\0-\xff]*$/.test(body)
	return [
		{ bytes: Buffer.from(body), reasons: [] },
		{ bytes: Buffer.from(withoutBom === body ? BOM + body : withoutBom), reasons: ['body-bom'] },
		{ bytes: Buffer.from(toggleTrailingNewline(body)), reasons: ['body-trailing-newline'] },
		...(isLatin1 ? [{ bytes: Buffer.from(body, 'latin1'), reasons: ['body-encoding' as const] }] : []),
		...(json === null ? [] : [{ bytes: Buffer.from(json), reasons: ['body-rewritten' as const] }]),
	]
}

/** Whether a body is a notification whose keys stand in another order than Shopbell sends them. */
export function hasReorderedKeys(body: string): boolean {
	const keys = Object.keys(parseJson(body) ?? {}).filter((key) => ENVELOPE_KEYS.includes(key))
	return keys.join() !== ENVELOPE_KEYS.filter((key) => keys.includes(key)).join()
}

function toggleTrailingNewline(body: string): string {
	if (!body.endsWith('\n')) return `${body}\n`
	return body.slice(0, body.endsWith('\r\n') ? -2 : -1)
}

/** Shopbell writes JSON as JSON.stringify does. null: the text is no JSON, or nested too deep. */
function toOriginalJson(text: string): string | null {
	try {
		const value = parseJson(text)
		return value === null ? null : JSON.stringify(value)
	} catch {
		return null
	}
}

/** The object or list of a JSON text; null: it is neither. */
function parseJson(text: string): object | null {
	try {
		const value = parseExact(text)
		return typeof value === 'object' && !(value instanceof ExactNumber) ? value : null
	} catch {
		return null
	}
}
