/**
 * Lanes of waiting events (docs/architecture.md, Mass changes). All events of an object behind lane 0 are in one lane,
 * and later than those in lane 0, so each lane can be sent in order of its own.
 */

/** In the order of sending. `held`: waits for the end of a look, or for a person. */
export const LANES = { ordinary: 0, behind: 1, held: 2 } as const
export type Lane = (typeof LANES)[keyof typeof LANES]

/** What a waiting event has to do with a mass change. */
export const MASS = { none: 0, undecided: 1, member: 2, dismissed: 3 } as const
export type Mass = (typeof MASS)[keyof typeof MASS]

/** SQL: all lanes, for rows that are found by their event. The key of `waiting` begins with subscription and lane. */
export const ALL_LANES_SQL = '(0, 1, 2)'
