/**
 * Turns recorded terminal output, colours included, into the README's picture of the demo:
 * `script -qec 'npm run -s demo' demo.ansi` (Ctrl-C after a while), then `node scripts/demo-picture.ts < demo.ansi > docs/demo.svg`.
 */
import { readFileSync } from 'node:fs'

const COLUMNS = 102
const CELL = { width: 8.4, height: 19 }
const COLOURS: Readonly<Record<string, string>> = { '31': '#ff7b72', '32': '#56d364', '33': '#e3b341', '2': '#8b949e' }

/** A piece of a line in one style: the digits of its escape code, or none. */
interface Span {
	code: string
	text: string
}

/** The text that a line shows in the end: the only controls beside colours erase the line. */
function toVisibleText(line: string): string {
	return (
		line
			.replace(/\r+$/, '')
			.split(/\r\u001B\[K/)
			.at(-1) ?? ''
	)
}

function parseSpans(line: string): Span[] {
	const found: Span[] = []
	let code = ''
	for (const part of line.split(/(\u001B\[\d*m)/)) {
		const escape = /^\u001B\[(\d*)m$/.exec(part)
		if (escape !== null) code = escape[1] === '0' ? '' : (escape[1] ?? '')
		else if (part !== '') found.push({ code, text: part })
	}
	return found
}

function escapeXml(text: string): string {
	return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`)
}

/** One line as SVG; every span begins in its own column, so that a font's widths cannot shift what follows. */
function renderLine(line: string, row: number): string {
	let column = 0
	const y = (row + 1.7) * CELL.height
	return parseSpans(line)
		.map(({ code, text }) => {
			const x = ((column + 1) * CELL.width).toFixed(1)
			column += [...text].length
			const style = code === '1' ? ' font-weight="bold"' : COLOURS[code] === undefined ? '' : ` fill="${COLOURS[code]}"`
			return text.trim() === ''
				? ''
				: `<text x="${x}" y="${y.toFixed(1)}"${style} xml:space="preserve">${escapeXml(text)}</text>`
		})
		.join('')
}

const lines = readFileSync(0, 'utf8')
	.split('\n')
	.map(toVisibleText)
	.filter((line) => !/^(Script (started|done)|> |npm |\^C$)/.test(line))
while (lines[0]?.trim() === '') lines.shift()
while (lines.at(-1)?.trim() === '') lines.pop()
const [width, height] = [(COLUMNS * CELL.width).toFixed(0), ((lines.length + 1.4) * CELL.height).toFixed(0)]
process.stdout.write(
	[
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="The demo in a terminal">`,
		`<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
		`<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3">`,
		...lines.map(renderLine).filter((line) => line !== ''),
		'</g></svg>',
		'',
	].join('\n'),
)
