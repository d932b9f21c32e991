/** The newest events of an instance: rows of the log, added as they come. */
import { Card, Empty } from '../../parts/card.tsx'
import { Glyph } from '../../parts/glyph.tsx'
import { State } from '../../parts/state.tsx'
import { CoverLink, Table, TableRow, type Column } from '../../parts/table.tsx'
import { formatLag } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'
import { toInstancePath, type EventRecord, type Instance } from './data.ts'
import { isDeliveryFollowed, SOURCES, toChangeText, toDeliveryWords } from './event-words.ts'

/** How many events the overview shows. */
export const NEWEST_EVENTS = 20

function toColumns(now: number): readonly Column<EventRecord>[] {
	return [
		{
			label: 'Type',
			unlabelled: true,
			hide: true,
			class: 'mark',
			render: ({ eventType }) => <Glyph type={eventType} />,
		},
		{
			label: 'Object',
			render: (event) => (
				<CoverLink href={toEventPath(event)}>
					{event.objectType} <code>{event.objectId}</code>
				</CoverLink>
			),
		},
		{ label: 'What changed', hide: true, class: 'mono cut', render: toChangeText },
		{ label: 'Detected by', hide: true, class: 'soft', render: ({ source }) => SOURCES[source] },
		{
			label: 'Lag',
			num: true,
			hide: true,
			render: ({ lagMs }) => (lagMs === undefined ? <span class='soft'>–</span> : formatLag(lagMs)),
		},
		{
			label: 'Delivery',
			render: (event) => {
				const { tone, word } = toDeliveryWords(event)
				return <State tone={tone}>{word}</State>
			},
		},
		{
			label: 'When',
			num: true,
			class: 'soft',
			render: ({ recordedDate, eventType }) => (
				<>
					<span class='small-inline'>{eventType.toLowerCase()} </span>
					<Time at={recordedDate} now={now} />
				</>
			),
		},
	]
}

function toEventPath(event: EventRecord): string {
	return toInstancePath(event.elementInstanceId, `events/${event.id}`)
}

/** Ids of elements cannot be event ids, which may begin with anything. */
const toRowId = (event: EventRecord): string => `event-${event.id}`

/** The row asks until it is known what became of its delivery. */
const toFollowUrl = (event: EventRecord, now: number): string | null =>
	isDeliveryFollowed(event, now) ? `${toEventPath(event)}/row` : null

/** One row, as the stream and the row's own request bring it. */
export function EventRow({ event, now }: { event: EventRecord; now: number }) {
	return <TableRow columns={toColumns(now)} row={event} id={toRowId(event)} pollUrl={toFollowUrl(event, now)} />
}

/** The card with the newest events. */
export function NewestEvents({
	instance,
	events,
	now,
}: {
	instance: Pick<Instance, 'id' | 'disabled' | 'eventsEnabled'>
	events: readonly EventRecord[]
	now: number
}) {
	const isLive = !instance.disabled && instance.eventsEnabled
	const card = (
		<Card title='Latest events' right={isLive ? <LiveState /> : undefined} plain>
			<Table
				caption='Latest events, newest first'
				columns={toColumns(now)}
				rows={events}
				dense
				bodyId='latest-events'
				rowId={toRowId}
				rowPollUrl={(event) => toFollowUrl(event, now)}
				empty={
					<Empty title='No events yet' icon='radio'>
						{isLive ? 'The first change in the store appears here.' : 'Nothing is detected at the moment.'}
					</Empty>
				}
			/>
		</Card>
	)
	if (!isLive) return card
	return (
		<sb-tail src={toInstancePath(instance.id, 'events/live')} after={events[0]?.id} max={String(NEWEST_EVENTS)}>
			{card}
		</sb-tail>
	)
}

function LiveState() {
	return (
		<>
			<span class='when-open meta'>
				<State tone='ok'>Live</State>
			</span>
			<span class='when-lost meta'>
				<State tone='warn'>Reconnecting…</State>
			</span>
		</>
	)
}
