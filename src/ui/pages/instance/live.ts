/** The stream of the API as a stream of HTML rows: the same messages with the same ids, each event as its row. */

/**
 * Turns the text of the API's stream into that of the page's. `render`: the HTML of an event's row. `first`: comes
 * before it.
 */
export function toRowStream(render: (json: string) => string, first: string): TransformStream<string, string> {
	let rest = ''
	return new TransformStream({
		start(controller) {
			if (first !== '') controller.enqueue(first)
		},
		transform(chunk, controller) {
			const blocks = (rest + chunk).split('\n\n')
			rest = blocks.pop()!
			for (const block of blocks) controller.enqueue(`${toRowMessage(block, render)}\n\n`)
		},
	})
}

/** Events, newest first, as messages: those that came after the page was made and before its stream began. */
export function toRowMessages(events: readonly { id: string }[], render: (json: string) => string): string {
	return events
		.toReversed()
		.map((event) => `${toRowMessage(`id: ${event.id}\nevent: event\ndata: ${JSON.stringify(event)}`, render)}\n\n`)
		.join('')
}

/** One message. Those that are no events pass: positions, gaps, the end. */
export function toRowMessage(block: string, render: (json: string) => string): string {
	const lines = block.split('\n')
	if (!lines.includes('event: event')) return block
	const data = lines
		.filter((line) => line.startsWith('data: '))
		.map((line) => line.slice('data: '.length))
		.join('\n')
	return [
		...lines.filter((line) => line.startsWith('id: ')),
		...render(data)
			.split('\n')
			.map((line) => `data: ${line}`),
	].join('\n')
}
