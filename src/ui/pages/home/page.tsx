/** Home: what needs attention, the figures of 24 hours, and the instances. */
import { Frame } from '../../frame.tsx'
import { can, type PageMessage, type Viewer } from '../../http/environment.ts'
import { LinkButton } from '../../parts/button.tsx'
import { Card, Figures, Need, PageHead } from '../../parts/card.tsx'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import { toStateWords } from '../../parts/state.tsx'
import { formatCount, formatNumber } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'
import { LIST_PATH } from '../instances/filters.ts'
import { ConnectButton, NoInstances } from '../instances/page.tsx'
import { InstancesTable, type InstanceRow } from '../instances/table.tsx'
import { toFigures, toFixLink, toHeadline, toStatesLine, type AttentionEntry, type Overview } from './words.ts'

/** Things that are shown at once; the others unfold. */
const MAX_SHOWN = 10

interface HomePageProps {
	viewer: Viewer
	message: PageMessage | null
	overview: Overview
	now: number
}

/** The whole page. */
export function HomePage({ viewer, message, overview, now }: HomePageProps) {
	const { attention, instances } = overview
	const hasNone = instances.total === 0
	return (
		<Frame title='Home' place='home' viewer={viewer} attention={attention.total}>
			<MessagePlace>{message === null ? null : <Notice tone={message.kind}>{message.text}</Notice>}</MessagePlace>
			{hasNone ? (
				<>
					<PageHead title='Welcome to Shopbell' />
					<Card plain>
						<NoInstances viewer={viewer} />
					</Card>
				</>
			) : (
				<>
					<PageHead
						title={toHeadline(attention.total)}
						meta={toStatesLine(instances)}
						actions={<ConnectButton viewer={viewer} />}
					/>
					<Attention attention={attention} mayFix={can(viewer, 'developer')} now={now} />
					<Figures figures={toFigures(overview, now)} />
					<p class='meta as-of'>
						As of <Time at={overview.asOf} now={now} />
					</p>
					<InstancesCard rows={instances.worst} total={instances.total} now={now} />
				</>
			)}
		</Frame>
	)
}

function Attention({
	attention: { items, total },
	mayFix,
	now,
}: {
	attention: Overview['attention']
	mayFix: boolean
	now: number
}) {
	if (items.length === 0) return null
	const entries = items.map((item) => <AttentionNeed item={item} mayFix={mayFix} now={now} />)
	const unfolded = entries.slice(MAX_SHOWN)
	const unnamed = total - items.length
	return (
		<Card plain>
			{entries.slice(0, MAX_SHOWN)}
			{unfolded.length === 0 ? null : (
				<details class='more'>
					<summary>Show {formatNumber(unfolded.length)} more</summary>
					{unfolded}
					{unnamed === 0 ? null : (
						<p>
							{formatCount(unnamed, 'instance needs', 'instances need')} attention besides.{' '}
							<a class='link' href={LIST_PATH}>
								Filter the list by state
							</a>
						</p>
					)}
				</details>
			)}
		</Card>
	)
}

function AttentionNeed({ item, mayFix, now }: { item: AttentionEntry; mayFix: boolean; now: number }) {
	const { href, label } = toFixLink(item, mayFix)
	return (
		<Need
			tone={toStateWords(item.state).tone}
			action={
				<LinkButton href={href}>
					{label}
					<span class='spoken'> {item.name}</span>
				</LinkButton>
			}
		>
			<b>{item.name}</b>: {item.text}{' '}
			<span class='meta'>
				<Time at={item.since} now={now} />
			</span>
		</Need>
	)
}

function InstancesCard({ rows, total, now }: { rows: readonly InstanceRow[]; total: number; now: number }) {
	return (
		<Card
			title='Instances'
			note={formatNumber(total)}
			right={
				<a class='link' href={LIST_PATH}>
					{rows.length < total ? `Show all ${formatNumber(total)}` : 'Filter'}
				</a>
			}
			plain
		>
			<InstancesTable rows={rows} now={now} />
		</Card>
	)
}
