/** Asynchronous work on many items, a few at a time. */

/**
 * Maps `items` with at most `limit` calls of `fn` under way at a time; results in the order of the items. Rejects with
 * the first error; no further call starts then.
 */
export async function mapConcurrent<Item, Result>(
	items: readonly Item[],
	limit: number,
	fn: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
	const results: Result[] = []
	let next = 0
	const run = async (): Promise<void> => {
		while (next < items.length) {
			const index = next++
			try {
				results[index] = await fn(items[index]!, index)
			} catch (error) {
				next = items.length
				throw error
			}
		}
	}
	await Promise.all(Array.from({ length: Math.min(limit, items.length) }, run))
	return results
}
