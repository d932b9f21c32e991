/** Sends broken calls to a Worker and judges every answer, wherever the Worker runs. */
import { SCOPES } from '../../../src/api/http/contract.ts'
import { hashSecret } from '../../../src/accounts/secrets.ts'
import { BASE_PATH } from '../../../src/lib/base-path.ts'
import { Random } from '../../store/random.ts'
import { toInstanceBody, type ContractWorld } from '../contract-world.ts'
import { createDocumentCheck, type DocumentCheck, type OpenApiDocument } from '../document.ts'
import {
	createCall,
	toFuzzOperations,
	type Actor,
	type FuzzCall,
	type FuzzKnowledge,
	type FuzzOperation,
} from './calls.ts'
import { findFault, type FuzzAnswer, type PlantedSecret } from './oracle.ts'

/** Where the Worker is, and what is around it. */
export interface FuzzPorts {
	world: ContractWorld
	db: D1Database
	document: OpenApiDocument
	/** Secrets that nobody may ever see. */
	serverSecrets: readonly string[]
	/** null: the call could not be made, or was made so that none answers. */
	send(call: FuzzCall): Promise<FuzzAnswer | null>
}

/** An answer that is wrong. */
export interface FuzzFailure {
	index: number
	call: FuzzCall
	fault: string
	answer: FuzzAnswer
}

/** A call of the owner's. */
type OwnCall = (method: string, path: string, body?: object) => ReturnType<ContractWorld['send']>

/** After so many calls, what they destroyed is put back. */
const EPISODE_CALLS = 25
/** Of so many writes one is compared with what was there before. */
const COMPARED_WRITES = 6
/** Kept of what answers told, by kind. */
const MAX_LEARNED = 5
/** Operations that cost far more than they show, or take the world away: most of them are passed over. */
const RARE = /^(delete(Instance|InstanceByToken|InstanceOfElement|User)|signIn|changePassword|revoke\w+)$/
/** Everything that a refused write might have changed. */
const COMPARED_TABLES = [
	'organizations',
	'users',
	'instances',
	'subscriptions',
	'account_settings',
	'links',
	'sessions',
]

/** Makes calls one after another. */
export class Fuzzer {
	/** Answers by status. */
	readonly statuses: Record<string, number> = {}
	readonly #ports: FuzzPorts
	readonly #seed: number
	readonly #operations: FuzzOperation[]
	readonly #check: DocumentCheck
	#focus: FuzzOperation[] = []
	#knowledge: FuzzKnowledge
	#secrets: PlantedSecret[] = []

	/** `only`: of these operations alone. */
	constructor(ports: FuzzPorts, seed: number, only: RegExp = /(?:)/) {
		const { key, secret } = ports.world.store.credentials
		this.#ports = ports
		this.#seed = seed
		this.#check = createDocumentCheck(ports.document)
		this.#operations = toFuzzOperations(ports.document, (text) =>
			text.replaceAll(/"ck_\w*"/g, `"${key}"`).replaceAll(/"cs_\w*"/g, `"${secret}"`),
		).filter(({ id }) => only.test(id))
		const { own, other } = ports.world
		this.#knowledge = { own: own.ids, other: other.ids, learned: new Map(), pages: [], authorizations: {} as never }
	}

	/** How many operations calls are made of. */
	get operationCount(): number {
		return this.#operations.length
	}

	/** Makes the calls from an index up to another. */
	async run(from: number, to: number): Promise<FuzzFailure[]> {
		const failures: FuzzFailure[] = []
		for (let index = from; index < to; index++) {
			const random = new Random(this.#seed, index)
			if (index % EPISODE_CALLS === 0 || index === from) await this.#beginEpisode(index, random)
			const operation = this.#pickOperation(random)
			const call = createCall(random, operation, this.#knowledge)
			const failure = await this.#make(index, call, operation, random)
			if (failure !== null) failures.push(failure)
		}
		return failures
	}

	/** Every other episode is about one kind of thing: it is made, used, deleted, and used again. */
	async #beginEpisode(index: number, random: Random): Promise<void> {
		const { path } = random.pick(this.#operations)
		const collection = path.split('/{')[0]!
		this.#focus = random.chance(0.5)
			? this.#operations.filter((one) => one.path.startsWith(collection))
			: this.#operations
		await this.#repair((index / EPISODE_CALLS) % 8 === 0)
		this.#knowledge.authorizations = await this.#authorize(random)
	}

	#pickOperation(random: Random): FuzzOperation {
		const picked = random.pick(random.chance(0.7) ? this.#focus : this.#operations)
		return RARE.test(picked.id) && random.chance(0.8) ? random.pick(this.#operations) : picked
	}

	async #make(index: number, call: FuzzCall, operation: FuzzOperation, random: Random): Promise<FuzzFailure | null> {
		const compared = !['GET', 'HEAD', 'OPTIONS'].includes(call.method) && random.int(1, COMPARED_WRITES) === 1
		const before = compared ? await this.#snapshot() : null
		const answer = await this.#ports.send(call)
		if (answer === null) return null
		this.statuses[answer.status] = (this.statuses[answer.status] ?? 0) + 1
		const refused = answer.status >= 400 && answer.status < 500
		const fault =
			findFault(call, answer, this.#check, this.#secrets) ??
			this.#findTrespass(call, operation, answer) ??
			(before !== null && refused && (await this.#snapshot()) !== before ? 'a refused call changed something' : null)
		if (answer.status < 300) this.#learn(call, operation, answer)
		return fault === null ? null : { index, call, fault, answer }
	}

	/** Who has nothing to show gets nothing. */
	#findTrespass({ actor, target }: FuzzCall, { access }: FuzzOperation, { status }: FuzzAnswer): string | null {
		const denied: readonly Actor[] = ['foreign', 'former', 'nobody']
		const path = new URL(`http://x${target}`).pathname
		return access !== 'public' &&
			denied.includes(actor) &&
			status < 300 &&
			/^\/elements\/api-v2\/(?!events\/)/.test(path)
			? `${actor} was answered`
			: null
	}

	#learn(call: FuzzCall, { path }: FuzzOperation, { headers, text }: FuzzAnswer): void {
		const page = headers.get('Elements-Next-Page-Token')
		const { pages, learned } = this.#knowledge
		if (page !== null) pages.splice(0, pages.length - MAX_LEARNED, page)
		if (call.method !== 'POST' || !['owner', 'session'].includes(call.actor)) return
		const id = /^\{(?:"\w+":\{)?"id":"?([\w-]+)/.exec(text)?.[1]
		if (id === undefined) return
		learned.set(path, [...(learned.get(path) ?? []).slice(1 - MAX_LEARNED), id])
	}

	async #snapshot(): Promise<string> {
		const { db, world } = this.#ports
		const rows = await db.batch([
			...COMPARED_TABLES.map((table) => db.prepare(`SELECT * FROM ${table}`)),
			db.prepare('SELECT id, user_id, name, key_hash, scopes, expires_ms FROM api_keys'),
		])
		return JSON.stringify([rows.map(({ results }) => results), world.store.journal().length])
	}

	/** Puts back what calls took away: people and their secrets, the instance and, now and then, its configuration. */
	async #repair(thorough: boolean): Promise<void> {
		const { world } = this.#ports
		await world.restore()
		const headers = { Authorization: world.own.authorization, 'CF-Connecting-IP': '192.0.2.1' }
		const call: OwnCall = (method, path, body) =>
			world.send({
				method,
				path: `${BASE_PATH}${path}`,
				headers,
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			})
		for (const [path, ids] of this.#knowledge.learned)
			if (path.endsWith('/instances'))
				for (const id of ids.splice(0)) if (id !== world.own.ids['instance']) await call('DELETE', `/instances/${id}`)
		const instance = `/instances/${world.own.ids['instance']}`
		if ((await call('GET', instance)).status === 404) await this.#replaceInstance(call)
		else if (thorough) {
			await call('PUT', `${instance}/enabled`)
			await call('PUT', instance, toInstanceBody(world.store))
			await this.#refreshIds(call)
		}
	}

	/** A new instance for the one that a call deleted, with a change to find. */
	async #replaceInstance(call: OwnCall): Promise<void> {
		const { own, store } = this.#ports.world
		const created = (await call('POST', '/instances', toInstanceBody(store))).body as Record<string, any>
		own.token = created['token']
		own.tokenAuthorization = `User ${own.user}, Element ${own.token}`
		Object.assign(own.ids, { instance: String(created['id']), callback: String(created['subscriptionId']) })
		store.act({ do: 'create', resource: 'orders', set: {} })
		await call('PUT', `/instances/${own.ids['instance']}/poll`, { depth: 'window' })
	}

	/** The newest event and its notification, where those that were known are gone. */
	async #refreshIds(call: OwnCall): Promise<void> {
		const { own } = this.#ports.world
		const { body } = await call('GET', `/instances/${own.ids['instance']}/events?pageSize=1`)
		const [event] = (Array.isArray(body) ? body : []) as Record<string, any>[]
		if (event === undefined) return
		const notification = event['notifiedData']?.[0]?.id as number | undefined
		Object.assign(own.ids, {
			event: event['id'],
			...(notification === undefined ? {} : { notification: String(notification) }),
		})
	}

	/** Fresh credentials of everybody, since calls end sessions and delete keys. */
	async #authorize(random: Random): Promise<FuzzKnowledge['authorizations']> {
		const { world, db, serverSecrets } = this.#ports
		const { own, other } = world
		const scope = random.pick(SCOPES)
		const [session, viewer, key, former, formerKey] = [
			await world.session(),
			await world.session(world.viewer),
			await world.key([scope]),
			await world.session(),
			await world.key(SCOPES),
		]
		await db.batch([
			db.prepare('UPDATE sessions SET expires_ms = 1 WHERE token_hash = ?').bind(hashSecret(former)),
			db.prepare('UPDATE api_keys SET expires_ms = 1 WHERE key_hash = ?').bind(hashSecret(formerKey)),
		])
		const secretOf = (authorization: string): string => authorization.split('Organization ')[1]!
		const mine: Actor[] = ['owner', 'session']
		this.#secrets = [
			...[own.user, secretOf(own.authorization), world.store.credentials.secret].map((text) => ({
				text,
				readers: mine,
			})),
			{ text: own.token, readers: scope === 'instances:write' ? [...mine, 'key'] : mine },
			...[other.user, other.token, secretOf(other.authorization)].map((text) => ({
				text,
				readers: ['other'] as const,
			})),
			...['a key of the tests', 'password of the callback'].map((text) => ({
				text,
				readers: [...mine, 'other'] as const,
			})),
			...[session, viewer, key, ...serverSecrets].map((text) => ({ text, readers: [] })),
		]
		const bearer = (token: string) => ({ plain: `Bearer ${token}`, token: `Bearer ${token}, Element ${own.token}` })
		return {
			owner: { plain: own.authorization, token: own.tokenAuthorization },
			session: bearer(session),
			viewer: bearer(viewer),
			key: bearer(key),
			other: { plain: other.authorization, token: other.tokenAuthorization },
			foreign: {
				plain: `${own.authorization}, Element ${other.token}`,
				token: `User ${own.user}, Element ${other.token}`,
			},
			former: bearer(random.pick([former, formerKey])),
		}
	}
}
