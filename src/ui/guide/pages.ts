/** The guide's pages, in order. */
import choosing from '../../../docs/guide/choosing.md'
import cloudElements from '../../../docs/guide/cloud-elements.md'
import hub from '../../../docs/guide/hub.md'
import limits from '../../../docs/guide/limits.md'
import missing from '../../../docs/guide/missing-event.md'
import notification from '../../../docs/guide/notification.md'
import start from '../../../docs/guide/start-here.md'
import stored from '../../../docs/guide/stored.md'
import verify from '../../../docs/guide/verify.md'
import events from '../../../docs/guide/woocommerce-events.md'
import key from '../../../docs/guide/woocommerce-key.md'
import { renderMarkdown, type RenderedPage } from './markdown.ts'

/** Markdown by name, in the URL and in `docs/guide`. */
const MARKDOWN_BY_NAME: Readonly<Record<string, string>> = {
	'start-here': start,
	'woocommerce-key': key,
	'woocommerce-events': events,
	notification,
	choosing,
	verify,
	'missing-event': missing,
	hub,
	'cloud-elements': cloudElements,
	limits,
	stored,
}

/** The page at `/guide`. */
const FIRST_PAGE = 'start-here'

/** A page of the guide. */
export interface GuidePage extends RenderedPage {
	name: string
	/** Path of its URL. */
	path: string
}

const renderedPages = new Map<string, GuidePage>()

/** All pages, in order, each rendered once. */
export function getGuidePages(): GuidePage[] {
	return Object.keys(MARKDOWN_BY_NAME).map((name) => getGuidePage(name)!)
}

/** A page; undefined: there is none of this name. */
export function getGuidePage(name: string = FIRST_PAGE): GuidePage | undefined {
	const text = Object.hasOwn(MARKDOWN_BY_NAME, name) ? MARKDOWN_BY_NAME[name] : undefined
	if (text === undefined) return undefined
	let page = renderedPages.get(name)
	if (page === undefined) {
		page = { name, path: toGuidePath(name), ...renderMarkdown(text, toGuideHref) }
		renderedPages.set(name, page)
	}
	return page
}

/** Pages link to each other as files, `limits.md#anchor`, so that links also work in the repository. */
function toGuideHref(target: string): string {
	const [, name, anchor = ''] = /^([a-z-]+)\.md(#.*)?$/.exec(target) ?? []
	return name === undefined ? target : `${toGuidePath(name)}${anchor}`
}

function toGuidePath(name: string): string {
	return name === FIRST_PAGE ? '/guide' : `/guide/${name}`
}
