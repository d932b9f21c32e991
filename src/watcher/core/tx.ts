declare const committing: unique symbol

/**
 * Proof that `Core.commit` is running: only its body gets one. What writes asks for it, so that it cannot be called
 * outside.
 */
export interface Tx {
	readonly [committing]: true
}
