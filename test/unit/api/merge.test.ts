/** The merge of instances' logs: every row once, in order, whatever the page size and wherever pages of an instance end; read no further than needed. */
import { expect, test } from 'vitest'
import fc from 'fast-check'
import { mergePages, type MergePosition, type ReadPage } from '../../../src/api/http/merge.ts'

interface Row {
	number: number
	atMs: number
	/** A filter does not want it. */
	hidden?: boolean
}
const placeOf = (row: Row): Row => row
const everything = { after: null, fromMs: null, toMs: null }

/** Logs by instance, whose numbers rise with time; a page looks at `look` rows and shows those that are not hidden. */
function reader(logs: ReadonlyMap<number, Row[]>, look = 1_000, asked: number[] = []): ReadPage<Row> {
	return async (id, { pageSize, before, fromMs, toMs }) => {
		asked.push(id)
		const all = [...(logs.get(id) ?? [])]
			.reverse()
			.filter(
				(row) =>
					(before === undefined || row.number < before) && row.atMs >= (fromMs ?? 0) && row.atMs <= (toMs ?? Infinity),
			)
		const rows: Row[] = []
		for (const [index, row] of all.entries()) {
			if (index === look) return { rows, next: { number: row.number + 1, atMs: row.atMs } }
			if (row.hidden !== true) rows.push(row)
			if (rows.length === pageSize && index < all.length - 1)
				return { rows, next: { number: row.number, atMs: row.atMs } }
		}
		return { rows, next: null }
	}
}

const key = (id: number, row: Row): string =>
	[row.atMs, id, row.number].map((part) => String(part).padStart(5, '0')).join('.')

test('pages joined are the whole, ordered by time, instance and number, also where an instance finds little in a look', async () => {
	const steps = fc.array(fc.record({ step: fc.integer({ min: 0, max: 3 }), hidden: fc.boolean() }), { maxLength: 40 })
	await fc.assert(
		fc.asyncProperty(
			fc.array(steps, { minLength: 1, maxLength: 25 }),
			fc.integer({ min: 1, max: 40 }),
			fc.integer({ min: 1, max: 50 }),
			async (instances, pageSize, look) => {
				const logs = new Map(
					instances.map((rows, index) => {
						let atMs = 0
						return [index + 1, rows.map(({ step, hidden }, n) => ({ number: n + 1, atMs: (atMs += step), hidden }))]
					}),
				)
				const expected = [...logs]
					.flatMap(([id, rows]) => rows.filter((row) => !row.hidden).map((row) => key(id, row)))
					.sort()
					.reverse()
				const seen: string[] = []
				let after: MergePosition | null = null
				for (let guard = 0; guard < 3_000; guard++) {
					const page: Awaited<ReturnType<typeof mergePages<Row>>> = await mergePages<Row>(
						[...logs.keys()],
						{ ...everything, pageSize, after },
						placeOf,
						reader(logs, look),
					)
					expect(page.entries.length).toBeLessThanOrEqual(pageSize)
					seen.push(...page.entries.map(({ instanceId, row }) => key(instanceId, row)))
					after = page.next
					if (after === null) break
				}
				expect(after).toBeNull()
				expect(seen).toEqual(expected)
			},
		),
		{ numRuns: 150 },
	)
})

test('a range is kept, and what is newer than it or the page before is sought, not read', async () => {
	const logs = new Map([1, 2].map((id) => [id, Array.from({ length: 1000 }, (_, n) => ({ number: n + 1, atMs: n }))]))
	const asked: { before?: number | undefined; toMs?: number | undefined }[] = []
	const read = reader(logs)
	const page = await mergePages<Row>(
		[1, 2],
		{ pageSize: 10, after: { atMs: 500, instanceId: 2, number: 501 }, fromMs: 490, toMs: 800 },
		placeOf,
		(id, query) => {
			asked.push(query)
			return read(id, query)
		},
	)
	expect(page.entries.map(({ instanceId, row }) => `${instanceId}:${row.atMs}`).slice(0, 3)).toEqual([
		'1:500',
		'2:499',
		'1:499',
	])
	expect(asked).toEqual([
		{ pageSize: 10, before: undefined, fromMs: 490, toMs: 500 },
		{ pageSize: 10, before: 501, fromMs: 490 },
	])
})

test('an instance that is gone meanwhile is passed over; a page ends when it holds enough', async () => {
	const logs = new Map([[1, [1, 2, 3].map((number) => ({ number, atMs: number }))]])
	const read: ReadPage<Row> = async (id, query) => (id === 2 ? null : await reader(logs)(id, query))
	const size = { sizeOf: () => 10, limit: 20 }
	const page = await mergePages<Row>([1, 2], { ...everything, pageSize: 5 }, placeOf, read, size)
	expect(page.entries).toHaveLength(2)
	expect(page.next).toEqual({ instanceId: 1, atMs: 2, number: 2 })
	expect(
		(await mergePages<Row>([1], { ...everything, pageSize: 5 }, placeOf, read, { ...size, limit: 5 })).entries,
	).toHaveLength(1)
})

test('where nothing fits, a call reads so many pages and no more, and the next one goes on', async () => {
	const logs = new Map([[1, Array.from({ length: 1000 }, (_, n) => ({ number: n + 1, atMs: n, hidden: n > 0 }))]])
	const asked: number[] = []
	const first = await mergePages<Row>([1], { ...everything, pageSize: 5 }, placeOf, reader(logs, 10, asked))
	expect(first.entries).toEqual([])
	expect(asked).toHaveLength(41)
	expect(first.next).toEqual({ instanceId: 1, atMs: 589, number: 591 })
})
