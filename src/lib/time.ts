/** Spans of time in ms. */

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
/** An interval that means "never": ten years. */
export const NEVER_MS = 3_650 * DAY_MS
