/** Dates in other forms than WooCommerce's own: read where datesConfiguration says how, named on every path where not. */
import { describe, expect, test } from 'vitest'
import { buildHealth, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import { World, type WorldOptions } from '../../../support/world.ts'
import { getStoreRecord, sendDelivery, worldWithWebhooks } from '../../../support/webhook-stories.ts'
import {
	arrivalsSince,
	expectCleanJudgement,
	liveIds,
	MINUTE_MS,
	pollerResources,
	rewriteRecords,
	worldAfterBaseline,
} from '../../../support/stories.ts'
import type { PollerResource } from '../../../../src/elements/form.ts'

const DATE_FIELDS = ['date_modified', 'date_modified_gmt', 'date_created', 'date_created_gmt']

/** A world whose store has a plugin that gives all dates of records another form, in GMT; its baseline is complete. */
async function worldWithDates(options: WorldOptions, spell: (at: Date) => string): Promise<World> {
	const world = await World.create({
		...options,
		store: { objects: { orders: 30, products: 0, coupons: 0, customers: 0 } },
	})
	rewriteRecords(world, (record) => {
		const dates = DATE_FIELDS.map((field) => {
			const gmt = record[field.endsWith('_gmt') ? field : `${field}_gmt`]
			return [field, typeof gmt === 'string' ? spell(new Date(`${gmt}Z`)) : gmt] as const
		})
		return { ...record, ...Object.fromEntries(dates) }
	})
	await world.advance(6 * MINUTE_MS)
	return world
}

const toTwoDigits = (value: number): string => String(value).padStart(2, '0')
const toShort = (at: Date): string =>
	`${toTwoDigits(at.getUTCDate())}/${toTwoDigits(at.getUTCMonth() + 1)}/${String(at.getUTCFullYear()).slice(2)}`

function orders(format: string, settings: Partial<PollerResource> = {}): { resources: Record<string, PollerResource> } {
	const datesConfiguration = { updatedDateFormat: format, createdDateFormat: format }
	return { resources: { orders: { url: '/orders', datesConfiguration, ...settings } } }
}

function getReport(world: World): { datesUnreadable: string | null; limits: string[]; state: string } {
	const core = world.engine.getCore()!
	const { datesUnreadable } = buildPollerReport(core).resources[0]!
	const health = buildHealth(core)
	return { datesUnreadable, limits: health.resources[0]!.limits!.map(({ code }) => code), state: health.state }
}

describe.each([
	['dd/MM/yy', toShort],
	['EEE, dd MMM yyyy HH:mm:ss z', (at: Date) => at.toUTCString()],
	['milliseconds', (at: Date) => String(at.getTime())],
	["yyyy-MM-dd'T'HH:mm:ss.SSSX", (at: Date) => at.toISOString()],
])('a plugin writes dates as %s', (format, spell) => {
	test.each([{}, { filterByUpdatedDate: false, createdCheckTolerance: 60 }])(
		'what was there is UPDATED, what is new CREATED, each once %j §3.6',
		async (settings) => {
			const world = await worldWithDates(orders(format, settings), spell)
			expect(arrivalsSince(world)).toEqual([])
			const [first, second] = liveIds(world, 'orders')
			for (const [round, id] of [first!, second!, first!].entries()) {
				world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: `Round ${round}` } })
				await world.advance(3 * MINUTE_MS)
			}
			const placed = world.store.act({ do: 'place-order' }).find((entry) => entry.resource === 'orders')!.id
			await world.advance(5 * MINUTE_MS)
			expect(arrivalsSince(world)).toEqual([
				`UPDATED orders ${first}`,
				`UPDATED orders ${second}`,
				`UPDATED orders ${first}`,
				`CREATED orders ${placed}`,
			])
			expect(getReport(world)).toEqual({ datesUnreadable: null, limits: [], state: 'healthy' })
		},
	)
})

describe('dates that do not fit their format', () => {
	const spell = (at: Date): string => `on ${toShort(at)}`

	test.each([
		['the index', {}],
		['dates alone', { filterByUpdatedDate: false }],
	])(
		'polled by %s: the poller and health name them, nothing that was there is CREATED, and edits are sent §3.6',
		async (_how, settings) => {
			const world = await worldWithDates(orders('dd/MM/yyyy HH:mm', settings), spell)
			expect(arrivalsSince(world)).toEqual([])
			const id = liveIds(world, 'orders')[4]!
			for (const note of ['One', 'Two']) {
				world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: note } })
				await world.advance(3 * MINUTE_MS)
			}
			expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`, `UPDATED orders ${id}`])
			expect(getReport(world)).toEqual({
				datesUnreadable: expect.stringMatching(/^date_(modified|created)_gmt "on \d\d\/\d\d\/\d\d"$/),
				limits: ['dates-unreadable'],
				state: 'healthy',
			})
		},
	)

	test('during the baseline: edits since the instance was created are UPDATED §3.6', async () => {
		const world = await worldAfterBaseline({
			...orders('dd/MM/yyyy', {
				datesConfiguration: { updatedDateField: 'status', updatedDateFormat: 'dd/MM/yyyy' },
			}),
			store: { objects: { orders: 30, products: 0, coupons: 0, customers: 0 } },
		})
		expect(arrivalsSince(world)).toEqual([])
		expect(getReport(world).limits).toEqual(['dates-unreadable'])
		const id = liveIds(world, 'orders')[4]!
		world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: 'Ring' } })
		await expectCleanJudgement(world, { orders: 'orders' })
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
	})

	test('a webhook’s record names them too', async () => {
		const world = await worldWithWebhooks({ resources: pollerResources('orders') })
		const core = world.engine.getCore()!
		const dates = { date_modified: 'soon', date_modified_gmt: 'soon' }
		const [id] = liveIds(world, 'orders')
		await sendDelivery(world, 'order.updated', { ...getStoreRecord(world, 'orders', id!), ...dates })
		await world.advance(5_000)
		expect(core.state.resources[0]!.datesUnreadable).toBe('date_modified_gmt "soon"')
		expect(arrivalsSince(world)).toEqual([])
	})

	test('a format that fits ends it at once', async () => {
		const world = await worldWithDates(orders('MM-dd-yyyy'), toShort)
		expect(getReport(world).limits).toEqual(['dates-unreadable'])
		await world.configure({
			configuration: { 'event.poller.configuration': JSON.stringify(orders('dd/MM/yy').resources) },
		})
		await world.advance(3 * MINUTE_MS)
		expect(getReport(world)).toEqual({ datesUnreadable: null, limits: [], state: 'healthy' })
		expect(arrivalsSince(world)).toEqual([])
	})
})
