/** Health: one word, the fact behind it, and the next step (docs/operations.md, What to watch). Pure. */
import { INSTANCE_STATES, type HealthReport, type InstanceState } from '../../rpc/watcher.ts'

/** What health is judged from. Times epoch ms. */
export interface HealthFacts {
	enabled: boolean
	eventsEnabled: boolean
	vendorType: 'polling' | 'webhook' | 'hybrid'
	storageFull: boolean
	nowMs: number
	storeError: { kind: string; message: string; sinceMs: number } | null
	resources: {
		objectType: string
		baseline: { done: number; total: number; startedMs: number } | null
		heldSinceMs: number | null
		held: number
		window: boolean
		error: { atMs: number; message: string } | null
	}[]
	/** null: this instance keeps no webhooks. */
	webhooks: { degraded: string | null; foreign: string | null; home: string } | null
	callback: {
		url: string
		active: boolean
		reason: string | null
		failingSinceMs: number | null
		lastStatus: string | null
	} | null
	waitingEvents: number
	/** State and its beginning as last reported. */
	lastReported: { state: string; sinceMs: number } | null
}

interface HealthFinding {
	state: InstanceState
	reason: string
	action: string
}

/** Judges an instance's health: the worst finding counts. */
export function evaluateHealth(facts: HealthFacts): HealthReport {
	const resources = facts.resources.map((resource) => ({
		resource: resource.objectType,
		...getResourceFinding(resource, facts.nowMs),
	}))
	const findings: HealthFinding[] = [...getInstanceFindings(facts), ...resources]
	findings.sort((a, b) => INSTANCE_STATES.indexOf(a.state) - INSTANCE_STATES.indexOf(b.state))
	const worst = findings[0] ?? {
		state: 'healthy' as const,
		reason: 'Every poll of the last round answered.',
		action: 'Nothing to do.',
	}
	const since = facts.lastReported?.state === worst.state ? facts.lastReported.sinceMs : facts.nowMs
	const { callback } = facts
	return {
		state: worst.state,
		since: new Date(since).toISOString(),
		reason: worst.reason,
		action: worst.action,
		resources: resources.map(({ resource, state, reason }) => ({ resource, state, reason })),
		webhooks:
			facts.webhooks !== null
				? getWebhookHealth(facts.webhooks)
				: facts.vendorType === 'polling'
					? null
					: {
							state: 'polled',
							reason: `event.vendor.type is ${facts.vendorType}: until webhooks are available, this instance is polled instead.`,
						},
		callback: {
			url: callback?.url ?? null,
			state:
				callback === null
					? 'none'
					: !callback.active
						? 'deactivated'
						: callback.failingSinceMs !== null
							? 'failing'
							: 'healthy',
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
			action: 'PUT /instances/{id}/enabled switches it on again.',
		})
	if (facts.storageFull)
		findings.push({
			state: 'full',
			reason: 'More than 8 GB are stored: polling waits, changes stay in the store.',
			action: 'Let the callback take what is waiting, or shorten the retention.',
		})
	if (facts.storeError !== null) {
		const auth = facts.storeError.kind === 'auth'
		findings.push({
			state: auth ? 'needs-reauth' : 'store-unreachable',
			reason: facts.storeError.message,
			action: auth
				? 'Make a new key in WooCommerce and PATCH oauth.api.key and oauth.api.secret.'
				: facts.storeError.kind === 'internal'
					? 'Nothing is lost: it is tried again by itself. Tell the operator, whose log says more.'
					: 'Nothing is lost: polling goes on by itself as soon as the store answers.',
		})
	}
	if (facts.webhooks?.foreign != null) {
		findings.push({
			state: 'foreign-source',
			reason: `Webhooks arrive from ${facts.webhooks.foreign}, not from ${facts.webhooks.home}: a staging clone, or the shop has moved.`,
			action: 'Delete the webhooks of the clone; if the shop has moved, PATCH store.url.',
		})
	}
	if (facts.webhooks?.degraded != null) {
		findings.push({
			state: 'webhooks-degraded',
			reason: facts.webhooks.degraded,
			action: 'Polling reconciles meanwhile; give the key the right to manage webhooks.',
		})
	}
	const { callback } = facts
	if (callback !== null && !callback.active) {
		findings.push({
			state: 'deactivated',
			reason: `${callback.reason ?? `The callback failed until the last try (${callback.lastStatus ?? 'no answer'}).`} ${facts.waitingEvents} events wait.`,
			action: 'Mend the callback, then PUT /instances/{id}/enabled, or PATCH event.notification.callback.url.',
		})
	} else if (callback?.failingSinceMs != null) {
		findings.push({
			state: 'callback-failing',
			reason: `The callback fails since ${new Date(callback.failingSinceMs).toISOString()} (${callback.lastStatus ?? 'no answer'}); ${facts.waitingEvents} events wait.`,
			action: 'Look at the callback; everything is tried again on its schedule.',
		})
	}
	return findings
}

function getResourceFinding(resource: HealthFacts['resources'][number], nowMs: number): HealthFinding {
	const { objectType } = resource
	if (resource.heldSinceMs !== null) {
		return {
			state: 'deletions-held',
			reason: `${objectType}: so many objects are gone at once (${resource.held} found so far) that nothing rings.`,
			action: 'GET /instances/{id}/deletions, then PUT {"decision":"emit"} or {"decision":"forget"}.',
		}
	}
	if (resource.error !== null)
		return {
			state: 'store-unreachable',
			reason: `${objectType}: ${resource.error.message}`,
			action: 'Give the key the right to read this resource, or take it out of event.poller.configuration.',
		}
	if (resource.baseline !== null) {
		const { done, total, startedMs } = resource.baseline
		const remainingSec = estimateRemainingSeconds(done, total, nowMs - startedMs)
		return {
			state: 'connecting',
			reason: `${objectType}: ${done} of ${total} objects learned${remainingSec === null ? '' : `, about ${remainingSec} s to go`}. Changes ring already.`,
			action: 'Nothing to do.',
		}
	}
	if (resource.window)
		return {
			state: 'catching-up',
			reason: `${objectType}: reading what changed while nobody polled.`,
			action: 'Nothing to do.',
		}
	return { state: 'healthy', reason: `${objectType}: seen by the last poll.`, action: 'Nothing to do.' }
}

function getWebhookHealth(webhooks: NonNullable<HealthFacts['webhooks']>): { state: string; reason: string } {
	if (webhooks.degraded !== null) return { state: 'degraded', reason: webhooks.degraded }
	if (webhooks.foreign !== null) return { state: 'foreign-source', reason: `Deliveries come from ${webhooks.foreign}.` }
	return { state: 'active', reason: 'The webhooks at the store are as they should be.' }
}

/** Seconds that a scan still needs at its pace so far; null while there is no pace. */
export function estimateRemainingSeconds(done: number, total: number, elapsedMs: number): number | null {
	return done === 0 || elapsedMs <= 0 ? null : Math.max(0, Math.round(((total - done) * elapsedMs) / done / 1000))
}
