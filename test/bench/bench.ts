/** What a bench is: something that is counted or measured at a size, held against what it must reach. */
import type { LearnedShopbell } from './shopbell.ts'
import type { Store } from './shop.ts'

/** A line of the result. */
export interface Row {
	/** Bench and what was counted, `poll/orders`. */
	bench: string
	/** Objects per resource; null where the size does not matter. */
	n: number | null
	value: number
	unit: string
	/** What must be reached, such as `≤ 3`; null: only told. */
	target: string | null
	ok: boolean
}

/** What a bench is given: a size, and whole Shopbells of that size, shared by the benches that want one. */
export interface Context {
	/** Objects per resource. */
	n: number
	/** The smallest size of this run: what must not grow is held against it. */
	smallest: number
	/** Less time for what is measured rather than counted: fewer rounds, shorter ones. */
	quick: boolean
	/** Rows so far, those of smaller sizes included. */
	rows: readonly Row[]
	/** A Shopbell in plain Node with its baseline complete: for requests. */
	store(): Promise<Store>
	/** A Shopbell in the real runtime with its baseline complete: for rows and heap. */
	shopbell(): Promise<LearnedShopbell>
	/** Progress, for a person who waits. */
	say(text: string): void
}

/** One bench. */
export interface Bench {
	name: string
	/** One line for `--help`. */
	about: string
	/** `each`: once for every size; `once`: at the smallest size only. */
	sizes: 'each' | 'once'
	run(context: Context): Promise<Row[]>
}

/** A row that must not exceed a limit. */
export function atMost(bench: string, n: number | null, value: number, unit: string, limit: number): Row {
	return { bench, n, value: round(value), unit, target: `≤ ${round(limit)}`, ok: value <= limit }
}

/** A row that must reach a limit. */
export function atLeast(bench: string, n: number | null, value: number, unit: string, limit: number): Row {
	return { bench, n, value: round(value), unit, target: `≥ ${round(limit)}`, ok: value >= limit }
}

/** A row that must be exactly this. */
export function exactly(bench: string, n: number | null, value: number, unit: string, wanted: number): Row {
	return { bench, n, value: round(value), unit, target: `= ${round(wanted)}`, ok: value === wanted }
}

/** A row without a target. */
export function told(bench: string, n: number | null, value: number, unit: string): Row {
	return { bench, n, value: round(value), unit, target: null, ok: true }
}

/** The row of the same name at the smallest size; undefined at that size itself. */
export function atSmallest(context: Context, bench: string): Row | undefined {
	return context.n === context.smallest ? undefined : context.rows.find((row) => row.bench === bench && row.n === context.smallest)
}

/** Numbers that repeat from run to run: the same seed gives the same ones. */
export function seeded(seed: number): () => number {
	let state = seed >>> 0
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
		return state / 2 ** 32
	}
}

function round(value: number): number {
	return Math.round(value * 1000) / 1000
}
