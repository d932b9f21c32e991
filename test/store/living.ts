/** A shop with people in it: changes by themselves, every two to six seconds. */
import { ifItFits } from './engine.ts'
import type { Engine } from './engine.ts'
import { Random } from './random.ts'
import type { Action } from './types.ts'

/** What happens in a shop, the frequent things more often. */
const DAILY: Action[] = [
	{ do: 'place-order' },
	{ do: 'place-order' },
	{ do: 'place-order' },
	{ do: 'place-order', status: 'pending' },
	{ do: 'pay' },
	{ do: 'complete' },
	{ do: 'complete' },
	{ do: 'checkout-draft' },
	{ do: 'checkout' },
	{ do: 'edit', resource: 'orders' },
	{ do: 'edit', resource: 'products' },
	{ do: 'edit', resource: 'products' },
	{ do: 'save-unchanged', resource: 'products' },
	{ do: 'edit-silently', resource: 'coupons' },
	{ do: 'edit', resource: 'coupons' },
	{ do: 'edit', resource: 'customers' },
	{ do: 'create', resource: 'customers' },
	{ do: 'edit-silently', resource: 'customers' },
	{ do: 'edit', resource: 'variations' },
	{ do: 'note' },
	{ do: 'refund' },
	{ do: 'trash', resource: 'orders', via: 'admin' },
	{ do: 'restore', resource: 'orders', via: 'admin' },
	{ do: 'create', resource: 'products' },
	{ do: 'trash', resource: 'products' },
	{ do: 'review' },
]

/** Starts and stops the shop's own life. */
export class Life {
	readonly #random: Random
	readonly #act: (action: Action) => void
	#timer: ReturnType<typeof setTimeout> | null = null

	constructor(engine: Engine, act: (action: Action) => void) {
		this.#random = new Random(engine.settings.seed, 31)
		this.#act = act
	}

	/** Runs, or rests. */
	set(on: boolean): void {
		if (on === (this.#timer !== null)) return
		if (this.#timer !== null) {
			clearTimeout(this.#timer)
			this.#timer = null
		} else this.#wait()
	}

	#wait(): void {
		this.#timer = setTimeout(
			() => {
				ifItFits(() => this.#act(this.#random.pick(DAILY)))
				this.#wait()
			},
			this.#random.int(2000, 6000),
		)
	}
}
