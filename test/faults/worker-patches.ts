/**
 * Inside the Worker under test, before any of it runs: the run's clock in place of the machine's, and a `fetch` that stands still where the
 * harness wants to kill. Imported first by `worker.ts`; production code has none of this.
 */
import { env } from 'cloudflare:workers'
import { AsyncLocalStorage } from 'node:async_hooks'
import { RunClock } from './clock.ts'
import { INSTANCE_HEADER, type InnerKillPoint, type HaltReport, type Trap } from './kill-points.ts'

const bindings = env as unknown as Record<
	'FAULTS_BEGAN' | 'FAULTS_SPEED' | 'FAULTS_CONTROL' | 'FAULTS_CALLBACK',
	string
>
const clock = new RunClock(Number(bindings.FAULTS_BEGAN), Number(bindings.FAULTS_SPEED))

const realNow = Date.now
const realSetTimeout = globalThis.setTimeout
const realFetch = globalThis.fetch

Date.now = () => clock.toRunMs(realNow())
globalThis.setTimeout = ((work: () => void, ms = 0) =>
	realSetTimeout(work, ms / clock.speed)) as typeof globalThis.setTimeout

/** The instance on whose behalf something runs. */
export const currentInstance = new AsyncLocalStorage<number>()

/** Where to stand still; the harness sets it, and a Worker that starts has none. */
let trap: Trap | null = null

/** Sets the trap. */
export function setTrap(next: Trap): void {
	trap = next
}

/** Halts here if the trap is set for this point, until the Worker is killed or released. `getReport` returns null when the point does not apply. */
export async function haltAt(point: InnerKillPoint, getReport: () => Omit<HaltReport, 'point'> | null): Promise<void> {
	if (trap?.point !== point) return
	const haltReport = getReport()
	if (haltReport === null) return
	if (trap.skip > 0) {
		trap.skip--
		return
	}
	trap = null
	const response = await realFetch(bindings.FAULTS_CONTROL, {
		method: 'POST',
		body: JSON.stringify({ point, ...haltReport }),
	})
	await response.arrayBuffer()
}

/** A POST to the callback, with a place to stand still before it and one after its answer. */
async function post(request: Request): Promise<Response> {
	const haltReport = (): Omit<HaltReport, 'point'> => ({
		notifications: [request.headers.get('webhook-id') ?? ''],
		attempt: Number(request.headers.get('Shopbell-Attempt') ?? 1),
	})
	await haltAt('claimToPost', haltReport)
	const response = await realFetch(request)
	if (trap?.point !== 'answerToSettle' || !response.ok) return response
	// The whole answer is here; it is not reported yet.
	const body = await response.arrayBuffer()
	await haltAt('answerToSettle', haltReport)
	return new Response(body, response)
}

globalThis.fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
	const request = new Request(input, init)
	if (new URL(request.url).origin === bindings.FAULTS_CALLBACK) return await post(request)
	const instance = currentInstance.getStore()
	if (instance !== undefined) request.headers.set(INSTANCE_HEADER, String(instance))
	return await realFetch(request)
}

const patchedPrototypes = new WeakSet<object>()

/** Puts the alarms of Durable Objects on the run's clock: all of them, since they share a prototype. */
export function useRunClockForAlarms(storage: DurableObjectStorage): void {
	const shared = Object.getPrototypeOf(storage) as DurableObjectStorage
	if (patchedPrototypes.has(shared)) return
	patchedPrototypes.add(shared)
	const { setAlarm, getAlarm } = shared
	shared.setAlarm = async function (this: DurableObjectStorage, at: number | Date) {
		await setAlarm.call(this, clock.toMachineMs(Number(at)))
	}
	shared.getAlarm = async function (this: DurableObjectStorage) {
		const at = await getAlarm.call(this)
		return at === null ? null : clock.toRunMs(at)
	}
}
