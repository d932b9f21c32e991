/**
 * The one logger: a JSON line an event. Nothing that identifies a secret, a record or a query string belongs in its
 * fields (docs/operations.md, Monitoring); callers pass names, ids, counts and durations.
 */

/** Values that a log line may hold: no objects, so that no record or header set slips in whole. */
type LogFields = Record<string, string | number | boolean | null | undefined>

/** Writes one line: `event` is a dotted name such as `request.done`. */
export function log(event: string, fields: LogFields = {}): void {
	console.log(JSON.stringify({ event, ...fields }))
}

/**
 * Writes one line about something that should not have happened. Of an exception only its class and place are kept: its
 * text may quote what a customer sent.
 */
export function logError(event: string, error: unknown, fields: LogFields = {}): void {
	console.error(
		JSON.stringify({
			event,
			...fields,
			error: error instanceof Error ? error.name : typeof error,
			at: error instanceof Error ? formatFrames(error) : null,
		}),
	)
}

/** The stack without its first line(s), which carry the message. */
function formatFrames(error: Error): string {
	return (error.stack ?? '')
		.split('\n')
		.filter((line) => /^\s+at /.test(line))
		.slice(0, 6)
		.map((line) => line.trim())
		.join(' < ')
}
