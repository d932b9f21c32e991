/** Which resources an instance watches: its configuration held against the state of those that were polled before. */
import { effectivePoller } from '../../instances/poller.ts'
import type { Core, Watched } from '../core/core.ts'
import { list, type Budget } from './requests.ts'
import { newResource, type ResourceState } from '../core/state.ts'
import type { WatcherConfig } from '../../rpc/config.ts'
import type { Resource } from '../../elements/store.ts'

const understood = new WeakMap<WatcherConfig, Resource[]>()

/** The resources as configured, in order. Those that the element does not understand are left out (the API refuses them). */
export function configured(core: Core): Resource[] {
	const known = understood.get(core.config)
	if (known !== undefined) return known
	if (core.config.storeless) return []
	const { configuration, connection } = core.config
	const settings = effectivePoller(configuration, core.element)
	const resources: Resource[] = []
	for (const [objectType, one] of Object.entries(settings)) {
		const made = core.element.resource(objectType, one, connection)
		if (made.ok && !resources.some((other) => other.identity === made.resource.identity)) resources.push(made.resource)
	}
	understood.set(core.config, resources)
	return resources
}

/**
 * Whether a state belongs to a resource. Polled by dates alone it has no index that polling with one could go on with, and an index by
 * another id field knows none of its objects.
 */
function serves(rs: ResourceState, resource: Resource): boolean {
	return (
		rs.identity === resource.identity &&
		(rs.idField ?? resource.idField) === resource.idField &&
		(rs.baseline !== null || rs.baselineDoneMs !== null) === resource.indexed
	)
}

/**
 * Brings the state in line with the configuration. A resource that is new begins now: T0 and the highest id come from the
 * connection when the instance was just made, otherwise from one request. Throws StoreTrouble.
 */
export async function syncResources(core: Core, budget: Budget): Promise<void> {
	const wanted = configured(core)
	const { state } = core
	const gone = state.resources.filter((rs) => !wanted.some((one) => serves(rs, one)))
	const fresh = wanted.filter((one) => !state.resources.some((rs) => serves(rs, one)))
	const renamed = state.resources.some((rs) => wanted.some((one) => one.identity === rs.identity && one.objectType !== rs.objectType))
	if (gone.length > 0 || renamed) {
		core.commit(() => {
			state.resources = state.resources.filter((rs) => !gone.includes(rs))
			state.dropped.push(...gone.map((rs) => rs.number))
			if (gone.length > 0) state.pruneMs = core.ports.now()
			if (state.run !== null) state.run.left = state.run.left.filter((number) => !gone.some((rs) => rs.number === number))
			for (const rs of state.resources) rs.objectType = wanted.find((one) => one.identity === rs.identity)?.objectType ?? rs.objectType
		})
	}
	for (const resource of fresh) await begin(core, resource, gone.find((rs) => rs.identity === resource.identity)?.cursorMs ?? null, budget)
	for (const rs of state.resources) {
		const resource = wanted.find((one) => one.identity === rs.identity)
		if (resource === undefined) continue
		if (rs.pageSize > resource.pageSize) rs.pageSize = resource.pageSize
		rs.idField ??= resource.idField
	}
}

/**
 * The resources that the connection's checks have looked at begin at the very moment the store was checked: the bell is on when
 * `POST /instances` answers (design, What rings). Call it inside the commit that creates the instance.
 */
export function beginConnected(core: Core): void {
	const { connection } = core.config
	for (const resource of configured(core)) {
		const seen = connection.collections[resource.path]
		if (seen?.readable === true) add(core, resource, Math.floor(connection.storeNowMs / 1000), seen.highestId, seen.total)
	}
}

/** `cursorMs`: up to where the same collection was seen in another way. */
async function begin(core: Core, resource: Resource, cursorMs: number | null, budget: Budget): Promise<void> {
	const provisional = newResource(0, resource, 0, 0, 0, core.ports.now())
	const page = await list(core, { resource, state: provisional }, { order: 'id-desc', limit: 1 }, budget)
	// A resource that was there from the start counts from the moment the bell went on, one that was added later from now.
	const t0Ms = cursorMs ?? (core.config.version === core.state.bornVersion ? core.config.connection.storeNowMs : page.storeNowMs)
	const id = page.sightings[0]?.id
	core.commit(() => {
		const rs = add(core, resource, Math.floor(t0Ms / 1000), typeof id === 'number' ? id : 0, page.total ?? 0)
		rs.requests = provisional.requests
		if (core.state.run !== null) core.state.run.left.push(rs.number)
	})
}

function add(core: Core, resource: Resource, t0Sec: number, highestId: number, total: number): ResourceState {
	const rs = newResource(core.state.nextResource++, resource, t0Sec, highestId, total, core.ports.now())
	if (!resource.indexed) rs.baseline = null
	core.state.resources.push(rs)
	return rs
}

/** The watched resources: configured ones that have a state. */
export function watchedResources(core: Core): Watched[] {
	const watched: Watched[] = []
	for (const resource of configured(core)) {
		const rs = core.state.resources.find((one) => serves(one, resource))
		if (rs !== undefined) watched.push({ resource, state: rs })
	}
	return watched
}
