/** The merge of event logs: every event once, in order, whatever the page size; instances are read no further than needed. */
import { expect, test } from 'vitest'
import fc from 'fast-check'
import { mergeLogs, type Place, type ReadLog } from '../../../src/api/events/merge.ts'
import type { EventRow } from '../../../src/watcher/rpc.ts'

const row = (sequence: number, recordedMs: number) => ({ sequence, recordedMs }) as EventRow

/** Logs by instance; sequence rises with recorded time, as an object's log does. */
function reader(logs: Map<number, EventRow[]>, count?: { reads: number }): ReadLog {
	return async (id, { pageSize, before }) => {
		if (count) count.reads++
		const all = [...(logs.get(id) ?? [])].reverse().filter((event) => before === undefined || event.sequence < before)
		return { events: all.slice(0, pageSize), next: all.length > pageSize ? all[pageSize - 1]!.sequence : null }
	}
}

test('pages joined are the whole, ordered by recorded time, instance and sequence', async () => {
	const gaps = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 })
	await fc.assert(
		fc.asyncProperty(fc.array(gaps, { minLength: 1, maxLength: 25 }), fc.integer({ min: 1, max: 40 }), async (instances, pageSize) => {
			const logs = new Map(
				instances.map((steps, index) => {
					let at = 0
					return [index + 1, steps.map((step, n) => row(n + 1, (at += step)))]
				}),
			)
			const expected = [...logs]
				.flatMap(([id, rows]) =>
					rows.map(
						(event) =>
							`${String(event.recordedMs).padStart(5, '0')}.${String(id).padStart(3, '0')}.${String(event.sequence).padStart(3, '0')}`,
					),
				)
				.sort()
				.reverse()
			const seen: string[] = []
			let after: Place | null = null
			for (let more = true; more;) {
				const page: Awaited<ReturnType<typeof mergeLogs>> = await mergeLogs(
					[...logs.keys()],
					{ pageSize, after, fromMs: null, toMs: null },
					reader(logs),
				)
				seen.push(
					...page.events.map(
						({ instanceId, row: event }) =>
							`${String(event.recordedMs).padStart(5, '0')}.${String(instanceId).padStart(3, '0')}.${String(event.sequence).padStart(3, '0')}`,
					),
				)
				const last = page.events.at(-1)
				if (last !== undefined) after = { recordedMs: last.row.recordedMs, instanceId: last.instanceId, sequence: last.row.sequence }
				more = page.more
			}
			expect(seen).toEqual(expected)
		}),
		{ numRuns: 100 },
	)
})

test('a range is kept, and reading ends where it begins', async () => {
	const logs = new Map([[1, Array.from({ length: 1000 }, (_, n) => row(n + 1, n))]])
	const count = { reads: 0 }
	const page = await mergeLogs([1], { pageSize: 10, after: null, fromMs: 990, toMs: 995 }, reader(logs, count))
	expect(page.events.map((event) => event.row.recordedMs)).toEqual([995, 994, 993, 992, 991, 990])
	expect(page.more).toBe(false)
	expect(count.reads).toBe(1)
})

test('an instance that is gone meanwhile is passed over', async () => {
	const logs = new Map([[1, [row(1, 5)]]])
	const page = await mergeLogs([1, 2], { pageSize: 5, after: null, fromMs: null, toMs: null }, async (id, query) =>
		id === 2 ? null : await reader(logs)(id, query),
	)
	expect(page.events).toHaveLength(1)
})
