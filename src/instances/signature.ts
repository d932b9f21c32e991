/**
 * An instance's signature key in its row: the configured key and, during a rotation, the next one. The clock decides
 * which of them sign (`getSigningKeys`), so a row whose rotation has passed is still correct. The rotation is removed
 * from the row when the row is next written, or by the cron.
 */
import { getSigningKeys, type SignatureKeys } from '../delivery/sign.ts'
import { findKeyTextProblem, WHSEC_PREFIX } from '../lib/signature-key.ts'
import type { Instance } from './rows.ts'
import { isPlaceholder, SECRET_MASK } from '../lib/values.ts'

/** The configuration's key. */
export const SIGNATURE_KEY = 'event.notification.signature.key'

/** Default time during which both keys sign, seconds. */
export const DEFAULT_GRACE_SECONDS = 86_400

/** Rows that one run of the cron updates. */
const MAX_ROWS_PER_ROUND = 100

/** The sealed keys that sign at a time; null: the instance has none. */
export function getSealedKeysAt(
	instance: Pick<Instance, 'configuration' | 'signatureNext' | 'signatureFromMs'>,
	nowMs: number,
): SignatureKeys | null {
	return getSigningKeys(
		instance.configuration[SIGNATURE_KEY] ?? null,
		{ next: instance.signatureNext, fromMs: instance.signatureFromMs },
		nowMs,
	)
}

/** The instance with a completed rotation removed; otherwise unchanged. */
export function applyKeyTakeover(instance: Instance, nowMs: number): Instance {
	const keys = getSealedKeysAt(instance, nowMs)
	if (instance.signatureNext === null || keys === null || keys.next !== null) return instance
	return withSignatureKey(instance, keys.current)
}

/** The instance with one key and no rotation. */
export function withSignatureKey(instance: Instance, sealed: string): Instance {
	return {
		...instance,
		configuration: { ...instance.configuration, [SIGNATURE_KEY]: sealed },
		signatureNext: null,
		signatureFromMs: null,
	}
}

/** Why the key of a rotation is invalid, as what was expected; null: it is valid. */
export function findKeyProblem(key: string): string | null {
	if (key.trim() === '') return 'expected a key that is not blank'
	if (key === SECRET_MASK || isPlaceholder(key)) return 'expected a key, got a placeholder'
	return findKeyTextProblem(key)
}

/** A key in the form of Standard Webhooks libraries: `whsec_` and base64 of its UTF-8 bytes. */
export function toWhsec(key: string): string {
	return `${WHSEC_PREFIX}${Buffer.from(key, 'utf8').toString('base64')}`
}

/** A new key: 32 random bytes as hex. */
export function newSignatureKey(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
}

/** Removes completed rotations from rows, for the cron. One statement, so that no other change can come between. */
export async function completeKeyTakeovers(db: D1Database, nowMs: number): Promise<void> {
	await db
		.prepare(
			`UPDATE instances SET configuration = json_set(configuration, ?1, signature_next), signature_next = NULL,
				signature_from_ms = NULL, version = version + 1
			WHERE id IN (SELECT id FROM instances WHERE signature_next IS NOT NULL AND signature_from_ms <= ?2
			ORDER BY signature_from_ms LIMIT ?3)`,
		)
		.bind(`$."${SIGNATURE_KEY}"`, nowMs, MAX_ROWS_PER_ROUND)
		.run()
}
