/**
 * The `Authorization` header: `User <secret>, Organization <secret>`, `Element <token>`, in any order
 * (docs/contract.md §1); `Bearer <token>` of a session or an API key replaces User and Organization. Pure.
 */

/** The parts of a header. */
export interface AuthorizationParts {
	user: string | null
	organization: string | null
	element: string | null
	bearer: string | null
}

/**
 * Parses a header; null if it is invalid, repeats a part, or has two kinds of credentials. Names are case-insensitive,
 * and commas and spaces are lenient.
 */
export function parseAuthorization(header: string | null | undefined): AuthorizationParts | null {
	if (header === null || header === undefined || header.length > 2048) return null
	const parts: AuthorizationParts = { user: null, organization: null, element: null, bearer: null }
	for (const piece of header.split(',')) {
		const trimmed = piece.trim()
		if (trimmed === '') continue
		const match = /^(user|organization|element|bearer)\s+(\S+)$/i.exec(trimmed)
		if (match === null) return null
		const name = match[1]!.toLowerCase() as keyof AuthorizationParts
		if (parts[name] !== null) return null
		parts[name] = match[2]!
	}
	if (parts.bearer !== null && (parts.user !== null || parts.organization !== null)) return null
	return Object.values(parts).every((part) => part === null) ? null : parts
}
