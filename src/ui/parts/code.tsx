/** Code, records, differences, and the details of one thing. */
import { parseExact } from '../../elements/json.ts'
import type { Child } from 'hono/jsx'
import { State, type Tone } from './state.tsx'

/** A block of code with a button that copies it. */
export function CodeBlock({ code, label }: { code: string; /** What the button copies. */ label?: string }) {
	return (
		<sb-copy class='code' label={label === undefined ? undefined : `Copy ${label}`}>
			<pre tabindex={0}>
				<code>{code}</code>
			</pre>
		</sb-copy>
	)
}

/** A value to copy, such as an id or a token. */
export function CopyValue({ value, label }: { value: string; /** What the button copies. */ label: string }) {
	return (
		<sb-copy label={`Copy ${label}`}>
			<code>{value}</code>
		</sb-copy>
	)
}

/** A button that copies a text which is not shown. Without JavaScript there is none. */
export function CopyButton({ value, children }: { value: string; /** What is on it. */ children: string }) {
	return <sb-copy class='button' value={value} text={children} />
}

/** A record as JSON. Without JavaScript it is text; `sb-json` makes a tree of it. */
export function JsonView({ text, label }: { text: string; label: string }) {
	return (
		<sb-json>
			<pre tabindex={0} aria-label={label} role='group'>
				{indentJson(text)}
			</pre>
		</sb-json>
	)
}

/** JSON with a line for each value, numbers as they are written. Text that is none stays as it is. */
export function indentJson(text: string): string {
	try {
		return JSON.stringify(parseExact(text), null, 2)
	} catch {
		return text
	}
}

/** Names and values. Entries that are null are left out. */
export function KeyValues({
	entries,
	wide = false,
}: {
	entries: readonly (readonly [string, Child] | null)[]
	wide?: boolean
}) {
	return (
		<dl class={wide ? 'kv wide' : 'kv'}>
			{entries.map((entry) =>
				entry === null ? null : (
					<>
						<dt>{entry[0]}</dt>
						<dd>{entry[1]}</dd>
					</>
				),
			)}
		</dl>
	)
}

/** A row of the list of attempts: an outcome, and when. */
export function OutcomeLine({ tone, when, children }: { tone: Tone; when?: Child; children?: Child }) {
	return (
		<div class='line'>
			<State tone={tone} />
			<span>{children}</span>
			<span class='meta'>{when}</span>
		</div>
	)
}

/** A line of a difference. */
export interface DiffLine {
	kind: 'minus' | 'plus' | 'hunk'
	text: string
}

const SIGNS = { minus: '− ', plus: '+ ', hunk: '  ' } as const

/** What differs between two records, top-level fields only, and how many are the same. Null: there was no record. */
export function diffRecords(
	before: Readonly<Record<string, unknown>> | null,
	after: Readonly<Record<string, unknown>> | null,
): DiffLine[] {
	const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])
	const lines: DiffLine[] = []
	let same = 0
	for (const name of names) {
		const [old, fresh] = [toLine(before, name), toLine(after, name)]
		if (old === fresh) same++
		else {
			if (old !== null) lines.push({ kind: 'minus', text: old })
			if (fresh !== null) lines.push({ kind: 'plus', text: fresh })
		}
	}
	if (same > 0) lines.push({ kind: 'hunk', text: `${same} ${same === 1 ? 'field' : 'fields'} unchanged` })
	return lines
}

function toLine(record: Readonly<Record<string, unknown>> | null, name: string): string | null {
	if (record === null || !Object.hasOwn(record, name)) return null
	return `${JSON.stringify(name)}: ${JSON.stringify(record[name])}`
}

/** The difference of two records. */
export function Diff({ lines }: { lines: readonly DiffLine[] }) {
	return (
		<div class='diff'>
			{lines.map(({ kind, text }) => (
				<div class={kind}>
					{SIGNS[kind]}
					{text}
				</div>
			))}
		</div>
	)
}
