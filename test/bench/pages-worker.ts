/** The production Worker, which counts what a page asks of D1 and of Durable Objects. */
import type { Doorbell, Env } from '../../src/context.ts'
import worker from '../../src/index.ts'
import { countingDatabase } from '../support/counting-database.ts'

export { Callback, Watcher } from '../browser/scene-worker.ts'

/** Put this into a request, and the answer has `<round trips to D1> <calls of objects>`. */
const COUNT_HEADER = 'x-bench-count'

export default {
	...worker,
	async fetch(request, env, ctx): Promise<Response> {
		if (request.headers.get(COUNT_HEADER) === null) return await worker.fetch(request, env, ctx)
		const queries = { trips: 0, statements: 0 }
		const calls = { count: 0 }
		const counted: Env = {
			...env,
			DB: countingDatabase(env.DB, queries),
			WATCHER: countingNamespace(env.WATCHER, calls),
			CALLBACK: countingNamespace(env.CALLBACK, calls),
		}
		const answer = await worker.fetch(request, counted, ctx)
		const headers = new Headers(answer.headers)
		headers.set(COUNT_HEADER, `${queries.trips} ${calls.count}`)
		return new Response(answer.body, { status: answer.status, headers })
	},
} satisfies ExportedHandler<Env, Doorbell>

/** The same objects, whose calls are counted. */
function countingNamespace<T extends object>(namespace: T, calls: { count: number }): T {
	return new Proxy(namespace, {
		get(target, name) {
			const value = Reflect.get(target, name) as unknown
			if (typeof value !== 'function') return value
			return (...args: unknown[]) => {
				const result = Reflect.apply(value, target, args) as unknown
				return name === 'get' || name === 'getByName' ? countingStub(result as object, calls) : result
			}
		},
	})
}

function countingStub(stub: object, calls: { count: number }): object {
	return new Proxy(stub, {
		get(target, name) {
			const value = Reflect.get(target, name) as unknown
			if (typeof value !== 'function') return value
			return (...args: unknown[]) => {
				calls.count++
				return (target as Record<PropertyKey, (...given: unknown[]) => unknown>)[name]!(...args)
			}
		},
	})
}
