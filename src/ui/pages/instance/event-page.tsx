/** One event of the log: what changed, its record, and every attempt to deliver it. */
import { Button } from '../../parts/button.tsx'
import { Card, Empty } from '../../parts/card.tsx'
import { CopyValue, Diff, diffRecords, JsonView, KeyValues, OutcomeLine } from '../../parts/code.tsx'
import { Form } from '../../parts/form.tsx'
import { Glyph } from '../../parts/glyph.tsx'
import { State, type Tone } from '../../parts/state.tsx'
import { formatDuration, formatLag } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'
import { toEventPath, type Attempts, type EventRecord, type Timeline } from './data.ts'
import { parseRecord, SOURCES, toDeliveryWords, toFieldList, toNotificationWords } from './event-words.ts'

/** A notification that carries the event, with its attempts, oldest first. */
export interface Delivery {
	notificationId: number
	status: string
	attempts: Attempts
}

interface EventPageProps {
	event: EventRecord
	deliveries: readonly Delivery[]
	/** Of its object; null: the object is not known. */
	timeline: Timeline | null
	/** Token of the viewer's session; null: the viewer may not send again. */
	csrf: string | null
	now: number
}

/** Everything below the head. */
export function EventPage({ event, deliveries, timeline, csrf, now }: EventPageProps) {
	return (
		<>
			<EventFacts event={event} timeline={timeline} now={now} />
			<ChangeCard event={event} timeline={timeline} />
			<Deliveries event={event} deliveries={deliveries} csrf={csrf} now={now} />
			<RecordCard event={event} />
			<VariationsCard event={event} />
		</>
	)
}

/** The heading: what happened to which object. */
export function EventHeading({ event }: { event: EventRecord }) {
	return (
		<span class='marked'>
			<Glyph type={event.eventType} /> {toEventTitle(event)}
		</span>
	)
}

/** When it was recorded, and what became of it. */
export function EventMeta({ event, now }: { event: EventRecord; now: number }) {
	const { tone, word } = toDeliveryWords(event)
	return (
		<>
			<State tone={tone}>{word}</State>
			<Time at={event.recordedDate} now={now} />
		</>
	)
}

/** `orders 1871 updated`. */
export function toEventTitle({ objectType, objectId, eventType }: EventRecord): string {
	return `${objectType} ${objectId} ${eventType.toLowerCase()}`
}

function EventFacts({ event, timeline, now }: Pick<EventPageProps, 'event' | 'timeline' | 'now'>) {
	const confirmed = timeline?.events.find((one) => one.event.id === event.id)?.confirmedDate ?? null
	const lag = event.lagMs === undefined ? '' : ` after ${formatLag(event.lagMs)}`
	const confirmation = confirmed === null ? '' : `, confirmed by ${event.source === 'webhook' ? 'polling' : 'webhook'}`
	return (
		<Card title='Event' plain>
			<KeyValues
				entries={[
					['Id', <CopyValue value={event.id} label='the event id' />],
					['Changed', <Time at={event.eventDate} now={now} />],
					['Recorded', <Time at={event.recordedDate} now={now} />],
					['Detected by', `${SOURCES[event.source]}${lag}${confirmation}`],
					event.event.changedFields === undefined
						? null
						: ['Fields', <code>{toFieldList(event.event.changedFields)}</code>],
					['Object', `change ${event.objectSequence} of ${event.objectType} ${event.objectId}`],
					event.event.test === true ? ['Test', 'Nothing changed in the store.'] : null,
				]}
			/>
		</Card>
	)
}

/** What differs from the event of the object before it. */
function ChangeCard({ event, timeline }: Pick<EventPageProps, 'event' | 'timeline'>) {
	if (event.eventType !== 'UPDATED' || timeline === null) return null
	const index = timeline.events.findIndex((one) => one.event.id === event.id)
	const previous = timeline.events[index - 1]?.event
	const [before, after] = [previous === undefined ? null : toKeptRecord(previous), toKeptRecord(event)]
	if (before === null || after === null) return null
	return (
		<Card title='Changes since the previous event' plain>
			<Diff lines={diffRecords(before, after)} />
		</Card>
	)
}

/** The record; null: the log does not have it. */
function toKeptRecord(event: EventRecord): Record<string, unknown> | null {
	return event.erased === true || event.tooLarge === true ? null : parseRecord(event.providerData)
}

function Deliveries({ event, deliveries, csrf, now }: Omit<EventPageProps, 'timeline'>) {
	if (deliveries.length === 0)
		return (
			<Card title='Deliveries' plain>
				<Empty title='Not sent' icon='send'>
					No notification carries this event: it waits, there is no callback, or a filter leaves it out.
				</Empty>
			</Card>
		)
	return (
		<>
			{deliveries.map(({ notificationId, status, attempts }) => (
				<Card
					title='Deliveries'
					note={
						<>
							notification <code>{notificationId}</code>, {toNotificationWords(status).word.toLowerCase()}
						</>
					}
					right={csrf === null ? undefined : <AgainForm event={event} notificationId={notificationId} csrf={csrf} />}
					plain
				>
					{attempts.length === 0 ? <p class='line'>No attempt has ended yet.</p> : null}
					{attempts.toReversed().map((attempt) => (
						<OutcomeLine tone={toAttemptTone(attempt)} when={<Time at={attempt.startedDate} now={now} />}>
							Attempt {attempt.number}: {attempt.status ?? attempt.error ?? 'no response'} in{' '}
							{formatDuration(attempt.durationMs)}{' '}
							{attempt.body === '' ? null : <span class='soft'>“{attempt.body.slice(0, 200)}”</span>}
						</OutcomeLine>
					))}
				</Card>
			))}
		</>
	)
}

/** Sends a notification again, with the same id. */
function AgainForm({ event, notificationId, csrf }: { event: EventRecord; notificationId: number; csrf: string }) {
	return (
		<Form csrf={csrf} action={`${toEventPath(event)}/again`}>
			<input type='hidden' name='notification' value={notificationId} />
			<Button small icon='send'>
				Deliver again
			</Button>
		</Form>
	)
}

function toAttemptTone({ delivered }: Attempts[number]): Tone {
	return delivered ? 'ok' : 'bad'
}

/** The records of the variations that it is about. */
function VariationsCard({ event: { variationData } }: { event: EventRecord }) {
	if (variationData === undefined || variationData === '[]') return null
	return (
		<Card title='Variations' plain>
			<JsonView text={variationData} label='The variations that changed' />
		</Card>
	)
}

function RecordCard({ event }: { event: EventRecord }) {
	if (event.erased === true)
		return (
			<Card title='Record'>
				<p class='soft'>The record was erased.</p>
			</Card>
		)
	if (event.tooLarge === true)
		return (
			<Card title='Record'>
				<p class='soft'>
					The record was too large to keep. Read it from the store: <code>GET {event.recordUrl ?? ''}</code>
				</p>
			</Card>
		)
	return (
		<Card title='Record' plain>
			<JsonView text={event.providerData} label='The record' />
		</Card>
	)
}
