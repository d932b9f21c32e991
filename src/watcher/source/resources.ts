/** Which resources an instance watches: those of its configuration, with the state of their polling. */
import { getEffectivePoller } from '../../instances/poller.ts'
import { toSupportedResource } from '../core/abilities.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { canBeOfRecord } from './record-failures.ts'
import { requestPage, StoreError, type ListedPage, type SliceBudget } from './requests.ts'
import { newResourceState, type ResourceState } from '../core/resource-state.ts'
import { getObjectSequenceFloor } from '../core/skipped-ids.ts'
import type { Tx } from '../core/tx.ts'
import { forgetDates } from '../core/unreadable-dates.ts'
import type { WatcherConfig } from '../../rpc/config.ts'
import { getHighestId } from '../../elements/page-order.ts'
import type { Resource } from '../../elements/store.ts'

/** Rows that show the highest id of a new resource: in one alone, another order would not show. */
const NEWEST_ROWS = 10
/** Newest objects that are passed over because they cannot be read. */
const MAX_NEWER = 2

const resourcesByConfig = new WeakMap<WatcherConfig, Resource[]>()

/** The configured resources in order. Those that the element does not know are left out; the API refuses them. */
function getConfiguredResources(core: Core): Resource[] {
	const known = resourcesByConfig.get(core.config)
	if (known !== undefined) return known
	if (!core.kind.watchesStore) return []
	const { configuration, connection } = core.config
	const settings = getEffectivePoller(configuration, core.element)
	const resources: Resource[] = []
	for (const [objectType, resourceSettings] of Object.entries(settings)) {
		const parsed = core.element.parseResource(objectType, resourceSettings, connection)
		if (parsed.ok && !resources.some((other) => other.identity === parsed.resource.identity))
			resources.push(parsed.resource)
	}
	resourcesByConfig.set(core.config, resources)
	return resources
}

/**
 * Whether a state belongs to a resource. Not when only one of them has an index, nor when the index is by another id
 * field.
 */
function belongsTo(rs: ResourceState, resource: Resource): boolean {
	return (
		rs.identity === resource.identity &&
		(rs.idField ?? resource.idField) === resource.idField &&
		(rs.baseline !== null || rs.baselineDoneMs !== null) === resource.indexed
	)
}

/**
 * Brings the state in line with the configuration. A new resource is watched from now on; one request brings its
 * highest id. Throws StoreError.
 */
export async function syncResources(core: Core, budget: SliceBudget): Promise<void> {
	const configuredResources = getConfiguredResources(core)
	const { state } = core
	const removed = state.resources.filter((rs) => !configuredResources.some((resource) => belongsTo(rs, resource)))
	const added = configuredResources.filter((resource) => !state.resources.some((rs) => belongsTo(rs, resource)))
	const renamed = state.resources.some((rs) =>
		configuredResources.some((resource) => resource.identity === rs.identity && resource.objectType !== rs.objectType),
	)
	if (removed.length > 0 || renamed) {
		core.commit(() => {
			state.resources = state.resources.filter((rs) => !removed.includes(rs))
			state.dropped.push(...removed.map((rs) => rs.number))
			if (removed.length > 0) state.pruneMs = core.ports.now()
			if (state.run !== null)
				state.run.left = state.run.left.filter((number) => !removed.some((rs) => rs.number === number))
			for (const rs of state.resources)
				rs.objectType =
					configuredResources.find((resource) => resource.identity === rs.identity)?.objectType ?? rs.objectType
		})
	}
	for (const resource of added)
		await addResourceFromStore(
			core,
			resource,
			toFirstUnreadMs(removed.find((rs) => rs.identity === resource.identity)),
			budget,
		)
	for (const rs of state.resources) {
		const resource = configuredResources.find((candidate) => candidate.identity === rs.identity)
		if (resource === undefined) continue
		rs.pageSize = Math.min(rs.pageSize, toSupportedResource(resource, rs.abilities).pageSize)
		rs.idField ??= resource.idField
		forgetDates(rs, resource, 0)
	}
}

/** From when on changes of a resource are not read yet, epoch ms; null: it was not polled. */
function toFirstUnreadMs(rs: ResourceState | undefined): number | null {
	if (rs === undefined || rs.cursorMs === null) return null
	// Without an index the cursor is the date of a row that was sent.
	return rs.sweep === undefined ? rs.cursorMs : rs.cursorMs + 1_000
}

/**
 * Watches the resources that the connection's check has read from the moment of that check: no change after `POST
 * /instances` is missed.
 */
export function addConnectedResources(tx: Tx, core: Core): void {
	const { connection } = core.config
	for (const resource of getConfiguredResources(core)) {
		const collection = connection.collections[resource.path]
		if (collection?.readable === true)
			addResource(tx, core, resource, Math.floor(connection.storeNowMs / 1000), collection.highestId, collection.total)
	}
}

/** `cursorMs`: the cursor of the same collection when it was polled with other settings. */
async function addResourceFromStore(
	core: Core,
	resource: Resource,
	cursorMs: number | null,
	budget: SliceBudget,
): Promise<void> {
	const provisional = newResourceState(0, resource, 0, 0, 0, core.ports.now())
	const page = await readNewest(core, { resource, state: provisional }, budget)
	// A resource of the first configuration is watched from the connection's check on, one that was added later from now.
	const t0Ms =
		cursorMs ?? (core.config.version === core.state.bornVersion ? core.config.connection.storeNowMs : page.storeNowMs)
	const ids = page.snapshots.map(({ id }) => id)
	core.commit((tx) => {
		// If the newest object cannot be read, dates alone say what is new.
		const highestId = page.offset > 0 ? Number.MAX_SAFE_INTEGER : getHighestId(ids, page.total)
		const rs = addResource(tx, core, resource, Math.floor(t0Ms / 1000), highestId, page.total ?? 0)
		rs.requests = provisional.requests
		if (core.state.run !== null) core.state.run.left.push(rs.number)
	})
}

/**
 * The newest objects, or the newest one that can be read; `offset`: how many newer ones cannot. Throws StoreError.
 */
async function readNewest(
	core: Core,
	watched: WatchedResource,
	budget: SliceBudget,
): Promise<ListedPage & { offset: number }> {
	const tries = [
		{ offset: 0, limit: NEWEST_ROWS },
		...Array.from({ length: MAX_NEWER + 1 }, (_, offset) => ({ offset, limit: 1 })),
	]
	for (const { offset, limit } of tries) {
		try {
			return { ...(await requestPage(core, watched, { order: 'id-desc', offset, limit }, budget)), offset }
		} catch (error) {
			const isLast = offset === MAX_NEWER
			if (!(error instanceof StoreError) || !canBeOfRecord(error.failure) || isLast) throw error
		}
	}
	throw new Error('a list is asked for at least once')
}

function addResource(
	_tx: Tx,
	core: Core,
	resource: Resource,
	t0Sec: number,
	highestId: number,
	total: number,
): ResourceState {
	const { state } = core
	const objectSequenceFloor = getObjectSequenceFloor(state)
	const rs = newResourceState(state.nextResource++, resource, t0Sec, highestId, total, core.ports.now())
	if (objectSequenceFloor > 0) rs.objectSequenceFloor = objectSequenceFloor
	if (!resource.indexed) rs.baseline = null
	state.resources.push(rs)
	return rs
}

/** The watched resources: configured ones that have a state. */
export function getWatchedResources(core: Core): WatchedResource[] {
	const watched: WatchedResource[] = []
	for (const resource of getConfiguredResources(core)) {
		const rs = core.state.resources.find((candidate) => belongsTo(candidate, resource))
		if (rs === undefined) continue
		const supported = toSupportedResource(resource, rs.abilities)
		watched.push({ resource: supported, state: rs, ...(supported !== resource && { configured: resource }) })
	}
	return watched
}
