/**
 * Passwords at rest: scrypt of `node:crypto` (PBKDF2 above 100 000 iterations fails on Cloudflare). The parameters
 * stand with each hash, so that they can be raised: what was made with others is made anew when its owner next signs
 * in.
 */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { LIMITS } from '../lib/limits.ts'

/** Fewest and most characters of a password. */
export const MIN_PASSWORD_LENGTH = 12
export const MAX_PASSWORD_LENGTH = LIMITS.password.value

/**
 * What a hash costs: 16 MB, and about as much time as OWASP's other choices, since an isolate has 128 MB for all its
 * requests.
 */
const SCRYPT_COST = { N: 16_384, r: 8, p: 5 }
const HASH_BYTES = 32

/** Hashes a password: `scrypt$N$r$p$salt$hash`, the last two base64url. */
export async function hashPassword(password: string): Promise<string> {
	const salt = randomBytes(16)
	const hash = await deriveHash(password, salt, SCRYPT_COST, HASH_BYTES)
	return [
		'scrypt',
		SCRYPT_COST.N,
		SCRYPT_COST.r,
		SCRYPT_COST.p,
		salt.toString('base64url'),
		hash.toString('base64url'),
	].join('$')
}

/**
 * What is verified where there is no password, so that the time an answer takes tells nothing of who exists. No
 * password leads to it: its hash is all zeros.
 */
const DUMMY_HASH = [
	'scrypt',
	SCRYPT_COST.N,
	SCRYPT_COST.r,
	SCRYPT_COST.p,
	Buffer.alloc(16).toString('base64url'),
	Buffer.alloc(HASH_BYTES).toString('base64url'),
].join('$')

/** Whether a password is the one of a hash; null: of nobody's, which takes as long and is false. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
	const parsed = parsePasswordHash(stored ?? DUMMY_HASH)
	const hash = await deriveHash(password, parsed.salt, parsed.cost, parsed.hash.length)
	return timingSafeEqual(hash, parsed.hash) && stored !== null
}

/** Whether a hash was made with other parameters than today's. */
export function needsRehash(stored: string): boolean {
	const { cost } = parsePasswordHash(stored)
	return cost.N !== SCRYPT_COST.N || cost.r !== SCRYPT_COST.r || cost.p !== SCRYPT_COST.p
}

function parsePasswordHash(stored: string): { cost: { N: number; r: number; p: number }; salt: Buffer; hash: Buffer } {
	const [name, n, r, p, salt, hash] = stored.split('$')
	if (name !== 'scrypt' || salt === undefined || hash === undefined) throw new Error('not a password hash')
	return {
		cost: { N: Number(n), r: Number(r), p: Number(p) },
		salt: Buffer.from(salt, 'base64url'),
		hash: Buffer.from(hash, 'base64url'),
	}
}

/** The same letters typed on another keyboard are the same password (NFC). */
function deriveHash(password: string, salt: Buffer, cost: ScryptOptions, bytes: number): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		scrypt(password.normalize('NFC'), salt, bytes, { ...cost, maxmem: 128 * 1024 * 1024 }, (error, key) =>
			error === null ? resolve(key) : reject(error),
		)
	})
}
