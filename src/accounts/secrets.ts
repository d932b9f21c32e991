/**
 * Secrets that callers present: user and organization secrets and instance tokens. They are found by their SHA-256, so a look-up
 * compares nothing that a clock could measure, and what D1 holds opens nothing by itself.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

/** A new secret or token: 32 random bytes as base64, 44 characters (contract, section 2: `token`). */
export function newSecret(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
}

/** SHA-256 of a secret, hex: what look-ups go by. A fast hash is enough for 256 random bits. */
export function hashSecret(secret: string): string {
	return createHash('sha256').update(secret).digest('hex')
}

/** Whether two texts are equal, in a time that tells nothing of where they differ. */
export function equalSecrets(a: string, b: string): boolean {
	return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
