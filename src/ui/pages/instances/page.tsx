/** The list of instances: filters, what can be done with several, and the table. */
import { html } from 'hono/html'
import { DETECTION_MODES } from '../../../instances/overview.ts'
import { INSTANCE_STATES } from '../../../rpc/watcher.ts'
import { Frame } from '../../frame.tsx'
import { can, type PageMessage, type Viewer } from '../../http/environment.ts'
import { Button, LinkButton } from '../../parts/button.tsx'
import { Card, Empty, PageHead } from '../../parts/card.tsx'
import { Field, Select } from '../../parts/field.tsx'
import { Form } from '../../parts/form.tsx'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import { toStateWords } from '../../parts/state.tsx'
import { Pagination } from '../../parts/table.tsx'
import { formatNumber } from '../../parts/text.ts'
import { isFiltered, LIST_PATH, toListPath, type ListAddress } from './filters.ts'
import { InstancesTable, type InstanceRow } from './table.tsx'

/** Where a store is connected. */
export const CONNECT_PATH = '/connect'
/** Where the form of several instances is sent. */
export const BULK_PATH = '/instances/bulk'
const LIST_ID = 'instances'

/** A page of the list. */
export interface InstanceList {
	viewer: Viewer
	address: ListAddress
	rows: readonly InstanceRow[]
	/** Instances that match. */
	total: number
	/** Token of the next page; null: this is the last one. */
	next: string | null
	now: number
}

/** The whole page. */
export function InstancesPage({ message, ...list }: InstanceList & { message: PageMessage | null }) {
	const { viewer, address, total } = list
	const hasNone = total === 0 && !isFiltered(address)
	return (
		<Frame title='Instances' place='instances' viewer={viewer}>
			<MessagePlace>{message === null ? null : <Notice tone={message.kind}>{message.text}</Notice>}</MessagePlace>
			<PageHead title='Instances' actions={hasNone ? undefined : <ConnectButton viewer={viewer} />} />
			{hasNone ? null : <Filters address={address} rows={list.rows} />}
			<InstanceListPart {...list} />
		</Frame>
	)
}

/** What a filter changes. */
export function InstanceListPart({ viewer, address, rows, total, next, now }: InstanceList) {
	const isEditable = can(viewer, 'developer')
	if (rows.length === 0)
		return (
			<Card id={LIST_ID} plain>
				{isFiltered(address) || total > 0 ? <NoMatch /> : <NoInstances viewer={viewer} />}
			</Card>
		)
	const table = <InstancesTable rows={rows} now={now} selectable={isEditable} />
	const { pages } = address
	return (
		<Card id={LIST_ID} title='Instances' note={formatNumber(total)} plain>
			{isEditable ? (
				<Form csrf={viewer.csrf} action={BULK_PATH}>
					<input type='hidden' name='back' value={toListPath(address)} />
					<BulkBar rows={rows} />
					{table}
				</Form>
			) : (
				table
			)}
			{pages.length === 0 && next === null ? null : (
				<Pagination
					text={`${formatNumber(rows.length)} of ${formatNumber(total)}`}
					previous={pages.length === 0 ? null : toListPath({ ...address, pages: pages.slice(0, -1) })}
					next={next === null ? null : toListPath({ ...address, pages: [...pages, next] })}
				/>
			)}
		</Card>
	)
}

/** The button that leads to the form of a new instance, for those who may make one. */
export function ConnectButton({ viewer }: { viewer: Viewer }) {
	return can(viewer, 'developer') ? (
		<LinkButton href={CONNECT_PATH} kind='primary' icon='plus'>
			Connect a store
		</LinkButton>
	) : null
}

/** There is no instance yet. */
export function NoInstances({ viewer }: { viewer: Viewer }) {
	return can(viewer, 'developer') ? (
		<Empty title='No store is connected yet' icon='store' action={<ConnectButton viewer={viewer} />}>
			Connect a WooCommerce store, and its changes are sent to your callback. It takes about a minute.
		</Empty>
	) : (
		<Empty title='No store is connected yet' icon='store'>
			Developers and admins of your organization can connect one.
		</Empty>
	)
}

function NoMatch() {
	return (
		<Empty title='No instance matches' icon='search' action={<LinkButton href={LIST_PATH}>Clear filters</LinkButton>}>
			Change the filters, or clear them to see all instances.
		</Empty>
	)
}

/** Each change of a field asks for the list; without JavaScript the button does. */
function Filters({ address, rows }: { address: ListAddress; rows: readonly InstanceRow[] }) {
	const tags = [...new Set(rows.flatMap((row) => row.tags))].sort()
	const any = { value: '', label: 'Any' }
	return (
		<form
			class='filters'
			action={LIST_PATH}
			role='search'
			hx-get={LIST_PATH}
			hx-target={`#${LIST_ID}`}
			hx-swap='outerHTML'
			hx-push-url='true'
			hx-trigger='input delay:300ms, submit'
			hx-sync='this:replace'
		>
			<Field
				name='search'
				label='Search'
				type='search'
				value={address.search}
				attributes={{ placeholder: 'Name, store URL or id', maxlength: 255 }}
			/>
			<Select
				name='state'
				label='State'
				value={address.state ?? ''}
				options={[any, ...INSTANCE_STATES.map((state) => ({ value: state, label: toStateWords(state).word }))]}
			/>
			<Field name='tag' label='Tag' value={address.tag} attributes={{ list: 'tags', placeholder: 'Any' }} />
			<datalist id='tags'>
				{tags.map((tag) => (
					<option value={tag} />
				))}
			</datalist>
			<Select
				name='mode'
				label='Mode'
				value={address.mode ?? ''}
				options={[any, ...DETECTION_MODES.map((mode) => ({ value: mode, label: mode }))]}
			/>
			<Button>Apply</Button>
		</form>
	)
}

function BulkBar({ rows }: { rows: readonly InstanceRow[] }) {
	return (
		<div class='bulk' role='group' aria-label='With the chosen instances'>
			{rows.map(({ id }) => html`<input type="hidden" name="shown" value="${id}" />`)}
			<label>
				<input type='checkbox' name='all' value='true' /> All {formatNumber(rows.length)} on this page
			</label>
			<div class='actions'>
				<Button name='action' value='pause' icon='pause' small>
					Pause
				</Button>
				<Button name='action' value='resume' icon='play' small>
					Resume
				</Button>
				<Button name='action' value='poll' icon='refresh-cw' small>
					Poll now
				</Button>
			</div>
		</div>
	)
}
