/** What pages weigh, ask and take: in bytes on the way, in queries and calls, in time against a bare page of the same size. */
import { loadavg } from 'node:os'
import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { LOOKS, openBrowser, openPage } from '../browser/browser.ts'
import { PAGE_STATES, type PageState } from '../browser/page-table.ts'
import { startScene, type Scene } from '../browser/scene.ts'
import { migrateDatabase } from '../support/miniflare.ts'
import { atMost, exactly, reported, type Bench, type BenchContext, type BenchRow } from './bench.ts'
import { runCleanup, runWorker, type CleanupStack, type RunningWorker } from './runtime.ts'
import { toSpread } from './webhooks-load.ts'

const WARM_UP_ROUNDS = 10
/** gzip of a first visit, and of the next page. */
const MAX_FIRST_VISIT_BYTES = 100_000
const MAX_NEXT_BYTES = 15_000
const MAX_LAYOUT_SHIFT = 0.02
/** Time of a page in times of a bare one, which reads nothing. */
const MAX_RATIO = 4
/** Queries of a page that needs no instance's object, besides the session's. */
const MAX_QUERIES = 2

/** Lists, which ask no object: with 1,000 instances. */
const LISTS = ['/', '/instances']

/** Pages that people open, as they usually are. */
const USUAL = PAGE_STATES.filter(
	({ normal, as, foreign, name }) => normal && as === undefined && !foreign && name !== 'kit',
)

interface Fetched {
	html: string
	queries: number
	calls: number
}

/** `npm run bench pages`. */
export const pagesBench: Bench = {
	name: 'pages',
	about:
		'gzip of a first visit and of the next, layout shift, queries and object calls of a page, its time against a bare one',
	sizes: 'once',
	async run(context) {
		const undo: CleanupStack = []
		try {
			context.log('instances get into their states')
			const scene = await startScene('test/bench/pages-worker.ts')
			undo.push(async () => await scene.close())
			await scene.growTo('normal')
			const browser = await openBrowser()
			undo.push(async () => await browser.close())
			context.log('layout shift')
			const rows = await measureShifts(browser, scene)
			const floor = await runWorker('floor/page.tsx', undo, true)
			await migrateDatabase(floor.runtime)
			const cookie = await signIn(scene)
			const measure = async (path: string): Promise<Comparison> => await compare(context, scene, cookie, floor, path)
			for (const path of [...LISTS, '/connect']) rows.push(...toTimeRows(path, await measure(path)))
			await scene.growTo('many')
			context.log('queries and bytes')
			rows.push(...(await countAll(scene, cookie)))
			rows.push(...toTimeRows('/instances, 50 of 1000', await measure('/instances')))
			// It adds up the hours of a thousand.
			rows.push(...toTimeRows('/, with 1000 instances', await measure('/'), null))
			return rows
		} finally {
			await runCleanup(undo)
		}
	},
}

async function signIn(scene: Scene): Promise<string> {
	const response = await fetch(await scene.signInUrl('owner'), { redirect: 'manual' })
	const cookie = response.headers.getSetCookie().map((line) => line.split(';')[0]!)
	if (cookie.length === 0) throw new Error(`signing in answered ${response.status} without a cookie`)
	return cookie.join('; ')
}

async function fetchPage(scene: Scene, cookie: string, path: string): Promise<Fetched> {
	const response = await fetch(`${scene.url}${path}`, { headers: { cookie, 'x-bench-count': '1' } })
	const html = await response.text()
	if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${html.slice(0, 200)}`)
	const [queries = 0, calls = 0] = (response.headers.get('x-bench-count') ?? '').split(' ').map(Number)
	return { html, queries, calls }
}

const gzipSize = (content: string | Uint8Array): number => gzipSync(content).length

/** What a page asks, and what it weighs with and without what the browser has already. */
async function countAll(scene: Scene, cookie: string): Promise<BenchRow[]> {
	const rows: BenchRow[] = []
	let heaviest = 0
	for (const { name, path } of USUAL) {
		const where = typeof path === 'string' ? path : await path(scene)
		const { html, queries, calls } = await fetchPage(scene, cookie, where)
		const assets = [...new Set([...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, url]) => url!))]
		const contents = await Promise.all(
			assets.map(async (url) => new Uint8Array(await (await fetch(`${scene.url}${url}`)).arrayBuffer())),
		)
		const own = gzipSize(html)
		heaviest = Math.max(heaviest, own + contents.reduce((sum, content) => sum + gzipSize(content), 0))
		const isList = LISTS.includes(where)
		rows.push(
			isList
				? // The session's query comes before those of the page.
					atMost(`pages/${name}: round trips to D1`, null, queries, 'queries', MAX_QUERIES + 1)
				: reported(`pages/${name}: round trips to D1`, null, queries, 'queries'),
			isList
				? exactly(`pages/${name}: object calls`, null, calls, 'calls', 0)
				: reported(`pages/${name}: object calls`, null, calls, 'calls'),
			isList
				? atMost(`pages/${name}: gzip, with 1000 instances`, null, own, 'bytes', MAX_NEXT_BYTES)
				: reported(`pages/${name}: gzip`, null, own, 'bytes'),
		)
	}
	rows.push(atMost('pages/first visit of the heaviest: gzip', null, heaviest, 'bytes', MAX_FIRST_VISIT_BYTES))
	return rows
}

/** Runs in the page: how far what was shown moved by itself. */
const LAYOUT_SHIFT = `new Promise((resolve) => {
	let sum = 0
	new PerformanceObserver((list) => {
		for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value
	}).observe({ type: 'layout-shift', buffered: true })
	setTimeout(() => resolve(sum), 1500)
})`

async function measureShifts(browser: Browser, scene: Scene): Promise<BenchRow[]> {
	const shifts: { name: string; shift: number }[] = []
	for (const state of USUAL)
		for (const look of LOOKS.filter(({ dark }) => !dark))
			shifts.push({ name: `${state.name}, ${look.width}`, shift: await measureShift(browser, scene, state, look) })
	const worst = shifts.toSorted((a, b) => b.shift - a.shift)[0]!
	return [atMost(`pages/layout shift, most: ${worst.name}`, null, worst.shift, '', MAX_LAYOUT_SHIFT)]
}

async function measureShift(
	browser: Browser,
	scene: Scene,
	{ path }: PageState,
	look: (typeof LOOKS)[number],
): Promise<number> {
	const { page, context } = await openPage(browser, scene.url, look)
	try {
		await page.goto(await scene.signInUrl('owner'))
		await page.goto(`${scene.url}${typeof path === 'string' ? path : await path(scene)}`)
		return await page.evaluate(LAYOUT_SHIFT)
	} finally {
		await context.close()
	}
}

/** A page's time in times of pages of the same size: one that answers the same HTML, and one that reads a session and a list. */
interface Comparison {
	ofBare: number
	ofList: number
}

function toTimeRows(name: string, { ofBare, ofList }: Comparison, max: number | null = MAX_RATIO): BenchRow[] {
	const [bare, unit] = [`pages/time of ${name}`, 'of a bare page']
	return [
		max === null ? reported(bare, null, ofBare, unit) : atMost(bare, null, ofBare, unit, max),
		reported(`pages/time of ${name}`, null, ofList, 'of a bare list'),
	]
}

/** One request of each in turns, so that all meet the same load. */
async function compare(
	context: BenchContext,
	scene: Scene,
	cookie: string,
	floor: RunningWorker,
	path: string,
): Promise<Comparison> {
	const { html } = await fetchPage(scene, cookie, path)
	const bytes = Buffer.byteLength(html)
	context.log(`time of ${path}, ${bytes} bytes, load ${loadavg()[0]!.toFixed(1)}`)
	await fetch(`${floor.base}/given`, { method: 'PUT', body: html })
	const urls = { page: `${scene.url}${path}`, bare: `${floor.base}/given`, list: `${floor.base}/list/${bytes}` }
	const times: Record<keyof typeof urls, number[]> = { page: [], bare: [], list: [] }
	for (let round = 0; round < WARM_UP_ROUNDS + (context.quick ? 100 : 400); round++)
		for (const name of ['page', 'bare', 'list'] as const) {
			const ms = await timeRequest(urls[name], cookie)
			if (round >= WARM_UP_ROUNDS) times[name].push(ms)
		}
	const { median } = toSpread(times.page)
	return { ofBare: median / toSpread(times.bare).median, ofList: median / toSpread(times.list).median }
}

async function timeRequest(url: string, cookie: string): Promise<number> {
	const startedMs = performance.now()
	const response = await fetch(url, { headers: { cookie } })
	await response.arrayBuffer()
	if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
	return performance.now() - startedMs
}
