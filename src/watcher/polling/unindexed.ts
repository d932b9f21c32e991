/** Polling without an index (`filterByUpdatedDate: false`): what the url answers rings by its dates alone (contract, section 3). */
import type { Core, Watched } from '../core/core.ts'
import type { NewEvent } from '../log/event-log.ts'
import { putIntoNotifications } from '../outbox/forming.ts'
import { storable } from '../changes/recorder.ts'
import { list, type Budget } from '../source/requests.ts'
import type { Sighting } from '../../elements/store.ts'

const PAGES = 20

/**
 * Polls a resource by the platform's rule: updated within `createdCheckTolerance` of created → CREATED, later → UPDATED, not later
 * than the last poll → nothing. Records without a readable date ring every time they are answered with another stamp or none seen.
 */
export async function pollUnindexed(core: Core, watched: Watched, budget: Budget): Promise<void> {
	const { resource, state: rs } = watched
	const sinceMs = (rs.cursorMs ?? rs.t0Sec * 1000) - resource.pollDelaySec * 1000
	const found = new Map<string, Sighting>()
	let storeNowMs: number | null = null
	for (let page = 0; page < PAGES; page++) {
		// The newest first, since what lies behind the last page is not read.
		const answer = await list(
			core,
			watched,
			{ order: resource.modifiedFilter ? 'modified-desc' : 'id-desc', offset: page * rs.pageSize, limit: rs.pageSize },
			budget,
		)
		storeNowMs ??= answer.storeNowMs
		for (const one of answer.sightings) {
			if (one.stampSec === null || one.stampSec * 1000 > sinceMs - 1000) found.set(`${one.id}:${one.stampSec}`, one)
		}
		const last = answer.sightings.at(-1)?.listedSec ?? null
		if (resource.modifiedFilter && last !== null && last * 1000 < sinceMs - 1000) break
		if (answer.rows < rs.pageSize || (answer.total !== null && (page + 1) * rs.pageSize >= answer.total)) break
	}
	const now = core.ports.now()
	core.commit(() => {
		// Stamps have whole seconds: what was rung in the last poll's second is not rung again.
		const fresh = [...found].filter(([key, one]) => one.state === 'live' && !rs.recent.includes(key))
		const events: NewEvent[] = fresh.map(([, one]) => eventOf(core, watched, one, now))
		rs.recent = [...found.keys()]
		rs.cursorMs = Math.max(rs.cursorMs ?? 0, storeNowMs ?? now)
		rs.lastPollMs = now
		rs.error = null
		if (events.length === 0) return
		putIntoNotifications(core, events)
		core.ringWanted = true
	})
}

function eventOf(core: Core, watched: Watched, one: Sighting, now: number): NewEvent {
	const { resource, state: rs } = watched
	const sequence = ++core.state.sequence
	const created =
		one.createdSec === null || one.stampSec === null ? one.stampSec === null : one.stampSec - one.createdSec <= resource.createdToleranceSec
	core.state.counters[created ? 'created' : 'updated']++
	const atMs = core.stampMs()
	core.state.lastEventMs = atMs
	if (core.state.run !== null) core.state.run.events++
	const { large, record } = storable(resource, one.id, one.record)
	return {
		sequence,
		tag: core.ports.eventTag(core.config.instanceId, sequence),
		resourceNumber: rs.number,
		resource: resource.objectType,
		objectId: one.id,
		// There is no index that counts per object; the log's own number ascends for every object too.
		objectSequence: sequence,
		previousSequence: null,
		previousEvent: null,
		eventType: created ? 'CREATED' : 'UPDATED',
		dateMs: (created ? one.createdSec : one.stampSec) === null ? now : ((created ? one.createdSec : one.stampSec) as number) * 1000,
		pollDateMs: atMs,
		source: 'poll',
		changedFields: null,
		flags: large === undefined ? {} : { large },
		record,
	}
}
