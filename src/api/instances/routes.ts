/** Mounts the calls about instances. */
import type * as z from 'zod'
import type { InstanceContext } from '../http/environment.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import * as handlers from './handlers.ts'
import { checkHeldDeletions } from './held-check.ts'
import * as webhooks from './webhooks.ts'
import { accountInstanceOperations, instanceOperations } from './operations.ts'
import * as overview from './overview.ts'
import { overviewOperations } from './overview-operations.ts'
import type { InstanceBody, InstancePatch } from './schema.ts'
import * as signature from './signature-key.ts'
import * as storeCheck from './store-check.ts'
import { watchingOperations } from './monitoring-operations.ts'
import * as watching from './monitoring.ts'

interface UpdateInput<Body extends z.ZodType> {
	query: {
		rebaseline?: 'true' | 'false' | undefined
		replace?: 'true' | 'false' | undefined
		reAuthenticate?: 'true' | 'false' | undefined
	}
	body: z.output<Body>
}

const update = (c: InstanceContext, { query, body }: UpdateInput<typeof InstancePatch>) =>
	handlers.update(c, body, { replace: false, reAuthenticate: false, rebaseline: query.rebaseline === 'true' })
const replace = (c: InstanceContext, { query, body }: UpdateInput<typeof InstanceBody>, reAuthenticate: boolean) =>
	handlers.update(c, body, {
		replace: query.replace === 'true',
		reAuthenticate,
		rebaseline: query.rebaseline === 'true',
	})

/** Mounts the lists below `/accounts`. */
export function mountAccountInstances(api: Api): void {
	mountOperations(api, accountInstanceOperations, {
		listAccountInstances: (c, { query }) => handlers.listPage(c, query, null),
		listInstancesOfAccount: (c, { params, query }) => handlers.listByAccount(c, query, params.id),
	})
}

/** Mounts the calls, longer paths first: `configuration` in `/instances/configuration` is not an id. */
export function mountInstances(api: Api): void {
	mountOperations(api, overviewOperations, {
		getOverview: overview.getOverview,
		listInstanceStates: (c, { query }) => overview.listInstanceStates(c, query),
	})
	mountOperations(api, watchingOperations, {
		getHealth: watching.getHealth,
		getPoller: watching.getPoller,
		pollNow: (c, { body }) => watching.startPoll(c, body.depth),
		listHeldDeletions: watching.listHeldDeletions,
		checkHeldDeletions,
		decideHeldDeletions: (c, { body }) => watching.decideHeldDeletions(c, body.decision),
		listHeldMassChanges: watching.listHeldMassChanges,
		decideHeldMassChanges: (c, { body }) => watching.decideHeldMassChanges(c, body.decision),
		getWebhooks: webhooks.getWebhooks,
		listRejectedDeliveries: webhooks.listRejected,
		rotateWebhookSecrets: webhooks.rotateWebhookSecrets,
		listUncheckedObjects: watching.listUncheckedObjects,
		decideUncheckedObjects: (c, { body }) => watching.decideUncheckedObjects(c, body.decision),
		getCoverage: (c, { query }) => webhooks.getCoverage(c, query),
	})
	mountOperations(api, instanceOperations, {
		createInstance: (c, { body }) => handlers.createFromBody(c, body, null),
		listInstances: (c, { query }) => handlers.list(c, query),
		countInstances: handlers.count,
		createInstanceOfElement: (c, { body }) => handlers.createFromBody(c, body, c.req.param('keyOrId') ?? ''),
		listInstancesOfElement: (c, { query }) => handlers.listByElement(c, query),
		checkStore: (c, { params, body }) => storeCheck.checkNew(c, params.keyOrId, body),
		checkInstance: (c, { body }) => storeCheck.checkChange(c, body),
		listConfiguration: handlers.listConfiguration,
		getConfigurationItem: (c, { params }) => handlers.getConfigurationItem(c, params.configId),
		updateConfigurationItem: (c, { params, query, body }) =>
			handlers.updateConfigurationItem(c, params.configId, body, query.rebaseline === 'true'),
		enableInstance: (c, { query }) => handlers.changeEnabled(c, true, query.skip === 'true'),
		disableInstance: (c) => handlers.changeEnabled(c, false, false),
		getSignatureKey: signature.getSignatureKey,
		rotateSignatureKey: (c, { body }) => signature.rotateKey(c, body),
		endSignatureKeyRotation: signature.finishRotation,
		getInstance: handlers.getInstance,
		updateInstance: update,
		replaceInstance: (c, given) => replace(c, given, false),
		deleteInstance: handlers.removeInstance,
		getInstanceOfElement: handlers.getInstance,
		updateInstanceOfElement: update,
		replaceInstanceOfElement: (c, given) => replace(c, given, given.query.reAuthenticate !== 'false'),
		deleteInstanceOfElement: handlers.removeInstance,
	})
}
