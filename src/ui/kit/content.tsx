/** Parts that show something. */
import type { Child } from 'hono/jsx'
import { INSTANCE_STATES } from '../../rpc/watcher.ts'
import { Button, LinkButton } from '../parts/button.tsx'
import { Card, Empty, Figures, Need, PageHead, Says } from '../parts/card.tsx'
import { Chart, Sparkline } from '../parts/chart.tsx'
import {
	CodeBlock,
	CopyButton,
	CopyValue,
	Diff,
	diffRecords,
	JsonView,
	KeyValues,
	OutcomeLine,
} from '../parts/code.tsx'
import { Chip, Glyph, Tabs } from '../parts/glyph.tsx'
import { Icon, ICON_NAMES } from '../parts/icon.tsx'
import { MessagePlace, Notice, Progress } from '../parts/notice.tsx'
import { Dot, InstanceStateDot, State } from '../parts/state.tsx'
import { CoverLink, Pagination, Table, TableRow, TwoLines, type Column } from '../parts/table.tsx'
import { Countdown, TextWithTimes, Time } from '../parts/time.tsx'

/** The moment that the page shows. */
export const KIT_NOW_MS = Date.UTC(2026, 10, 30, 18, 41, 18)

/** A section of the page. */
export interface KitEntry {
	name: string
	content: Child
}

const TONES = ['ok', 'warn', 'bad', 'idle'] as const

interface StoreRow {
	name: string
	host: string
	state: (typeof INSTANCE_STATES)[number]
	mode: string
	changes: number[]
	lag: string
	changedMs: number | null
}

const STORES: readonly StoreRow[] = [
	{
		name: 'Riverside Outfitters',
		host: 'riverside.example',
		state: 'healthy',
		mode: 'hybrid',
		changes: [2, 5, 6, 8, 8, 8, 2, 5, 5, 6, 4, 7, 16, 12, 3, 14, 19, 16, 19, 14, 20, 19, 9, 2],
		lag: '0.9 s',
		changedMs: KIT_NOW_MS - 12_000,
	},
	{
		name: 'A store with a name that is much longer than a column is wide on any screen',
		host: 'a-very-long-host-name-of-a-store-that-somebody-registered.shops.example',
		state: 'needs-reauth',
		mode: 'webhook',
		changes: [8, 3, 5, 8, 3, 8, 8, 8, 6, 12, 8, 11, 4, 5, 18, 14, 13, 20, 2, 14, 9, 14, 7, 5],
		lag: '–',
		changedMs: KIT_NOW_MS - 2 * 3_600_000,
	},
	{
		name: 'Paper Lantern',
		host: 'paperlantern.example',
		state: 'disabled',
		mode: 'polling',
		changes: [],
		lag: '–',
		changedMs: null,
	},
]

const COLUMNS: readonly Column<StoreRow>[] = [
	{
		label: 'Store',
		class: 'cut',
		render: ({ name, host }) => <TwoLines first={<CoverLink href='#store'>{name}</CoverLink>} second={host} />,
	},
	{ label: 'State', render: ({ state }) => <InstanceStateDot state={state} /> },
	{ label: 'Mode', class: 'soft', hide: true, render: ({ mode }) => mode },
	{
		label: 'Changes, 24 h',
		hide: true,
		render: ({ changes }) => <Sparkline values={changes} bad={[21]} label={`${changes.length} hours of changes`} />,
	},
	{ label: 'Lag', num: true, hide: true, render: ({ lag }) => lag },
	{
		label: 'Last change',
		num: true,
		class: 'soft',
		render: ({ changedMs }) => <Time at={changedMs} now={KIT_NOW_MS} />,
	},
]

const HOURS = Array.from({ length: 24 }, (_, hour) => ({
	label: `${String((hour + 19) % 24).padStart(2, '0')}:00`,
	values: [(hour * 5) % 11, (hour * 7) % 23, hour % 6 === 0 ? 3 : 0],
}))

const SERIES = [
	{ name: 'created', fill: 'fill-created' },
	{ name: 'updated', fill: 'fill-updated' },
	{ name: 'deleted', fill: 'fill-deleted' },
]

const ORDER = {
	id: 1871,
	status: 'processing',
	total: '84.00',
	date_paid: '2026-11-30T18:41:05',
	billing: { first_name: 'Ann', email: 'ann@example.com' },
	line_items: [{ id: 1, name: 'Tea', quantity: 2 }],
	meta_data: [],
}

/** Sections of these parts. */
export const KIT_CONTENT: readonly KitEntry[] = [
	{
		name: 'Icon',
		content: (
			<div class='chips'>
				{ICON_NAMES.map((name) => (
					<span title={name}>
						<Icon name={name} />
					</span>
				))}
			</div>
		),
	},
	{
		name: 'PageHead, Tabs',
		content: (
			<>
				<PageHead
					title='Riverside Outfitters'
					meta={
						<>
							riverside.example · WooCommerce 11.0.1 · instance <code>12</code> · north, retail
						</>
					}
					actions={
						<>
							<Button type='button'>Poll now</Button>
							<Button type='button'>Send a test event</Button>
							<Button type='button'>Pause</Button>
						</>
					}
				/>
				<Tabs
					label='Instance'
					current='overview'
					tabs={[
						{ name: 'overview', label: 'Overview', href: '#overview' },
						{ name: 'configuration', label: 'Configuration', href: '#configuration' },
						{ name: 'code', label: 'Code', href: '#code' },
					]}
				/>
			</>
		),
	},
	{
		name: 'InstanceStateDot, State, Dot',
		content: (
			<div class='chips'>
				{INSTANCE_STATES.map((state) => (
					<InstanceStateDot state={state} percent={62} />
				))}
				{TONES.map((tone) => (
					<State tone={tone}>{tone}</State>
				))}
				{TONES.map((tone) => (
					<Dot tone={tone} spoken />
				))}
			</div>
		),
	},
	{
		name: 'Glyph, Chip',
		content: (
			<div class='chips'>
				<Glyph type='CREATED' />
				<Glyph type='UPDATED' />
				<Glyph type='DELETED' />
				<Chip>A fact</Chip>
				<Chip on>A current fact</Chip>
				<Chip href='#chip'>A choice</Chip>
				<Chip href='#chip' on part={{ url: '/kit', target: '#message' }}>
					The current choice
				</Chip>
			</div>
		),
	},
	{
		name: 'Time, Countdown',
		content: (
			<p>
				{[0, -12_000, -240_000, -7_200_000, -3 * 86_400_000, -90 * 86_400_000, 240_000, null].map((offsetMs) => (
					<>
						<Time at={offsetMs === null ? null : KIT_NOW_MS + offsetMs} now={KIT_NOW_MS} />,{' '}
					</>
				))}
				<Countdown at={KIT_NOW_MS + 48_000} now={KIT_NOW_MS} before='next poll ' done='polling now' />,{' '}
				<Countdown at={KIT_NOW_MS} now={KIT_NOW_MS} done='polling now' />.{' '}
				<TextWithTimes text='Failing since 2026-11-30T18:40:00.000Z.' />
			</p>
		),
	},
	{
		name: 'Notice, MessagePlace',
		content: (
			<>
				<MessagePlace>
					<Notice tone='ok'>The store is polled. Changes appear below.</Notice>
				</MessagePlace>
				<Notice tone='warn'>The store disabled two webhooks; they are enabled again.</Notice>
				<Notice tone='bad' alert>
					<p>The store refused the key. Nothing was changed.</p>
					<ul>
						<li>Create a key with the rights to read and write.</li>
					</ul>
				</Notice>
				<Notice tone='idle'>This instance is paused. Nothing is detected.</Notice>
			</>
		),
	},
	{
		name: 'Card, Need, Figures, Says, Empty',
		content: (
			<>
				<Card plain>
					<Need tone='bad' action={<LinkButton href='#key'>Update key</LinkButton>}>
						<b>Alder &amp; Oak</b> has rejected its API key since 16:42. Nothing is lost: changes are picked up once the
						key works.
					</Need>
					<Need tone='warn' action={<LinkButton href='#review'>Review</LinkButton>}>
						<b>Kiosk Nord</b>: 214 products disappeared at once. No DELETED events were sent; confirm or dismiss them.
					</Need>
				</Card>
				<Figures
					figures={[
						{ name: 'Changes detected, 24 h', value: '1,284', note: '812 updated, 431 created, 41 deleted' },
						{ name: 'Delivered', value: '1,281', note: 'p50 1.1 s, p99 14 s after the change' },
						{ name: 'Waiting', value: '3', note: 'oldest 40 s, api.northwind.example' },
						{ name: 'Recovered by polling', value: '15', note: 'changes whose webhook never arrived' },
					]}
				/>
				<div class='says'>
					<Says tone='ok' title='Store' note='Next poll in 48 s. 1,050 objects indexed, oldest check 3 h ago.'>
						Up to date as of 12 seconds ago.
					</Says>
					<Says
						tone='bad'
						title='Delivery'
						note='https://api.northwind.example/a/long/path/of/an/address/that/has/no/spaces'
					>
						3 events wait: the callback answers 503.
					</Says>
					<Says tone='idle' title='Coverage'>
						No webhooks: changes are found by polling.
					</Says>
				</div>
				<Card title='Changes by hour' note='24 h' right={<Chip on>24 h</Chip>}>
					A card with a title, a note and chips.
				</Card>
				<Card plain>
					<Empty
						title='No store is connected'
						icon='store'
						action={
							<LinkButton href='#connect' kind='primary'>
								Connect a store
							</LinkButton>
						}
					>
						Connect the first one. It takes a minute and needs its address and an API key.
					</Empty>
				</Card>
			</>
		),
	},
	{
		name: 'Table, TableRow, CoverLink, TwoLines, Pagination',
		content: (
			<>
				<Card title='Instances' note={STORES.length} plain>
					<Table
						caption='Instances'
						columns={COLUMNS}
						rows={STORES}
						rowId={({ host }) => `row-${host.split('.')[0]}`}
						isSelected={({ state }) => state === 'disabled'}
					/>
					<Pagination text='51 to 100 of 1,000' previous='#previous' next='#next' />
				</Card>
				<Card title='A new row' plain>
					<table class='dense cards'>
						<tbody>
							<TableRow columns={COLUMNS} row={STORES[0]!} fresh />
						</tbody>
					</table>
				</Card>
				<Card title='No rows' plain>
					<Table caption='No rows' columns={COLUMNS} rows={[]} empty={<Empty title='No instance matches' />} />
				</Card>
			</>
		),
	},
	{
		name: 'Chart, Sparkline',
		content: (
			<Card title='Changes by hour'>
				<Chart
					title='Changes by hour'
					unit='Hour'
					series={SERIES}
					bars={HOURS}
					ticks={4}
					labels={['24 h', '18 h', '12 h', '6 h']}
					end='now'
				/>
				<Chart
					title='No changes'
					unit='Hour'
					series={SERIES}
					bars={HOURS.map(({ label }) => ({ label, values: [0, 0, 0] }))}
					ticks={4}
					labels={['24 h', '18 h', '12 h', '6 h']}
					end='now'
				/>
				<Sparkline values={[1, 4, 9]} bad={[1]} label='14 changes' />
			</Card>
		),
	},
	{
		name: 'Progress',
		content: (
			<Card plain>
				<Progress label='Orders' done={1_050} total={1_700} leftMs={125_000} />
				<Progress label='Products' done={320} total={320} />
				<Progress label='Customers' done={40} total={null} />
				<Progress label='Discounts' done={1} total={2} />
			</Card>
		),
	},
	{
		name: 'CodeBlock, CopyButton, CopyValue, JsonView, KeyValues, OutcomeLine, Diff',
		content: (
			<>
				<CodeBlock
					code={'curl https://bell.example.com/elements/api-v2/instances/12 \\\n  -H "Authorization: User …"'}
					label='the command'
				/>
				<p class='actions'>
					<CopyButton value='curl https://bell.example.com/'>Copy as curl</CopyButton>
				</p>
				<Card title='A record' plain>
					<KeyValues
						entries={[
							['Event', <CopyValue value='AAAAAAABAAAAAAAI3uDa' label='the event id' />],
							['Changed', <Time at={KIT_NOW_MS - 12_000} now={KIT_NOW_MS} />],
							null,
							['Detected by', 'webhook after 1.2 s, confirmed by polling'],
						]}
					/>
					<JsonView text={JSON.stringify(ORDER)} label='The record' />
				</Card>
				<Card title='Changes since the previous event' plain>
					<Diff lines={diffRecords({ ...ORDER, status: 'pending', date_paid: null }, ORDER)} />
				</Card>
				<Card title='Deliveries' plain>
					<OutcomeLine tone='ok' when='18:41:12'>
						Attempt 2: 200 in 31 ms
					</OutcomeLine>
					<OutcomeLine tone='bad' when='18:41:07'>
						Attempt 1: 503 in 12 ms <span class='soft'>“upstream down”</span>
					</OutcomeLine>
				</Card>
			</>
		),
	},
]
