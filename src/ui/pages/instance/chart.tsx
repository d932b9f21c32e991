/** The chart of changes by hour or day. */
import { Card } from '../../parts/card.tsx'
import { Chart, type Bar, type Series } from '../../parts/chart.tsx'
import { Chip } from '../../parts/glyph.tsx'
import { toInstancePath, type Counts } from './data.ts'

/** The ranges that a viewer can choose. */
export const RANGES = {
	'24h': { label: '24 h', hours: 24, interval: 'hour', ticks: 4, labels: ['24 h', '18 h', '12 h', '6 h'] },
	'7d': {
		label: '7 d',
		hours: 7 * 24,
		interval: 'hour',
		ticks: 7,
		labels: ['7 d', '6 d', '5 d', '4 d', '3 d', '2 d', '1 d'],
	},
	'30d': {
		label: '30 d',
		hours: 30 * 24,
		interval: 'day',
		ticks: 30,
		labels: ['30 d', '25 d', '20 d', '15 d', '10 d', '5 d'],
	},
} as const

/** A range in the address. */
export type Range = keyof typeof RANGES

/** The range of a query; anything else is the last day. */
export function parseRange(text: string | undefined): Range {
	return text !== undefined && Object.hasOwn(RANGES, text) ? (text as Range) : '24h'
}

const SERIES: readonly Series[] = [
	{ name: 'created', fill: 'fill-created' },
	{ name: 'updated', fill: 'fill-updated' },
	{ name: 'deleted', fill: 'fill-deleted' },
]

/** Counted by a version that did not keep types. */
const UNKNOWN: Series = { name: 'of unknown type', fill: 'fill-unknown' }

/** The bars of counts, with the series that they need. Times are in UTC. */
export function toBars(counts: Counts, interval: 'hour' | 'day'): { series: readonly Series[]; bars: Bar[] } {
	const hasUnknown = counts.some(({ unknown }) => unknown > 0)
	return {
		series: hasUnknown ? [...SERIES, UNKNOWN] : SERIES,
		bars: counts.map(({ timestamp, updated, created, deleted, unknown }) => ({
			label: interval === 'day' ? timestamp.slice(0, 10) : `${timestamp.slice(0, 16).replace('T', ' ')} UTC`,
			values: hasUnknown ? [created, updated, deleted, unknown] : [created, updated, deleted],
		})),
	}
}

/** The card. Its chips lead to the page with another range, and replace the card where there is JavaScript. */
export function ChangesCard({ instanceId, range, counts }: { instanceId: number; range: Range; counts: Counts }) {
	const { interval, ticks, labels } = RANGES[range]
	const title = interval === 'hour' ? 'Changes by hour' : 'Changes by day'
	const { series, bars } = toBars(counts, interval)
	return (
		<div id='changes'>
			<Card
				title={title}
				right={(Object.keys(RANGES) as Range[]).map((name) => (
					<RangeChip instanceId={instanceId} range={name} on={name === range} />
				))}
			>
				<Chart
					title={title}
					unit={interval === 'hour' ? 'Hour' : 'Day'}
					series={series}
					bars={bars}
					ticks={ticks}
					labels={labels}
					end='now'
				/>
			</Card>
		</div>
	)
}

function RangeChip({ instanceId, range, on }: { instanceId: number; range: Range; on: boolean }) {
	return (
		<Chip
			href={`${toInstancePath(instanceId)}?range=${range}`}
			part={{ url: `${toInstancePath(instanceId, 'changes')}?range=${range}`, target: '#changes' }}
			on={on}
		>
			{RANGES[range].label}
		</Chip>
	)
}
