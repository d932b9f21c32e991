/**
 * Hashes of passwords: scrypt of `node:crypto` (PBKDF2 above 100 000 iterations fails on Cloudflare). Each hash stores
 * its parameters; a hash with other parameters is replaced at the next sign-in.
 */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { LIMITS } from '../lib/limits.ts'

/** Minimum and maximum characters of a password. */
export const MIN_PASSWORD_LENGTH = 12
export const MAX_PASSWORD_LENGTH = LIMITS.password.value

/**
 * Parameters of new hashes: 16 MB, because an isolate has 128 MB for all its requests. The time is about that of
 * OWASP's other choices.
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
 * Verified if a user has no password, so that the response time does not reveal which users exist. No password matches
 * it: its hash is all zeros.
 */
const DUMMY_HASH = [
	'scrypt',
	SCRYPT_COST.N,
	SCRYPT_COST.r,
	SCRYPT_COST.p,
	Buffer.alloc(16).toString('base64url'),
	Buffer.alloc(HASH_BYTES).toString('base64url'),
].join('$')

/** Whether a password matches a hash; null: no user, which takes as long and returns false. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
	const parsed = parsePasswordHash(stored ?? DUMMY_HASH)
	const hash = await deriveHash(password, parsed.salt, parsed.cost, parsed.hash.length)
	return timingSafeEqual(hash, parsed.hash) && stored !== null
}

/**
 * The accounts that a password is right for. Always makes `checks` checks, so that the time does not reveal how many
 * accounts there are, at most as many.
 */
export async function findByPassword<Account extends { password: string }>(
	accounts: readonly Account[],
	password: string,
	checks: number,
	verify: typeof verifyPassword = verifyPassword,
): Promise<Account[]> {
	const found: Account[] = []
	for (let index = 0; index < checks; index++) {
		const account = accounts[index]
		if ((await verify(password, account?.password ?? null)) && account !== undefined) found.push(account)
	}
	return found
}

/** Whether a hash was made with other parameters than the current ones. */
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

/** Normalizes a password (NFC), since keyboards differ in how they encode the same letters. */
function deriveHash(password: string, salt: Buffer, cost: ScryptOptions, bytes: number): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		scrypt(password.normalize('NFC'), salt, bytes, { ...cost, maxmem: 128 * 1024 * 1024 }, (error, key) =>
			error === null ? resolve(key) : reject(error),
		)
	})
}
