/** WooCommerce's records at the hub: lists, writes, deletions, and what a store reports about its collections. */
import type { RecordCallResult, Records, RecordWrite } from '../records.ts'
import { getCollection, isKnownCollection } from './collections.ts'
import { toVendorPath } from './hub-paths.ts'
import { isCommandName } from './list-arguments.ts'
import { planList } from './lists.ts'
import { listCollections, listFields } from './schema.ts'
import type { Failure, StoreClient } from '../store.ts'

/** The element's access to records for the hub. */
export const records: Records = {
	toVendorPath: toVendorPath,
	classifyPath(path) {
		const vendor = toVendorPath(path) ?? ''
		return isKnownCollection(vendor) ? 'collection' : /\/\d+$/.test(vendor) ? 'object' : 'unknown'
	},
	isReservedParameter: isCommandName,
	planList: planList,
	write: writeRecord,
	listCollections: listCollections,
	listFields: listFields,
}

async function writeRecord(client: StoreClient, request: RecordWrite): Promise<RecordCallResult> {
	const path = toVendorPath(request.path) ?? ''
	if (request.verb === 'create') return await client.call('POST', path, {}, request.body)
	if (request.verb === 'delete') return await deleteRecord(client, path, request.permanent)
	return asNotFound(await client.call('PUT', path, {}, request.body))
}

/**
 * Deletes an object: into the trash if there is one, as the shop's own pages do, otherwise permanently. Most
 * collections are known; for the others, the store answers 501 before it does anything (docs/woocommerce.md 5.6).
 */
async function deleteRecord(client: StoreClient, path: string, permanent: boolean | null): Promise<RecordCallResult> {
	const parent = path.replace(/\/[^/]*$/, '')
	const hasTrash = /^(orders|products|coupons)$/.test(parent)
	const isTrashless = !hasTrash && isKnownCollection(parent) && !getCollection(parent, null).hasTrash
	const force = permanent ?? isTrashless
	const answer = await client.call('DELETE', path, force ? { force: 'true' } : {})
	if (answer.ok || permanent !== null || force || !isTrashUnsupported(answer)) return answer
	return await client.call('DELETE', path, { force: 'true' })
}

function isTrashUnsupported(failure: Failure): boolean {
	return failure.status === 501 && failure.code?.endsWith('_trash_not_supported') === true
}

/**
 * A PUT to an order, product or coupon that does not exist is answered with 400 (docs/woocommerce.md 2.6): it is the
 * 404 that every other call gets.
 */
function asNotFound(answer: RecordCallResult): RecordCallResult {
	if (answer.ok || answer.status !== 400) return answer
	return /^woocommerce_rest_(shop_order|product|product_variation|shop_coupon)_invalid_id$/.test(answer.code ?? '')
		? { ...answer, status: 404 }
		: answer
}
