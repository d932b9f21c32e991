/** First words of Cloud Elements' own paths that Shopbell does not offer (docs/contract.md §8). Pure. */

/** None of them is a collection of a store, except below `/hubs/{hub}/`, where a plugin may have one. */
export const NOT_OFFERED = [
	...['applications', 'audit-logs', 'billing', 'branding', 'bulk', 'catalog-properties', 'change-management'],
	...['common-resources', 'companies', 'docs', 'environments', 'formulas', 'integrations', 'jobs', 'organizations'],
	...['roles', 'transformations', 'usage', 'vdrs'],
] as const

/** The message of the 404. */
export function toNotOfferedMessage(path: string): string {
	return `${path.slice(0, 100)} is not offered here: it belongs to a part of the platform that Shopbell does not have`
}
