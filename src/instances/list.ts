/** Lists of an organization's instances: filtered by tag, text or element, in pages. */
import { FROM_INSTANCES, toInstance, SELECT_COLUMNS, type Instance, type InstanceTableRow } from './rows.ts'

/** Filters of a list of instances. */
interface InstanceFilter {
	/** Instances with all of these tags; empty: all. */
	tags: string[]
	/** Part of the name or of the element's key, in any case; empty: all. */
	searchText: string
	elementKey: string | null
}

/**
 * Ready instances of an organization by ascending id, above `afterId`, with the total and whether more follow, in one
 * query.
 */
export async function listInstances(
	db: D1Database,
	organizationId: number,
	filter: InstanceFilter,
	pageSize: number,
	afterId: number,
): Promise<{ instances: Instance[]; total: number; more: boolean }> {
	// As SQLite's lower(): A to Z only.
	const search = filter.searchText.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
	const matching = `i.organization_id = ?1 AND i.state = 'ready'
		AND (?2 = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(?2) AS wanted WHERE wanted.value NOT IN (SELECT value
		FROM json_each(i.tags))))
		AND (?3 = '' OR instr(lower(i.name), ?3) > 0 OR instr(lower(i.element_key), ?3) > 0)
		AND (?4 IS NULL OR i.element_key = ?4)`
	// A page without rows also needs the total.
	const { results } = await db
		.prepare(
			`SELECT page.*, all_of_it.total FROM (SELECT count(*) AS total FROM instances AS i WHERE ${matching}) AS all_of_it
			LEFT JOIN (SELECT ${SELECT_COLUMNS} FROM ${FROM_INSTANCES} WHERE ${matching} AND i.id > ?5 ORDER BY i.id
			LIMIT ?6) AS page ON TRUE ORDER BY page.id`,
		)
		.bind(organizationId, JSON.stringify([...new Set(filter.tags)]), search, filter.elementKey, afterId, pageSize + 1)
		.all<{ total: number } & (InstanceTableRow | { id: null })>()
	const found = results.flatMap((row) => (row.id === null ? [] : [toInstance(row)]))
	return { instances: found.slice(0, pageSize), total: results[0]?.total ?? 0, more: found.length > pageSize }
}

/** The number of an organization's ready instances. */
export async function countInstances(db: D1Database, organizationId: number): Promise<number> {
	const row = await db
		.prepare("SELECT count(*) AS n FROM instances WHERE organization_id = ? AND state = 'ready'")
		.bind(organizationId)
		.first<{ n: number }>()
	return row?.n ?? 0
}
