/** Seeded randomness: the same seed gives the same store, object by object. */

/** Mixes numbers into 32 bits, so that an object can be made alone, without making those before it. */
export function mix(...parts: number[]): number {
	let h = 0x9e3779b9
	for (const part of parts) {
		h = Math.imul(h ^ (part >>> 0), 0x85ebca6b)
		h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
		h ^= h >>> 16
	}
	return h >>> 0
}

/** A small generator (mulberry32); its whole state is one number. */
export class Random {
	#state: number

	constructor(...seed: number[]) {
		this.#state = mix(...seed)
	}

	/** A number in [0, 1). */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) | 0
		let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296
	}

	/** A whole number from `low` to `high`, both included. */
	int(low: number, high: number): number {
		return low + Math.floor(this.next() * (high - low + 1))
	}

	/** True with this probability. */
	chance(probability: number): boolean {
		return this.next() < probability
	}

	/** One of a list that is not empty. */
	pick<T>(list: readonly T[]): T {
		const picked = list[Math.floor(this.next() * list.length)]
		if (picked === undefined) throw new Error('nothing to pick from')
		return picked
	}

	/** Letters and digits. */
	word(length: number): string {
		const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'
		let word = ''
		for (let i = 0; i < length; i++) word += letters[this.int(0, letters.length - 1)]
		return word
	}
}
