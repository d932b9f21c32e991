/** Pages of what is held until somebody decides: deletions, mass changes, and objects that were not compared. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import { MAX_CHECKED_OBJECTS } from '../../../api/instances/held-check.ts'
import type { watchingOperations } from '../../../api/instances/monitoring-operations.ts'
import { can } from '../../http/environment.ts'
import { Button, LinkButton } from '../../parts/button.tsx'
import { Card, Empty } from '../../parts/card.tsx'
import { Form } from '../../parts/form.tsx'
import { Notice } from '../../parts/notice.tsx'
import { Table, type Column } from '../../parts/table.tsx'
import { formatCount, formatNumber } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'
import { DecisionFrame, ReadOnlyNote, type DecisionProps } from './frame.tsx'

type Deletions = OperationResponse<typeof watchingOperations.listHeldDeletions>['held']
type MassChanges = OperationResponse<typeof watchingOperations.listHeldMassChanges>['held']
type Unchecked = OperationResponse<typeof watchingOperations.listUncheckedObjects>['unchecked']
/** What the store answers about held deletions. */
export type CheckedDeletions = OperationResponse<typeof watchingOperations.checkHeldDeletions>['checked']

/** Rows of a list that are shown at once, and with the rest. */
const FIRST_ROWS = 5
const MAX_ROWS = 100

/** The two ways out, and what follows from each. */
interface Outcomes {
	emit: { title: string; text: string }
	/** The events say that objects are gone. */
	isFinal?: boolean
	forget: { title: string; text: string }
}

interface HeldProps extends DecisionProps {
	nowMs: number
	/** Nothing was chosen. */
	problem?: string | null
}

/** `40 customers and 2 orders`. */
function toCountText(held: readonly { resource: string; count: number }[]): string {
	return held.map(({ resource, count }) => `${formatNumber(count)} ${resource}`).join(' and ')
}

/** When the first of them was missed, or changed. */
function NoticedAt({ at, now }: { at: string; now: number }) {
	return (
		<span class='meta'>
			First noticed <Time at={at} now={now} />
		</span>
	)
}

/** Held deletions. `checked`: what the store answers now; null: it was not asked. */
export function DeletionsPage({
	held,
	checked,
	...props
}: HeldProps & { held: Deletions; checked: CheckedDeletions | null }) {
	const { viewer, instance, nowMs } = props
	const count = held.reduce((sum, { count: one }) => sum + one, 0)
	const path = `/instances/${instance.id}/deletions`
	return (
		<DecisionFrame
			{...props}
			title='Held deletions'
			heading={count === 0 ? undefined : `${toCountText(held)} disappeared at once`}
			state={count === 0 ? 'healthy' : 'deletions-held'}
		>
			{count === 0 ? (
				<Nothing instance={instance} text='No deletions are held.' />
			) : (
				<>
					<p>
						No DELETED event was sent. This happens when many objects are deleted, and also when a store loses its data
						or is restored from a backup.
					</p>
					{can(viewer, 'developer') ? (
						<>
							<StoreQuestion checked={checked} csrf={viewer.csrf} action={`${path}/check`} />
							<DecisionForm
								{...props}
								action={path}
								outcomes={{
									isFinal: true,
									emit: {
										title: `Send ${formatCount(count, 'DELETED event')}`,
										text:
											'Each object is read once more. Those that are still missing are sent as DELETED. An event that ' +
											'was sent cannot be taken back.',
									},
									forget: {
										title: 'Dismiss',
										text:
											'No event is sent, and your side keeps the objects. One that comes back to the store is sent as ' +
											'CREATED.',
									},
								}}
							/>
						</>
					) : (
						<ReadOnlyNote />
					)}
					{held.map((list) => (
						<HeldDeletions list={list} nowMs={nowMs} />
					))}
				</>
			)}
		</DecisionFrame>
	)
}

function HeldDeletions({ list, nowMs }: { list: Deletions[number]; nowMs: number }) {
	const { resource, since, objects, count } = list
	return (
		<Card title={resource} note={formatCount(count, 'object')} right={<NoticedAt at={since} now={nowMs} />} plain>
			<FoldedTable
				caption={`${resource} that disappeared`}
				columns={[
					{ label: 'Id', render: ({ objectId }) => <code>{objectId}</code> },
					{ label: 'Last seen', num: true, render: ({ lastSeen }) => <Time at={lastSeen} now={nowMs} /> },
				]}
				rows={objects}
				count={count}
			/>
		</Card>
	)
}

function StoreQuestion({ checked, csrf, action }: { checked: CheckedDeletions | null; csrf: string; action: string }) {
	return (
		<Card title='Check the store first' id='check'>
			{checked === null ? (
				<p>Shopbell reads the first {MAX_CHECKED_OBJECTS} objects of each list by id. Nothing changes.</p>
			) : (
				<CheckResult checked={checked} />
			)}
			<Form csrf={csrf} action={action}>
				<Button>Check the store</Button>
			</Form>
		</Card>
	)
}

function CheckResult({ checked }: { checked: CheckedDeletions }) {
	return (
		<>
			{checked.map(({ resource, objects }) => {
				const missing = objects.filter(({ state }) => state === 'missing').length
				const rest = objects.filter(({ state }) => state !== 'missing')
				return (
					<Notice tone={rest.length === 0 ? 'ok' : 'warn'}>
						<p>
							{resource}: {missing} of {objects.length} do not exist at the store.
						</p>
						{rest.length === 0 ? null : (
							<ul>
								{rest.map(({ objectId, state, reason }) => (
									<li>
										<code>{objectId}</code> {STATE_TEXTS[state]}
										{reason === null ? '' : ` ${reason}`}
									</li>
								))}
							</ul>
						)}
					</Notice>
				)
			})}
		</>
	)
}

const STATE_TEXTS = {
	missing: 'does not exist.',
	exists: 'exists.',
	trashed: 'is in the trash.',
	unknown: 'could not be read.',
} as const

/** Held mass changes. */
export function MassChangesPage({ held, ...props }: HeldProps & { held: MassChanges }) {
	const { viewer, instance, nowMs } = props
	const count = held.reduce((sum, { count: one }) => sum + one, 0)
	return (
		<DecisionFrame
			{...props}
			title='Held changes'
			heading={count === 0 ? undefined : `${toCountText(held)} changed at once`}
			state={count === 0 ? 'healthy' : 'changes-held'}
		>
			{count === 0 ? (
				<Nothing instance={instance} text='No changes are held.' />
			) : (
				<>
					<p>
						The same fields changed without a new date, as after an import or an update of a plugin. No UPDATED event
						was sent, because <code>event.poller.massChanges</code> is <code>hold</code>.
					</p>
					{can(viewer, 'developer') ? (
						<DecisionForm
							{...props}
							action={`/instances/${instance.id}/mass-changes`}
							outcomes={{
								emit: {
									title: `Send ${formatCount(count, 'UPDATED event')}`,
									text: 'They are sent after other events, so that new orders do not wait for them.',
								},
								forget: {
									title: 'Dismiss',
									text: 'No event is sent. The next change of an object is sent with its whole record.',
								},
							}}
						/>
					) : (
						<ReadOnlyNote />
					)}
					{held.map(({ resource, since, fields, objects, count: one }) => (
						<Card
							title={resource}
							note={`${formatCount(one, 'object')}: ${fields.join(', ')}`}
							right={<NoticedAt at={since} now={nowMs} />}
							plain
						>
							<FoldedTable
								caption={`${resource} with a held change`}
								columns={[
									{ label: 'Id', render: ({ objectId }) => <code>{objectId}</code> },
									{ label: 'Changed fields', render: ({ changedFields }) => <code>{changedFields.join(', ')}</code> },
								]}
								rows={objects}
								count={one}
							/>
						</Card>
					))}
				</>
			)}
		</DecisionFrame>
	)
}

/** Objects that were indexed without an event. */
export function UncheckedPage({ unchecked, ...props }: HeldProps & { unchecked: Unchecked }) {
	const { viewer, instance, nowMs } = props
	const open = unchecked.filter(({ sending }) => !sending)
	const count = open.reduce((sum, { count: one }) => sum + one, 0)
	return (
		<DecisionFrame {...props} title='Unchecked objects' state='healthy'>
			{unchecked.length === 0 ? (
				<Nothing instance={instance} text='All objects were compared.' />
			) : (
				<Card plain>
					<Table
						caption='Objects that were not compared'
						columns={[
							{ label: 'Resource', render: ({ resource }) => resource },
							{ label: 'Objects', num: true, render: ({ count: one }) => formatNumber(one) },
							{ label: 'Fields', render: ({ fields }) => <code>{fields.join(', ')}</code> },
							{ label: 'Changes unknown before', num: true, render: ({ since }) => <Time at={since} now={nowMs} /> },
							{ label: 'State', render: ({ sending }) => (sending ? 'Sending' : 'Waits for you') },
						]}
						rows={unchecked}
					/>
				</Card>
			)}
			{count === 0 ? null : can(viewer, 'developer') ? (
				<DecisionForm
					{...props}
					action={`/instances/${instance.id}/unchecked`}
					outcomes={{
						emit: {
							title: `Send ${formatCount(count, 'UPDATED event')}`,
							text: 'One of each object with its current record, while the resource is read again.',
						},
						forget: { title: 'Send none', text: 'Changes of these fields before that time stay unknown.' },
					}}
				/>
			) : (
				<ReadOnlyNote />
			)}
		</DecisionFrame>
	)
}

/** Two buttons, each with what follows from it. */
function DecisionForm({
	viewer,
	action,
	outcomes,
	problem = null,
}: HeldProps & { action: string; outcomes: Outcomes }) {
	return (
		<Card title='What should happen?' id='decide'>
			<Form csrf={viewer.csrf} action={action} message={problem}>
				<div class='decide'>
					<div>
						<Button kind={outcomes.isFinal ? 'danger' : 'primary'} name='decision' value='emit'>
							{outcomes.emit.title}
						</Button>
						<p class='meta'>{outcomes.emit.text}</p>
					</div>
					<div>
						<Button name='decision' value='forget'>
							{outcomes.forget.title}
						</Button>
						<p class='meta'>{outcomes.forget.text}</p>
					</div>
				</div>
			</Form>
		</Card>
	)
}

/** The first rows, and the rest on request. */
function FoldedTable<Row>({
	caption,
	columns,
	rows,
	count,
}: {
	caption: string
	columns: readonly Column<Row>[]
	rows: readonly Row[]
	/** Of all rows, of which the API lists a part. */
	count: number
}) {
	const shown = Math.min(rows.length, MAX_ROWS)
	return (
		<>
			<Table caption={caption} columns={columns} rows={rows.slice(0, FIRST_ROWS)} dense />
			{rows.length <= FIRST_ROWS ? null : (
				<details class='rest'>
					<summary>{shown < count ? `Show the first ${shown} of ${formatNumber(count)}` : `Show all ${shown}`}</summary>
					<Table caption={`${caption}, continued`} columns={columns} rows={rows.slice(FIRST_ROWS, MAX_ROWS)} dense />
				</details>
			)}
		</>
	)
}

function Nothing({ instance, text }: { instance: { id: number }; text: string }) {
	return (
		<Card>
			<Empty
				title='Nothing to decide'
				icon='circle-check'
				action={<LinkButton href={`/instances/${instance.id}`}>Back to the instance</LinkButton>}
			>
				{text}
			</Empty>
		</Card>
	)
}
