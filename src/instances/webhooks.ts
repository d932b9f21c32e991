/**
 * The webhooks of an instance at its store: which ones there should be, making them so, stopping and removing them. What cannot be
 * done at once is written down in the instance's row (`hook_work`) and finished by the cron or by the instance's own watchdog.
 */
import type { Env } from '../context.ts'
import type { Element } from '../elements/element.ts'
import type { DesiredHooks, Ensured } from '../elements/webhooks.ts'
import { BadRequest, Conflict, StoreFailed, type HttpError } from '../lib/errors.ts'
import { log, logError } from '../lib/log.ts'
import { receiverUrl, unreachableAddress } from './addresses.ts'
import { effectivePoller, hubPathOf } from './poller.ts'
import { findRow, type HookWork, type Instance, type InstanceChange } from './records.ts'
import { masterKeys } from '../lib/sealing.ts'
import type { Services } from './services.ts'
import { elementOf, openStore } from './stores.ts'

/** The store probes our address once for each webhook that it makes, one after another, before it answers (WooCommerce facts, 6.4). */
const STORE_TIMEOUT_MS = 60_000

/** The cron gives up what a store did not let it do for this long (design, State: Configuration). */
export const GIVE_UP_MS = 7 * 86_400_000

/** How long the secrets of the version before are accepted after a rotation (design, Seeing: webhooks). */
export const PREVIOUS_MS = 24 * 3_600_000

/** Whether a configuration asks for webhooks. */
export function wantsHooks(instance: Pick<Instance, 'eventsEnabled' | 'configuration'>): boolean {
	const type = instance.configuration['event.vendor.type']
	return instance.eventsEnabled && (type === 'webhook' || type === 'hybrid')
}

/** The topics of an instance: those that bring news of what it watches. */
export function topicsOf(element: Element, configuration: Readonly<Record<string, string | null>>): string[] {
	const { hooks } = element
	if (hooks === null) return []
	const paths = Object.values(effectivePoller(configuration, element)).map((settings) =>
		element.records.path(hubPathOf(settings.url) ?? ''),
	)
	const wanted = new Set(paths.flatMap((path) => (path === null ? [] : hooks.topicsOf(path))))
	return hooks.topics.filter((topic) => wanted.has(topic))
}

/** The webhooks that an instance should have. */
export function desiredHooks(env: Pick<Env, 'MASTER_KEYS' | 'PUBLIC_URL'>, instance: Instance, rekey: boolean): DesiredHooks {
	const element = elementOf(instance.elementKey)
	const key = masterKeys(env.MASTER_KEYS)[0]!
	const version = instance.hookVersion
	return {
		name: `Shopbell ${instance.id}`,
		deliveryUrl: receiverUrl(env, instance.elementKey, instance.id, version),
		secrets: Object.fromEntries(
			topicsOf(element, instance.configuration).map((topic) => [topic, element.hooks!.secretOf(key.bytes, instance.id, topic, version)]),
		),
		rekey,
	}
}

/** 409 when no store could reach this service. */
export function requireReachable(env: Pick<Env, 'PUBLIC_URL' | 'ALLOW_PRIVATE_NETWORK'>): void {
	const problem = unreachableAddress(env)
	if (problem !== null) throw new Conflict(problem)
}

/** Makes the webhooks of an instance as they should be, adopted ones with new secrets; throws what a caller should hear when that fails. */
export async function makeHooks(services: Services, instance: Instance): Promise<void> {
	const ensured = await atStore(services, instance, 'ensure', true)
	if (!ensured.ok) throw new HooksFailed(refusalOf(ensured, instance), ensured)
}

/** Webhooks could not be made. `cause`: what the caller hears. */
export class HooksFailed extends Error {
	readonly answer: HttpError
	/** The store may hold webhooks of this attempt. */
	readonly touched: boolean
	/** The store may still be at it: its answer was lost. */
	readonly unsure: boolean

	constructor(answer: HttpError, ensured: Ensured) {
		super('webhooks could not be made')
		this.name = 'HooksFailed'
		this.answer = answer
		this.touched = ensured.touched
		this.unsure = ensured.touched && ensured.failure !== null
	}
}

/** What a change of an instance means for its webhooks. */
export interface HookPlan {
	/** Make them before the change is committed, as at creation. */
	make: boolean
	/** None of ours is at that store yet. */
	fresh: boolean
	/** The instance leaves a store that has some. */
	leave: boolean
	/** Committed with the change. */
	change: Pick<InstanceChange, 'hookKey' | 'hookWork'>
}

/** Plans. `moved`: the store is another one; `reconnect`: address, key, secret or collections were checked anew. */
export function planHooks(
	env: Pick<Env, 'MASTER_KEYS'>,
	before: Instance,
	after: Instance,
	how: { moved: boolean; reconnect: boolean },
): HookPlan {
	const wants = wantsHooks(after)
	const had = before.hookKey !== null
	const leave = had && how.moved
	if (!wants)
		return { make: false, fresh: false, leave, change: !had ? {} : leave ? { hookKey: null, hookWork: null } : { hookWork: 'remove' } }
	const fresh = !had || how.moved
	const element = elementOf(after.elementKey)
	const topics = topicsOf(element, after.configuration).join()
	const differs = fresh || !wantsHooks(before) || how.reconnect || topics !== topicsOf(element, before.configuration).join()
	// A disabled instance gets them when it is enabled.
	const make = differs && after.enabled
	return {
		make,
		fresh,
		leave,
		change: make ? { hookKey: firstKeyId(env), hookWork: null } : leave ? { hookKey: null, hookWork: null } : {},
	}
}

/** Removes the webhooks of an instance as it was, without writing it down: for stores that an instance left. */
export async function leaveStore(services: Services, instance: Instance): Promise<void> {
	const ensured = await atStore(services, instance, 'remove', false)
	if (!ensured.ok) log('hooks.left-behind', { instance: instance.id, errors: ensured.errors.length })
}

/**
 * Does what a row says is still to be done at the store, and writes down how it went. True when nothing is left to do. `keep`: the
 * work stays written down, since the store may still be at what it was asked before.
 */
export async function workHooks(services: Services, instanceId: number, keep = false): Promise<boolean> {
	const { DB } = services.env
	const instance = await findRow(DB, instanceId)
	if (instance === null || instance.hookWork === null) return true
	const work = instance.hookWork
	const nowMs = services.now()
	const ensured = await atStore(services, instance, work, true)
	if (ensured.ok && !keep) {
		const key = work === 'remove' ? null : work === 'ensure' ? firstKeyId(services.env) : instance.hookKey
		await DB.prepare(
			`UPDATE instances SET hook_work = NULL, hook_work_ms = NULL, hook_tried_ms = NULL, hook_key = ?
			WHERE id = ? AND hook_work = ? AND hook_version = ?`,
		)
			.bind(key, instanceId, work, instance.hookVersion)
			.run()
		return true
	}
	const statements = [DB.prepare('UPDATE instances SET hook_tried_ms = ? WHERE id = ? AND hook_work IS NOT NULL').bind(nowMs, instanceId)]
	if (work === 'ensure' && instance.hookPreviousUntilMs !== null && instance.hookPreviousUntilMs < nowMs + PREVIOUS_MS / 2) {
		// The store still signs with the version before: it must not be retired meanwhile.
		statements.push(
			DB.prepare('UPDATE instances SET hook_previous_until_ms = ?, version = version + 1 WHERE id = ? AND hook_version = ?').bind(
				nowMs + PREVIOUS_MS,
				instanceId,
				instance.hookVersion,
			),
		)
	}
	await DB.batch(statements)
	log('hooks.not-done', { instance: instanceId, work, errors: ensured.errors.length })
	return false
}

/** After the ring of master keys was turned: webhooks whose secrets come of another key than the first are to be given new ones, some at a time. */
export async function markForRekey(services: Services, limit: number): Promise<void> {
	const nowMs = services.now()
	await services.env.DB.prepare(
		`UPDATE instances SET hook_work = 'ensure', hook_work_ms = ?1 WHERE id IN (
			SELECT id FROM instances WHERE hook_key IS NOT NULL AND hook_key <> ?2 AND hook_work IS NULL AND state = 'ready' AND enabled = 1 LIMIT ?3)`,
	)
		.bind(nowMs, firstKeyId(services.env), limit)
		.run()
}

/** Ends work that a store has refused for too long; what is left there is left. */
export async function giveUpHooks(db: D1Database, nowMs: number): Promise<void> {
	await db
		.prepare(
			"UPDATE instances SET hook_key = CASE WHEN hook_work = 'remove' THEN NULL ELSE hook_key END, hook_work = NULL, hook_work_ms = NULL, hook_tried_ms = NULL WHERE hook_work IS NOT NULL AND hook_work_ms < ?",
		)
		.bind(nowMs - GIVE_UP_MS)
		.run()
}

/** One piece of work at the store. What throws on the way (a secret whose key is gone) is an outcome too. */
async function atStore(services: Services, instance: Instance, work: HookWork, rekey: boolean): Promise<Ensured> {
	const { hooks } = elementOf(instance.elementKey)
	if (hooks === null) return notDone('this element has no webhooks')
	try {
		const client = await openStore(services.env, instance, { ...services.io, timeoutMs: STORE_TIMEOUT_MS })
		return await hooks[work](client, desiredHooks(services.env, instance, rekey))
	} catch (error) {
		logError('hooks.failed', error, { instance: instance.id, work })
		return notDone('the store could not be asked')
	}
}

function notDone(problem: string): Ensured {
	return { ok: false, webhooks: [], done: [], unsupported: [], errors: [problem], missingRight: null, failure: null, touched: false }
}

/** What a caller hears: 400 where the key lacks a right, 502 where the store failed. */
function refusalOf(ensured: Ensured, instance: Instance): HttpError {
	const { home } = instance.connection
	const providerMessage = ensured.failure?.providerMessage ?? null
	if (ensured.missingRight !== null)
		return new BadRequest(`${home} does not let this API key make webhooks: ${ensured.missingRight} Or set event.vendor.type to polling.`, {
			providerMessage,
		})
	return new StoreFailed(`${home}: the webhooks could not be made. ${ensured.errors.slice(0, 5).join('; ')}`, { providerMessage })
}

/** Id of the master key that derives. */
export function firstKeyId(env: Pick<Env, 'MASTER_KEYS'>): string {
	return masterKeys(env.MASTER_KEYS)[0]!.id
}
