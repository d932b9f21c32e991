import { expect, it } from 'vitest'
import { mapConcurrent } from '../../../src/lib/concurrency.ts'

it('keeps the order of the items and the limit of calls under way', async () => {
	let running = 0
	let most = 0
	const results = await mapConcurrent([30, 1, 20, 5, 10], 2, async (delayMs, index) => {
		most = Math.max(most, ++running)
		await new Promise((resolve) => setTimeout(resolve, delayMs))
		running--
		return `${index}:${delayMs}`
	})
	expect(results).toEqual(['0:30', '1:1', '2:20', '3:5', '4:10'])
	expect(most).toBe(2)
	expect(await mapConcurrent([], 2, async () => 1)).toEqual([])
})

it('rejects with the first error and starts no further call', async () => {
	const started: number[] = []
	const run = mapConcurrent([1, 2, 3, 4], 2, async (item) => {
		started.push(item)
		if (item === 1) throw new Error('one')
		await Promise.resolve()
	})
	await expect(run).rejects.toThrow('one')
	expect(started).toEqual([1, 2])
})
