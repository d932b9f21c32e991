/** Health: a state, the reason for it, and the next step (docs/operations.md, Monitoring). Pure. */
import type { Cure } from '../../elements/store.ts'
import { explainNotSent } from '../../delivery/not-sent.ts'
import type { VendorType } from '../../events/batching.ts'
import type { NotSentReason } from '../../rpc/delivery.ts'
import {
	INSTANCE_STATES,
	type HealthReport,
	type InstanceState,
	type NoiseReport,
	type ResourceLimit,
} from '../../rpc/watcher.ts'

/** Input of the evaluation. Times epoch ms. */
export interface HealthFacts {
	enabled: boolean
	eventsEnabled: boolean
	vendorType: VendorType
	storageFull: boolean
	nowMs: number
	storeError: { kind: string; message: string; sinceMs: number; cure?: Cure | null } | null
	/** Tries since the store failed, the last and the next one; null: the store answers. */
	retry: { tries: number; lastTryMs: number | null; nextTryMs: number | null } | null
	resources: {
		objectType: string
		baseline: { done: number; total: number; startedMs: number } | null
		heldSinceMs: number | null
		held: number
		/** Objects whose changes are held. */
		heldChanges?: number
		window: boolean
		error: { atMs: number; message: string; cure?: Cure | null } | null
		/** Paths that differ between reads of one object. */
		noise: NoiseReport[]
		/** What cannot be read as usual. */
		limits: ResourceLimit[]
		/** Why no strategy reads the whole collection; absent: one does. */
		outOfReach?: string
	}[]
	/** null: this instance has no webhooks. */
	webhooks: {
		degraded: string | null
		/** What ends it; null: the key's permissions. */
		action?: string | null
		foreign: string | null
		/** The id of the webhook that it came from, if it is one of ours. */
		foreignWebhook?: string | null
		home: string
		checkedMs?: number | null
	} | null
	callback: {
		url: string
		active: boolean
		reason: string | null
		failingSinceMs: number | null
		lastStatus: string | null
		/** Why the last attempt sent nothing; absent or null: it sent. */
		notSent?: NotSentReason | null
	} | null
	waitingEvents: number
	/** State as last reported, and since when. */
	lastReported: { state: string; sinceMs: number } | null
}

/** For errors that earlier versions stored. */
const DEFAULT_RESOURCE_ACTION =
	'Give the API key permission to read this resource, or remove it from event.poller.configuration.'

interface HealthFinding {
	state: InstanceState
	reason: string
	action: string
}

/** Evaluates an instance's health: the worst finding counts. */
export function evaluateHealth(facts: HealthFacts): HealthReport {
	// The store has failed only if nothing answers.
	const storeAnswers = facts.storeError === null && facts.resources.some(({ error }) => error === null)
	const resources = facts.resources.map((resource) => ({
		resource: resource.objectType,
		noise: resource.noise,
		limits: resource.limits,
		...getResourceFinding(resource, facts.nowMs, storeAnswers),
	}))
	const findings: HealthFinding[] = [...getInstanceFindings(facts), ...resources]
	findings.sort((a, b) => INSTANCE_STATES.indexOf(a.state) - INSTANCE_STATES.indexOf(b.state))
	const worst = findings[0] ?? {
		state: 'healthy' as const,
		reason: 'The last poll of every resource succeeded.',
		action: 'No action needed.',
	}
	const since = facts.lastReported?.state === worst.state ? facts.lastReported.sinceMs : facts.nowMs
	const { callback } = facts
	return {
		state: worst.state,
		since: new Date(since).toISOString(),
		reason: worst.reason,
		action: worst.action,
		store: getStoreHealth(facts),
		resources: resources.map(({ resource, state, reason, noise, limits }) => ({
			resource,
			state,
			reason,
			noise,
			limits,
		})),
		webhooks: getWebhookHealth(facts),
		callback: {
			url: callback?.url ?? null,
			state: getCallbackState(callback),
			lastStatus: callback?.lastStatus ?? null,
			waiting: facts.waitingEvents,
		},
	}
}

function getInstanceFindings(facts: HealthFacts): HealthFinding[] {
	const findings: HealthFinding[] = []
	if (!facts.enabled)
		findings.push({
			state: 'disabled',
			reason: 'The instance is disabled: it neither polls nor delivers.',
			action: 'Enable it with PUT /instances/{id}/enabled.',
		})
	if (facts.storageFull)
		findings.push({
			state: 'full',
			reason: 'More than 8 GB are stored. Polling is paused; changes stay in the store until it resumes.',
			action: 'Let the callback accept the waiting events, or shorten events.retention.days.',
		})
	if (facts.storeError !== null) findings.push(getStoreFinding(facts.storeError, facts.retry?.nextTryMs ?? null))
	if (facts.webhooks?.foreign != null)
		findings.push(getForeignFinding(facts.webhooks.foreign, facts.webhooks.home, facts.webhooks.foreignWebhook ?? null))
	if (facts.webhooks?.degraded != null) {
		findings.push({
			state: 'webhooks-degraded',
			reason: facts.webhooks.degraded,
			action:
				facts.webhooks.action ??
				'Give the API key permission to manage webhooks. Until then changes are found by polling.',
		})
	}
	if (facts.callback !== null) findings.push(...getCallbackFindings(facts.callback, facts.waitingEvents))
	return findings
}

/** A delivery whose signature is right, from another address. `webhookId` null: it is none of ours. */
function getForeignFinding(source: string, home: string, webhookId: string | null): HealthFinding {
	if (webhookId === null)
		return {
			state: 'foreign-source',
			reason: `Webhooks arrive from ${source} instead of ${home}: from a staging clone, or the shop has moved.`,
			action: 'Delete the webhooks of the clone. If the shop has moved, PATCH store.url.',
		}
	return {
		state: 'foreign-source',
		reason:
			`Webhook ${webhookId} of this instance names ${source} as its shop, but the shop is ${home}. ` +
			'Nothing is lost: what it reports is read at the shop before it is sent.',
		action:
			`If the shop has moved, PATCH store.url to ${source}. If that is a copy of the shop, switch the webhook off in ` +
			'the copy only. If it is a further address of the shop, do nothing.',
	}
}

function getStoreFinding(
	{ kind, message, cure }: NonNullable<HealthFacts['storeError']>,
	nextTryMs: number | null,
): HealthFinding {
	const action = cure?.action ?? getDefaultStoreAction(kind)
	const nextTry = nextTryMs === null ? '' : ` Next try: ${new Date(nextTryMs).toISOString()}.`
	return {
		state: kind === 'auth' ? 'needs-reauth' : 'store-unreachable',
		reason: message,
		action: `${action}${nextTry}`,
	}
}

/** The action for errors without a cure of the element, which earlier versions stored. */
function getDefaultStoreAction(kind: string): string {
	if (kind === 'auth') return 'Create a new API key in WooCommerce and PATCH oauth.api.key and oauth.api.secret.'
	if (kind === 'not-public')
		return (
			'Nothing is lost. PATCH store.url to a public address. Only for local use, the operator can allow private ' +
			'addresses with ALLOW_PRIVATE_NETWORK.'
		)
	return kind === 'internal'
		? 'Nothing is lost and it is retried automatically. Tell the operator, whose log has the details.'
		: 'Nothing is lost. Polling resumes automatically when the store answers.'
}

/** The store's failure and its tries; null: the store answers. A refusal of every resource is one of the store. */
function getStoreHealth({ storeError, resources, retry }: HealthFacts): HealthReport['store'] {
	const refused = resources.length > 0 && resources.every(({ error }) => error !== null) ? resources[0]!.error : null
	const error = storeError ?? refused
	if (error === null) return null
	const iso = (ms: number | null | undefined): string | null => (ms == null ? null : new Date(ms).toISOString())
	return {
		cause: error.cure?.cause ?? null,
		reason: error.message,
		since: iso(storeError?.sinceMs),
		tries: retry?.tries ?? 0,
		lastTry: iso(retry?.lastTryMs ?? refused?.atMs),
		nextTry: iso(retry?.nextTryMs),
	}
}

function getCallbackFindings(callback: NonNullable<HealthFacts['callback']>, waitingEvents: number): HealthFinding[] {
	const { active, reason, failingSinceMs } = callback
	const lastStatus = callback.lastStatus ?? 'no answer'
	const notSent = callback.notSent == null ? null : explainNotSent(callback.notSent)
	const waiting = `${waitingEvents.toLocaleString('en-US')} ${waitingEvents === 1 ? 'event is' : 'events are'} waiting.`
	if (!active)
		return [
			{
				state: 'deactivated',
				reason: `${reason ?? `The last attempt to reach the callback failed (${lastStatus}).`} ${waiting}`,
				action:
					(notSent === null ? 'Fix the callback, then' : `${notSent.action} Then`) +
					' PUT /instances/{id}/enabled or PATCH event.notification.callback.url.',
			},
		]
	if (failingSinceMs === null) return []
	const since = new Date(failingSinceMs).toISOString()
	if (notSent !== null)
		return [
			{
				state: 'callback-failing',
				reason: `Nothing is sent to the callback, because ${notSent.fact}. It has been failing since ${since}. ${waiting}`,
				action: notSent.action,
			},
		]
	return [
		{
			state: 'callback-failing',
			reason: `The callback has been failing since ${since} (${lastStatus}). ${waiting}`,
			action: 'Check the callback. Deliveries are retried on their schedule.',
		},
	]
}

function getResourceFinding(
	resource: HealthFacts['resources'][number],
	nowMs: number,
	storeAnswers: boolean,
): HealthFinding {
	const { objectType } = resource
	if (resource.heldSinceMs !== null) {
		const disappeared = `too many objects disappeared at once (${resource.held.toLocaleString('en-US')})`
		return {
			state: 'deletions-held',
			reason: `${objectType}: ${disappeared}; no DELETED events are being sent.`,
			action: 'GET /instances/{id}/deletions, then PUT {"decision":"emit"} or {"decision":"forget"}.',
		}
	}
	if (resource.error === null && resource.outOfReach !== undefined)
		return {
			state: 'unreadable',
			reason: `${objectType}: ${resource.outOfReach}`,
			action:
				'A plugin, a cache or a firewall changes the answers of the store. Deactivate it for /wp-json/wc/, then ' +
				'PUT /instances/{id}/poll. The other resources are polled as usual.',
		}
	if (resource.error !== null)
		return {
			state: storeAnswers ? 'unreadable' : 'store-unreachable',
			reason: `${objectType}: ${resource.error.message}`,
			action: resource.error.cure?.action ?? DEFAULT_RESOURCE_ACTION,
		}
	if ((resource.heldChanges ?? 0) > 0)
		return {
			state: 'changes-held',
			reason: `${objectType}: a mass change of ${resource.heldChanges!.toLocaleString('en-US')} objects is held.`,
			action: 'GET /instances/{id}/mass-changes, then PUT {"decision":"emit"} or {"decision":"forget"}.',
		}
	if (resource.baseline !== null) {
		const { done, total, startedMs } = resource.baseline
		const remainingSec = estimateRemainingSeconds(done, total, nowMs - startedMs)
		const remaining = remainingSec === null ? '' : `, about ${remainingSec.toLocaleString('en-US')} s left`
		const indexed = `${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} objects indexed${remaining}`
		return {
			state: 'connecting',
			reason: `${objectType}: ${indexed}. New changes are already being delivered.`,
			action: 'No action needed.',
		}
	}
	if (resource.window)
		return {
			state: 'catching-up',
			reason: `${objectType}: reading the changes made while polling was interrupted.`,
			action: 'No action needed.',
		}
	return { state: 'healthy', reason: `${objectType}: the last poll succeeded.`, action: 'No action needed.' }
}

function getWebhookHealth({ webhooks, vendorType }: HealthFacts): HealthReport['webhooks'] {
	if (webhooks === null)
		return vendorType === 'polling'
			? null
			: {
					state: 'polled',
					reason: `event.vendor.type is ${vendorType}, but webhooks are not available: the store is polled instead.`,
					checkedAt: null,
				}
	const { degraded, foreign, checkedMs } = webhooks
	const checkedAt = checkedMs == null ? null : new Date(checkedMs).toISOString()
	if (degraded !== null) return { state: 'degraded', reason: degraded, checkedAt }
	if (foreign !== null) return { state: 'foreign-source', reason: `Webhooks arrive from ${foreign}.`, checkedAt }
	return {
		state: 'active',
		reason:
			checkedAt === null
				? 'The webhooks were created and have not been checked since.'
				: `The webhooks at the store were configured correctly when they were last checked, at ${checkedAt}.`,
		checkedAt,
	}
}

function getCallbackState(callback: HealthFacts['callback']): HealthReport['callback']['state'] {
	if (callback === null) return 'none'
	if (!callback.active) return 'deactivated'
	return callback.failingSinceMs !== null ? 'failing' : 'healthy'
}

/** Seconds that a scan still needs at its pace so far; null: nothing is done yet. */
export function estimateRemainingSeconds(done: number, total: number, elapsedMs: number): number | null {
	return done === 0 || elapsedMs <= 0 ? null : Math.max(0, Math.round(((total - done) * elapsedMs) / done / 1000))
}
