/** Which keys of a caller sign notifications as the caller expects: a key's text, in UTF-8, signs. */
import { expectedAtMost, LIMITS } from './limits.ts'
import { parsedBy, type TextSchema } from './text-schemas.ts'

/** The form of keys in Standard Webhooks libraries: this prefix and the base64 of the key. */
export const WHSEC_PREFIX = 'whsec_'

/** White space, and characters that nobody sees, such as a byte order mark. */
const INVISIBLE_END = /^[\s\p{Cc}\p{Cf}]|[\s\p{Cc}\p{Cf}]$/u

/**
 * Why a key is invalid, as what was expected; null: it is valid. White space at its ends comes from copying it, and a
 * receiver that trims its copy refuses every notification. A `whsec_…` is decoded by the libraries that use it, so it
 * never verifies what its text has signed.
 */
export function findKeyTextProblem(key: string): string | null {
	if (!key.isWellFormed()) return 'expected text'
	if (key.length > LIMITS.signatureKey.value) return expectedAtMost('signatureKey')
	if (isWhsec(key))
		return (
			'expected the key itself, got the whsec_ form of one. The text of a key signs, but receivers decode whsec_…: set ' +
			'another key, and give your receiver the whsec that GET …/signature-key returns for it'
		)
	if (INVISIBLE_END.test(key)) return 'expected a key without white space or invisible characters at its ends'
	return null
}

/** Whether a key is in the form of Standard Webhooks libraries. */
export function isWhsec(key: string): boolean {
	return key.trim().toLowerCase().startsWith(WHSEC_PREFIX)
}

/** A signature key in a configuration or a setting. */
export const signatureKeyText: TextSchema = parsedBy((key: string) => {
	const message = findKeyTextProblem(key)
	return message === null ? { ok: true, text: key } : { ok: false, message }
})
