/** All elements, and lookups by key or by number (as number or text). */
import type { Element } from './element.ts'
import { woocommerce } from './woocommerce/woocommerce.ts'

/** In the order of the catalog. */
export const elements: readonly Element[] = [woocommerce]

/** The element of a key or number (`woocommercerest`, `2881`); undefined: there is none. */
export function findElement(keyOrId: string | number): Element | undefined {
	const keyText = String(keyOrId).trim()
	return elements.find((element) => element.key === keyText.toLowerCase() || String(element.id) === keyText)
}
