/** Drops nulls and selects fields of records (docs/contract.md §8). Pure. */
import { isRecord } from '../../elements/values.ts'

/**
 * Returns the function that does both. `fields`: names separated by commas, with dots for nested ones, also in lists.
 */
export function createShaper(dropNulls: boolean, fields: string | undefined): (value: unknown) => unknown {
	const paths = (fields ?? '')
		.split(',')
		.map((name) => name.trim())
		.filter((name) => name !== '')
		.map((name) => name.split('.'))
	return (value) => {
		const picked = paths.length === 0 ? value : pick(value, paths)
		return dropNulls ? dropNullFields(picked) : picked
	}
}

function pick(value: unknown, paths: readonly (readonly string[])[]): unknown {
	if (Array.isArray(value)) return value.map((item) => pick(item, paths))
	if (!isRecord(value)) return value
	const picked: Record<string, unknown> = {}
	for (const [name, item] of Object.entries(value)) {
		const matchingPaths = paths.filter(([first]) => first === name)
		if (matchingPaths.some(({ length }) => length === 1)) picked[name] = item
		else if (matchingPaths.length > 0)
			picked[name] = pick(
				item,
				matchingPaths.map((path) => path.slice(1)),
			)
	}
	return picked
}

function dropNullFields(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(dropNullFields)
	if (!isRecord(value)) return value
	return Object.fromEntries(
		Object.entries(value)
			.filter(([, item]) => item !== null)
			.map(([name, item]) => [name, dropNullFields(item)]),
	)
}
