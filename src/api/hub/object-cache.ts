/** An isolate's cache of the collections of stores, which cost a request each. */
import type { RecordCollection } from '../../elements/records.ts'
import type { Instance } from '../../instances/rows.ts'

/** How long a store's collections are taken as the same, ms. */
const TTL_MS = 10 * 60_000

/** Collections by instance and version of its configuration. A lost entry costs one round of requests. */
export class ObjectCache {
	static readonly #MAX_ENTRIES = 200
	readonly #entries = new Map<string, { collections: RecordCollection[]; untilMs: number }>()

	/** null: not known. */
	get(instance: Instance, nowMs: number): RecordCollection[] | null {
		const entry = this.#entries.get(toKey(instance))
		return entry === undefined || nowMs >= entry.untilMs ? null : entry.collections
	}

	set(instance: Instance, collections: RecordCollection[], nowMs: number): void {
		this.#entries.delete(toKey(instance))
		this.#entries.set(toKey(instance), { collections, untilMs: nowMs + TTL_MS })
		if (this.#entries.size > ObjectCache.#MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!)
	}
}

/** A change of address or key makes another version. */
function toKey({ incarnation, version }: Instance): string {
	return `${incarnation} ${version}`
}
