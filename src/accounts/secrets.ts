/**
 * Secrets that callers present: user and organization secrets, tokens of instances, sessions and links, API keys. They
 * are found by their SHA-256, so a look-up compares nothing that a clock could measure, and what D1 holds opens nothing
 * by itself.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

/** A new secret or token: 32 random bytes as base64, 44 characters (docs/contract.md §2: `token`). */
export function newSecret(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
}

/**
 * What tokens of ours begin with, so that people and scanners of leaked secrets recognise them: of a session, of an API
 * key, of a one-time link.
 */
const TOKEN_PREFIXES = { session: 'sbs_', key: 'sbk_', link: 'sbl_' } as const

/** A new token that shows what it is: its prefix and 32 random bytes as base64url, 47 characters. */
export function newToken(kind: keyof typeof TOKEN_PREFIXES): string {
	return TOKEN_PREFIXES[kind] + Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
}

/** Whether a text has the form of such a token. */
export function isToken(kind: keyof typeof TOKEN_PREFIXES, text: string): boolean {
	return text.startsWith(TOKEN_PREFIXES[kind]) && /^[\w-]{43}$/.test(text.slice(TOKEN_PREFIXES[kind].length))
}

/** SHA-256 of a secret, hex: what look-ups go by. A fast hash is enough for 256 random bits. */
export function hashSecret(secret: string): string {
	return createHash('sha256').update(secret).digest('hex')
}

/** Whether two texts are equal, in a time that tells nothing of where they differ. */
export function secretsEqual(a: string, b: string): boolean {
	return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
