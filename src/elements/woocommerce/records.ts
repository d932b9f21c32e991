/** WooCommerce's records at the hub: lists, writes, deletions, and what a store reports about its collections. */
import type { RecordCallResult, Records, RecordWrite } from '../records.ts'
import { getCollection, isKnownCollection } from './collections.ts'
import { toHubPath, toVendorPath } from './hub-paths.ts'
import { isCommandName } from './list-arguments.ts'
import { planList } from './lists.ts'
import { listCollections, listFields } from './schema.ts'
import type { Failure, StoreClient } from '../store.ts'
import { isRecord } from '../values.ts'

/** The element's access to records for the hub. */
export const records: Records = {
	toVendorPath: toVendorPath,
	toHubPath,
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
	return await client.call('PUT', path, {}, request.body)
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
	if (answer.ok) return answer
	if (hasTrash && !force && (await isTrashedDespite(client, path, answer))) return { ok: true, status: 200, body: null }
	if (permanent !== null || force || !isTrashUnsupported(answer)) return answer
	return await client.call('DELETE', path, { force: 'true' })
}

/** Stores before 8 answer 500 to a coupon that they have moved to the trash (docs/woocommerce.md 5.9). */
async function isTrashedDespite(client: StoreClient, path: string, failure: Failure): Promise<boolean> {
	if (failure.kind !== 'server' || failure.status !== 500) return false
	const found = await client.call('GET', path, {})
	if (!found.ok || !isRecord(found.body)) return false
	if (typeof found.body['status'] === 'string') return found.body['status'] === 'trash'
	// The oldest ones show no status of a coupon: of one in the trash they say so when it is deleted again.
	const repeated = await client.call('DELETE', path, {})
	return !repeated.ok && repeated.status === 410
}

function isTrashUnsupported(failure: Failure): boolean {
	return failure.status === 501 && failure.code?.endsWith('_trash_not_supported') === true
}
