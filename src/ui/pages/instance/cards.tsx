/** The three cards of the overview: each says how a part of the instance is, with the numbers behind it. */
import type { Child } from 'hono/jsx'
import { Says } from '../../parts/card.tsx'
import type { Tone } from '../../parts/state.tsx'
import { formatCount, formatDuration, formatNumber } from '../../parts/text.ts'
import { Countdown, TextWithTimes, Time } from '../../parts/time.tsx'
import {
	getMode,
	sumCounts,
	toInstancePath,
	type Counts,
	type Coverage,
	type InstanceFacts,
	type Poller,
} from './data.ts'

/** What the cards are made of. Counts are of the last seven days by hour. */
export interface CardFacts extends InstanceFacts {
	poller: Poller
	counts: Counts
	/** Null: too many changes to count. */
	coverage: Coverage | null
	/** The median from a change to its acceptance in the last 24 hours; null: none with a known time. */
	deliveryLagMs: number | null
	now: number
}

const DAY_HOURS = 24

/** The cards. They are read again when the next poll is due. */
export function Cards(facts: CardFacts) {
	return (
		<div
			class='says'
			id='says'
			hx-get={toInstancePath(facts.instance.id, 'cards')}
			hx-trigger='due delay:4s'
			hx-swap='outerHTML'
		>
			<StoreCard {...facts} />
			<DeliveryCard {...facts} />
			<CoverageCard {...facts} />
		</div>
	)
}

function StoreCard({ health, poller, now, instance }: CardFacts) {
	const known = poller.resources.reduce((sum, { known: objects }) => sum + objects, 0)
	const ages = poller.resources.flatMap(({ reread }) => reread.worstAgeSeconds ?? [])
	const isOff = instance.disabled || getMode(instance) === 'off'
	return (
		<Says
			tone={getStoreTone(health.state, health.store !== null, isOff)}
			title='Store'
			note={
				<>
					{isOff || poller.nextRun === null ? null : (
						<>
							Next poll <Countdown id='next-poll' at={poller.nextRun} now={now} />.{' '}
						</>
					)}
					{formatCount(known, 'object')} indexed
					{ages.length === 0 ? null : `, oldest check ${formatDuration(Math.max(...ages) * 1000)} ago`}.
				</>
			}
		>
			<StoreSentence health={health} poller={poller} now={now} isOff={isOff} disabled={instance.disabled} />
		</Says>
	)
}

function getStoreTone(state: InstanceFacts['health']['state'], fails: boolean, isOff: boolean): Tone {
	if (isOff) return 'idle'
	if (fails || state === 'needs-reauth' || state === 'store-unreachable' || state === 'full') return 'bad'
	return state === 'deletions-held' || state === 'changes-held' || state === 'foreign-source' ? 'warn' : 'ok'
}

function StoreSentence({
	health,
	poller,
	now,
	isOff,
	disabled,
}: Pick<CardFacts, 'health' | 'poller' | 'now'> & { isOff: boolean; disabled: boolean }): Child {
	if (isOff) return disabled ? 'Paused: nothing is detected.' : 'Events are off: nothing is detected.'
	const { store } = health
	if (store !== null)
		return (
			<>
				<TextWithTimes text={toSentence(store.reason)} />{' '}
				{store.nextTry === null ? null : (
					<>
						Tried again <Countdown at={store.nextTry} now={now} />.
					</>
				)}
			</>
		)
	const indexing = poller.resources.filter(({ baseline }) => !baseline.complete)
	if (indexing.length > 0) {
		const [done, total] = (['done', 'total'] as const).map((key) =>
			indexing.reduce((sum, { baseline }) => sum + baseline[key], 0),
		)
		return `Indexing: ${formatNumber(done!)} of ${formatNumber(total!)} objects read.`
	}
	const polls = poller.resources.flatMap(({ lastPoll }) => (lastPoll === null ? [] : [Date.parse(lastPoll)]))
	if (polls.length === 0) return 'Not polled yet.'
	return (
		<>
			Up to date as of <Time at={Math.min(...polls)} now={now} />.
		</>
	)
}

function toSentence(text: string): string {
	return /[.!?]$/.test(text) ? text : `${text}.`
}

function DeliveryCard({ health: { callback }, counts, instance, deliveryLagMs }: CardFacts) {
	const { total, success } = sumCounts(counts.slice(-DAY_HOURS))
	const waiting = `${formatCount(callback.waiting, 'event')} ${callback.waiting === 1 ? 'waits' : 'wait'}`
	const [tone, sentence] = ((): [Tone, string] => {
		if (callback.state === 'none') return ['idle', 'No callback: events are kept in the log only.']
		if (callback.state === 'deactivated') return ['bad', `Deliveries are stopped. ${waiting}.`]
		if (callback.state === 'failing')
			return [
				'bad',
				`The callback fails${callback.lastStatus === null ? '' : ` (${callback.lastStatus})`}. ${waiting}.`,
			]
		if (instance.disabled) return ['idle', `Paused: nothing is sent.${callback.waiting === 0 ? '' : ` ${waiting}.`}`]
		if (total === 0) return ['ok', 'Nothing to deliver in the last 24 hours.']
		const lag = deliveryLagMs === null ? '' : `, p50 ${formatDuration(deliveryLagMs)} after the change`
		return ['ok', `${formatNumber(success)} of ${formatNumber(total)} delivered in the last 24 hours${lag}.`]
	})()
	const isWaiting = callback.state === 'healthy' && callback.waiting > 0
	return (
		<Says
			tone={tone}
			title='Delivery'
			note={
				<>
					{callback.url ?? null}
					{isWaiting ? `${callback.url === null ? '' : ', '}${waiting} to be sent` : null}
				</>
			}
		>
			{sentence}
		</Says>
	)
}

function CoverageCard(facts: CardFacts) {
	const { tone, sentence, note } = toCoverageWords(facts)
	return (
		<Says tone={tone} title='Coverage' note={note === '' ? undefined : <TextWithTimes text={note} />}>
			{sentence}
		</Says>
	)
}

/** How changes of the week were found. */
export function toCoverageWords({ instance, health, counts, coverage }: CardFacts): {
	tone: Tone
	sentence: string
	note: string
} {
	const week = formatCount(sumCounts(counts).total, 'change')
	const mode = getMode(instance)
	if (mode === 'off') return { tone: 'idle', sentence: 'No changes are detected.', note: '' }
	if (mode === 'polling')
		return {
			tone: 'ok',
			sentence: sumCounts(counts).total === 0 ? 'No changes this week.' : `${week} this week, found by polling.`,
			note: '',
		}
	const { webhooks } = health
	const isDegraded = health.state === 'webhooks-degraded' || health.state === 'foreign-source'
	const tone = instance.disabled ? 'idle' : isDegraded ? 'warn' : 'ok'
	const note = webhooks === null ? '' : toSentence(webhooks.reason)
	if (sumCounts(counts).total === 0) return { tone, sentence: 'No changes this week.', note }
	if (coverage === null) return { tone, sentence: `${week} this week.`, note }
	const { firstByWebhook, firstByPoll, recovered } = coverage
	const polled =
		recovered === firstByPoll
			? `${formatNumber(recovered)} recovered by polling`
			: `${formatNumber(firstByPoll)} by polling${recovered === 0 ? '' : `, ${formatNumber(recovered)} of them recovered`}`
	return { tone, sentence: `${week} this week: ${formatNumber(firstByWebhook)} by webhook, ${polled}.`, note }
}
