/** The production Worker, one of whose instances takes its storage for full: gigabytes are not written for a picture. */
import type { Env } from '../../src/context.ts'
import { Watcher as ProductionWatcher } from '../../src/index.ts'

export { Callback, default } from '../../src/index.ts'

/** The name that the instance gets once its baseline is complete. */
const FULL_INSTANCE = 'Bramble Vintage & Antiques'
const STORED_BYTES = 9e9

/** The production object. */
export class Watcher extends ProductionWatcher {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env)
		const { ports } = this.engine
		const { storedBytes } = ports
		ports.storedBytes = () => (this.engine.getCore()?.config.name === FULL_INSTANCE ? STORED_BYTES : storedBytes())
	}
}
