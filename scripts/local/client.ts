/** The calls of Shopbell's API that local scripts, the demo and the end-to-end tests make. */
import { createClient, type Client as Api } from '../../src/client/client.ts'
import type { Health, PollerReport } from '../../src/watcher/rpc.ts'

/** What `POST /setup` gives: the first organization's and its user's secrets. */
export interface Account {
	userSecret: string
	organizationSecret: string
}

/** What is used of an instance as the API shows it. */
export interface MadeInstance {
	id: number
	token: string
	name: string
	configuration: Record<string, string | null>
}

/** Connecting a store may take this long. */
const LONGEST_CALL_MS = 60_000

/** An answer that was no success. */
export class CallFailed extends Error {
	readonly status: number

	constructor(call: string, status: number, body: string) {
		let message = body.slice(0, 300)
		try {
			message = String((JSON.parse(body) as { message?: unknown }).message)
		} catch {
			// Not the API's own error body.
		}
		super(`${call} answered ${status}: ${message}`)
		this.status = status
	}
}

/** Makes the first organization and user; null when there are some already. */
export async function setUp(
	url: string,
	setupToken: string,
	names: { organizationName: string; email: string; firstName: string; lastName: string },
): Promise<Account | null> {
	const response = await fetch(`${url}/setup`, {
		method: 'POST',
		headers: { Authorization: `Bearer ${setupToken}`, 'Content-Type': 'application/json' },
		body: JSON.stringify(names),
	})
	const text = await response.text()
	if (response.status === 404) return null
	if (!response.ok) throw new CallFailed('POST /setup', response.status, text)
	const { userSecret, organizationSecret } = JSON.parse(text) as Account
	return { userSecret, organizationSecret }
}

/** A caller with both secrets. */
export class Client {
	readonly base: string
	readonly authorization: string
	/** Every call of the API, typed. */
	readonly api: Api

	constructor(url: string, account: Account) {
		this.base = `${url}/elements/api-v2`
		this.authorization = `User ${account.userSecret}, Organization ${account.organizationSecret}`
		this.api = createClient({
			baseUrl: url,
			authorization: this.authorization,
			fetch: async (request) => await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(LONGEST_CALL_MS)]) }),
		})
	}

	/** One call below the base path. Throws CallFailed. */
	async call<T>(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<T> {
		return (await this.#send<T>(method, path, body, timeoutMs)).body
	}

	async #send<T>(method: string, path: string, body?: unknown, timeoutMs = 30_000): Promise<{ body: T; headers: Headers }> {
		const response = await fetch(`${this.base}${path}`, {
			method,
			headers: { Authorization: this.authorization, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
			signal: AbortSignal.timeout(timeoutMs),
		})
		const text = await response.text()
		if (!response.ok) throw new CallFailed(`${method} ${path}`, response.status, text)
		return { body: (text === '' ? null : JSON.parse(text)) as T, headers: response.headers }
	}

	/** Connects a store. */
	async connect(name: string, configuration: Record<string, unknown>): Promise<MadeInstance> {
		return await this.call('POST', '/instances', { element: { key: 'woocommercerest' }, configuration, tags: [name], name }, 60_000)
	}

	/** What the poller knows. */
	async poller(instanceId: number, timeoutMs?: number): Promise<PollerReport> {
		return await this.call('GET', `/instances/${instanceId}/poller`, undefined, timeoutMs)
	}

	/** State, reason and next step. */
	async health(instanceId: number, timeoutMs?: number): Promise<Health> {
		return await this.call('GET', `/instances/${instanceId}/health`, undefined, timeoutMs)
	}

	/** Polls now, or reads everything again. */
	async poll(instanceId: number, depth: 'window' | 'reread'): Promise<void> {
		await this.call('PUT', `/instances/${instanceId}/poll`, { depth })
	}
}
