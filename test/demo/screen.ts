/** What the demo shows: lines of at most 100 columns, coloured only where a person looks at a terminal. Pure, but for `Terminal`. */
import type { Rec } from '../store/types.ts'

/** Widest line, columns. */
export const MAX_LINE_WIDTH = 100

type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold'
const ANSI_CODES: Readonly<Record<Colour, string>> = { green: '32', yellow: '33', red: '31', dim: '2', bold: '1' }

/** Paints a text, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string

/** The paint of an output: none where `NO_COLOR` is set or the output is no terminal. */
export function createPaint(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
	return isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
		? (colour, text) => `\u001B[${ANSI_CODES[colour]}m${text}\u001B[0m`
		: (_, text) => text
}

/** An event as a line shows it. */
export interface ShownEvent {
	timeMs: number
	eventType: 'CREATED' | 'UPDATED' | 'DELETED'
	objectType: string
	objectId: string
	detail: string
	/** From the change at the store to here; null when it is not known. */
	lagMs: number | null
	/** `✓ signed`, `✓`, `✓ delivered at try 3`, `✗ wrong signature`. */
	mark: string
}

/** The line of an event. */
export function eventLine(event: ShownEvent, paint: Paint, width = MAX_LINE_WIDTH): string {
	const colour = event.eventType === 'CREATED' ? 'green' : event.eventType === 'UPDATED' ? 'yellow' : 'red'
	const head = ` ${event.objectType.padEnd(9)} ${event.objectId.padStart(5)}  `
	const lag = event.lagMs === null ? '' : formatMs(event.lagMs)
	const tail = `${lag.padStart(7)}  ${event.mark}`
	// Two blanks, the time, two blanks, the bullet, a blank, the type in seven columns.
	const room = width - (2 + 8 + 2 + 2 + 7) - 1 - head.length - tail.length
	const bullet = event.mark.startsWith('✓') ? '●' : '○'
	return `  ${paint('dim', formatTime(event.timeMs))}  ${paint(colour, `${bullet} ${event.eventType.padEnd(7)}`)} ${head}${truncate(event.detail, room).padEnd(room)}${paint('dim', lag.padStart(7))}  ${paint(event.mark.startsWith('✓') ? 'green' : 'red', event.mark)}`
}

/** The line of a POST that the callback did not take. */
export function failureLine(
	failure: { timeMs: number; status: number | null; what: string; nextSeconds: number | null },
	paint: Paint,
	width = MAX_LINE_WIDTH,
): string {
	const answer = failure.status === null ? 'gave no answer' : String(failure.status)
	const next = failure.nextSeconds === null ? 'kept' : `kept, next try in ${formatSeconds(failure.nextSeconds)}`
	const head = `✗ callback ${answer}, ${next}`
	return `  ${paint('dim', formatTime(failure.timeMs))}  ${paint('red', head)}  ${truncate(failure.what, Math.max(0, width - 14 - head.length))}`
}

/** The lines of a step that is done: an address and what is there, later lines under the first one's words. */
export function stepLines(name: string, details: string): string[] {
	const [first = '', ...rest] = details.split('\n')
	const column = first.lastIndexOf('  ') + 2
	return [`  ✓ ${name.padEnd(9)} ${first}`, ...rest.map((line) => ' '.repeat(14 + column) + line)]
}

/** What a created object is, in a few words. */
export function describeRecord(objectType: string, record: Rec): string {
	switch (objectType) {
		case 'orders': {
			const items = countItems(record['line_items'])
			return `${formatName(record['billing'])}, ${items} ${items === 1 ? 'item' : 'items'}, ${record['total']} ${record['currency']}, ${record['status']}`
		}
		case 'products':
			return `${record['name']}${record['price'] ? `, ${record['price']}` : ''}`
		case 'discounts':
			return `${record['code']}, ${record['amount']}${record['discount_type'] === 'percent' ? ' %' : ''}`
		case 'customers':
			return `${formatName(record)}, ${record['email']}`
		default:
			return String(record['name'] ?? record['id'] ?? '')
	}
}

/** What changed, with a value before and after where one fits: `amount: 10 → 15   (the shop kept the old date)`. */
export function describeChange(changed: readonly string[], before: Rec | undefined, after: Rec): string {
	const fields = changed
		.filter((field) => !field.startsWith('date_modified'))
		.map((field) => field.replace(/_gmt$/, ''))
		.filter((field, index, all) => all.indexOf(field) === index)
	// The most telling fields come first: the status, then what is no date and whose values can be read.
	fields.sort((a, b) => fieldRank(a) - fieldRank(b))
	const shownChange = fields
		.map((field) => ({ field, from: shortText(getPath(before, field)), to: shortText(getPath(after, field)) }))
		.find(({ from, to }) => from !== null && to !== null && from !== to && (from !== '' || to !== ''))
	const names =
		shownChange === undefined ? fields : [shownChange.field, ...fields.filter((field) => field !== shownChange.field)]
	const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} more`] : names
	const values = shownChange === undefined ? '' : `: ${shownChange.from || 'nothing'} → ${shownChange.to || 'nothing'}`
	const keptOldDate =
		before !== undefined &&
		before['date_modified_gmt'] !== undefined &&
		before['date_modified_gmt'] === after['date_modified_gmt']
	return `${shown.join(', ')}${values}${keptOldDate ? '   (the shop kept the old date)' : ''}`
}

/** `2.1 s`, `1 min 5 s`. */
export function formatMs(ms: number): string {
	return ms < 59_950 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : formatSeconds(Math.round(ms / 1000))
}

/** `5 s`, `5 min`, `2 h`. */
export function formatSeconds(secondsLong: number): string {
	if (secondsLong < 60) return `${Math.round(secondsLong)} s`
	if (secondsLong < 3600)
		return `${Math.floor(secondsLong / 60)} min${secondsLong % 60 === 0 ? '' : ` ${Math.round(secondsLong % 60)} s`}`
	return `${Number((secondsLong / 3600).toFixed(1))} h`
}

/** A whole text, or its beginning with an ellipsis. */
export function truncate(text: string, width: number): string {
	// What a shop writes is shown on a terminal: no control characters.
	const clean = text.replace(/\p{Cc}+/gu, ' ')
	return clean.length <= width ? clean : `${clean.slice(0, Math.max(0, width - 1)).trimEnd()}…`
}

/** Local time of day. */
function formatTime(ms: number): string {
	return new Date(ms).toTimeString().slice(0, 8)
}

function formatName(value: unknown): string {
	const { first_name: first, last_name: last } = (value ?? {}) as Rec
	return `${first ?? ''} ${last ?? ''}`.trim() || 'somebody'
}

function countItems(value: unknown): number {
	return Array.isArray(value) ? value.length : 0
}

function getPath(record: Rec | undefined, path: string): unknown {
	return path
		.split('.')
		.reduce<unknown>(
			(value, name) => (typeof value === 'object' && value !== null ? (value as Rec)[name] : undefined),
			record,
		)
}

function fieldRank(field: string): number {
	return field === 'status' ? 0 : field.startsWith('date_') ? 2 : 1
}

/** A value that fits into a line as text; null: it does not. */
function shortText(value: unknown): string | null {
	if (value === null || value === undefined) return ''
	if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null
	const text = String(value)
		.replace(/<[^>]*>/g, '')
		.trim()
	return text.length <= 24 ? text : null
}

/** Where lines go: survives a terminal that was closed, and shows that a long step is under way. */
export class Terminal {
	readonly paint: Paint
	readonly #out: NodeJS.WriteStream
	#waiting = ''

	constructor(out: NodeJS.WriteStream) {
		this.#out = out
		this.paint = createPaint(out.isTTY, process.env)
		// A closed terminal is noticed by its signal; writing to it must not end the tidying up.
		out.on('error', () => undefined)
	}

	/** Writes a line. */
	line(text = ''): void {
		this.#erase()
		this.#out.write(`${text}\n`)
		if (this.#waiting !== '') this.#out.write(this.#waiting)
	}

	/** Runs a step; after two seconds, and every second on a terminal, it says so. Ends with its line. */
	async step<T>(name: string, work: Promise<T>, describe: (result: T) => string): Promise<T> {
		const beganMs = Date.now()
		const show = (): void => {
			const took = Math.round((Date.now() - beganMs) / 1000)
			if (this.#out.isTTY) {
				this.#erase()
				this.#waiting = this.paint('dim', `  … ${name.padEnd(9)} ${took} s`)
				this.#out.write(this.#waiting)
			} else if (took % 10 === 2) this.line(`  … ${name}: ${took} s`)
		}
		const timer = setInterval(show, 1_000)
		timer.unref()
		try {
			const result = await work
			this.#end()
			for (const line of stepLines(name, describe(result))) this.line(line.replace('✓', this.paint('green', '✓')))
			return result
		} finally {
			clearInterval(timer)
			this.#end()
		}
	}

	#end(): void {
		this.#erase()
		this.#waiting = ''
	}

	#erase(): void {
		if (this.#waiting !== '') this.#out.write('\r\u001B[K')
	}
}
