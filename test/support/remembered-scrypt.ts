/**
 * What `src/accounts/passwords.ts` imports of `node:crypto`, for tests of the Worker (vitest.config.ts): scrypt takes 300 ms by design, so
 * the same password with the same salt and cost is hashed once.
 */
import { scrypt as originalScrypt, type BinaryLike, type ScryptOptions } from 'node:crypto'

export { randomBytes, timingSafeEqual } from 'node:crypto'
export type { ScryptOptions } from 'node:crypto'

const hashes = new Map<string, Buffer>()

/** scrypt that remembers its hashes. */
export function scrypt(
	password: BinaryLike,
	salt: BinaryLike,
	bytes: number,
	options: ScryptOptions,
	callback: (error: Error | null, hash: Buffer) => void,
): void {
	const name = JSON.stringify([password, salt, bytes, options])
	const known = hashes.get(name)
	if (known !== undefined) return queueMicrotask(() => callback(null, Buffer.from(known)))
	originalScrypt(password, salt, bytes, options, (error, hash) => {
		if (error === null) hashes.set(name, Buffer.from(hash))
		callback(error, hash)
	})
}
