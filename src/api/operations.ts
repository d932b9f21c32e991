/** Every call there is, by its operation id: what the document is checked against and the client is made of. Pure. */
import { accountOperations } from './accounts/operations.ts'
import { authenticationOperations } from './authentication/operations.ts'
import { catalogOperations } from './catalog/operations.ts'
import { connectOperations } from './connect/operations.ts'
import { eventOperations } from './events/operations.ts'
import { hubOperations } from './hub/operations.ts'
import { accountInstanceOperations, instanceOperations } from './instances/operations.ts'
import { instanceReplayOperations, notificationReplayOperations } from './replays/instance-operations.ts'
import { watchingOperations } from './instances/monitoring-operations.ts'
import { metricsOperations, rootMetricsOperations } from './metrics/operations.ts'
import { notificationOperations } from './notifications/operations.ts'
import { receiverOperations } from './receivers/operations.ts'
import { replayOperations } from './replays/operations.ts'
import { documentOperations, serviceOperations } from './service/operations.ts'
import { toolOperations } from './tools/operations.ts'
import { userOperations } from './users/operations.ts'

/**
 * All of them, in the order in which the reference shows what they are about (openapi.ts). Routing has an order of its
 * own (app.ts).
 */
export const operations = {
	...instanceOperations,
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

/** The id of a call. */
export type OperationId = keyof typeof operations
