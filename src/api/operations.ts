/** Every call there is, by its operation id: what the document is checked against and the client is made of. Pure. */
import { accountOperations } from './accounts/operations.ts'
import { authenticationOperations } from './authentication/operations.ts'
import { connectOperations } from './connect/operations.ts'
import { eventOperations } from './events/operations.ts'
import { hubOperations } from './hub/operations.ts'
import { notificationOperations } from './notifications/operations.ts'
import { replayOperations } from './replays/operations.ts'
import { serviceOperations } from './service/operations.ts'
import { toolOperations } from './tools/operations.ts'
import { userOperations } from './users/operations.ts'

/** All of them. */
export const operations = {
	...serviceOperations,
	...accountOperations,
	...userOperations,
	...authenticationOperations,
	...notificationOperations,
	...eventOperations,
	...replayOperations,
	...connectOperations,
	...toolOperations,
	...hubOperations,
}

/** The id of a call. */
export type OperationId = keyof typeof operations
