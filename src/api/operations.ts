/** Every call by its operation id, for the document and the client. Pure. */
import { accountOperations } from './accounts/operations.ts'
import { authenticationOperations } from './authentication/operations.ts'
import { catalogOperations } from './catalog/operations.ts'
import { connectOperations } from './connect/operations.ts'
import { eventOperations } from './events/operations.ts'
import { hubOperations } from './hub/operations.ts'
import { accountInstanceOperations, instanceOperations } from './instances/operations.ts'
import { instanceReplayOperations, notificationReplayOperations } from './replays/instance-operations.ts'
import { overviewOperations } from './instances/overview-operations.ts'
import { watchingOperations } from './instances/monitoring-operations.ts'
import { metricsOperations, rootMetricsOperations } from './metrics/operations.ts'
import { notificationOperations } from './notifications/operations.ts'
import { receiverOperations } from './receivers/operations.ts'
import { replayOperations } from './replays/operations.ts'
import { documentOperations, serviceOperations } from './service/operations.ts'
import { toolOperations } from './tools/operations.ts'
import { userOperations } from './users/operations.ts'

/** In the order in which the reference shows resources (openapi.ts). Routing has its own order (app.ts). */
export const operations = {
	...instanceOperations,
	...overviewOperations,
	...watchingOperations,
	...instanceReplayOperations,
	...connectOperations,
	...accountInstanceOperations,
	...metricsOperations,
	...rootMetricsOperations,
	...catalogOperations,
	...hubOperations,
	...eventOperations,
	...notificationOperations,
	...notificationReplayOperations,
	...replayOperations,
	...accountOperations,
	...userOperations,
	...authenticationOperations,
	...receiverOperations,
	...toolOperations,
	...serviceOperations,
	...documentOperations,
}

/** An operation id. */
export type OperationId = keyof typeof operations
