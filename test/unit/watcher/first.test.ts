/** The engine's plain way: a change of the store becomes one event at the callback. */
import { expect, test } from 'vitest'
import { World } from '../../world.ts'

test('an order placed after the baseline rings CREATED once', async () => {
	const world = await World.create()
	await world.advance(120_000)
	expect(world.arrivals).toEqual([])
	world.store.act({ do: 'place-order' } as never)
	await world.advance(120_000)
	console.log(
		world.arrivals.map((a) => [a.eventType, a.objectType, a.objectId]),
		world.store.requests,
		world.logs.slice(-5),
	)
	await world.quiet()
	expect(world.judge()).toMatchObject({ missed: 0, duplicates: 0, invented: 0 })
})
