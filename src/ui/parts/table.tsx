/** Tables. On small screens each row becomes a card. */
import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import { LinkButton } from './button.tsx'

/** A column: its heading and a cell of each row. */
export interface Column<Row> {
	label: string
	/** Screen readers alone have the heading. */
	unlabelled?: boolean
	/** Numbers and times, at the right. */
	num?: boolean
	/** Left out of the cards on small screens. */
	hide?: boolean
	/** Further classes of the cells. */
	class?: string
	render: (row: Row) => Child
}

/** What a row asks, and how often. */
export interface RowPoll {
	url: string
	seconds: number
}

interface TableProps<Row> {
	/** What the table lists, for screen readers. */
	caption: string
	columns: readonly Column<Row>[]
	rows: readonly Row[]
	/** Lower rows. */
	dense?: boolean
	/** Id of the table's body, for parts that add rows. */
	bodyId?: string
	/** Id of a row. */
	rowId?: (row: Row) => string
	isSelected?: (row: Row) => boolean
	/** What a row that is not finished asks for the row that replaces it; null: it is. */
	rowPoll?: (row: Row) => RowPoll | null
	/** Shown when there are no rows. The first row that comes removes it. */
	empty?: Child
}

/** The whole table. A cell with a `CoverLink` makes its row lead there. */
export function Table<Row>({ caption, columns, rows, dense = false, bodyId, empty, ...row }: TableProps<Row>) {
	return (
		<table class={dense ? 'dense cards' : 'cards'}>
			<caption class='spoken'>{caption}</caption>
			<thead>
				<tr>
					{columns.map(({ label, num, unlabelled }) => (
						<th scope='col' class={num ? 'num' : undefined}>
							{unlabelled ? <span class='spoken'>{label}</span> : label}
						</th>
					))}
				</tr>
			</thead>
			<tbody id={bodyId}>
				{rows.map((one) => (
					<TableRow
						columns={columns}
						row={one}
						id={row.rowId?.(one)}
						selected={row.isSelected?.(one) ?? false}
						poll={row.rowPoll?.(one) ?? null}
					/>
				))}
				{rows.length > 0 || empty === undefined ? null : (
					<tr data-empty='true'>
						<td colspan={columns.length}>{empty}</td>
					</tr>
				)}
			</tbody>
		</table>
	)
}

/** One row, as a live table adds it. */
export function TableRow<Row>({
	columns,
	row,
	id,
	selected = false,
	fresh = false,
	poll = null,
}: {
	columns: readonly Column<Row>[]
	row: Row
	id?: string
	selected?: boolean
	/** It has just come. */
	fresh?: boolean
	/** As `rowPoll`. */
	poll?: RowPoll | null
}) {
	const enhanced =
		poll === null ? {} : { 'hx-get': poll.url, 'hx-trigger': `every ${poll.seconds}s`, 'hx-swap': 'outerHTML' }
	return (
		<tr id={id} aria-selected={selected ? 'true' : undefined} class={fresh ? 'fresh' : undefined} {...enhanced}>
			{columns.map((column) => toCell(column, row))}
		</tr>
	)
}

/** A template takes a fraction of what nodes take, and lists have many cells. */
function toCell<Row>(column: Column<Row>, row: Row): Child {
	const classes = [column.class, column.num && 'num', column.hide && 'hide'].filter(Boolean).join(' ')
	const content = column.render(row)
	return classes === '' ? html`<td>${content}</td>` : html`<td class="${classes}">${content}</td>`
}

/** A link that covers its row. */
export function CoverLink({ href, children }: { href: string; children?: Child }) {
	return html`<a class="cover" href="${href}">${children}</a>`
}

/** Two lines in a cell: what it is, and smaller what identifies it. */
export function TwoLines({ first, second }: { first: Child; second: Child }) {
	return html`<span class="two"><span>${first}</span><span>${second}</span></span>`
}

/** The way to other pages of a list. Null: there is none. */
export function Pagination({ text, previous, next }: { text: Child; previous: string | null; next: string | null }) {
	return (
		<nav class='pages-of' aria-label='Pages'>
			<span class='meta'>{text}</span>
			<span>
				{previous === null ? null : (
					<LinkButton href={previous} rel='prev' small>
						Previous
					</LinkButton>
				)}
				{next === null ? null : (
					<LinkButton href={next} rel='next' small>
						Next
					</LinkButton>
				)}
			</span>
		</nav>
	)
}
