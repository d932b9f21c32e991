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
	type Health,
	type InstanceFacts,
	type Poller,
} from './data.ts'

/** What the cards are made of. Counts are of the last seven days by hour. */
export interface CardFacts extends InstanceFacts {
	poller: Poller
	counts: Counts
	/** Null: too many changes to count. */
	coverage: Coverage | null
	/** Median from a change to its acceptance in the last 24 hours, as last reported; null: none with a known time. */
	deliveryLagMs: number | null
	now: number
}

const DAY_HOURS = 24

/** The cards. They are read again every minute, when the next poll is due, and then often until it is done. */
export function Cards(facts: CardFacts) {
	const { nextRun } = facts.poller
	const isDue = nextRun !== null && Date.parse(nextRun) <= facts.now
	return (
		<div
			class='says'
			id='says'
			hx-get={toInstancePath(facts.instance.id, 'cards')}
			hx-trigger={isDue ? 'every 10s' : 'due delay:4s, every 60s'}
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
	const isIndexing = isStillIndexing(poller)
	return (
		<Says
			tone={isIndexing && health.store === null ? 'idle' : getStoreTone(health.state, health.store !== null, isOff)}
			title='Store'
			note={
				<>
					{isOff || poller.nextRun === null ? null : (
						<>
							<Countdown id='next-poll' at={poller.nextRun} now={now} before='Next poll ' done='Polling now' />.{' '}
						</>
					)}
					{isIndexing ? null : toIndexText(known, ages)}
				</>
			}
		>
			<StoreSentence health={health} poller={poller} now={now} isOff={isOff} disabled={instance.disabled} />
		</Says>
	)
}

function toIndexText(known: number, ages: readonly number[]): string {
	const age = ages.length === 0 ? '' : `, oldest check ${formatDuration(Math.max(...ages) * 1000)} ago`
	return `${formatCount(known, 'object')} indexed${age}.`
}

/** The numbers are in the head and in the progress. */
function isStillIndexing({ resources }: Poller): boolean {
	return resources.some(({ baseline }) => !baseline.complete)
}

function getStoreTone(state: InstanceFacts['health']['state'], fails: boolean, isOff: boolean): Tone {
	if (isOff) return 'idle'
	if (fails || state === 'needs-reauth' || state === 'store-unreachable' || state === 'full' || state === 'unreadable')
		return 'bad'
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
	if (isStillIndexing(poller)) return 'The store is being indexed.'
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
		if (total === 0) return ['idle', 'Nothing to deliver in the last 24 hours.']
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
	const limits = toLimitLines(facts.health)
	return (
		<Says
			tone={tone === 'ok' && limits.length > 0 ? 'warn' : tone}
			title='Coverage'
			note={
				note === null && limits.length === 0 ? undefined : (
					<>
						{note}
						{limits.map((line, index) => (
							<>
								{note === null && index === 0 ? null : <br />}
								{line}
							</>
						))}
					</>
				)
			}
		>
			{sentence}
		</Says>
	)
}

/** What cannot be read as usual, a line each. */
export function toLimitLines({ resources }: Pick<Health, 'resources'>): string[] {
	return resources.flatMap(({ resource, limits }) => limits.map(({ message }) => `${resource}: ${toSentence(message)}`))
}

/** How changes of the week were found. */
export function toCoverageWords({ instance, health, counts, coverage, now }: CardFacts): {
	tone: Tone
	sentence: string
	note: Child | null
} {
	const week = formatCount(sumCounts(counts).total, 'change')
	const mode = getMode(instance)
	if (mode === 'off') return { tone: 'idle', sentence: 'No changes are detected.', note: null }
	const isEmpty = sumCounts(counts).total === 0
	if (mode === 'polling')
		return {
			tone: isEmpty ? 'idle' : 'ok',
			sentence: isEmpty ? 'No changes this week.' : `${week} this week, found by polling.`,
			note: null,
		}
	const { webhooks } = health
	const isDegraded = health.state === 'webhooks-degraded' || health.state === 'foreign-source'
	const tone = instance.disabled ? 'idle' : isDegraded ? 'warn' : 'ok'
	const note = webhooks === null ? null : toWebhookNote(webhooks, now)
	if (isEmpty) return { tone, sentence: 'No changes this week.', note }
	if (coverage === null) return { tone, sentence: `${week} this week.`, note }
	const { firstByWebhook, firstByPoll, recovered } = coverage
	const polled =
		recovered === firstByPoll
			? `${formatNumber(recovered)} recovered by polling`
			: `${formatNumber(firstByPoll)} by polling${recovered === 0 ? '' : `, ${formatNumber(recovered)} of them recovered`}`
	return { tone, sentence: `${week} this week: ${formatNumber(firstByWebhook)} by webhook, ${polled}.`, note }
}

function toWebhookNote({ state, reason, checkedAt }: NonNullable<Health['webhooks']>, now: number): Child {
	if (state !== 'active') return <TextWithTimes text={toSentence(reason)} />
	if (checkedAt === null) return 'Webhooks created, not verified yet.'
	return (
		<>
			Webhooks verified <Time at={checkedAt} now={now} />.
		</>
	)
}
