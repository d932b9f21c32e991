/** What counts as an object's content: the hash by which oracles tell a change from a mere save. */
import type { Rec } from './types.ts'

/** Fields that differ between two reads of one and the same state, or that only restate it (docs/woocommerce.md 4.5). */
export const VOLATILE: ReadonlySet<string> = new Set([
	'related_ids',
	'_links',
	'price_html',
	'total_sales',
	'average_rating',
	'rating_count',
	'date_modified',
	'date_modified_gmt',
])

/** Meta that WordPress and WooCommerce write for themselves (docs/woocommerce.md 4.15). */
const HOUSEKEEPING =
	/^(wc_last_active|session_tokens|_woocommerce_persistent_cart_.*|_woocommerce_load_saved_cart_after_login|_edit_lock|_edit_last)$/

/**
 * The record without volatile fields. A local date beside its GMT twin goes too, in images as in the record itself:
 * it changes with the site's zone, not with the object.
 */
export function content(value: unknown, top = true): unknown {
	if (Array.isArray(value)) return value.map((item) => content(item, false))
	if (value === null || typeof value !== 'object') return value
	const record = value as Rec
	const kept: Rec = {}
	for (const key of Object.keys(record).sort()) {
		if (top && VOLATILE.has(key)) continue
		if (key.startsWith('date_') && `${key}_gmt` in record) continue
		const value: unknown =
			top && key === 'meta_data' && Array.isArray(record[key])
				? (record[key] as Rec[]).filter((entry) => !HOUSEKEEPING.test(String(entry?.key)))
				: record[key]
		kept[key] = content(value, false)
	}
	return kept
}

/** 106 bits of a text; two rounds of cyrb53, no cryptography needed. */
function digest(text: string): string {
	let out = ''
	for (const seed of [0, 0x5bd1e995]) {
		let a = 0xdeadbeef ^ seed
		let b = 0x41c6ce57 ^ seed
		for (let i = 0; i < text.length; i++) {
			const c = text.charCodeAt(i)
			a = Math.imul(a ^ c, 2654435761)
			b = Math.imul(b ^ c, 1597334677)
		}
		a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
		b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
		out += (4294967296 * (2097151 & b) + (a >>> 0)).toString(16).padStart(14, '0')
	}
	return out
}

/** A hash over the REST record without its volatile fields; key order does not matter. */
export function contentHash(record: Rec): string {
	return digest(JSON.stringify(content(record)))
}
