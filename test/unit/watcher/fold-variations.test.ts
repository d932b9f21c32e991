/**
 * The fold with variations: whatever happens to them, to their products, to the object and to the store, folding the
 * notifications gives each product with its variations' state, and no notification repeats what is known.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { getDefaultDelivery } from '../../../src/rpc/config.ts'
import { buildPollerReport } from '../../../src/watcher/queries/reports.ts'
import type { Action, Fault } from '../../store/store.ts'
import { CRASH_POINTS } from '../../support/fold.ts'
import { DAY_MS, MINUTE_MS, poll } from '../../support/stories.ts'
import {
	findRepeated,
	foldVariations,
	getStoreVariations,
	toHashes,
	variableWorld,
	variationIds,
	variableIds,
} from '../../support/variation-stories.ts'
import type { CrashPoint, World } from '../../support/world.ts'

type Step =
	| { kind: 'act'; action: Action }
	| { kind: 'add'; nth: number }
	| { kind: 'time'; ms: number }
	| { kind: 'poll' | 'evict' | 'reread' }
	| { kind: 'crash'; point: CrashPoint; after: number }
	| { kind: 'fault'; fault: Fault }

const FAULTS: Fault[] = [
	{ match: '/variations', status: 500 },
	{ match: '/variations', status: 503, retryAfter: '3' },
	{ match: '/variations', dropRows: 1 },
	{ match: '/variations', truncate: 0.6 },
	{ match: '/variations', stall: true },
	{ match: '/products?', status: 502 },
	{ status: 429, retryAfter: '2' },
]

const act = (...actions: Action[]): fc.Arbitrary<Step> =>
	fc.constantFrom(...actions).map((action): Step => ({ kind: 'act', action }))

const step: fc.Arbitrary<Step> = fc.oneof(
	{
		weight: 10,
		arbitrary: act(
			{ do: 'edit', resource: 'variations' },
			{ do: 'edit', resource: 'variations' },
			{ do: 'edit-silently', resource: 'variations' },
			{ do: 'trash', resource: 'variations' },
			{ do: 'restore', resource: 'variations' },
			{ do: 'delete', resource: 'variations' },
			{ do: 'save-unchanged', resource: 'variations' },
		),
	},
	{
		weight: 5,
		arbitrary: act(
			{ do: 'edit', resource: 'products' },
			{ do: 'create', resource: 'products', set: { type: 'variable', name: 'New' } },
			{ do: 'trash', resource: 'products' },
			{ do: 'restore', resource: 'products' },
			{ do: 'delete', resource: 'products' },
			{ do: 'save-unchanged', resource: 'products' },
		),
	},
	{ weight: 4, arbitrary: fc.nat(20).map((nth): Step => ({ kind: 'add', nth })) },
	{ weight: 6, arbitrary: fc.integer({ min: 300, max: 90_000 }).map((ms): Step => ({ kind: 'time', ms })) },
	{ weight: 3, arbitrary: fc.constantFrom<Step>({ kind: 'poll' }, { kind: 'evict' }, { kind: 'reread' }) },
	{
		weight: 5,
		arbitrary: fc
			.record({ point: fc.constantFrom(...CRASH_POINTS), after: fc.integer({ min: 0, max: 4 }) })
			.map((crash): Step => ({ kind: 'crash', ...crash })),
	},
	{
		weight: 3,
		arbitrary: fc
			.tuple(fc.constantFrom(...FAULTS), fc.integer({ min: 1, max: 4 }))
			.map(([fault, times]): Step => ({ kind: 'fault', fault: { ...fault, times, forSeconds: 90 } })),
	},
)

const story = fc.record({
	seed: fc.integer({ min: 1, max: 10_000 }),
	version: fc.constantFrom('11.0' as const, '7.0' as const),
	webhooks: fc.constantFrom(false, false, true),
	coalesce: fc.boolean(),
	steps: fc.array(step, { minLength: 6, maxLength: 24, size: 'max' }),
})

async function play(world: World, one: Step): Promise<void> {
	switch (one.kind) {
		case 'act':
			try {
				world.store.act(one.action)
			} catch {
				// Nothing of the shop fits.
			}
			return
		case 'add': {
			const ids = variableIds(world)
			const parent = ids[one.nth % Math.max(1, ids.length)]
			if (parent !== undefined)
				world.store.act({ do: 'create', resource: 'variations', set: { parent_id: parent, sku: `A-${one.nth}` } })
			return
		}
		case 'time':
			return await world.advance(one.ms)
		case 'poll':
			return await poll(world)
		case 'evict':
			return world.evict()
		case 'reread': {
			const core = world.engine.getCore()!
			core.commit(() => core.state.resources.forEach((rs) => (rs.rereadAsked = true)))
			return world.engine.updateAlarm(core)
		}
		case 'crash': {
			let count = 0
			world.crashAt = (at) => at === one.point && count++ === one.after
			return
		}
		case 'fault':
			return world.store.setFaults(one.fault)
	}
}

/** Until everything is known: the list of all variations, or each product, was read after the last re-read. */
async function settle(world: World): Promise<void> {
	world.crashAt = () => false
	world.store.setFaults({})
	await world.advance(10 * MINUTE_MS)
	await world.runUntilQuiet()
	for (let guard = 0; guard < 40; guard++) {
		const core = world.engine.getCore()!
		const report = buildPollerReport(core).resources[0]!.variations!
		const { variations } = core.state.resources[0]!
		const isPassed =
			variations!.noListMs !== undefined || (variations!.pass === null && variations!.passBeganMs !== null)
		if (report.pending === 0 && isPassed && world.isQuiet()) break
		await world.advance(30 * MINUTE_MS)
	}
	await world.advance(10 * MINUTE_MS)
	expect(buildPollerReport(world.engine.getCore()!).resources[0]!.variations).toMatchObject({ pending: 0 })
}

test('folding the notifications gives each product with its variations §3.18', { timeout: 600_000 }, async () => {
	const runs = Number(process.env['VARIATION_STORIES'] ?? 25)
	await fc.assert(
		fc.asyncProperty(story, async ({ seed, version, webhooks, coalesce, steps }) => {
			const world = await variableWorld({
				store: { seed, version },
				...(webhooks && { webhooks: { reconcileMs: 20 * MINUTE_MS } }),
				config: {
					...(webhooks && { vendorType: 'hybrid' as const }),
					delivery: { ...getDefaultDelivery('polling'), coalesce },
				},
			})
			const start = getStoreVariations(world)
			for (const one of steps) await play(world, one)
			await settle(world)
			expect(toHashes(foldVariations(world, start))).toEqual(toHashes(getStoreVariations(world)))
			expect(findRepeated(world, start)).toEqual([])
			expect(variationIds(world, 0)).toEqual([])
			expect(world.nowMs).toBeLessThan(world.t0Ms + 30 * DAY_MS)
		}),
		{
			numRuns: runs,
			...(process.env['VARIATION_SEED'] !== undefined && { seed: Number(process.env['VARIATION_SEED']) }),
		},
	)
})
