/** The overview of an instance. */
import { LinkButton } from '../../parts/button.tsx'
import { Card, Need } from '../../parts/card.tsx'
import { Progress } from '../../parts/notice.tsx'
import { toStateWords } from '../../parts/state.tsx'
import { formatCount } from '../../parts/text.ts'
import { TextWithTimes } from '../../parts/time.tsx'
import { Cards, type CardFacts } from './cards.tsx'
import { ChangesCard, type Range } from './chart.tsx'
import { findFix, toInstancePath, type Counts, type Health, type Poller } from './data.ts'
import { EventsCard, type EventList } from './events.tsx'

interface OverviewProps extends CardFacts {
	range: Range
	/** Of the range. */
	rangeCounts: Counts
	list: EventList
	/** The viewer may decide and repair. */
	canAct: boolean
}

/** Everything below the tabs. */
export function Overview({ range, rangeCounts, list, canAct, ...facts }: OverviewProps) {
	const { instance, health, poller, now } = facts
	return (
		<>
			<Attention instanceId={instance.id} health={health} poller={poller} canAct={canAct} />
			<BaselineProgress instanceId={instance.id} poller={poller} />
			<Cards {...facts} />
			<ChangesCard instanceId={instance.id} range={range} counts={rangeCounts} />
			<EventsCard instance={instance} list={list} now={now} />
		</>
	)
}

/** States that say nothing to do. */
const CALM: ReadonlySet<Health['state']> = new Set(['healthy', 'catching-up', 'connecting', 'disabled'])

/** What waits for a person or for the store, if anything does. `oob`: replaces it from a response for another part. */
export function Attention({
	instanceId,
	health,
	poller,
	canAct,
	oob = false,
}: {
	instanceId: number
	health: Health
	poller: Poller
	canAct: boolean
	oob?: boolean
}) {
	const fix = findFix(health.state)
	const needsPerson = !CALM.has(health.state)
	const { pending } = poller
	const place = { id: 'attention', 'hx-swap-oob': oob ? 'true' : undefined }
	if (!needsPerson && pending === 0) return <div {...place} />
	return (
		<div {...place} class='spaced'>
			<Card plain>
				{needsPerson ? (
					<Need
						tone={toStateWords(health.state).tone}
						action={
							fix === null || !canAct ? undefined : (
								<LinkButton href={toInstancePath(instanceId, fix.path)}>{fix.label}</LinkButton>
							)
						}
					>
						<TextWithTimes text={fix === null ? `${health.reason} ${health.action}` : health.reason} />
					</Need>
				) : null}
				{pending === 0 ? null : (
					<Need tone='idle'>
						{formatCount(pending, 'object')} {pending === 1 ? 'waits' : 'wait'} to be read from the store.
					</Need>
				)}
			</Card>
		</div>
	)
}

/** How far each resource is indexed. The part replaces itself every 2 s until all are done. */
export function BaselineProgress({ instanceId, poller }: { instanceId: number; poller: Poller }) {
	if (poller.resources.every(({ baseline }) => baseline.complete)) return <div id='baseline' />
	return (
		<div
			id='baseline'
			class='spaced'
			hx-get={toInstancePath(instanceId, 'baseline')}
			hx-trigger='every 2s'
			hx-swap='outerHTML'
		>
			<Card title='Indexing the store' note='Changes are detected meanwhile.' plain>
				{poller.resources.map(({ resource, baseline: { done, total, estimateSeconds } }) => (
					<Progress
						label={resource}
						done={done}
						total={total === 0 ? null : total}
						leftMs={estimateSeconds === null ? null : estimateSeconds * 1000}
					/>
				))}
			</Card>
		</div>
	)
}
