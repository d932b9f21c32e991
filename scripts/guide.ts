/** The users' guide: Markdown in docs/guide as HTML. scripts/assets.js lays it out, the Worker puts it into its frame. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderMarkdown, type Picture, type RenderedPage } from './guide-markdown.ts'

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

/**
 * Renders every page of a folder. `path` is that of the page's URL. `pictures`: URLs of the files of docs/pictures, by
 * name.
 */
export function renderGuide(
	dir: string,
	pictures: Readonly<Record<string, string>>,
): (RenderedPage & { name: string; path: string })[] {
	const toPicture = (target: string): Picture | null => {
		const name = /^\.\.\/pictures\/([a-z0-9-]+\.png)$/.exec(target)?.[1] ?? ''
		const src = pictures[name]
		return src === undefined ? null : { src, ...readPngSize(join(dir, target)) }
	}
	return NAMES.map((name) => ({
		name,
		path: toPath(name),
		...renderMarkdown(readFileSync(join(dir, `${name}.md`), 'utf8'), toHref, toPicture),
	}))
}

/** Width and height stand at the start of every PNG. */
function readPngSize(file: string): { width: number; height: number } {
	const header = readFileSync(file).subarray(16, 24)
	return { width: header.readUInt32BE(0), height: header.readUInt32BE(4) }
}

/** Pages link to each other as files, `limits.md#anchor`, so that links also work in the repository. */
function toHref(target: string): string {
	const [, name, anchor = ''] = /^([a-z-]+)\.md(#.*)?$/.exec(target) ?? []
	return name === undefined ? target : `${toPath(name)}${anchor}`
}

function toPath(name: string): string {
	return name === NAMES[0] ? '/guide' : `/guide/${name}`
}
