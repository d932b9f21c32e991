/** Puts what the calls about instances do behind them. */
import type * as z from 'zod'
import type { InstanceContext } from '../http/environment.ts'
import { serve, type Api } from '../http/serve.ts'
import * as handlers from './handlers.ts'
import * as hooks from './webhooks.ts'
import { accountInstanceOperations, instanceOperations } from './operations.ts'
import type { InstanceBody, InstancePatch } from './schema.ts'
import * as signature from './signature.ts'
import { watchingOperations } from './watching-operations.ts'
import * as watching from './watching.ts'

interface Given<Body extends z.ZodType> {
	query: { rebaseline?: 'true' | 'false' | undefined; reAuthenticate?: 'true' | 'false' | undefined }
	body: z.output<Body>
}

const update = (c: InstanceContext, { query, body }: Given<typeof InstancePatch>) =>
	handlers.update(c, body, { replace: false, reAuthenticate: false, rebaseline: query.rebaseline === 'true' })
const replace = (c: InstanceContext, { query, body }: Given<typeof InstanceBody>, reAuthenticate: boolean) =>
	handlers.update(c, body, { replace: true, reAuthenticate, rebaseline: query.rebaseline === 'true' })

/** Mounts the lists beneath `/accounts`. */
export function declareAccountInstances(api: Api): void {
	serve(api, accountInstanceOperations, {
		listAccountInstances: (c, { query }) => handlers.listOf(c, query, null),
		listInstancesOfAccount: (c, { params, query }) => handlers.listByAccount(c, query, params.id),
	})
}

/** Mounts the calls. Longer paths come first: `/instances/configuration` must not be taken for an id. */
export function declareInstances(api: Api): void {
	serve(api, watchingOperations, {
		getHealth: watching.health,
		getPoller: watching.poller,
		pollNow: (c, { body }) => watching.poll(c, body.depth),
		listHeldDeletions: watching.deletions,
		decideHeldDeletions: (c, { body }) => watching.decide(c, body.decision),
		getWebhooks: hooks.webhooks,
		listRejectedDeliveries: hooks.rejected,
		rotateWebhookSecrets: hooks.rotate,
		getCoverage: (c, { query }) => hooks.coverage(c, query),
	})
	serve(api, instanceOperations, {
		createInstance: (c, { body }) => handlers.create(c, body, null),
		listInstances: (c, { query }) => handlers.list(c, query),
		createInstanceOfElement: (c, { body }) => handlers.create(c, body, c.req.param('keyOrId') ?? ''),
		listInstancesOfElement: (c, { query }) => handlers.listByElement(c, query),
		listConfiguration: handlers.configuration,
		getConfigurationItem: (c, { params }) => handlers.configurationItem(c, params.configId),
		updateConfigurationItem: (c, { params, query, body }) =>
			handlers.patchConfigurationItem(c, params.configId, body, query.rebaseline === 'true'),
		enableInstance: (c, { query }) => handlers.enable(c, true, query.skip === 'true'),
		disableInstance: (c) => handlers.enable(c, false, false),
		getSignatureKey: signature.signatureKey,
		rotateSignatureKey: (c, { body }) => signature.rotate(c, body),
		endSignatureKeyRotation: signature.endRotate,
		getInstance: handlers.show,
		updateInstance: update,
		replaceInstance: (c, given) => replace(c, given, false),
		deleteInstance: handlers.remove,
		getInstanceOfElement: handlers.show,
		updateInstanceOfElement: update,
		replaceInstanceOfElement: (c, given) => replace(c, given, given.query.reAuthenticate !== 'false'),
		deleteInstanceOfElement: handlers.remove,
	})
}
