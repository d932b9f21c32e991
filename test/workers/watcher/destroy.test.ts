/** An instance that is deleted while its object waits for the store. */
import { expect, test, vi } from 'vitest'
import { inWatcher, openShop, waitUntil } from './test-shop.ts'

test('a baseline ends in silence: nothing is written, logged or planned', async () => {
	const hold = { wanted: false, reached: false }
	const requests: string[] = []
	const shop = await openShop({ objects: 300 }, {}, async ({ url, method }) => {
		requests.push(`${method} ${url}`)
		// A promise of another context could not be awaited here.
		while (hold.wanted) {
			hold.reached = true
			await new Promise((resolve) => setTimeout(resolve, 20))
		}
	})
	await shop.stub.poll('window')
	hold.wanted = true
	await waitUntil(() => hold.reached)
	const lines: unknown[] = []
	const spies = (['log', 'error', 'warn'] as const).map((name) =>
		vi.spyOn(console, name).mockImplementation((...line) => void lines.push(line)),
	)
	await shop.stub.destroy()
	const asked = requests.length
	hold.wanted = false
	await new Promise((resolve) => setTimeout(resolve, 500))
	expect(await shop.stub.poller()).toBe('unknown')
	expect(requests.slice(asked)).toEqual([])
	expect(lines).toEqual([])
	for (const spy of spies) spy.mockRestore()
	await inWatcher(shop, async (watcher, state) => {
		expect(await state.storage.getAlarm()).toBeNull()
		expect(watcher.engine.getCore()).toBeNull()
		expect([
			...state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'"),
		]).toEqual([])
	})
})
