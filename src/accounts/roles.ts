/** Roles of users. Pure. */

/**
 * In ascending order: a viewer reads and sees no secrets, a developer also changes instances and what belongs to them,
 * an admin also manages the account and its users.
 */
export const ROLES = ['viewer', 'developer', 'admin'] as const

/** A value of `ROLES`. */
export type Role = (typeof ROLES)[number]

/** Whether a role includes another one. */
export function hasRole(role: Role, minRole: Role): boolean {
	return ROLES.indexOf(role) >= ROLES.indexOf(minRole)
}
