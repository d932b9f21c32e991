/**
 * `<sb-json><pre>{…}</pre></sb-json>`: JSON as a tree of `<details>`, opened by keyboard like any other. `open`:
 * how many levels are open (1). Children are made when their parent is opened, so that large records cost nothing.
 * What is no JSON stays as it was.
 */

/** Numbers as they are written: 1.10 and ids beyond 2^53 stay what they are. */
class Literal {
	readonly text: string

	constructor(text: string) {
		this.text = text
	}
}

type Container = Record<string, unknown> | unknown[]

export class JsonElement extends HTMLElement {
	connectedCallback(): void {
		const pre = this.querySelector('pre')
		if (pre === null || this.querySelector('.tree') !== null) return
		const value = parse(pre.textContent)
		if (!isContainer(value)) return
		const tree = document.createElement('div')
		tree.className = 'tree'
		tree.append(toNode(null, value, Number(this.getAttribute('open') ?? 1)))
		tree.addEventListener('keydown', moveByArrows)
		// It stays for whatever copies it.
		pre.hidden = true
		this.append(tree)
	}
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text, (_key, value: unknown, ...[context]: { source?: string }[]) =>
			typeof value === 'number' ? new Literal(context?.source ?? String(value)) : value,
		)
	} catch {
		return null
	}
}

function isContainer(value: unknown): value is Container {
	return typeof value === 'object' && value !== null && !(value instanceof Literal)
}

function toNode(key: string | null, value: unknown, openLevels: number): HTMLElement {
	const isOpenable = isContainer(value) && Object.keys(value).length > 0
	const node = document.createElement(isOpenable ? 'details' : 'div')
	const line = isOpenable ? document.createElement('summary') : node
	if (key !== null) line.append(toSpan('key', key), ': ')
	line.append(isContainer(value) ? toSpan('size', toSummary(value)) : toSpan(...toValue(value)))
	if (!isOpenable) return node
	const details = node as HTMLDetailsElement
	details.append(line)
	const fill = (): void => {
		if (details.children.length === 1) details.append(...toChildren(value, openLevels - 1))
	}
	details.addEventListener('toggle', fill)
	if (openLevels > 0) {
		fill()
		details.open = true
	}
	return details
}

function toChildren(value: Container, openLevels: number): HTMLElement[] {
	return Object.entries(value).map(([key, child]) => toNode(key, child, openLevels))
}

function toSummary(value: Container): string {
	const count = Object.keys(value).length
	if (Array.isArray(value)) return count === 0 ? '[]' : `[${count}]`
	return count === 0 ? '{}' : `{${count}}`
}

/** The class and text of a value. */
function toValue(value: unknown): [string, string] {
	if (value instanceof Literal) return ['number', value.text]
	return typeof value === 'string' ? ['string', JSON.stringify(value)] : ['word', String(value)]
}

function toSpan(className: string, text: string): HTMLSpanElement {
	const span = document.createElement('span')
	span.className = className
	span.textContent = text
	return span
}

/** Right opens, left closes or goes to the parent, up and down go to what is visible before and after. */
function moveByArrows(event: KeyboardEvent): void {
	const summary = (event.target as Element).closest('summary')
	const details = summary?.parentElement
	if (!(details instanceof HTMLDetailsElement)) return
	const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
	if (step !== undefined) {
		const tree = event.currentTarget as Element
		const visible = [...tree.querySelectorAll('summary')].filter((one) => one.checkVisibility())
		visible[visible.indexOf(summary!) + step]?.focus()
	} else if (event.key === 'ArrowRight') details.open = true
	else if (event.key !== 'ArrowLeft') return
	else if (details.open) details.open = false
	else details.parentElement?.closest('details')?.querySelector('summary')?.focus()
	event.preventDefault()
}
