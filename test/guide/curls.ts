/** The `curl` commands of a page of Markdown, and what curl would send for them: so that no page shows one that does not work. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'

/** A command, or several in one block, as the page has it. */
export interface Shown {
	/** Line of the page on which it begins, from 1. */
	line: number
	text: string
	/** The status that the page promises (`<!-- curl: 202 -->` before it); null: any success. */
	status: number | null
}

/** A request that curl would send. */
export interface Sent {
	url: string
	method: string
	headers: Headers
	body: string | undefined
}

/** All commands of a page: blocks that have one, and those within a line. */
export function curlsOf(markdown: string): Shown[] {
	const found: Shown[] = []
	const blocks = /(?:<!-- curl: (\d{3}) -->\n)?^([ \t]*)```[a-z]*\n([\s\S]*?)^[ \t]*```$/gm
	const rest = markdown.replaceAll(
		blocks,
		(whole: string, status: string | undefined, indent: string, text: string, at: number) => {
			if (/^\s*curl\s/m.test(text))
				found.push({
					line: lineOf(markdown, at),
					text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
					status: status === undefined ? null : Number(status),
				})
			// The same length, so that lines can still be counted.
			return whole.replaceAll(/[^\n]/g, ' ')
		},
	)
	for (const { 1: text, index } of rest.matchAll(/`(curl\s[^`]+)`/g))
		found.push({ line: lineOf(markdown, index), text: text!, status: null })
	return found.sort((a, b) => a.line - b.line)
}

function lineOf(text: string, at: number): number {
	return text.slice(0, at).split('\n').length
}

/** Fills in what a page leaves open (`<USER_SECRET>`, also any other text that is a name of the table). Throws for what the table does not know. */
export function filled(text: string, table: Readonly<Record<string, string>>): string {
	// One pass, since what is filled in may look like something to fill in.
	const names = Object.keys(table).sort((a, b) => b.length - a.length)
	const known = names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
	return text.replaceAll(new RegExp([...known, '<[A-Z][A-Z_]*>'].join('|'), 'g'), (found) => {
		const value = table[found]
		if (value === undefined) throw new Error(`Nothing is known to fill in for ${found}`)
		return value
	})
}

/** What curl would send for a script, read by a shell: it does the quoting, and a function in curl's place hands back its words. */
export async function requestsOf(script: string): Promise<Sent[]> {
	const { stdout } = await promisify(execFile)('bash', ['-c', `curl() { printf '%s\\0' "$@" $'\\x1e'; }\n${script}`])
	return stdout
		.split('\u001e\0')
		.slice(0, -1)
		.map((command) => requestOf(command.split('\0').slice(0, -1)))
}

function requestOf(words: readonly string[]): Sent {
	const rest = [...words]
	const headers = new Headers()
	const data: string[] = []
	const encoded = new URLSearchParams()
	let [url, method, query]: [string, string | null, boolean] = ['', null, false]
	for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
		if (word === '-X') method = rest.shift() ?? ''
		else if (word === '-H') for (const line of headerLines(rest.shift() ?? '')) headers.append(...line)
		else if (word === '-d') data.push(rest.shift() ?? '')
		else if (word === '-G') query = true
		else if (word === '--data-urlencode') {
			const [name = '', ...value] = (rest.shift() ?? '').split('=')
			encoded.append(name, value.join('='))
		} else if (word === '-s' || word === '-N') continue
		else if (word.startsWith('-')) throw new Error(`curl ${word}: not understood here`)
		else url = word
	}
	if (query) return { url: `${url}?${encoded.toString()}`, method: method ?? 'GET', headers, body: undefined }
	const body = data.length === 0 ? undefined : data.join('&')
	if (body !== undefined && !headers.has('Content-Type'))
		headers.set('Content-Type', 'application/x-www-form-urlencoded')
	return { url, method: method ?? (body === undefined ? 'GET' : 'POST'), headers, body }
}

/** `Name: value`, or every line of a file: `@file`. */
function headerLines(text: string): [name: string, value: string][] {
	const lines = text.startsWith('@') ? readFileSync(text.slice(1), 'utf8').split('\n') : [text]
	return lines
		.filter((line) => line.trim() !== '')
		.map((line) => {
			const colon = line.indexOf(':')
			return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
		})
}
