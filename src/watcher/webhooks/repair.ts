/** The watchdog: reads the store's webhooks, repairs them, and starts a read of the changes that they missed. */
import { DAY_MS, HOUR_MS } from '../../lib/time.ts'
import {
	describeWebhookChange,
	toDesiredWebhooks,
	type DesiredWebhooks,
	type WebhookSyncResult,
} from '../../elements/webhooks.ts'
import type { Failure } from '../../elements/store.ts'
import type { WatcherConfig } from '../../rpc/config.ts'
import { getCoveredResources, WEBHOOK_OVERDUE_MS } from '../changes/missed-webhooks.ts'
import type { Core } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import type { WebhooksState } from '../core/state.ts'
import { getGapCheckMs } from './gaps.ts'
import { recordRepair } from '../log/repairs.ts'
import { enqueueOperatorEvent } from '../outbox/operator-events.ts'
import { requestReread } from '../polling/scans.ts'
import { type SliceBudget, StoreError } from '../source/requests.ts'
import { getWatchedResources } from '../source/resources.ts'

/** The store's webhooks are read this often … */
const WATCHDOG_INTERVAL_MS = HOUR_MS

/** … and after a failure this soon again. */
const WATCHDOG_RETRY_MS = 5 * 60_000

/** The store refused a webhook with a reason of its own. */
const REFUSED_WEBHOOK_ACTION =
	"Check the store's error log, then PUT /instances/{id}/poll. Until then changes are found by polling."

/** How long another site's deliveries are reported after the last one. */
const FOREIGN_SOURCE_TTL_MS = DAY_MS

/** When the watchdog reads the store's webhooks next, epoch ms; null: the instance has none. */
export function nextWatchdogMs(core: Core): number | null {
	const { hooks } = core.state
	if (getKeptWebhooks(core) === null || core.element.webhooks === null || core.state.resources.length === 0) return null
	// New secrets are written immediately; after a failed attempt as often as everything else.
	if (getWrittenKey(core) !== getCurrentKey(core) && hooks.triedAs !== getCurrentKey(core)) return 0
	return Math.min(
		hooks.dueMs ?? 0,
		hooks.suspect?.dueMs ?? Number.POSITIVE_INFINITY,
		getGapCheckMs(hooks, core.ports.now()) ?? Number.POSITIVE_INFINITY,
	)
}

export function isWatchdogDue(core: Core): boolean {
	const dueMs = nextWatchdogMs(core)
	return dueMs !== null && dueMs <= core.ports.now()
}

/**
 * Reads the store's webhooks and repairs them. What they missed is found by the poll from the old cursor and by a
 * re-read, since webhooks also report changes that leave no modified date. False: the store did not allow it; other
 * work goes on. Throws StoreError for what concerns every request.
 */
export async function runWatchdogStep(core: Core, budget: SliceBudget): Promise<boolean> {
	const now = core.ports.now()
	if (!resolveSuspect(core, now)) return true
	core.state.hooks.triedMs = now
	const desired = getDesiredWebhooks(core)
	const watched = getWatchedResources(core)[0]
	if (desired === null || watched === undefined) return true
	const result = await syncWebhooks(core, desired, budget)
	const { failure } = result
	if (failure !== null) {
		core.commit((tx) => recordFailure(tx, core, result, failure, now))
		// Lists may work where webhooks do not.
		if (result.missingPermission === null && (failure.kind === 'auth' || failure.kind === 'throttled'))
			throw new StoreError(failure, watched)
		return false
	}
	core.commit((tx) => applySync(tx, core, result, now))
	return true
}

/** The effects of a sync on the instance. */
interface SyncDecision {
	repairs: { description: string; notify: boolean }[]
	degraded: WebhooksState['degraded']
	/** Changes since the last run may not have been reported. */
	rereadsGap: boolean
}

/** Decides the effects of a sync that succeeded. Pure. */
export function decideSync(
	result: Pick<WebhookSyncResult, 'changes' | 'errors' | 'missingPermission'>,
	degradedBefore: WebhooksState['degraded'],
	now: number,
): SyncDecision {
	const problem = result.missingPermission ?? result.errors[0] ?? null
	const wasSilent = result.changes.some(({ kinds }) =>
		kinds.some((kind) => kind === 'created' || kind === 're-enabled' || kind === 'moved'),
	)
	return {
		repairs: result.changes.map((change) => ({
			description: describeWebhookChange(change),
			// A routine rewrite of secrets, which also moves a webhook, is not reported to the operator.
			notify: change.kinds.includes('re-enabled') || !change.kinds.includes('secret-written'),
		})),
		degraded:
			problem === null
				? null
				: {
						reason: problem,
						sinceMs: degradedBefore?.sinceMs ?? now,
						action: result.missingPermission === null ? REFUSED_WEBHOOK_ACTION : null,
					},
		// After a recovery too: the repair may have been made by an earlier call whose answer was lost.
		rereadsGap: wasSilent || (degradedBefore !== null && problem === null),
	}
}

/**
 * Settles an overdue webhook: records it if it is still missing. Returns whether the store's webhooks are read now.
 */
function resolveSuspect(core: Core, now: number): boolean {
	const { hooks } = core.state
	if (hooks.suspect === null || hooks.suspect.dueMs > now) return true
	const isMissing = hasUnreportedChange(core, hooks.suspect.sequence, now)
	hooks.suspect = null
	if (!isMissing) return (nextWatchdogMs(core) ?? Number.POSITIVE_INFINITY) <= now
	// The watchdog's next commit saves it.
	core.commit(
		(tx) => recordRepair(tx, core, 'polling found a change that no webhook reported'),
		() => false,
	)
	return true
}

/** Whether a poll found a change from this sequence on that no webhook reported in time. */
function hasUnreportedChange(core: Core, sequence: number, now: number): boolean {
	const found = core.ports.sql.all<{ sequence: number }>(
		`SELECT sequence FROM events
		WHERE sequence >= ? AND recorded <= ? AND source <> 'webhook' AND confirmed IS NULL
			AND resource IN (SELECT value FROM json_each(?)) LIMIT 1`,
		sequence,
		now - WEBHOOK_OVERDUE_MS,
		JSON.stringify(getCoveredResources(core)),
	)
	return found.length > 0
}

async function syncWebhooks(core: Core, desired: DesiredWebhooks, budget: SliceBudget): Promise<WebhookSyncResult> {
	const client = await core.client()
	const requestsBefore = client.requests
	const result = await core.element.webhooks!.ensure(client, desired)
	budget.requests -= client.requests - requestsBefore
	core.state.counters.requests += client.requests - requestsBefore
	return result
}

function recordFailure(_tx: Tx, core: Core, result: WebhookSyncResult, failure: Failure, now: number): void {
	const { hooks } = core.state
	// After 503 the store's recovery brings the next check (docs/woocommerce.md 8.5).
	hooks.dueMs = now + Math.max(WATCHDOG_RETRY_MS, failure.status === 503 ? 0 : (failure.retryAfterMs ?? 0))
	hooks.triedAs = getCurrentKey(core)
	hooks.degraded = {
		reason: result.missingPermission ?? failure.message,
		action: result.missingPermission === null ? (failure.cure?.action ?? null) : null,
		sinceMs: hooks.degraded?.sinceMs ?? now,
	}
}

function applySync(tx: Tx, core: Core, result: WebhookSyncResult, now: number): void {
	const { state } = core
	const { hooks } = state
	const decision = decideSync(result, hooks.degraded, now)
	// A key that may no longer list webhooks does not make them foreign.
	if (result.ok || result.webhooks.length > 0) hooks.webhooks = result.webhooks
	hooks.checkedMs = now
	hooks.dueMs = now + WATCHDOG_INTERVAL_MS
	hooks.triedAs = getCurrentKey(core)
	if (result.ok) hooks.keyedAs = getCurrentKey(core)
	if (hooks.foreign !== null && now - hooks.foreign.atMs > FOREIGN_SOURCE_TTL_MS) hooks.foreign = null
	for (const { description, notify } of decision.repairs) {
		recordRepair(tx, core, description)
		if (notify) enqueueOperatorEvent(tx, core, 'webhook.repaired', description, {})
	}
	hooks.degraded = decision.degraded
	if (decision.rereadsGap && state.lastRunMs !== null) {
		state.nextPollMs = now
		requestReread(tx, core)
	}
}

/** The webhooks that should exist: a topic for each watched collection that has one. Null: this instance has none. */
function getDesiredWebhooks(core: Core): DesiredWebhooks | null {
	const kept = getKeptWebhooks(core)
	const { webhooks } = core.element
	if (kept === null || webhooks === null) return null
	return toDesiredWebhooks(
		webhooks,
		{
			id: core.config.instanceId,
			incarnation: core.config.incarnation,
			version: kept.version,
			deliveryUrl: kept.deliveryUrl,
		},
		getWatchedResources(core).map((watched) => watched.resource.path),
		{ masterKey: core.ports.masterKey.bytes, rewrite: getWrittenKey(core) !== getCurrentKey(core) },
	)
}

/** The webhooks that this object manages; null: there are none, or the API is still creating them (no address yet). */
function getKeptWebhooks(core: Core): NonNullable<WatcherConfig['hooks']> | null {
	const { hooks } = core.config
	return hooks === null || hooks.deliveryUrl === '' ? null : hooks
}

/** Version and master key from which the store's secrets should be derived. */
function getCurrentKey(core: Core): string {
	return formatKey(core, core.ports.masterKey.id)
}

/** Version and master key of the last secrets written, by this object or by the API; null when none were written. */
function getWrittenKey(core: Core): string | null {
	const keyId = core.config.hooks?.writtenWith
	return core.state.hooks.keyedAs ?? (keyId === undefined ? null : formatKey(core, keyId))
}

function formatKey(core: Core, keyId: string): string {
	return `${core.config.hooks?.version ?? 0}:${keyId}`
}
