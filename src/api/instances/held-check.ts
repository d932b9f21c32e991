/** Whether objects whose deletions are held still do not exist at the store. Changes nothing. */
import type { Resource, StoreClient } from '../../elements/store.ts'
import { toObjectId } from '../../elements/values.ts'
import { getPolledResources } from '../../instances/poller.ts'
import { getElement, openStoreClient } from '../../instances/stores.ts'
import { mapConcurrent } from '../../lib/concurrency.ts'
import { callWatcher } from '../http/ask.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import type { watchingOperations } from './monitoring-operations.ts'

/** Objects that are read of each resource, one request each. */
export const MAX_CHECKED_OBJECTS = 10
/** Requests at the same time. */
const CONCURRENCY = 3
/** Failures that the next request would meet too, perhaps after a long wait. */
const STORE_FAILURES = new Set(['unreachable', 'not-public', 'timeout', 'tls', 'throttled', 'auth'])

type CheckedObject = OperationResponse<
	typeof watchingOperations.checkHeldDeletions
>['checked'][number]['objects'][number]

/** `POST …/deletions/check`. */
export async function checkHeldDeletions(
	c: InstanceContext,
): Promise<OperationResponse<typeof watchingOperations.checkHeldDeletions>> {
	const { held } = await callWatcher(c, (watcher) => watcher.deletions())
	const { instance, services } = c.var
	const element = getElement(instance.elementKey)
	const poller = getPolledResources(instance.configuration, element)
	const client = await openStoreClient(c.env, instance, services.io)
	let failure: string | null = null
	const checked = []
	for (const { resource: name, objects, count } of held) {
		const parsed = poller[name] === undefined ? null : element.parseResource(name, poller[name], instance.connection)
		const readState = async (objectId: string): Promise<CheckedObject> =>
			parsed?.ok === true
				? { objectId, ...(await readObject(client, parsed.resource, objectId)) }
				: { objectId, state: 'unknown', reason: 'This resource is no longer configured.' }
		const sample = objects.slice(0, MAX_CHECKED_OBJECTS).map(({ objectId }) => objectId)
		checked.push({ resource: name, count, objects: await mapConcurrent(sample, CONCURRENCY, readState) })
	}
	return { checked }

	async function readObject(
		store: StoreClient,
		resource: Resource,
		objectId: string,
	): Promise<Omit<CheckedObject, 'objectId'>> {
		const id = toObjectId(objectId)
		if (id === null) return { state: 'unknown', reason: 'This is not an id.' }
		if (failure !== null) return { state: 'unknown', reason: failure }
		const answer = await store.read(resource, id)
		if (!answer.ok) {
			if (STORE_FAILURES.has(answer.kind)) failure = answer.message
			return { state: 'unknown', reason: answer.message }
		}
		if (answer.found === null) return { state: 'missing', reason: null }
		const snapshot = element.parseRecord(resource, answer.found, { version: 1, paths: [] })
		// A cache or a language plugin can answer with another object.
		if (snapshot === null || String(snapshot.id) !== objectId)
			return { state: 'unknown', reason: 'The store answered with another object.' }
		return { state: snapshot.state === 'trashed' ? 'trashed' : 'exists', reason: null }
	}
}
