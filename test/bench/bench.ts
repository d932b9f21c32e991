/** What a bench is: something that is counted or measured at a size, compared with its target. */
import type { IndexedShopbell } from './shopbell.ts'
import type { NodeShopbell } from './node-shopbell.ts'

/** A line of the result. */
export interface BenchRow {
	/** Bench and what was counted, `poll/orders`. */
	bench: string
	/** Objects per resource; null where the size does not matter. */
	n: number | null
	value: number
	unit: string
	/** What must be reached, such as `≤ 3`; null: only reported. */
	target: string | null
	ok: boolean
}

/** What a bench is given: a size, and whole Shopbells of that size, shared by the benches that want one. */
export interface BenchContext {
	/** Objects per resource. */
	n: number
	/** The smallest size of this run: what must not grow is held against it. */
	smallest: number
	/** Less time for what is measured rather than counted: fewer rounds, shorter ones. */
	quick: boolean
	/** Rows so far, those of smaller sizes included. */
	rows: readonly BenchRow[]
	/** A Shopbell in plain Node with its baseline complete: for requests. */
	nodeShopbell(): Promise<NodeShopbell>
	/** A Shopbell in the real runtime with its baseline complete: for rows and heap. */
	shopbell(): Promise<IndexedShopbell>
	/** Progress, for a person who waits. */
	log(text: string): void
}

/** One bench. */
export interface Bench {
	name: string
	/** One line for `--help`. */
	about: string
	/** `each`: once for every size; `once`: at the smallest size only. */
	sizes: 'each' | 'once'
	run(context: BenchContext): Promise<BenchRow[]>
}

/** A row that must not exceed a limit. */
export function atMost(bench: string, n: number | null, value: number, unit: string, limit: number): BenchRow {
	return { bench, n, value: round(value), unit, target: `≤ ${round(limit)}`, ok: value <= limit }
}

/** A row that must reach a limit. */
export function atLeast(bench: string, n: number | null, value: number, unit: string, limit: number): BenchRow {
	return { bench, n, value: round(value), unit, target: `≥ ${round(limit)}`, ok: value >= limit }
}

/** A row that must be exactly this. */
export function exactly(bench: string, n: number | null, value: number, unit: string, expected: number): BenchRow {
	return { bench, n, value: round(value), unit, target: `= ${round(expected)}`, ok: value === expected }
}

/** A row without a target. */
export function reported(bench: string, n: number | null, value: number, unit: string): BenchRow {
	return { bench, n, value: round(value), unit, target: null, ok: true }
}

/** The row of the same name at the smallest size; undefined at that size itself. */
export function atSmallest(context: BenchContext, bench: string): BenchRow | undefined {
	return context.n === context.smallest
		? undefined
		: context.rows.find((row) => row.bench === bench && row.n === context.smallest)
}

/** Numbers that repeat from run to run: the same seed gives the same ones. */
export function seededRandom(seed: number): () => number {
	let state = seed >>> 0
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
		return state / 2 ** 32
	}
}

function round(value: number): number {
	return Math.round(value * 1000) / 1000
}
