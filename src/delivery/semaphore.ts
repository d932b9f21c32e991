/** A counting semaphore, first come, first served. */
export class Semaphore {
	#free: number
	readonly #waiting: (() => void)[] = []

	constructor(permits: number) {
		this.#free = permits
	}

	/** Runs the work as soon as a permit is free, and frees it at the end. */
	async run<T>(work: () => Promise<T>): Promise<T> {
		if (this.#free > 0) this.#free--
		else await new Promise<void>((resolve) => this.#waiting.push(resolve))
		try {
			return await work()
		} finally {
			const next = this.#waiting.shift()
			// The permit goes straight to the next in line, so that no newcomer overtakes it.
			if (next === undefined) this.#free++
			else next()
		}
	}
}
