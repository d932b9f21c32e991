/** Instances: every call of the contract's section 2 that is about them. Each call about one instance exists twice: by id, and as `/instances…` with the instance's own token. */
import * as z from 'zod'
import type { Access } from '../environment.ts'
import { declare, type Call } from '../declare.ts'
import { type Api } from '../serve.ts'
import { PageSize } from '../paging.ts'
import * as handlers from './handlers.ts'
import {
	ConfigurationItem,
	ConfigurationPatch,
	DecisionBody,
	HealthAnswer,
	InstanceAnswer,
	InstanceBody,
	InstancePatch,
	PollBody,
	RotateBody,
	SignatureKeyAnswer,
} from './schema.ts'
import * as hooks from './hooks.ts'
import * as signature from './signature.ts'
import * as watching from './watching.ts'

const Rebaseline = z.object({ rebaseline: z.enum(['true', 'false'], 'expected true or false').optional() })
const Skip = z.object({ skip: z.enum(['true', 'false'], 'expected true or false').optional() })
const ListQuery = z.object({
	searchText: z.string().max(255).optional(),
	pageSize: PageSize.optional(),
	nextPage: z.string().max(500).optional(),
	hydrate: z.enum(['true', 'false'], 'expected true or false').optional(),
})
const CoverageQuery = z.object({ from: z.string().max(40).optional(), to: z.string().max(40).optional() })
const ConfigId = z.looseObject({ configId: z.string() })

/** Declares the calls. */
export function declareInstances(api: Api): void {
	declare(api, {
		method: 'post',
		path: '/instances',
		summary: 'Connect a store',
		access: 'account',
		body: InstanceBody,
		answer: InstanceAnswer,
		handle: (c, { body }) => handlers.create(c, body, null),
	})
	declare(api, {
		method: 'get',
		path: '/instances',
		summary: 'List instances; with an Element token, that instance',
		access: 'caller',
		query: ListQuery,
		answer: z.unknown(),
		handle: (c, { query }) => handlers.list(c, query),
	})
	declare(api, {
		method: 'post',
		path: '/elements/{keyOrId}/instances',
		summary: 'Connect a store',
		access: 'account',
		body: InstanceBody,
		answer: InstanceAnswer,
		handle: (c, { body }) => handlers.create(c, body, c.req.param('keyOrId') ?? ''),
	})
	declare(api, {
		method: 'get',
		path: '/elements/{keyOrId}/instances',
		summary: "List an element's instances",
		access: 'account',
		query: ListQuery,
		answer: z.array(InstanceAnswer),
		handle: (c, { query }) => handlers.listByElement(c, query),
	})

	// Longer paths first: `/instances/configuration` must not be taken for an id.
	both(api, {
		method: 'get',
		path: '/configuration',
		summary: 'Configuration items',
		answer: z.array(ConfigurationItem),
		handle: handlers.configuration,
	})
	both(api, {
		method: 'get',
		path: '/configuration/{configId}',
		summary: 'One configuration item',
		params: ConfigId,
		answer: ConfigurationItem,
		handle: (c, { params }) => handlers.configurationItem(c, params.configId),
	})
	both(api, {
		method: 'patch',
		path: '/configuration/{configId}',
		summary: 'Change one configuration item',
		params: ConfigId,
		query: Rebaseline,
		body: ConfigurationPatch,
		answer: ConfigurationItem,
		handle: (c, { params, query, body }) => handlers.patchConfigurationItem(c, params.configId, body, query.rebaseline === 'true'),
	})
	both(api, {
		method: 'put',
		path: '/enabled',
		summary: 'Enable',
		query: Skip,
		answer: InstanceAnswer,
		handle: (c, { query }) => handlers.enable(c, true, query.skip === 'true'),
	})
	both(api, {
		method: 'delete',
		path: '/enabled',
		summary: 'Disable: neither polls nor delivers',
		answer: InstanceAnswer,
		handle: (c) => handlers.enable(c, false, false),
	})
	both(api, { method: 'get', path: '/health', summary: 'State, reason and next step', answer: HealthAnswer, handle: watching.health })
	both(api, {
		method: 'get',
		path: '/poller',
		summary: 'What the poller knows of each resource',
		answer: z.unknown(),
		handle: watching.poller,
	})
	both(api, {
		method: 'put',
		path: '/poll',
		summary: 'Poll now',
		body: PollBody,
		answer: z.unknown(),
		status: 202,
		handle: (c, { body }) => watching.poll(c, body.depth),
	})
	both(api, { method: 'get', path: '/deletions', summary: 'Deletions that are held back', answer: z.unknown(), handle: watching.deletions })
	both(api, {
		method: 'put',
		path: '/deletions',
		summary: 'Emit or forget what is held back',
		body: DecisionBody,
		answer: z.unknown(),
		handle: (c, { body }) => watching.decide(c, body.decision),
	})
	both(api, {
		method: 'get',
		path: '/webhooks',
		summary: 'Webhooks: address and secrets for those made by hand, what the store has',
		answer: z.unknown(),
		handle: hooks.webhooks,
	})
	both(api, {
		method: 'get',
		path: '/webhooks/rejected',
		summary: 'Deliveries that were refused',
		answer: z.unknown(),
		handle: hooks.rejected,
	})
	both(api, {
		method: 'post',
		path: '/webhooks/rotate',
		summary: 'New secrets for the webhooks',
		answer: z.unknown(),
		handle: hooks.rotate,
	})
	both(api, {
		method: 'get',
		path: '/coverage',
		summary: 'Who saw changes first, and how soon',
		query: CoverageQuery,
		answer: z.unknown(),
		handle: (c, { query }) => hooks.coverage(c, query),
	})

	both(api, {
		method: 'get',
		path: '/signature-key',
		summary: 'The key that signs notifications, and the one that takes over',
		answer: SignatureKeyAnswer,
		handle: signature.signatureKey,
	})
	both(api, {
		method: 'post',
		path: '/signature-key/rotate',
		summary: 'A new signature key; for a time both sign',
		body: RotateBody,
		answer: SignatureKeyAnswer,
		handle: (c, { body }) => signature.rotate(c, body),
	})
	both(api, {
		method: 'post',
		path: '/signature-key/rotate/end',
		summary: 'The new signature key alone, from now on',
		answer: SignatureKeyAnswer,
		handle: signature.endRotate,
	})

	single(api, '/instances/{id}', 'instance')
	single(api, '/elements/{keyOrId}/instances/{id}', 'instance')
	changes(api, '/instances', 'token')
}

type OneInstance = 'instance' | 'token'

/** Reading and changing one instance at a path. */
function single(api: Api, path: string, access: OneInstance): void {
	declare(api, { method: 'get', path, summary: 'One instance', access, answer: InstanceAnswer, handle: (c) => handlers.show(c) })
	changes(api, path, access)
}

function changes(api: Api, path: string, access: OneInstance): void {
	declare(api, {
		method: 'patch',
		path,
		summary: 'Change: tags whole, configuration merged',
		access,
		query: Rebaseline,
		body: InstancePatch,
		answer: InstanceAnswer,
		handle: (c, { body, query }) => handlers.update(c, body, { replace: false, rebaseline: query.rebaseline === 'true' }),
	})
	declare(api, {
		method: 'put',
		path,
		summary: 'Replace',
		access,
		query: Rebaseline,
		body: InstanceBody,
		answer: InstanceAnswer,
		handle: (c, { body, query }) => handlers.update(c, body, { replace: true, rebaseline: query.rebaseline === 'true' }),
	})
	declare(api, { method: 'delete', path, summary: 'Delete', access, answer: null, handle: (c) => handlers.remove(c) })
}

/** Declares a call twice: under `/instances/{id}` and under `/instances` with the token. */
export function both<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType>(
	api: Api,
	call: Omit<Call<OneInstance, Params, Query, Body>, 'access'>,
): void {
	for (const access of ['token', 'instance'] as const)
		declare<keyof Access, Params, Query, Body>(api, {
			...call,
			access,
			path: `/instances${access === 'token' ? '' : '/{id}'}${call.path}`,
		} as never)
}
