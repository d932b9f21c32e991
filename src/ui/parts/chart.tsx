/** Charts as SVG, drawn by the server, with a table behind each. */
import { html } from 'hono/html'
import { formatNumber } from './text.ts'

/** What a bar is made of, lowest first. */
export interface Series {
	name: string
	/** Class of its colour: `fill-…`. */
	fill: string
}

/** A bar: one value for each series. */
export interface Bar {
	/** Its time in the table and the tooltip. */
	label: string
	values: readonly number[]
}

/** A bar's part, in units of the drawing. */
interface Part {
	x: number
	y: number
	width: number
	height: number
	series: number
}

const HEIGHT = 120
/** Above the highest bar, of its height. */
const HEADROOM = 0.2
/** Of the ticks below the axis. */
const TICK_HEIGHT = 5
const WIDTH = 1000
const MAX_BAR_HEIGHT = HEIGHT / (1 + HEADROOM)
/** A value that is not zero is seen. */
const MIN_HEIGHT = 2

/** The parts of stacked bars in a drawing of 1000 × 120, from the bottom up. Values that are zero have none. */
export function layOutBars(bars: readonly Bar[], max = Math.max(0, ...bars.map(getTotal))): Part[][] {
	const slot = WIDTH / Math.max(1, bars.length)
	const gap = Math.min(slot * 0.25, 10)
	return bars.map((bar, index) => {
		let y = HEIGHT
		return bar.values.flatMap((value, series) => {
			if (value <= 0 || max <= 0) return []
			const height = Math.max(MIN_HEIGHT, round((value / max) * MAX_BAR_HEIGHT))
			y = round(y - height)
			return [{ x: round(index * slot + gap / 2), y, width: round(slot - gap), height, series }]
		})
	})
}

function getTotal({ values }: Bar): number {
	return values.reduce((sum, value) => sum + value, 0)
}

function round(value: number): number {
	return Math.round(value * 10) / 10
}

interface ChartProps {
	title: string
	/** What a bar stands for, above its column in the table: `Hour`. */
	unit: string
	series: readonly Series[]
	bars: readonly Bar[]
	/** Ticks of the axis, at equal distances from the first bar on. */
	ticks: number
	/** Below the axis, at equal distances from the first bar on. */
	labels: readonly string[]
	/** Below the last bar. */
	end: string
}

/** Stacked bars over time, the totals of each series below, and all numbers in a table. */
export function Chart({ title, unit, series, bars, ticks, labels, end }: ChartProps) {
	const max = Math.max(0, ...bars.map(getTotal))
	const isEmpty = max === 0
	const totals = series.map((_, index) => bars.reduce((sum, bar) => sum + (bar.values[index] ?? 0), 0))
	const summary = series.map(({ name }, index) => `${formatNumber(totals[index]!)} ${name}`).join(', ')
	return (
		<figure class={isEmpty ? 'figure none' : 'figure'}>
			<div class='scale'>{isEmpty ? 'No changes in this time' : formatNumber(max)}</div>
			<svg
				class='chart'
				viewBox={`0 0 ${WIDTH} ${HEIGHT + TICK_HEIGHT}`}
				preserveAspectRatio='none'
				role='img'
				aria-label={`${title}: ${isEmpty ? 'none' : summary}`}
			>
				{isEmpty ? null : (
					<Line name='grid' from={[0, HEIGHT - MAX_BAR_HEIGHT]} to={[WIDTH, HEIGHT - MAX_BAR_HEIGHT]} />
				)}
				<Bars bars={bars} series={series} />
				{Array.from({ length: ticks }, (_, index) => round((index * WIDTH) / ticks)).map((x) => (
					<Line name='axis' from={[x, HEIGHT]} to={[x, HEIGHT + TICK_HEIGHT]} />
				))}
				<Line name='axis' from={[0, HEIGHT]} to={[WIDTH, HEIGHT]} />
			</svg>
			<figcaption class='meta'>
				<div class='ticks'>
					{labels.map((label, index) => (
						<span>
							<span>{label}</span>
							{index === labels.length - 1 ? <span>{end}</span> : null}
						</span>
					))}
				</div>
				{isEmpty ? null : <Legend series={series} totals={totals} />}
			</figcaption>
			{isEmpty ? null : <BarTable title={title} unit={unit} series={series} bars={bars} />}
		</figure>
	)
}

function Line({ name, from, to }: { name: string; from: [x: number, y: number]; to: [x: number, y: number] }) {
	return <line class={name} x1={from[0]} y1={from[1]} x2={to[0]} y2={to[1]} vector-effect='non-scaling-stroke' />
}

function Bars({ bars, series }: Pick<ChartProps, 'bars' | 'series'>) {
	const slot = WIDTH / Math.max(1, bars.length)
	return (
		<>
			{layOutBars(bars).map((parts, index) => (
				<g>
					<title>{toTooltip(bars[index]!, series)}</title>
					<rect class='hit' x={round(index * slot)} y='0' width={round(slot)} height={HEIGHT} />
					{parts.map((part) => (
						<rect class={series[part.series]!.fill} x={part.x} y={part.y} width={part.width} height={part.height} />
					))}
				</g>
			))}
		</>
	)
}

function Legend({ series, totals }: { series: readonly Series[]; totals: readonly number[] }) {
	return (
		<div class='legend'>
			{series.map(({ name, fill }, index) => (
				<span>
					<i class={fill} />
					{formatNumber(totals[index]!)} {name}
				</span>
			))}
		</div>
	)
}

function toTooltip(bar: Bar, series: readonly Series[]): string {
	return `${bar.label}: ${series.map(({ name }, index) => `${formatNumber(bar.values[index] ?? 0)} ${name}`).join(', ')}`
}

function BarTable({
	title,
	unit,
	series,
	bars,
}: {
	title: string
	unit: string
	series: readonly Series[]
	bars: readonly Bar[]
}) {
	return (
		<details class='behind'>
			<summary>Show the numbers</summary>
			<div tabindex={0} role='group' aria-label={title}>
				<table class='dense'>
					<caption class='spoken'>{title}</caption>
					<thead>
						<tr>
							<th scope='col'>{unit}</th>
							{series.map(({ name }) => (
								<th scope='col' class='num'>
									{name}
								</th>
							))}
						</tr>
					</thead>
					<tbody>
						{bars.map((bar) => (
							<tr>
								<td>{bar.label}</td>
								{series.map((_, index) => (
									<td class='num'>{formatNumber(bar.values[index] ?? 0)}</td>
								))}
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</details>
	)
}

const SPARK_HEIGHT = 20
const SPARK_STEP = 5

/** Small bars in a table. `bad`: indexes of bars in which something failed. `label`: what screen readers say. */
export function Sparkline({
	values,
	bad = [],
	label,
}: {
	values: readonly number[]
	bad?: readonly number[]
	label: string
}) {
	const max = Math.max(1, ...values)
	const width = Math.max(1, values.length * SPARK_STEP - 1)
	const size = html`width="${width}" height="${SPARK_HEIGHT}" viewBox="0 0 ${width} ${SPARK_HEIGHT}"`
	const failed =
		bad.length === 0 ? '' : html`<path class="bad" d="${toBars(values, max, (index) => bad.includes(index))}"></path>`
	// A template takes a fraction of what nodes take, and lists have many.
	return html`<svg class="spark" ${size} role="img" aria-label="${label}">
		<path d="${toBars(values, max, (index) => !bad.includes(index))}"></path>
		${failed}
	</svg>`
}

/** Bars as one path: a list has a thousand of them. */
function toBars(values: readonly number[], max: number, isShown: (index: number) => boolean): string {
	const bars = values.map((value, index) => {
		const height = Math.max(2, round((value / max) * SPARK_HEIGHT))
		const edge = SPARK_STEP - 1
		return isShown(index) ? `M${index * SPARK_STEP} ${SPARK_HEIGHT}v-${height}h${edge}v${height}z` : ''
	})
	return bars.join('')
}
