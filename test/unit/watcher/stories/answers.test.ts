/** Lists that are not what was asked for: what is found in them, and what is made of them. */
import { describe, expect, test } from 'vitest'
import { buildHealth, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World, WorldOptions } from '../../../support/world.ts'
import {
	arrivalsSince,
	expectCleanJudgement,
	getResourceState,
	liveIds,
	MINUTE_MS,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'
import type { Fault } from '../../../store/types.ts'

const products = (count: number): WorldOptions => ({
	resources: pollerResources('products'),
	store: { objects: { orders: 0, products: count, coupons: 0, customers: 0 } },
})
const findings = (world: World): string[] =>
	(buildPollerReport(world.engine.getCore()!).resources[0]?.findings ?? []).map(({ kind }) => kind)
const state = (world: World): string => buildHealth(world.engine.getCore()!).state

/** A world whose store deviates in its lists of products. */
async function deviating(count: number, ...faults: Fault[]): Promise<World> {
	return worldAfterBaseline(
		products(count),
		faults.map((fault) => ({ match: '/products', ...fault })),
	)
}

describe('more rows than asked for', () => {
	test.each([
		['a row pinned to every page', { pin: {} }],
		['a row pinned to the first page', { pin: { firstPageOnly: true } }],
		['a row pinned in place of the last one', { pin: { inPlace: true } }],
		['a row twice in every page', { repeat: {} }],
		['every list whole, in the order asked for', { ignores: ['paging'] }],
		['every list whole, without bounds', { wholeList: true }],
		['every list whole, in an order of its own', { wholeList: true, sorts: 'shuffled' as const }],
		['every list whole, without a total', { wholeList: true, total: 'absent' as const }],
		['a healthy store', {}],
	])('%s: a deletion is DELETED, edits are UPDATED, and nothing is held', async (name, fault) => {
		const world = await deviating(120, fault)
		expect(getResourceState(world, 'products').listed).toBe(120)
		const ids = liveIds(world, 'products')
		for (const id of ids.slice(20, 45)) world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Lamp' } })
		world.store.act({ do: 'delete', resource: 'products', id: ids[60]! })
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(
			[`DELETED products ${ids[60]}`, ...ids.slice(20, 45).map((id) => `UPDATED products ${id}`)].toSorted(),
		)
		expect(state(world)).toBe('healthy')
		expect(getResourceState(world, 'products').heldSinceMs).toBeNull()
		if (name === 'a healthy store') expect(findings(world)).toEqual([])
		await expectCleanJudgement(world)
	})
})
