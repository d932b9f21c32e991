/** Where something stands in a JSON text: errors name the line. Pure. */
import { findNodeAtLocation, parse, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'

const MESSAGES: Readonly<Record<string, string>> = {
	InvalidSymbol: 'expected true, false, null, a number, or text in double quotes',
	InvalidNumberFormat: 'expected a number such as 100',
	PropertyNameExpected: 'expected a name in double quotes',
	ValueExpected: 'expected a value',
	ColonExpected: 'expected a colon after the name',
	CommaExpected: 'expected a comma before this',
	CloseBraceExpected: 'expected a closing brace }',
	CloseBracketExpected: 'expected a closing bracket ]',
	EndOfFileExpected: 'expected nothing after the object',
	InvalidCommentToken: 'expected no comments',
	UnexpectedEndOfString: 'expected a double quote at the end of the text',
}

/** Why a text is no JSON object: for each line with an error, what was expected there. Empty: it is one. */
export function findJsonErrors(text: string): { line: number; message: string }[] {
	const errors: ParseError[] = []
	const value: unknown = parse(text, errors, { disallowComments: true, allowTrailingComma: false })
	// Further errors of a line follow from its first.
	const byLine = new Map<number, string>()
	const names = errors.map(({ error }) => printParseErrorCode(error))
	for (const [index, { offset }] of errors.entries()) {
		const line = countLines(text, offset)
		// Where a word is no value, the parser also misses the value, at what comes next.
		const isSame = names[index] === 'ValueExpected' && names[index - 1] === 'InvalidSymbol'
		if (!isSame && !byLine.has(line)) byLine.set(line, MESSAGES[names[index]!] ?? 'expected JSON')
	}
	if (byLine.size > 0) return [...byLine].map(([line, message]) => ({ line, message })).sort((a, b) => a.line - b.line)
	const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
	return isObject ? [] : [{ line: 1, message: 'expected an object of resources' }]
}

/** The line of a setting by its path (`orders.datesConfiguration.updatedDateField`); null: there is none. */
export function toLine(text: string, path: string): number | null {
	const root = parseTree(text)
	if (root === undefined) return null
	// Labels and names may contain dots, so the longest name that fits comes first.
	let [node, rest] = [root, path]
	while (rest !== '') {
		const names = (node.children ?? []).map((property) => String(property.children?.[0]?.value ?? ''))
		const name = names
			.filter((candidate) => rest === candidate || rest.startsWith(`${candidate}.`))
			.sort((a, b) => b.length - a.length)[0]
		const child = name === undefined ? undefined : findNodeAtLocation(node, [name])
		if (name === undefined || child === undefined) break
		node = child
		rest = rest.slice(name.length + 1)
	}
	return node === root ? null : countLines(text, node.offset)
}

function countLines(text: string, offset: number): number {
	return text.slice(0, offset).split('\n').length
}
