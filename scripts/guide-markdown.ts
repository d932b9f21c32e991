/**
 * The guide's Markdown as HTML: headings with anchors, code boxes, scrolling tables, links between pages. HTML in it is
 * shown as text, so that pages can hold any example. Comments, which mark generated parts, are removed.
 */
import { Marked, type Tokens } from 'marked'

/** A heading below the title. */
interface Heading {
	id: string
	text: string
}

/** A rendered page. */
export interface RenderedPage {
	html: string
	/** The first heading of the page, as text. */
	title: string
	/** Its second-level headings, in order. */
	headings: Heading[]
}

/** A picture as browsers load it. Its size is known before it comes, so that nothing moves. */
export interface Picture {
	src: string
	width: number
	height: number
}

/**
 * Renders a page. `href` maps a link's target to its URL, `picture` an image's; one that is not known is its text.
 */
export function renderMarkdown(
	markdown: string,
	href: (target: string) => string = (target) => target,
	picture: (target: string) => Picture | null = () => null,
): RenderedPage {
	const ids = new Map<string, number>()
	const headings: Heading[] = []
	let title = ''
	const marked = new Marked({ gfm: true })
	marked.use({
		renderer: {
			heading({ tokens, depth }: Tokens.Heading): string {
				const html = this.parser.parseInline(tokens)
				const text = unescapeHtml(this.parser.parseInline(tokens, this.parser.textRenderer))
				if (depth === 1) {
					title ||= text
					return `<h1>${html}</h1>\n`
				}
				const id = toUniqueId(ids, toAnchor(text))
				if (depth === 2) headings.push({ id, text })
				const label = `Link to “${escapeHtml(text)}”`
				const anchor = `<a class="anchor" href="#${id}" aria-label="${label}">#</a>`
				return `<h${depth} id="${id}">${html}${anchor}</h${depth}>\n`
			},
			code({ text, lang }: Tokens.Code): string {
				const language = /^[a-z]+/i.exec(lang ?? '')?.[0]?.toLowerCase()
				const classAttribute = language === undefined ? '' : ` class="language-${language}"`
				const box = `<pre tabindex="0"><code${classAttribute}>${escapeHtml(text)}\n</code></pre>`
				return `<sb-copy class="code">${box}</sb-copy>\n`
			},
			table(token: Tokens.Table): string {
				const row = (cells: Tokens.TableCell[], open: string, close: string): string =>
					`<tr>${cells.map((cell) => open + this.parser.parseInline(cell.tokens) + close).join('')}</tr>\n`
				const head = row(token.header, '<th scope="col">', '</th>')
				const body = token.rows.map((cells) => row(cells, '<td>', '</td>')).join('')
				const table = `<table>\n<thead>${head}</thead>\n<tbody>${body}</tbody></table>`
				return `<div class="scroll" tabindex="0" role="group" aria-label="Table">${table}</div>\n`
			},
			link({ href: target, tokens }: Tokens.Link): string {
				const address = href(target)
				const inner = this.parser.parseInline(tokens)
				return /^(https?:\/\/|\/|#)/.test(address) ? `<a href="${escapeHtml(address)}">${inner}</a>` : inner
			},
			image({ href: target, text }: Tokens.Image): string {
				const found = picture(target)
				if (found === null) return escapeHtml(text)
				const { src, width, height } = found
				return `<img src="${escapeHtml(src)}" alt="${escapeHtml(text)}" width="${width}" height="${height}" loading="lazy">`
			},
			html({ text }: Tokens.HTML | Tokens.Tag): string {
				// The only way to write a line break in a table cell.
				return text === '<br>' ? text : escapeHtml(text.replace(/<!--[\s\S]*?-->\s*/g, ''))
			},
		},
	})
	const html = marked.parse(markdown, { async: false })
	return { html, title, headings }
}

/** The anchor of a heading, as code hosts build it, so that links also work there. */
export function toAnchor(text: string): string {
	return text
		.toLowerCase()
		.replace(/[^\p{L}\p{N}\s-]/gu, '')
		.trim()
		.replace(/\s/g, '-')
}

function toUniqueId(ids: Map<string, number>, id: string): string {
	const count = ids.get(id) ?? 0
	ids.set(id, count + 1)
	return count === 0 ? id : `${id}-${count}`
}

/** Text as HTML, also within an attribute's quotes. */
function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Undoes the library's HTML escapes. */
function unescapeHtml(html: string): string {
	return html
		.replace(/&#39;/g, "'")
		.replace(/&quot;/g, '"')
		.replace(/&lt;/g, '<')
		.replace(/&gt;/g, '>')
		.replace(/&amp;/g, '&')
}
