/** The filters of the list of instances, as its address has them. Pure. */
import { DETECTION_MODES, type DetectionMode } from '../../../instances/overview.ts'
import { INSTANCE_STATES, type InstanceState } from '../../../rpc/watcher.ts'

/** Filters, and the tokens of this page and of those before it. */
export interface ListAddress {
	search: string
	state: InstanceState | null
	tag: string
	mode: DetectionMode | null
	/** The last one is this page's; empty: the first page. */
	pages: readonly string[]
}

/** Where the list is. */
export const LIST_PATH = '/instances'
/** Pages that the way back goes through. */
const MAX_PAGES_BACK = 50

/** Reads the address. What no filter can be is left out, as an address may be typed or old. */
export function readListAddress(query: URLSearchParams): ListAddress {
	const text = (name: string): string => (query.get(name) ?? '').trim()
	const pages = text('page')
		.split(',')
		.filter((token) => token !== '')
	return {
		search: text('search').slice(0, 255),
		state: INSTANCE_STATES.find((state) => state === text('state')) ?? null,
		tag: text('tag'),
		mode: DETECTION_MODES.find((mode) => mode === text('mode')) ?? null,
		pages: pages.slice(-MAX_PAGES_BACK),
	}
}

/** The address of a page of the list. */
export function toListPath({ search, state, tag, mode, pages }: ListAddress): string {
	const query = new URLSearchParams()
	for (const [name, value] of Object.entries({ search, state, tag, mode, page: pages.join(',') }))
		if (value !== null && value !== '') query.set(name, value)
	const text = query.toString()
	return text === '' ? LIST_PATH : `${LIST_PATH}?${text}`
}

/** Whether anything is filtered. */
export function isFiltered({ search, state, tag, mode }: ListAddress): boolean {
	return search !== '' || state !== null || tag !== '' || mode !== null
}

/** The query of `listInstanceStates`. */
export function toStatesQuery({ search, state, tag, mode, pages }: ListAddress) {
	const token = pages.at(-1)
	return {
		...(search === '' ? {} : { searchText: search }),
		...(state === null ? {} : { state }),
		...(mode === null ? {} : { mode }),
		...(tag === '' ? {} : { 'tags[]': [tag] }),
		...(token === undefined ? {} : { nextPage: token }),
	}
}
