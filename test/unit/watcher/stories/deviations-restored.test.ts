/** A store that goes back to a backup: contents, dates, ids and total are those of before. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { deviantWorld } from '../../../support/deviant-stories.ts'
import { arrivalsSince, DAY_MS, HOUR_MS, liveIds, MINUTE_MS } from '../../../support/stories.ts'
import type { World } from '../../../support/world.ts'

const DATES = ['date_created_gmt', 'date_modified_gmt'] as const

/** Three products are edited, two created, two deleted after a backup. Returns what restores it, and what must come of that. */
async function changeSinceBackup(
	world: World,
): Promise<{ restore: () => void; created: number[]; expected: string[] }> {
	const { store } = world
	const ids = liveIds(world, 'products')
	const edited = [ids[3]!, ids[30]!, ids.at(-2)!]
	const deleted = [ids[10]!, ids[40]!]
	const before = new Map([...edited, ...deleted].map((id) => [id, { ...store.state('products').get(id)! }]))
	await world.advance(DAY_MS)
	for (const id of edited) store.act({ do: 'edit', resource: 'products', id, set: { name: 'Newer' } })
	for (const id of deleted) store.act({ do: 'delete', resource: 'products', id })
	const created = [1, 2].map(() => store.act({ do: 'create', resource: 'products' })[0]!.id)
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world)).toHaveLength(7)
	const getBefore = (id: number, names: readonly string[]) =>
		Object.fromEntries(['name', ...names].map((name) => [name, before.get(id)![name]]))
	return {
		created,
		expected: [
			...edited.map((id) => `UPDATED products ${id}`),
			...deleted.map((id) => `CREATED products ${id}`),
			...created.map((id) => `DELETED products ${id}`),
		].toSorted(),
		restore: () => {
			for (const id of edited)
				store.act({ do: 'edit', resource: 'products', id, set: getBefore(id, ['date_modified_gmt']) })
			for (const id of created) store.act({ do: 'delete', resource: 'products', id })
			for (const id of deleted) store.act({ do: 'create', resource: 'products', id, set: getBefore(id, DATES) })
		},
	}
}

describe('a restored backup', () => {
	test.each([60, 250])('of %i products is sent within half an hour, once', async (products) => {
		const world = await deviantWorld({ faults: () => [], products })
		const { restore, expected } = await changeSinceBackup(world)
		restore()
		await world.advance(30 * MINUTE_MS)
		expect(arrivalsSince(world, 7).toSorted()).toEqual(expected)
		await world.advance(2 * DAY_MS)
		expect(arrivalsSince(world, 7)).toHaveLength(expected.length)
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
	})

	test('and a new product with an id that was given before: a product is its id', async () => {
		const world = await deviantWorld({ faults: () => [], products: 250 })
		const { restore, expected, created } = await changeSinceBackup(world)
		restore()
		const [id] = created
		world.store.act({ do: 'create', resource: 'products', id: id!, set: { name: 'Another' } })
		await world.advance(30 * MINUTE_MS)
		const sent = expected.map((event) => (event === `DELETED products ${id}` ? `UPDATED products ${id}` : event))
		expect(arrivalsSince(world, 7).toSorted()).toEqual(sent.toSorted())
	})

	test('control: without it nothing more is sent, and deletions beside creations ask for no re-read', async () => {
		const world = await deviantWorld({ faults: () => [], products: 250 })
		await changeSinceBackup(world)
		const [newest] = world.store.act({ do: 'create', resource: 'products' })
		await world.advance(15 * MINUTE_MS)
		const { rereadDoneMs } = world.engine.getCore()!.state.resources[0]!
		world.store.act({ do: 'delete', resource: 'products', id: newest!.id })
		const [other] = world.store.act({ do: 'create', resource: 'products' })
		await world.advance(15 * MINUTE_MS)
		world.store.act({ do: 'trash', resource: 'products', id: other!.id })
		await world.advance(30 * MINUTE_MS)
		expect(arrivalsSince(world, 8)).toContain(`CREATED products ${other!.id}`)
		const { rereadDoneMs: doneMs, findings } = world.engine.getCore()!.state.resources[0]!
		expect([doneMs, findings?.['two-states']]).toEqual([rereadDoneMs, undefined])
	})
})
