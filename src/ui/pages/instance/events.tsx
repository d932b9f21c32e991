/** The newest events of an instance: rows of the log, added as they come. */
import { Card, Empty } from '../../parts/card.tsx'
import { Glyph } from '../../parts/glyph.tsx'
import { State } from '../../parts/state.tsx'
import { CoverLink, Table, TableRow, type Column, type RowPoll } from '../../parts/table.tsx'
import { formatLag } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'
import { toEventPath, toInstancePath, type EventRecord, type Instance } from './data.ts'
import { getFollowSeconds, SOURCES, toChangeText, toDeliveryWords } from './event-words.ts'

/** How many events a page of the list shows. */
export const NEWEST_EVENTS = 20

/** How many rows stay when new ones come. */
const MAX_LIVE_EVENTS = 5 * NEWEST_EVENTS

function toColumns(now: number): readonly Column<EventRecord>[] {
	return [
		{
			label: 'Type',
			unlabelled: true,
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
			class: 'soft second',
			render: (event) => (
				<>
					<span class='small-inline cut'>{toChangeText(event) || event.eventType.toLowerCase()}</span>
					<span class='small-inline' aria-hidden='true'>
						·
					</span>
					<Time at={event.recordedDate} now={now} />
				</>
			),
		},
	]
}

/** Ids of elements cannot be event ids, which may begin with anything. */
const toRowId = (event: EventRecord): string => `event-${event.id}`

/** The row asks until it is known what became of its delivery. */
function toPoll(event: EventRecord, now: number): RowPoll | null {
	const seconds = getFollowSeconds(event, now)
	return seconds === null ? null : { url: `${toEventPath(event)}/row`, seconds }
}

/** One row, as the stream and the row's own request bring it. */
export function EventRow({ event, now }: { event: EventRecord; now: number }) {
	return <TableRow columns={toColumns(now)} row={event} id={toRowId(event)} poll={toPoll(event, now)} />
}

/** A page of the list of events. */
export interface EventList {
	events: readonly EventRecord[]
	/** The page is not the first one. */
	isOlder: boolean
	/** Where older events are; null: there are none. */
	older: string | null
}

const LIST_ID = 'events'

/** The card with the newest events, which come as they are recorded, or with older ones. */
export function EventsCard({
	instance,
	list: { events, isOlder, older },
	now,
}: {
	instance: Pick<Instance, 'id' | 'disabled' | 'eventsEnabled'>
	list: EventList
	now: number
}) {
	const isWatching = !instance.disabled && instance.eventsEnabled
	const isLive = isWatching && !isOlder
	const title = isOlder ? 'Older events' : 'Latest events'
	const card = (
		<Card id={LIST_ID} title={title} right={isLive ? <LiveState /> : undefined} plain>
			<Table
				caption={`${title}, newest first`}
				columns={toColumns(now)}
				rows={events}
				dense
				bodyId='latest-events'
				rowId={toRowId}
				rowPoll={(event) => toPoll(event, now)}
				empty={
					isOlder ? (
						<Empty title='No older events'>The log begins here.</Empty>
					) : (
						<Empty title='No events yet' icon='radio'>
							{isWatching ? 'The first change in the store appears here.' : 'Nothing is detected at the moment.'}
						</Empty>
					)
				}
			/>
			{isOlder || older !== null ? (
				<footer class='onward-list'>
					{isOlder ? (
						<a class='link' href={`${toInstancePath(instance.id)}#${LIST_ID}`}>
							Latest events
						</a>
					) : null}
					{older === null ? null : (
						<a class='link' href={`${older}#${LIST_ID}`}>
							Show older events
						</a>
					)}
				</footer>
			) : null}
		</Card>
	)
	if (!isLive) return card
	return (
		<sb-tail src={toInstancePath(instance.id, 'events/live')} after={events[0]?.id} max={String(MAX_LIVE_EVENTS)}>
			{card}
		</sb-tail>
	)
}

/** The newest events alone, where the list does not go on. */
export function NewestEvents({
	events,
	...card
}: {
	instance: Pick<Instance, 'id' | 'disabled' | 'eventsEnabled'>
	events: readonly EventRecord[]
	now: number
}) {
	return <EventsCard {...card} list={{ events, isOlder: false, older: null }} />
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
