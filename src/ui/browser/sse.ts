/** Server-sent events out of a response, by the rules of the HTML standard (9.2.6). */

/** A message. `id` is the last one that was given, in this message or before it. */
export interface Message {
	id: string
	/** 'message' without a name of its own. */
	event: string
	data: string
}

/** What of a text is complete: its messages, the last event id after them, and the rest that is not. */
interface Parsed {
	messages: Message[]
	id: string
	rest: string
}

/** Parses what has come so far. `id` is the last event id before it. */
export function parseMessages(text: string, id: string): Parsed {
	const blocks = text.split(/\r?\n\r?\n/)
	const rest = blocks.pop() ?? ''
	const messages: Message[] = []
	let lastId = id
	for (const block of blocks) {
		const data: string[] = []
		let event = 'message'
		for (const line of block.split(/\r?\n/)) {
			const [, name, value] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? []
			if (name === 'data') data.push(value ?? '')
			else if (name === 'event') event = value ?? ''
			else if (name === 'id') lastId = value ?? ''
		}
		if (data.length > 0) messages.push({ id: lastId, event, data: data.join('\n') })
	}
	return { messages, id: lastId, rest }
}
