/** What people may do. Pure. */

/**
 * From least to most: a viewer reads and sees no secret, a developer changes instances and what belongs to them, an
 * admin also the account and its people.
 */
export const ROLES = ['viewer', 'developer', 'admin'] as const

/** One of them. */
export type Role = (typeof ROLES)[number]

/** Whether a role may do what wants `least`. */
export function hasRole(role: Role, minRole: Role): boolean {
	return ROLES.indexOf(role) >= ROLES.indexOf(minRole)
}
