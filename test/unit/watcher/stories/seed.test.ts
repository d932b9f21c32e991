/** The documentation's own poller configuration, against stores in three zones and with every form of its dates. */
import { describe, expect, test } from 'vitest'
import {
	expectCleanJudgement,
	liveIds,
	judgeWorld,
	worldAfterBaseline,
	MINUTE_MS,
	arrivalsSince,
} from '../../../support/stories.ts'
import type { PollerResource } from '../../../../src/elements/form.ts'

/** As it stands in the documentation, its dangling quotes included. */
const SEED = `{
	"contacts":{
		"url":"/hubs/ecommerce/customers",
		"idField":"id",
		"datesConfiguration":{
			"updatedDateField":"date_modified",
			"updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss'",
			"createdDateField":"date_created",
			"createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss'"
		}
	},
	"discounts":{ "url":"/hubs/ecommerce/discounts", "idField":"id", "datesConfiguration":{   } },
	"orders":{ "url":"/hubs/ecommerce/orders", "idField":"id", "datesConfiguration":{   } },
	"products":{ "url":"/hubs/ecommerce/products", "idField":"id", "datesConfiguration":{   } }
}`

type Dates = PollerResource['datesConfiguration']
const asInSeed: Dates = (JSON.parse(SEED) as Record<string, PollerResource>)['contacts']!.datesConfiguration

/** The seed with the same dates for all four. */
function withDates(dates: Dates | 'as it stands'): Record<string, PollerResource> {
	const seed = JSON.parse(SEED) as Record<string, PollerResource>
	if (dates === 'as it stands') return seed
	return Object.fromEntries(
		Object.entries(seed).map(([label, { datesConfiguration: _dates, ...rest }]) => [
			label,
			dates === undefined ? rest : { ...rest, datesConfiguration: dates },
		]),
	)
}

const FORMS: [name: string, dates: Dates | 'as it stands'][] = [
	['as it stands', 'as it stands'],
	['the seed’s dates everywhere', asInSeed],
	['empty', {}],
	['absent', undefined],
	['with GMT', { ...asInSeed, updatedDateTimezone: 'GMT', createdDateTimezone: 'GMT' }],
]
const LABELS = { contacts: 'customers', discounts: 'coupons', orders: 'orders', products: 'products' }

describe.each(['America/Denver', 'Asia/Kolkata', 'Australia/Lord_Howe'])('a store in %s', (zone) => {
	test.each(FORMS)(
		'3.4 datesConfiguration %s: everything rings within two polls, once, and says when it happened §2.7 §2.8 §3.6 §3.7 §10.3',
		async (_name, dates) => {
			const world = await worldAfterBaseline({
				resources: withDates(dates),
				store: { zone, objects: { orders: 4, products: 4, coupons: 3, customers: 4 } },
			})
			expect(arrivalsSince(world)).toEqual([])
			const begun = world.nowMs
			const { store } = world
			const order = store.act({ do: 'place-order', customer: 0 }).find((entry) => entry.resource === 'orders')!.id
			const customer = store.act({ do: 'create', resource: 'customers' })[0]!.id
			const coupon = liveIds(world, 'discounts')[0]!
			store.act({ do: 'edit', resource: 'coupons', id: coupon, set: { description: 'Spring' } })
			await world.advance(2 * MINUTE_MS)
			const product = liveIds(world, 'products')[0]!
			store.act({ do: 'trash', resource: 'products', id: product })
			const contact = liveIds(world, 'customers').at(-2)!
			store.act({ do: 'edit', resource: 'customers', id: contact, set: { billing: { phone: '+1 303-555-0000' } } })
			await world.advance(2 * MINUTE_MS)
			expect(arrivalsSince(world)).toEqual(
				expect.arrayContaining([
					`CREATED orders ${order}`,
					`CREATED contacts ${customer}`,
					`UPDATED discounts ${coupon}`,
					`DELETED products ${product}`,
					`UPDATED contacts ${contact}`,
				]),
			)
			for (const arrival of world.arrivals) {
				const date = Date.parse((arrival as unknown as { date: string }).date)
				expect(date, `${arrival.eventType} ${arrival.objectType}`).toBeGreaterThanOrEqual(
					Math.floor(begun / 1000) * 1000,
				)
				expect(date).toBeLessThanOrEqual(world.nowMs)
			}
			await expectCleanJudgement(world, LABELS)
			expect(judgeWorld(world, LABELS).deleted).toBe(1)
		},
	)
})

test('3.4 dates that are parsed in another zone than the store’s lose nothing: the gate goes by content §10.3', async () => {
	const world = await worldAfterBaseline({
		resources: withDates({ ...asInSeed, updatedDateTimezone: 'Asia/Tokyo', createdDateTimezone: 'Asia/Tokyo' }),
	})
	for (let round = 0; round < 3; round++) {
		world.store.act({ do: 'edit', resource: 'products' })
		world.store.act({ do: 'create', resource: 'coupons' })
		await world.advance(2 * MINUTE_MS)
	}
	await expectCleanJudgement(world, LABELS)
})

test('3.4 dates that cannot be read are no reason to pass a record over; the poller says which §3.8', async () => {
	const { buildPollerReport } = await import('../../../../src/watcher/queries/reports.ts')
	const resources = {
		orders: {
			url: '/hubs/ecommerce/orders',
			datesConfiguration: { updatedDateField: 'order_key', updatedDateFormat: 'yyyy-MM-dd' },
		},
	}
	const world = await worldAfterBaseline({ resources })
	const [entry] = world.store.act({ do: 'place-order' }).filter((one) => one.resource === 'orders')
	world.store.act({ do: 'edit', resource: 'orders', id: entry!.id, set: { customer_note: 'Ring' } })
	await world.runUntilQuiet()
	expect(arrivalsSince(world)).toContain(`CREATED orders ${entry!.id}`)
	expect(buildPollerReport(world.engine.getCore()!).resources[0]!.datesUnreadable).toMatch(/order_key/)
})
