/** CSV (RFC 4180) that is safe to open in a spreadsheet. Pure. */

/** A record: fields joined by commas, ended by CRLF. */
export function formatCsvRecord(fields: readonly (string | number)[]): string {
	return `${fields.map(formatCsvField).join(',')}\r\n`
}

/**
 * A field. Text that a spreadsheet would run as a formula gets an apostrophe in front, since names and ids can come
 * from a store's customers.
 */
export function formatCsvField(value: string | number): string {
	const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
