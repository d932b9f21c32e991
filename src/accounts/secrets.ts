/**
 * Secrets that callers present: user and organization secrets, tokens of instances, sessions and links, API keys. They
 * are looked up by their SHA-256, so timing reveals nothing, and what D1 stores cannot be used as a credential.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

/** A new secret or token: 32 random bytes as base64, 44 characters (docs/contract.md §2: `token`). */
export function newSecret(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
}

/**
 * Prefixes of Shopbell's tokens, so that people and secret scanners recognize them: session, API key, one-time link.
 */
const TOKEN_PREFIXES = { session: 'sbs_', key: 'sbk_', link: 'sbl_' } as const

/** A new token: its prefix and 32 random bytes as base64url, 47 characters. */
export function newToken(kind: keyof typeof TOKEN_PREFIXES): string {
	return TOKEN_PREFIXES[kind] + Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
}

/** Whether a text has the form of such a token. */
export function isToken(kind: keyof typeof TOKEN_PREFIXES, text: string): boolean {
	return text.startsWith(TOKEN_PREFIXES[kind]) && /^[\w-]{43}$/.test(text.slice(TOKEN_PREFIXES[kind].length))
}

/** SHA-256 of a secret as hex, for lookups. A fast hash is enough for 256 random bits. */
export function hashSecret(secret: string): string {
	return createHash('sha256').update(secret).digest('hex')
}

/** Compares two texts in constant time. */
export function secretsEqual(a: string, b: string): boolean {
	return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
