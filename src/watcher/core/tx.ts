/** The proof that a write is part of a commit. */
declare const committing: unique symbol

/**
 * Proof that `Core.commit` is running: only its body gets one. Functions that write require it, so that they cannot be
 * called outside of a commit.
 */
export interface Tx {
	readonly [committing]: true
}
