/** The records of variations that an event carries (docs/polling.md, Variations). Pure. */
import { parseExact } from '../elements/json.ts'
import type { StoredEvent } from './event.ts'

/** How `changedFields` names a variation. */
const VARIATION_NAME = /^variations\.([^.]+)/

/**
 * The records of several events of an object, oldest first, as one JSON list: of each variation that they name, what
 * the last event that names it has. One that is named without a record is deleted. null: none of them has records.
 */
export function mergeVariationRecords(
	events: readonly Pick<StoredEvent, 'changedFields' | 'variationRecords'>[],
): string | null {
	const records = new Map<string, object>()
	const withRecords = events.filter(({ variationRecords }) => variationRecords != null)
	for (const { changedFields, variationRecords } of withRecords) {
		for (const name of changedFields ?? []) {
			const id = VARIATION_NAME.exec(name)?.[1]
			if (id !== undefined) records.delete(id)
		}
		for (const record of parseExact(variationRecords ?? '[]') as { id: unknown }[])
			records.set(String(record.id), record)
	}
	return withRecords.length === 0 ? null : JSON.stringify([...records.values()])
}
