/** Comma-separated values (RFC 4180) that a spreadsheet may open. Pure. */

/** A record: fields joined by commas, ended by CRLF. */
export function formatCsvRecord(fields: readonly (string | number)[]): string {
	return `${fields.map(formatCsvField).join(',')}\r\n`
}

/**
 * A field. Text that a spreadsheet would run as a formula gets an apostrophe before it (names and ids come from stores,
 * and so from whoever orders there); what holds a comma, a quote or the end of a line is quoted.
 */
export function formatCsvField(value: string | number): string {
	const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
