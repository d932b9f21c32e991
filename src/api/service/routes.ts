/** Puts what the calls about this deployment do behind them. */
import { serve, type Api } from '../http/serve.ts'
import { healthz } from './healthz.ts'
import { serviceOperations } from './operations.ts'
import { setup } from './setup.ts'

/** Mounts the calls, at the root. */
export function declareService(app: Api): void {
	serve(app, serviceOperations, { healthz, setup })
}
