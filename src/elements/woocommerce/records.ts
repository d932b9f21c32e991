/** WooCommerce's records at the hub: lists, writes, deletions, and what a store says of its collections. */
import type { RecordAnswer, Records, RecordWrite } from '../records.ts'
import { collectionAt, isKnownCollection } from './collections.ts'
import { vendorPath } from './hub.ts'
import { planList } from './lists.ts'
import { collectionsOf, fieldsOf } from './schema.ts'
import type { Failure, StoreClient } from '../store.ts'

/** The element's hub. */
export const records: Records = {
	path: vendorPath,
	kind(path) {
		const vendor = vendorPath(path) ?? ''
		return isKnownCollection(vendor) ? 'collection' : /\/\d+$/.test(vendor) ? 'object' : 'unknown'
	},
	list: planList,
	write,
	collections: collectionsOf,
	fields: fieldsOf,
}

async function write(client: StoreClient, ask: RecordWrite): Promise<RecordAnswer> {
	const path = vendorPath(ask.path) ?? ''
	if (ask.verb === 'create') return await client.call('POST', path, {}, ask.body)
	if (ask.verb === 'delete') return await remove(client, path, ask.forGood)
	return missingAsSuch(await client.call('PUT', path, {}, ask.body))
}

/**
 * Deletes an object: into the trash where there is one, as the shop's own pages do, and for good where there is none. Whether there is one is known for most;
 * for the others the store says so (501) before it does anything (WooCommerce facts, section 5).
 */
async function remove(client: StoreClient, path: string, forGood: boolean | null): Promise<RecordAnswer> {
	const parent = path.replace(/\/[^/]*$/, '')
	const hasTrash = /^(orders|products|coupons)$/.test(parent)
	const trashless = !hasTrash && isKnownCollection(parent) && !collectionAt(parent, null).trash
	const force = forGood ?? trashless
	const answer = await client.call('DELETE', path, force ? { force: 'true' } : {})
	if (answer.ok || forGood !== null || force || !saysTrashless(answer)) return answer
	return await client.call('DELETE', path, { force: 'true' })
}

function saysTrashless(failure: Failure): boolean {
	return failure.status === 501 && failure.code?.endsWith('_trash_not_supported') === true
}

/** A PUT to an order, product or coupon that does not exist is answered with 400 (WooCommerce facts, 2.6): it is the 404 that every other call gets. */
function missingAsSuch(answer: RecordAnswer): RecordAnswer {
	if (answer.ok || answer.status !== 400) return answer
	return /^woocommerce_rest_(shop_order|product|product_variation|shop_coupon)_invalid_id$/.test(answer.code ?? '')
		? { ...answer, status: 404 }
		: answer
}
