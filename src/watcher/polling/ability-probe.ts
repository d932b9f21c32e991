/**
 * What a store's answers to a few small lists show of its abilities (docs/polling.md, Stores that answer otherwise than
 * asked). Pure.
 */
import type { Ability, Evidence } from '../core/abilities.ts'
import type { ObjectId } from '../../elements/store.ts'

/** Rows of the lists by id, and of those by modified date. */
export const PROBE_ROWS = 3
export const PROBE_HEAD_ROWS = 10

/** A row of an answer. */
export interface ProbeRow {
	id: ObjectId
	modifiedSec: number | null
	createdSec: number | null
	trashed: boolean
}

/** An answer; null: the store refuses the request. */
export type ProbeAnswer = { rows: readonly ProbeRow[]; total: number | null; isWholeList: boolean } | null

/** The answers of a probe; undefined: not asked. */
export interface ProbeAnswers {
	/** The first rows by id, those after them by offset and by page, and the last rows by id. */
	first?: ProbeAnswer
	offset?: ProbeAnswer
	page?: ProbeAnswer
	last?: ProbeAnswer
	/** The newest and the oldest rows by modified date, what was modified since the newest one, and the newest again. */
	head?: ProbeAnswer
	tail?: ProbeAnswer
	since?: ProbeAnswer
	headAgain?: ProbeAnswer
	/** One row of the trash. */
	trash?: ProbeAnswer
}

/** What the answers show; abilities of which they show nothing are left out. */
export function evaluateProbe(given: ProbeAnswers): Evidence[] {
	const answers = withoutPinned(given)
	const { first } = answers
	if (first?.isWholeList === true) return [evidence('parts', false, `all rows came where ${PROBE_ROWS} were asked for`)]
	return [
		...(first == null ? [] : [evidence('parts', true, `${first.rows.length} of ${first.total} rows`)]),
		...(first == null
			? []
			: [evidence('total', (first.total ?? -1) >= first.rows.length, `X-WP-Total: ${first.total}`)]),
		...evaluateIds(answers),
		...evaluatePaging(answers),
		...evaluateDates(answers),
		...evaluateTrash(answers),
	]
}

/** Whether the first rows, those after them and the last ones are the same. */
export function isSameEverywhere({ first, offset, last }: ProbeAnswers): boolean {
	if (first == null || offset == null || last == null || first.rows.length < 2) return false
	return isSameRows(first.rows, offset.rows) && isSameRows(first.rows, last.rows)
}

export function isSameRows(some: readonly ProbeRow[], others: readonly ProbeRow[]): boolean {
	return some.length === others.length && some.every(({ id }, index) => id === others[index]!.id)
}

/** The answers without a row that stands in each of them, wherever it belongs. */
function withoutPinned(answers: ProbeAnswers): ProbeAnswers {
	const { first, last } = answers
	const common = first?.rows.filter(({ id }) => last?.rows.some((row) => row.id === id) === true) ?? []
	const isPinned = common.length === 1 && (first?.total ?? 0) > 2 * PROBE_ROWS
	if (!isPinned) return answers
	const pinnedId = common[0]!.id
	return Object.fromEntries(
		Object.entries(answers as Record<string, ProbeAnswer>).map(([name, answer]) => [
			name,
			answer === null ? null : { ...answer, rows: answer.rows.filter(({ id }) => id !== pinnedId) },
		]),
	)
}

function evidence(ability: Ability, works: boolean, example: string): Evidence {
	return { ability, works, example }
}

function evaluateIds({ first, last }: ProbeAnswers): Evidence[] {
	if (first === null || last === null) return [evidence('idOrder', false, 'refused')]
	if (first === undefined || last === undefined || first.rows.length < 2 || last.rows.length < 2) return []
	const up = first.rows.map(({ id }) => id)
	const down = last.rows.map(({ id }) => id)
	// Stores order ids that are texts as their database does.
	if (![...up, ...down].every((id) => typeof id === 'number')) return []
	const isAscending = up.every((id, index) => index === 0 || up[index - 1]! < id)
	const isDescending = down.every((id, index) => index === 0 || down[index - 1]! > id)
	const works = isAscending && isDescending && down[0]! > up[0]! && down[0]! >= up.at(-1)!
	return [evidence('idOrder', works, `ids ${up.join(', ')} ascending, ${down.join(', ')} descending`)]
}

function evaluatePaging({ first, offset, page }: ProbeAnswers): Evidence[] {
	// More rows than these must be there.
	if (first == null || first.rows.length < 2 || (first.total ?? Infinity) <= PROBE_ROWS) return []
	const ids = first.rows.map(({ id }) => id)
	const evaluate = (ability: Ability, answer: ProbeAnswer | undefined): Evidence[] => {
		if (answer === undefined || answer?.rows.length === 0) return []
		if (answer === null) return [evidence(ability, false, 'refused')]
		const next = answer.rows.map(({ id }) => id)
		const repeated = next.filter((id) => ids.includes(id)).length
		// Where some are the same, each answer has an order of its own.
		if (repeated > 0 && repeated < Math.min(ids.length, next.length)) return []
		return [evidence(ability, repeated === 0, `ids ${ids.join(', ')}, then ${next.join(', ')}`)]
	}
	return [...evaluate('offset', offset), ...evaluate('page', page)]
}

function evaluateDates({ head, tail, since, headAgain }: ProbeAnswers): Evidence[] {
	if (head === null || tail === null) return [evidence('modifiedOrder', false, 'refused')]
	if (head === undefined || tail === undefined) return []
	const order = evaluateModifiedOrder(head.rows, tail.rows)
	if (since === null) return [...order, evidence('bound', false, 'refused')]
	if (since === undefined) return order
	const boundSec = getNewestSec(head.rows)
	if (boundSec === null) return order
	const bound = evaluateBound(head.rows, since, boundSec)
	if (bound.some(({ works }) => !works)) return [...order, ...bound]
	const again = headAgain == null ? null : new Set(headAgain.rows.map(({ id }) => id))
	const lacking =
		again === null ? [] : since.rows.filter(({ id, modifiedSec }) => !again.has(id) && modifiedSec! > boundSec)
	return lacking.length > 0 && (headAgain?.rows.length ?? 0) >= Math.min(PROBE_HEAD_ROWS, headAgain?.total ?? 0)
		? [evidence('modifiedOrder', false, `object ${lacking[0]!.id} is newer than the newest rows`), ...bound]
		: [...order, ...bound]
}

/** The highest modified date. */
export function getNewestSec(rows: readonly Pick<ProbeRow, 'modifiedSec'>[]): number | null {
	return rows.reduce<number | null>(
		(newest, { modifiedSec }) => (modifiedSec === null ? newest : Math.max(newest ?? 0, modifiedSec)),
		null,
	)
}

function evaluateModifiedOrder(head: readonly ProbeRow[], tail: readonly ProbeRow[]): Evidence[] {
	const secs = (rows: readonly ProbeRow[]): number[] =>
		rows.map(({ modifiedSec }) => modifiedSec).filter((sec) => sec !== null)
	const down = secs(head)
	const up = secs(tail)
	// Local time, by which posts are sorted, runs back for an hour a year: the first and the last row decide.
	const [newest, oldest] = [Math.max(...down, ...up), Math.min(...down, ...up)]
	if (down.length < 2 || up.length < 2 || newest - oldest <= 2 * 3_600)
		return provesModifiedOrder(head) ? [proof(head)] : []
	const isWrong = down[0]! < newest - 3_600 || up[0]! > oldest + 3_600 || isFarOff(down, -1) || isFarOff(up, 1)
	if (isWrong) return [evidence('modifiedOrder', false, `ids ${head.map(({ id }) => id).join(', ')} as the newest`)]
	return provesModifiedOrder(head) || provesModifiedOrder(tail.toReversed()) ? [proof(head)] : []
}

function proof(head: readonly ProbeRow[]): Evidence {
	return evidence('modifiedOrder', true, `ids ${head.map(({ id }) => id).join(', ')} as the newest`)
}

/** Whether dates run against an order by more than an hour. */
function isFarOff(secs: readonly number[], sign: 1 | -1): boolean {
	return secs.some((sec, index) => index > 0 && (sec - secs[index - 1]!) * sign < -3_600)
}

/**
 * Whether rows are sorted by modified date, newest first, and by nothing else that is usual: some row stands before one
 * with a higher id, and some before one that was created later.
 */
export function provesModifiedOrder(
	rows: readonly { id: ObjectId; modifiedSec: number | null; createdSec: number | null }[],
): boolean {
	const dated = rows.filter(({ modifiedSec }) => modifiedSec !== null)
	const pairs = dated.slice(1).map((row, index) => ({ before: dated[index]!, row }))
	if (!pairs.every(({ before, row }) => before.modifiedSec! >= row.modifiedSec!)) return false
	const moved = pairs.filter(({ before, row }) => before.modifiedSec! > row.modifiedSec!)
	return (
		moved.some(({ before, row }) => before.id < row.id) &&
		moved.some(({ before, row }) => (before.createdSec ?? 0) < (row.createdSec ?? 0))
	)
}

/** `since`: what was modified after a second before the newest row's date. */
function evaluateBound(head: readonly ProbeRow[], since: NonNullable<ProbeAnswer>, boundSec: number): Evidence[] {
	const earlier = since.rows.filter(({ modifiedSec }) => modifiedSec !== null && modifiedSec < boundSec - 1)
	if (earlier.length > 0)
		return [evidence('bound', false, `object ${earlier[0]!.id} was modified before the time asked for`)]
	const newestIds = head.filter(({ modifiedSec }) => modifiedSec === boundSec).map(({ id }) => id)
	const isShown = since.rows.some(({ id, modifiedSec }) => newestIds.includes(id) || (modifiedSec ?? 0) > boundSec)
	return [evidence('bound', isShown, `${since.rows.length} rows modified since the newest date`)]
}

function evaluateTrash({ trash }: ProbeAnswers): Evidence[] {
	if (trash === undefined) return []
	if (trash === null) return [evidence('trash', false, 'refused')]
	const row = trash.rows[0]
	return [evidence('trash', row === undefined || row.trashed, row === undefined ? 'empty' : `object ${row.id}`)]
}
