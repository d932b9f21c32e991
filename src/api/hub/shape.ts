/** What is done to a record before it is answered: nulls dropped, only the named fields kept (contract, section 8). */
import { isRecord } from '../../elements/values.ts'

/** A shaper of records. `fields`: names divided by commas, dots lead into nested ones; a field of a list's records is kept in each of them. */
export function shaper(dropNulls: boolean, fields: string | undefined): (value: unknown) => unknown {
	const paths = (fields ?? '')
		.split(',')
		.map((name) => name.trim())
		.filter((name) => name !== '')
		.map((name) => name.split('.'))
	return (value) => {
		const kept = paths.length === 0 ? value : pick(value, paths)
		return dropNulls ? withoutNulls(kept) : kept
	}
}

function pick(value: unknown, paths: readonly (readonly string[])[]): unknown {
	if (Array.isArray(value)) return value.map((one) => pick(one, paths))
	if (!isRecord(value)) return value
	const kept: Record<string, unknown> = {}
	for (const [name, item] of Object.entries(value)) {
		const wanted = paths.filter(([first]) => first === name)
		if (wanted.some(({ length }) => length === 1)) kept[name] = item
		else if (wanted.length > 0)
			kept[name] = pick(
				item,
				wanted.map((path) => path.slice(1)),
			)
	}
	return kept
}

function withoutNulls(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withoutNulls)
	if (!isRecord(value)) return value
	return Object.fromEntries(
		Object.entries(value)
			.filter(([, item]) => item !== null)
			.map(([name, item]) => [name, withoutNulls(item)]),
	)
}
