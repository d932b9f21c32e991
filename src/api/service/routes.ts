/** Mounts the calls about this deployment. */
import { mountOperations, type Api } from '../http/serve.ts'
import { checkHealth } from './healthz.ts'
import { serviceOperations } from './operations.ts'
import { setUpDeployment } from './setup.ts'

/** Mounts the calls, at the root. */
export function mountServiceRoutes(app: Api): void {
	mountOperations(app, serviceOperations, { healthz: checkHealth, setup: setUpDeployment })
}
