/** Instances as rows of a table, on Home and in their list. */
import { html } from 'hono/html'
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { overviewOperations } from '../../../api/instances/overview-operations.ts'
import { Sparkline } from '../../parts/chart.tsx'
import { InstanceStateDot } from '../../parts/state.tsx'
import { CoverLink, Table, TwoLines, type Column } from '../../parts/table.tsx'
import { formatCount, formatDuration } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'

/** An instance as `listInstanceStates` returns it. */
export type InstanceRow = OperationResponse<(typeof overviewOperations)['listInstanceStates']>[number]

/** The page of an instance. */
export function toInstancePath(id: number): string {
	return `/instances/${id}`
}

/** The table. `selectable`: each row has a box named `id`, for the form around the table. */
export function InstancesTable({
	rows,
	now,
	selectable = false,
}: {
	rows: readonly InstanceRow[]
	now: number
	selectable?: boolean
}) {
	const columns = getColumns(now)
	return (
		<Table
			caption='Instances, with their state and their changes of the last 24 hours'
			columns={selectable ? [SELECTION, ...columns] : columns}
			rows={rows}
		/>
	)
}

const SELECTION: Column<InstanceRow> = {
	label: 'Choose',
	unlabelled: true,
	class: 'pick',
	render: ({ id, name }) =>
		html`<label><input type="checkbox" name="id" value="${id}" /><span class="spoken">${name}</span></label>`,
}

function getColumns(now: number): Column<InstanceRow>[] {
	return [
		{
			label: 'Store',
			class: 'cut',
			render: ({ id, name, storeUrl }) => (
				<TwoLines
					first={<CoverLink href={toInstancePath(id)}>{name}</CoverLink>}
					second={storeUrl.replace(/^https?:\/\//, '')}
				/>
			),
		},
		{
			label: 'State',
			render: ({ state, progress }) => <InstanceStateDot state={state} percent={toPercent(progress)} />,
		},
		{ label: 'Mode', class: 'soft', hide: true, render: ({ mode }) => mode },
		{
			label: 'Changes, 24 h',
			hide: true,
			render: ({ changes }) => <Sparkline values={changes} label={describeChanges(changes)} />,
		},
		{
			label: 'Lag',
			num: true,
			hide: true,
			render: ({ lagMs }) => (lagMs === null ? <span class='soft'>–</span> : formatDuration(lagMs)),
		},
		{ label: 'Last change', num: true, class: 'soft', render: ({ lastChange }) => <Time at={lastChange} now={now} /> },
	]
}

/** How much of the store is read, whole percent; null: it is not being read. */
export function toPercent(progress: InstanceRow['progress']): number | null {
	return progress === null || progress.total === 0
		? null
		: Math.floor((100 * Math.min(progress.done, progress.total)) / progress.total)
}

/** What the bars show, as a sentence. */
export function describeChanges(changes: readonly number[]): string {
	const total = changes.reduce((sum, count) => sum + count, 0)
	if (total === 0) return 'No changes in 24 hours'
	return `${formatCount(total, 'change')} in 24 hours, ${formatCount(changes.at(-1) ?? 0, 'change')} in this hour`
}
