/** Decides and applies the effects of a changed row in D1. */
import type { Core } from './core/core.ts'
import type { Tx } from './core/tx.ts'
import { getObjectKind } from './core/object-kind.ts'
import type { WatcherState } from './core/state.ts'
import { DAY_MS } from '../lib/time.ts'
import { toSiteKey } from '../lib/urls.ts'
import { drainWaiting } from './outbox/forming.ts'
import { syncSubscriptions } from './outbox/subscriptions.ts'
import { requestReread } from './polling/scans.ts'
import type { WatcherConfig } from '../rpc/config.ts'

/** D1 can be restored to any minute of this time (docs/operations.md, Restoring D1 alone). */
export const RESTORABLE_MS = 30 * DAY_MS

/** The changes of state that a new configuration brings. */
export interface ConfigTransition {
	paused: boolean
	/** Forget the resources: each begins again with a silent baseline. */
	rebaseline: boolean
	/** Read everything once: a pause has ended, and each change meanwhile is sent once. */
	reread: boolean
	/** Check the store's webhooks now. */
	checkWebhooks: boolean
	/** Forget failures: the connection or its credentials are new. */
	resetBackoff: boolean
	/** Epoch ms; null: no poll is scheduled. */
	nextPollMs: number | null
}

/** Whether an instance neither polls nor delivers. */
export function isPaused(config: WatcherConfig): boolean {
	return !config.enabled || !config.eventsEnabled
}

/**
 * What an object does without its row. `destroy`: the row of its id is another object's, so nothing of this one may
 * appear there; or the row has been missing for as long as D1 can be restored. Pure.
 */
export function decideWithoutRow(
	reason: 'missing' | 'replaced',
	missingSinceMs: number | undefined,
	now: number,
): 'destroy' | 'pause' {
	const isRestorable = now - (missingSinceMs ?? now) < RESTORABLE_MS
	return reason === 'missing' && isRestorable ? 'pause' : 'destroy'
}

/** Decides what a new configuration changes. Pure; `now` epoch ms. */
export function getConfigTransition(
	before: WatcherConfig,
	after: WatcherConfig,
	state: Pick<WatcherState, 'paused' | 'nextPollMs' | 'run'>,
	now: number,
): ConfigTransition {
	const paused = isPaused(after)
	const resumed = state.paused && !paused
	// The index of another site is not valid for this one. The versions in the rows decide, so that a lost call does
	// not send every object of a shop.
	const rebaseline =
		(after.baselineVersion ?? 0) > (before.baselineVersion ?? 0) ||
		toSiteKey(before.connection.home) !== toSiteKey(after.connection.home)
	const resetBackoff = isReconnected(before, after)
	return {
		paused,
		rebaseline,
		reread: resumed && !rebaseline,
		// Webhooks that were paused or lead to another URL deliver nothing until they are repaired.
		checkWebhooks: resumed || !isEqual(before.hooks, after.hooks),
		resetBackoff,
		nextPollMs: getNextPollMs(
			after,
			state,
			{ paused, rebaseline, pollNow: resumed || rebaseline || resetBackoff },
			now,
		),
	}
}

/** Applies a transition, once the core has the new configuration. */
export function applyConfigTransition(tx: Tx, core: Core, transition: ConfigTransition, release: boolean): void {
	const { state } = core
	const now = core.ports.now()
	state.paused = transition.paused
	state.nextPollMs = transition.nextPollMs
	if (transition.reread) requestReread(tx, core)
	if (transition.checkWebhooks) state.hooks.dueMs = now
	if (transition.rebaseline) {
		state.dropped.push(...state.resources.map((rs) => rs.number))
		state.resources = []
		state.run = null
		state.pruneMs = now
	}
	if (transition.resetBackoff) {
		state.failures = 0
		state.backoffUntilMs = null
		state.trouble = null
	}
	syncSubscriptions(tx, core, release)
	drainWaiting(tx, core)
}

function getNextPollMs(
	config: WatcherConfig,
	state: Pick<WatcherState, 'nextPollMs' | 'run'>,
	{ paused, rebaseline, pollNow }: { paused: boolean; rebaseline: boolean; pollNow: boolean },
	now: number,
): number | null {
	const kind = getObjectKind(config)
	if (!kind.watchesStore) return null
	if (paused) return rebaseline ? null : state.nextPollMs
	if (pollNow) return now
	if (state.nextPollMs !== null) return Math.min(state.nextPollMs, now + kind.getPollIntervalMs(config))
	return state.run === null ? now : null
}

function isReconnected(before: WatcherConfig, after: WatcherConfig): boolean {
	return (
		!isEqual(before.connection, after.connection) ||
		before.configuration['oauth.api.key'] !== after.configuration['oauth.api.key'] ||
		before.configuration['oauth.api.secret'] !== after.configuration['oauth.api.secret']
	)
}

function isEqual(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b)
}
