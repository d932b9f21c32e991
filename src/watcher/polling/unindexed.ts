/**
 * Polling without an index (`filterByUpdatedDate: false`): what the url answers rings by its dates alone
 * (docs/contract.md §3).
 */
import type { Core, WatchedResource } from '../core/core.ts'
import type { NewEvent } from '../log/event-log.ts'
import { appendEvents } from '../outbox/forming.ts'
import { toStoredRecord } from '../changes/recorder.ts'
import { listPage, type SliceBudget } from '../source/requests.ts'
import type { Snapshot } from '../../elements/store.ts'

const MAX_PAGES = 20

/**
 * Polls a resource by the platform's rule: updated within `createdCheckTolerance` of created → CREATED, later →
 * UPDATED, not later than the last poll → nothing. Records without a readable date ring every time they are answered
 * with another stamp or none seen.
 */
export async function pollUnindexed(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { resource, state: rs } = watched
	const sinceMs = (rs.cursorMs ?? rs.t0Sec * 1000) - resource.pollDelaySec * 1000
	const found = new Map<string, Snapshot>()
	let storeNowMs: number | null = null
	for (let page = 0; page < MAX_PAGES; page++) {
		// The newest first, since what lies behind the last page is not read.
		const response = await listPage(
			core,
			watched,
			{ order: resource.modifiedFilter ? 'modified-desc' : 'id-desc', offset: page * rs.pageSize, limit: rs.pageSize },
			budget,
		)
		storeNowMs ??= response.storeNowMs
		for (const snapshot of response.snapshots) {
			if (snapshot.modifiedSec === null || snapshot.modifiedSec * 1000 > sinceMs - 1000)
				found.set(`${snapshot.id}:${snapshot.modifiedSec}`, snapshot)
		}
		const last = response.snapshots.at(-1)?.listModifiedSec ?? null
		if (resource.modifiedFilter && last !== null && last * 1000 < sinceMs - 1000) break
		if (response.rows < rs.pageSize || (response.total !== null && (page + 1) * rs.pageSize >= response.total)) break
	}
	const now = core.ports.now()
	core.commit(() => {
		// Stamps have whole seconds: what was rung in the last poll's second is not rung again.
		const newSnapshots = [...found].filter(([key, snapshot]) => snapshot.state === 'live' && !rs.recent.includes(key))
		const events: NewEvent[] = newSnapshots.map(([, snapshot]) => createUnindexedEvent(core, watched, snapshot, now))
		rs.recent = [...found.keys()]
		rs.cursorMs = Math.max(rs.cursorMs ?? 0, storeNowMs ?? now)
		rs.lastPollMs = now
		rs.error = null
		if (events.length === 0) return
		appendEvents(core, events)
		core.doorbellRequested = true
	})
}

function createUnindexedEvent(core: Core, watched: WatchedResource, snapshot: Snapshot, now: number): NewEvent {
	const { resource, state: rs } = watched
	const sequence = ++core.state.sequence
	const isCreation =
		snapshot.createdSec === null || snapshot.modifiedSec === null
			? snapshot.modifiedSec === null
			: snapshot.modifiedSec - snapshot.createdSec <= resource.createdToleranceSec
	core.state.counters[isCreation ? 'created' : 'updated']++
	const atMs = core.nextLogTimeMs()
	core.state.lastEventMs = atMs
	if (core.state.run !== null) core.state.run.events++
	const { large, record } = toStoredRecord(resource, snapshot.id, snapshot.record)
	return {
		sequence,
		tag: core.ports.eventTag(core.config.instanceId, sequence),
		resourceNumber: rs.number,
		resource: resource.objectType,
		objectId: snapshot.id,
		// There is no index that counts per object; the log's own number ascends for every object too.
		objectSequence: sequence,
		previousSequence: null,
		previousEvent: null,
		eventType: isCreation ? 'CREATED' : 'UPDATED',
		dateMs:
			(isCreation ? snapshot.createdSec : snapshot.modifiedSec) === null
				? now
				: ((isCreation ? snapshot.createdSec : snapshot.modifiedSec) as number) * 1000,
		pollDateMs: atMs,
		source: 'poll',
		changedFields: null,
		flags: large === undefined ? {} : { large },
		record,
	}
}
