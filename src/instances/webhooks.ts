/**
 * The webhooks of an instance at its store: which ones it needs, and creating, pausing and removing them. A task that
 * fails is stored in the instance's row (`hook_work`) and completed by the cron or by the instance's watchdog.
 */
import { DAY_MS } from '../lib/time.ts'
import type { Env } from '../context.ts'
import type { Element } from '../elements/element.ts'
import { getTopics, toDesiredWebhooks, type DesiredWebhooks, type WebhookSyncResult } from '../elements/webhooks.ts'
import { BadRequest, Conflict, StoreFailed, type HttpError } from '../lib/errors.ts'
import { log, logError } from '../lib/log.ts'
import { receiverUrlFor, findReachabilityProblem } from './addresses.ts'
import { getValue } from './configuration-keys.ts'
import { getHubPath, getPolledResources } from './poller.ts'
import { findInstanceRow, type WebhookTask, type Instance, type InstanceChange } from './rows.ts'
import { parseMasterKeys } from '../lib/sealing.ts'
import type { Services } from './services.ts'
import { getElement, openStoreClient } from './stores.ts'

/**
 * The store probes our address once for each webhook that it creates, one after another, before it answers
 * (docs/woocommerce.md 6.4).
 */
const STORE_TIMEOUT_MS = 60_000

/** How long the cron retries a task that a store refuses. */
const WEBHOOK_GIVE_UP_MS = 7 * DAY_MS

/** How long the previous version of the secrets is accepted after a rotation. */
export const PREVIOUS_SECRET_MS = DAY_MS

/** Whether a configuration asks for webhooks. */
export function wantsWebhooks(instance: Pick<Instance, 'eventsEnabled' | 'configuration'>): boolean {
	const type = getValue(instance.configuration, 'event.vendor.type')
	return instance.eventsEnabled && (type === 'webhook' || type === 'hybrid')
}

/** The topics that report changes of what an instance watches. */
function getWebhookTopics(instance: Pick<Instance, 'elementKey' | 'configuration'>): string[] {
	const element = getElement(instance.elementKey)
	return element.webhooks === null ? [] : getTopics(element.webhooks, getWatchedPaths(element, instance.configuration))
}

/** The vendor paths of the collections that a configuration watches. */
function getWatchedPaths(element: Element, configuration: Instance['configuration']): string[] {
	return Object.values(getPolledResources(configuration, element))
		.map((settings) => element.records.toVendorPath(getHubPath(settings.url) ?? ''))
		.filter((path) => path !== null)
}

/** The webhooks that an instance should have. Its element must have webhooks. */
export function getDesiredWebhooks(
	env: Pick<Env, 'MASTER_KEYS' | 'PUBLIC_URL'>,
	instance: Instance,
	rewriteSecrets: boolean,
): DesiredWebhooks {
	const element = getElement(instance.elementKey)
	const { id, incarnation, elementKey, webhookVersion: version } = instance
	return toDesiredWebhooks(
		element.webhooks!,
		{ id, incarnation, version, deliveryUrl: receiverUrlFor(env, elementKey, instance, version) },
		getWatchedPaths(element, instance.configuration),
		{ masterKey: parseMasterKeys(env.MASTER_KEYS)[0]!.bytes, rewrite: rewriteSecrets },
	)
}

/** 409 when no store could reach this service. */
export function requireReachable(env: Pick<Env, 'PUBLIC_URL' | 'ALLOW_PRIVATE_NETWORK'>): void {
	const problem = findReachabilityProblem(env)
	if (problem !== null) throw new Conflict(problem, { problems: [{ field: 'event.vendor.type', message: problem }] })
}

/**
 * Creates or repairs the webhooks of an instance and rewrites the secrets of existing ones. Throws WebhooksError with
 * the error for the caller.
 */
export async function createWebhooks(services: Services, instance: Instance): Promise<void> {
	const result = await runAtStore(services, instance, 'ensure', true)
	if (!result.ok) throw new WebhooksError(toHttpError(result, instance), result)
}

/** The webhooks could not be created. `httpError`: the answer to the caller. */
export class WebhooksError extends Error {
	readonly httpError: HttpError
	/** The store may hold webhooks of this attempt. */
	readonly mayHaveChanged: boolean
	/** The store may still be working: its answer was lost. */
	readonly isUnconfirmed: boolean

	constructor(httpError: HttpError, result: WebhookSyncResult) {
		super('webhooks could not be created')
		this.name = 'WebhooksError'
		this.httpError = httpError
		this.mayHaveChanged = result.mayHaveChanged
		this.isUnconfirmed = result.mayHaveChanged && result.failure !== null
	}
}

/** The effect of a change of an instance on its webhooks. */
export interface WebhookPlan {
	/** Create them before the change is committed, as when an instance is created. */
	create: boolean
	/** That store has none of ours yet. */
	isFirst: boolean
	/** The instance leaves a store that has some of ours. */
	leavesStore: boolean
	/** Committed with the change. */
	change: Pick<InstanceChange, 'webhookKeyId' | 'webhookTask'>
}

/**
 * Decides what a change of an instance means for its webhooks. `moved`: the store is another one; `reconnect`: address,
 * key, secret or collections were checked again. Pure.
 */
export function planWebhooks(
	env: Pick<Env, 'MASTER_KEYS'>,
	before: Instance,
	after: Instance,
	options: { moved: boolean; reconnect: boolean },
): WebhookPlan {
	const wantsAfter = wantsWebhooks(after)
	const hadWebhooks = before.webhookKeyId !== null
	const leavesStore = hadWebhooks && options.moved
	if (!wantsAfter)
		return {
			create: false,
			isFirst: false,
			leavesStore,
			change: !hadWebhooks ? {} : leavesStore ? { webhookKeyId: null, webhookTask: null } : { webhookTask: 'remove' },
		}
	const isFirst = !hadWebhooks || options.moved
	const topics = getWebhookTopics(after).join()
	const needsUpdate =
		isFirst || !wantsWebhooks(before) || options.reconnect || topics !== getWebhookTopics(before).join()
	// A disabled instance gets its webhooks when it is enabled.
	const create = needsUpdate && after.enabled
	return {
		create,
		isFirst,
		leavesStore,
		change: create
			? { webhookKeyId: getCurrentKeyId(env), webhookTask: null }
			: leavesStore
				? { webhookKeyId: null, webhookTask: null }
				: {},
	}
}

/** Removes the webhooks of an instance that left a store, once and without a stored task. */
export async function removeAbandonedWebhooks(services: Services, instance: Instance): Promise<void> {
	const result = await runAtStore(services, instance, 'remove', false)
	if (!result.ok) log('hooks.left-behind', { instance: instance.id, errors: result.errors.length })
}

/**
 * Runs the task that an instance's row holds for its store, and stores the outcome. True when nothing is left to do.
 * `keepTask`: the task stays in the row, since the store may still be working on an earlier request.
 */
export async function runWebhookTask(services: Services, instanceId: number, keepTask = false): Promise<boolean> {
	const { DB } = services.env
	const instance = await findInstanceRow(DB, instanceId)
	if (instance === null || instance.webhookTask === null) return true
	const task = instance.webhookTask
	const nowMs = services.now()
	const result = await runAtStore(services, instance, task, true)
	if (result.ok && !keepTask) {
		const key = task === 'remove' ? null : task === 'ensure' ? getCurrentKeyId(services.env) : instance.webhookKeyId
		await DB.prepare(
			`UPDATE instances SET hook_work = NULL, hook_work_ms = NULL, hook_tried_ms = NULL, hook_key = ?
			WHERE id = ? AND hook_work = ? AND hook_version = ?`,
		)
			.bind(key, instanceId, task, instance.webhookVersion)
			.run()
		return true
	}
	const statements = [
		DB.prepare('UPDATE instances SET hook_tried_ms = ? WHERE id = ? AND hook_work IS NOT NULL').bind(nowMs, instanceId),
	]
	if (
		task === 'ensure' &&
		instance.webhookPreviousUntilMs !== null &&
		instance.webhookPreviousUntilMs < nowMs + PREVIOUS_SECRET_MS / 2
	) {
		// The store still signs with the previous version, which must not be retired meanwhile.
		statements.push(
			DB.prepare(
				'UPDATE instances SET hook_previous_until_ms = ?, version = version + 1 WHERE id = ? AND hook_version = ?',
			).bind(nowMs + PREVIOUS_SECRET_MS, instanceId, instance.webhookVersion),
		)
	}
	await DB.batch(statements)
	log('hooks.not-done', { instance: instanceId, work: task, errors: result.errors.length })
	return false
}

/**
 * After a rotation of master keys: schedules new secrets for webhooks whose secrets come from a key other than the
 * first, at most `limit` instances at a time.
 */
export async function scheduleRekey(services: Services, limit: number): Promise<void> {
	const nowMs = services.now()
	await services.env.DB.prepare(
		`UPDATE instances SET hook_work = 'ensure', hook_work_ms = ?1 WHERE id IN (
			SELECT id FROM instances
			WHERE hook_key IS NOT NULL AND hook_key <> ?2 AND hook_work IS NULL AND state = 'ready' AND enabled = 1
			LIMIT ?3)`,
	)
		.bind(nowMs, getCurrentKeyId(services.env), limit)
		.run()
}

/** Ends tasks that a store has refused for too long; its webhooks stay there. */
export async function abandonWebhookTasks(db: D1Database, nowMs: number): Promise<void> {
	await db
		.prepare(
			`UPDATE instances SET
				hook_key = CASE WHEN hook_work = 'remove' THEN NULL ELSE hook_key END,
				hook_work = NULL, hook_work_ms = NULL, hook_tried_ms = NULL
			WHERE hook_work IS NOT NULL AND hook_work_ms < ?`,
		)
		.bind(nowMs - WEBHOOK_GIVE_UP_MS)
		.run()
}

/** Performs one task at the store. An exception on the way (a secret whose key is missing) is a failed outcome. */
async function runAtStore(
	services: Services,
	instance: Instance,
	task: WebhookTask,
	rewriteSecrets: boolean,
): Promise<WebhookSyncResult> {
	const { webhooks: hooks } = getElement(instance.elementKey)
	if (hooks === null) return toFailedResult('this element does not support webhooks')
	try {
		const client = await openStoreClient(services.env, instance, { ...services.io, timeoutMs: STORE_TIMEOUT_MS })
		return await hooks[task](client, getDesiredWebhooks(services.env, instance, rewriteSecrets))
	} catch (error) {
		logError('hooks.failed', error, { instance: instance.id, work: task })
		return toFailedResult('the store could not be called')
	}
}

function toFailedResult(problem: string): WebhookSyncResult {
	return {
		ok: false,
		webhooks: [],
		changes: [],
		unsupported: [],
		errors: [problem],
		missingPermission: null,
		failure: null,
		mayHaveChanged: false,
	}
}

/** The error for the caller: 400 if the key lacks a right, 502 if the store failed. */
function toHttpError(result: WebhookSyncResult, instance: Instance): HttpError {
	const { home } = instance.connection
	const providerMessage = result.failure?.providerMessage ?? null
	if (result.missingPermission !== null) {
		const message =
			`${home} does not let this API key create webhooks. ${result.missingPermission} ` +
			'Or set event.vendor.type to polling.'
		return new BadRequest(message, { providerMessage, problems: [{ field: 'oauth.api.key', message }] })
	}
	return new StoreFailed(`${home}: the webhooks could not be created. ${result.errors.slice(0, 5).join('; ')}`, {
		providerMessage,
	})
}

/** Id of the master key from which secrets are derived. */
export function getCurrentKeyId(env: Pick<Env, 'MASTER_KEYS'>): string {
	return parseMasterKeys(env.MASTER_KEYS)[0]!.id
}
