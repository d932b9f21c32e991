/** All elements, and how one is found: by its key, or by its number as number or text. */
import type { Element } from './element.ts'
import { woocommerce } from './woocommerce/woocommerce.ts'

/** In the order of the catalogue. */
export const elements: readonly Element[] = [woocommerce]

/** The element of a key or number (`woocommercerest`, `2881`), undefined when there is none. */
export function findElement(keyOrId: string | number): Element | undefined {
	const keyText = String(keyOrId).trim()
	return elements.find((element) => element.key === keyText.toLowerCase() || String(element.id) === keyText)
}
