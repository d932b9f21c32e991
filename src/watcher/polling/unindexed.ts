/** Polling without an index (`filterByUpdatedDate: false`): dates alone decide (docs/contract.md §3). */
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import type { NewEvent } from '../log/event-log.ts'
import { getLagMs } from '../changes/lag.ts'
import { createStoreEvent, emitEvents } from '../changes/new-event.ts'
import { listPage, type SliceBudget } from '../source/requests.ts'
import type { Resource, Snapshot } from '../../elements/store.ts'

const MAX_PAGES = 20

/**
 * Polls a resource by the platform's rule: modified within `createdCheckTolerance` of its creation → CREATED, later →
 * UPDATED, not since the last poll → no event. A record without a modified date counts as created when the last poll
 * did not find it. Throws StoreError.
 */
export async function pollUnindexed(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { resource, state: rs } = watched
	const sinceMs = (rs.cursorMs ?? rs.t0Sec * 1000) - resource.pollDelaySec * 1000
	const { found, storeNowMs } = await readSince(core, watched, sinceMs - 1000, budget)
	const now = core.ports.now()
	core.commit((tx) => {
		// Modified dates have whole seconds: objects of the last poll's last second are found again.
		const events: NewEvent[] = [...found]
			.filter(([key, snapshot]) => snapshot.state === 'live' && !rs.recent.includes(key))
			.map(([, snapshot]) => createUnindexedEvent(tx, core, watched, snapshot, storeNowMs ?? now))
		rs.recent = [...found.keys()]
		rs.cursorMs = Math.max(rs.cursorMs ?? 0, storeNowMs ?? now)
		rs.lastPollMs = now
		rs.error = null
		emitEvents(tx, core, events)
	})
}

/**
 * Objects modified after a time or without a date, by id and modified date. The newest come first, since pages are
 * limited.
 */
async function readSince(
	core: Core,
	watched: WatchedResource,
	afterMs: number,
	budget: SliceBudget,
): Promise<{ found: Map<string, Snapshot>; storeNowMs: number | null }> {
	const { resource, state: rs } = watched
	const found = new Map<string, Snapshot>()
	let storeNowMs: number | null = null
	for (let page = 0; page < MAX_PAGES; page++) {
		const response = await listPage(
			core,
			watched,
			{ order: resource.modifiedFilter ? 'modified-desc' : 'id-desc', offset: page * rs.pageSize, limit: rs.pageSize },
			budget,
		)
		storeNowMs ??= response.storeNowMs
		for (const snapshot of response.snapshots) {
			if (snapshot.modifiedSec === null || snapshot.modifiedSec * 1000 > afterMs)
				found.set(`${snapshot.id}:${snapshot.modifiedSec}`, snapshot)
		}
		const last = response.snapshots.at(-1)?.listModifiedSec ?? null
		if (resource.modifiedFilter && last !== null && last * 1000 < afterMs) break
		if (response.rows < rs.pageSize || (response.total !== null && (page + 1) * rs.pageSize >= response.total)) break
	}
	return { found, storeNowMs }
}

function createUnindexedEvent(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	snapshot: Snapshot,
	storeNowMs: number,
): NewEvent {
	const { resource, state: rs } = watched
	const isNew = isCreation(resource, snapshot)
	return createStoreEvent(tx, core, watched, {
		objectId: snapshot.id,
		eventType: isNew ? 'CREATED' : 'UPDATED',
		dateSec: isNew ? snapshot.createdSec : snapshot.modifiedSec,
		lagMs: getLagMs(
			{ type: isNew ? 'CREATED' : 'UPDATED' },
			{
				known: null,
				observation: { ...snapshot, createdSec: isNew ? snapshot.createdSec : null, kind: 'live', listed: true },
				skewMs: core.state.skewMs ?? 0,
				seenUpToMs: (rs.cursorMs ?? rs.t0Sec * 1000) - resource.pollDelaySec * 1000,
				modifiedFilter: resource.modifiedFilter,
				storeNowMs,
			},
		),
		source: 'poll',
		changedFields: null,
		flags: {},
		record: snapshot.record,
		chain: null,
	})
}

function isCreation({ createdToleranceSec }: Resource, { createdSec, modifiedSec }: Snapshot): boolean {
	if (modifiedSec === null) return true
	return createdSec !== null && modifiedSec - createdSec <= createdToleranceSec
}
