/** A record with any numbers is the same from the store's answer to the log, the notification and the hub's answer. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createShaper } from '../../src/api/hub/field-filter.ts'
import { parseExact } from '../../src/elements/json.ts'
import type { VendorRecord } from '../../src/elements/store.ts'
import { openClient } from '../../src/elements/woocommerce/client.ts'
import { parseRecord } from '../../src/elements/woocommerce/parse-record.ts'
import { matchesFilter, NO_FILTER } from '../../src/events/filter.ts'
import { toNotificationBody } from '../../src/events/notification.ts'
import { isSameJson, numberText, objectText } from '../support/json-texts.ts'
import { DENVER, ioOf, resource } from './elements/support.ts'
import { createStoredEvent } from './events/stored-events.ts'

const CREDENTIALS = { storeUrl: DENVER.home, key: 'ck_public', secret: 'cs_hidden' }
const PROFILE = { version: 3, paths: ['meta_data.none', 'a.none'], urlPaths: ['b.none'] }

const instance = {
	instanceId: 3,
	elementKey: 'woocommercerest',
	hubKey: 'ecommerce',
	organizationId: 1,
	userId: 1,
	name: 'Shop',
	tags: [],
	sender: 'notifications@bell.example.com',
}

/** `{"id":…,"total":…,"data":{…}}` with an id of any size. */
const recordText = fc
	.tuple(fc.bigInt({ min: 1n, max: 2n ** 70n }), numberText, objectText)
	.map(([id, total, data]) => `{"id":${id},"total":${total},"data":${data}}`)

test('any numbers arrive as the store wrote them §4.6', async () => {
	await fc.assert(
		fc.asyncProperty(recordText, async (text) => {
			const io = ioOf(() => new Response(`[${text}]`, { headers: { 'x-wp-total': '1' } }))
			const client = openClient(DENVER, CREDENTIALS, io)
			const page = await client.list(resource('/products'), { order: 'id-asc', limit: 10 })
			if (!page.ok) throw new Error(page.message)
			const snapshot = parseRecord(resource('/products'), page.records[0]!, PROFILE)!
			expect(String(snapshot.id)).toBe(/\d+/.exec(text)![0])
			// As the log stores it, and reads it again.
			const logged = JSON.stringify(snapshot.record)
			expect(isSameJson(logged, text)).toBe(true)
			const again = parseRecord(resource('/products'), parseExact(logged) as VendorRecord, PROFILE)!
			expect(again.fields).toEqual(snapshot.fields)
			const event = createStoredEvent({ record: logged })
			const total = /"total":([^,]+)/.exec(text)![1]!
			if (/^-?\d+(\.\d+)?$/.test(total)) {
				const where = [{ field: 'total', operator: '=' as const, values: [total] }]
				expect(matchesFilter({ ...NO_FILTER, where }, event)).toBe(true)
				expect(matchesFilter({ ...NO_FILTER, where: [{ ...where[0]!, operator: '!=' }] }, event)).toBe(false)
			}
			const body = toNotificationBody({ id: 1, createdMs: 0, resource: 'products' }, [event], instance)
			expect(body).toContain(`"raw":{"products":[${logged}]`)
			const answer = await client.call('GET', 'products', {})
			if (!answer.ok) throw new Error(answer.message)
			expect(
				isSameJson(JSON.stringify((answer.body as unknown[]).map(createShaper(false, undefined))), `[${text}]`),
			).toBe(true)
		}),
	)
})
