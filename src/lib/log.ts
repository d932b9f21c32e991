/**
 * The only logger: one JSON line per event. Fields must not contain secrets, records or query strings
 * (docs/operations.md, Monitoring); callers pass names, ids, counts and durations.
 */

/** Values of a log line: no objects, so that no record or header set is logged as a whole. */
type LogFields = Record<string, string | number | boolean | null | undefined>

/** Writes one line: `event` is a dotted name such as `request.done`. */
export function log(event: string, fields: LogFields = {}): void {
	console.log(JSON.stringify({ event, ...fields }))
}

/** Logs an unexpected exception with its class and place only: its message may quote what a customer sent. */
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

/** The stack without its first line(s), which contain the message. */
function formatFrames(error: Error): string {
	return (error.stack ?? '')
		.split('\n')
		.filter((line) => /^\s+at /.test(line))
		.slice(0, 6)
		.map((line) => line.trim())
		.join(' < ')
}
