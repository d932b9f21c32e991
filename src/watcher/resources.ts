/** Which resources an instance watches: its configuration held against the state of those that were polled before. */
import type { Resource } from '../elements/element.ts'
import { effectivePoller } from '../instances/poller.ts'
import type { Core, Watched } from './core.ts'
import { list, type Budget } from './requests.ts'
import { newResource } from './state.ts'

/** The resources as configured, in order. Those that the element does not understand are left out (the API refuses them). */
export function configured(core: Core): Resource[] {
	const { configuration, connection } = core.config
	const settings = effectivePoller(configuration, core.element)
	const resources: Resource[] = []
	for (const [objectType, one] of Object.entries(settings)) {
		const made = core.element.resource(objectType, one, connection)
		if (made.ok && !resources.some((other) => other.identity === made.resource.identity)) resources.push(made.resource)
	}
	return resources
}

/**
 * Brings the state in line with the configuration. A resource that is new begins now: T0 and the highest id come from the
 * connection when the instance was just made, otherwise from one request. Throws StoreTrouble.
 */
export async function syncResources(core: Core, budget: Budget): Promise<void> {
	const wanted = configured(core)
	const { state } = core
	const gone = state.resources.filter((rs) => !wanted.some((one) => one.identity === rs.identity))
	const fresh = wanted.filter((one) => !state.resources.some((rs) => rs.identity === one.identity))
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
	const first = state.nextResource === 1
	for (const resource of fresh) await begin(core, resource, first, budget)
	for (const rs of state.resources) {
		const resource = wanted.find((one) => one.identity === rs.identity)
		if (resource !== undefined && rs.pageSize > resource.pageSize) rs.pageSize = resource.pageSize
	}
}

async function begin(core: Core, resource: Resource, first: boolean, budget: Budget): Promise<void> {
	const { connection } = core.config
	const seen = connection.collections[resource.path]
	const now = core.ports.now()
	let t0Ms = connection.storeNowMs
	let highest = seen?.highestId ?? 0
	let total = seen?.total ?? 0
	const provisional = newResource(core.state.nextResource, resource, Math.floor(t0Ms / 1000), highest, total, now)
	if (!first || seen === undefined || !seen.readable) {
		const page = await list(core, { resource, state: provisional }, { order: 'id-desc', limit: 1 }, budget)
		t0Ms = page.storeNowMs
		total = page.total ?? 0
		const id = page.sightings[0]?.id
		highest = typeof id === 'number' ? id : 0
	}
	core.commit(() => {
		const rs = newResource(core.state.nextResource, resource, Math.floor(t0Ms / 1000), highest, total, now)
		rs.requests = provisional.requests
		if (!resource.indexed) rs.baseline = null
		core.state.nextResource++
		core.state.resources.push(rs)
		if (core.state.run !== null) core.state.run.left.push(rs.number)
	})
}

/** The watched resources: configured ones that have a state. */
export function watchedResources(core: Core): Watched[] {
	const watched: Watched[] = []
	for (const resource of configured(core)) {
		const rs = core.state.resources.find((one) => one.identity === resource.identity)
		if (rs !== undefined) watched.push({ resource, state: rs })
	}
	return watched
}
