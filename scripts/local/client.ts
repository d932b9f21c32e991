/** The calls of Shopbell's API that local scripts, the demo and the end-to-end tests make. */
import type { OperationResponse } from '../../src/api/http/contract.ts'
import type { instanceOperations } from '../../src/api/instances/operations.ts'
import { createClient, type CallOptions, type Client as ApiClient } from '../../src/client/client.ts'
import type { HealthReport, PollerReport } from '../../src/rpc/watcher.ts'

/** What `POST /setup` gives: the first organization's and its user's secrets. */
export interface Account {
	userSecret: string
	organizationSecret: string
}

/** An instance as the API shows it, configuration included. */
export type CreatedInstance = OperationResponse<(typeof instanceOperations)['createInstance']> & {
	configuration: Record<string, string | null>
}

/** Connecting a store may take this long. */
const CALL_TIMEOUT_MS = 60_000

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
	if (!response.ok) throw new Error(`POST /setup answered ${response.status}: ${text.slice(0, 300)}`)
	const { userSecret, organizationSecret } = JSON.parse(text) as Account
	return { userSecret, organizationSecret }
}

/** A link that signs in to the pages of a local Shopbell, for 14 days. */
export async function createSignInUrl(url: string, account: Account): Promise<string> {
	const { token } = await new Client(url, account).api.createSession()
	return `${url}/sign-in/local?session=${token}`
}

/** A caller with both secrets. */
export class Client {
	readonly base: string
	readonly authorization: string
	/** Every call of the API, typed. */
	readonly api: ApiClient

	constructor(url: string, account: Account) {
		this.base = `${url}/elements/api-v2`
		this.authorization = `User ${account.userSecret}, Organization ${account.organizationSecret}`
		this.api = createClient({
			baseUrl: url,
			authorization: this.authorization,
			fetch: async (request) =>
				await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]) }),
		})
	}

	/** Connects a store. Throws ApiError. */
	async connect(name: string, configuration: Record<string, unknown>): Promise<CreatedInstance> {
		const body = { element: { key: 'woocommercerest' }, configuration, tags: [name], name }
		return (await this.api.createInstance({ body })) as CreatedInstance
	}

	/** What the poller knows. */
	async poller(id: number, timeoutMs?: number): Promise<PollerReport> {
		return await this.api.getPoller({ params: { id } }, toCallOptions(timeoutMs))
	}

	/** State, reason and next step. */
	async health(id: number, timeoutMs?: number): Promise<HealthReport> {
		return await this.api.getHealth({ params: { id } }, toCallOptions(timeoutMs))
	}

	/** Polls now, or reads everything again. */
	async poll(id: number, depth: 'window' | 'reread'): Promise<void> {
		await this.api.pollNow({ params: { id }, body: { depth } })
	}
}

function toCallOptions(timeoutMs: number | undefined): CallOptions {
	return timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }
}
