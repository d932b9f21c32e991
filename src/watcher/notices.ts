/** The object without a store: what an organization is told of itself, and what is posted to topics of its own, as events of its log. */
import { formatEventId } from '../events/ids.ts'
import type { Core } from './core.ts'
import type { NewEvent } from './event-log.ts'
import { putIntoNotifications } from './forming.ts'
import type { Notice } from './rpc.ts'

/** No resource has this number. */
const NO_RESOURCE = 0

/** Takes notices into the log and puts them on the wire, each once: returns the ids of those that were new. Those of one origin keep their order. */
export function publish(core: Core, notices: readonly Notice[]): { eventId: string; sequence: number }[] {
	const { sql } = core.ports
	return core.commit(() => {
		const now = core.ports.now()
		const { instanceId } = core.config
		const events = notices.flatMap((notice): NewEvent[] => {
			if (notice.number !== null && !isNew(core, notice.origin, notice.number)) return []
			const sequence = ++core.state.sequence
			const tag = core.ports.eventTag(instanceId, sequence)
			core.state.lastEventMs = now
			return [
				{
					sequence,
					tag,
					resourceNumber: NO_RESOURCE,
					resource: notice.topic,
					objectId: notice.origin,
					objectSequence: sequence,
					previousSequence: null,
					previousEvent: null,
					eventType: 'CREATED',
					dateMs: notice.atMs,
					pollDateMs: now,
					source: 'poll',
					changedFields: null,
					flags: { severity: notice.severity },
					record: notice.body,
				},
			]
		})
		for (const notice of notices)
			if (notice.number !== null)
				sql.run(
					`INSERT INTO heard (origin, last) VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET last = max(last, excluded.last)`,
					notice.origin,
					notice.number,
				)
		if (events.length > 0) {
			putIntoNotifications(core, events)
			core.ringWanted = true
		}
		return events.map(({ sequence, tag }) => ({ eventId: formatEventId(instanceId, sequence, tag), sequence }))
	})
}

function isNew(core: Core, origin: number, number: number): boolean {
	const last = core.ports.sql.all<{ last: number }>(`SELECT last FROM heard WHERE origin = ?`, origin)[0]?.last ?? 0
	return number > last
}
