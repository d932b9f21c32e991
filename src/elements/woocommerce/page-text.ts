/** The text of a store's pages and messages, for people. */

/** Maximum characters of a store's text that are read, because some patterns try every `<` against every `>`. */
export const MAX_VENDOR_TEXT = 4_096

/** The message of a page: WordPress's error box, otherwise its title. */
export function parsePageMessage(text: string): string | null {
	// The page's styles stand before the box and are longer than MAX_VENDOR_TEXT.
	const head = text.slice(0, 65_536)
	const excerptFrom = (beginning: RegExp): string => {
		const at = head.search(beginning)
		return at < 0 ? '' : head.slice(at, at + MAX_VENDOR_TEXT)
	}
	const found =
		/^[^>]*>([\s\S]*?)<\/div>/i.exec(excerptFrom(/class="wp-die-message"/i))?.[1] ??
		/^[^>]*>([\s\S]*?)<\/title>/i.exec(excerptFrom(/<title[\s>]/i))?.[1]
	return found === undefined ? null : toPlainText(found)
}

const ENTITIES: Record<string, string> = {
	amp: '&',
	lt: '<',
	gt: '>',
	quot: '"',
	apos: "'",
	nbsp: ' ',
	'#039': "'",
	'#8217': '’',
	'#8211': '–',
	hellip: '…',
}

/** Removes markup, decodes common entities, collapses whitespace; at most 500 characters; null if nothing is left. */
export function toPlainText(html: string): string | null {
	const text = html
		.slice(0, MAX_VENDOR_TEXT)
		.replace(/<[^>]*>/g, ' ')
		.replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole)
		.replace(/\s+/g, ' ')
		.trim()
		.slice(0, 500)
	return text === '' ? null : text
}
