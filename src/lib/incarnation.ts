/**
 * Incarnations: a restore of D1 can hand out an id again, and the new row must not reach what the old one left behind.
 * So each row has a random text beside its id, which names its Durable Object, seals its secrets and derives the
 * secrets of its webhooks. Rows of earlier versions have their id as text.
 */

/** What identifies an instance, an organization's own object, or an organization: its id and its incarnation. */
export interface ObjectRef {
	id: number
	incarnation: string
}

/** A new incarnation: 128 random bits as base64url, 22 characters, never the text of an id. */
export function newIncarnation(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url')
}

/** The incarnation of a stored row, copy or message; empty or absent, as earlier versions wrote it: the id as text. */
export function toIncarnation(stored: string | null | undefined, id: number): string {
	return stored === null || stored === undefined || stored === '' ? String(id) : stored
}

/** A row with its incarnation as `toIncarnation` reads it. */
export function withIncarnation<Row extends { id: number; incarnation: string | null }>(row: Row): Row & ObjectRef {
	return { ...row, incarnation: toIncarnation(row.incarnation, row.id) }
}

/**
 * Id and incarnation as one text: `<id>.<incarnation>`, or the id alone for those of earlier versions, so that their
 * names and addresses stay.
 */
export function toRefText({ id, incarnation }: ObjectRef): string {
	return incarnation === String(id) ? incarnation : `${id}.${incarnation}`
}

/** The opposite of `toRefText`; null for any other text. */
export function parseRefText(text: string): ObjectRef | null {
	const [, digits, incarnation] = /^([1-9]\d{0,14})(?:\.([\w-]{22}))?$/.exec(text) ?? []
	return digits === undefined ? null : { id: Number(digits), incarnation: incarnation ?? digits }
}
