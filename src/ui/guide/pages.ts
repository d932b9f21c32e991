/** The guide's pages, which are files: the Worker has their names and headings (scripts/guide.ts). */
import { GUIDE } from '#assets'

/** A page of the guide. */
export type GuidePage = (typeof GUIDE)[number]

/** A page; the first one without a name. Undefined: there is none of this name. */
export function getGuidePage(name: string = GUIDE[0]!.name): GuidePage | undefined {
	return GUIDE.find((page) => page.name === name)
}

/** The HTML of a page. */
export async function readGuidePage(assets: Fetcher, page: GuidePage): Promise<string> {
	// Only the path counts.
	const response = await assets.fetch(new URL(page.file, 'https://assets.invalid'))
	if (!response.ok) throw new Error(`${page.file}: ${response.status}`)
	return await response.text()
}

/** The HTML of one section of a page, from after its heading to the next one; '' if there is none. */
export async function readGuideSection(assets: Fetcher, name: string, anchor: string): Promise<string> {
	const page = getGuidePage(name)
	const html = page === undefined ? '' : await readGuidePage(assets, page)
	const [, rest = ''] = html.split(`<h2 id="${anchor}">`)
	return rest.slice(rest.indexOf('</h2>') + '</h2>'.length).split('<h2')[0] ?? ''
}
