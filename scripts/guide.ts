/** The users' guide: Markdown in docs/guide as HTML. scripts/assets.js lays it out, the Worker puts it into its frame. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderMarkdown, type RenderedPage } from './guide-markdown.ts'

/** The pages in order; the first one is at `/guide`. */
const NAMES = [
	'start-here',
	'woocommerce-key',
	'woocommerce-events',
	'notification',
	'choosing',
	'verify',
	'missing-event',
	'hub',
	'cloud-elements',
	'limits',
	'stored',
]

/** Renders every page of a folder. `path` is that of the page's URL. */
export function renderGuide(dir: string): (RenderedPage & { name: string; path: string })[] {
	return NAMES.map((name) => ({
		name,
		path: toPath(name),
		...renderMarkdown(readFileSync(join(dir, `${name}.md`), 'utf8'), toHref),
	}))
}

/** Pages link to each other as files, `limits.md#anchor`, so that links also work in the repository. */
function toHref(target: string): string {
	const [, name, anchor = ''] = /^([a-z-]+)\.md(#.*)?$/.exec(target) ?? []
	return name === undefined ? target : `${toPath(name)}${anchor}`
}

function toPath(name: string): string {
	return name === NAMES[0] ? '/guide' : `/guide/${name}`
}
