/** The calls for monitoring an instance: health, poller, held deletions, webhooks, coverage. */
import { byIdAndToken } from '../http/contract.ts'
import {
	CheckedDeletionsResponse,
	CoverageResponse,
	CoverageQuery,
	DecisionResponse,
	DecisionBody,
	HeldDeletionsResponse,
	HealthResponse,
	HeldChangesResponse,
	MassChangeDecisionBody,
	PollBody,
	PollerResponse,
	PollRunResponse,
	RejectedDeliveriesResponse,
	UncheckedDecisionBody,
	UncheckedObjectsResponse,
	WebhooksResponse,
	WebhookSecretsResponse,
} from './monitoring-schema.ts'

export const watchingOperations = {
	...byIdAndToken('getHealth', {
		method: 'get',
		path: '/health',
		tag: 'Instances',
		summary: 'Get health',
		description: 'Returns the state, its reason and the next step. Start here if an event is missing.',
		answer: HealthResponse,
	}),
	...byIdAndToken('getPoller', {
		method: 'get',
		path: '/poller',
		tag: 'Instances',
		summary: 'Get the poller',
		description: 'Returns the state of each watched resource, and when it is polled next.',
		answer: PollerResponse,
	}),
	...byIdAndToken('pollNow', {
		method: 'put',
		path: '/poll',
		tag: 'Instances',
		summary: 'Poll now',
		description:
			'Starts a poll immediately and responds before it has ended. If Shopbell waits because the store failed, the wait ' +
			'ends, at most once a minute; `notBefore` says when the poll starts otherwise.',
		body: PollBody,
		bodyOptional: true,
		example: { depth: 'window' },
		answer: PollRunResponse,
		status: 202,
		errors: [409],
	}),
	...byIdAndToken('listHeldDeletions', {
		method: 'get',
		path: '/deletions',
		tag: 'Instances',
		summary: 'List held deletions',
		description:
			'Returns deletions that are not sent because too many objects disappeared at once, as when a store loses its ' +
			'data. Decide with `PUT`.',
		answer: HeldDeletionsResponse,
	}),
	...byIdAndToken('checkHeldDeletions', {
		method: 'post',
		path: '/deletions/check',
		tag: 'Instances',
		summary: 'Check held deletions',
		description:
			'Asks the store for the first 10 objects of each resource whose deletions are held, one request each. Changes ' +
			'nothing.',
		repeatable: true,
		answer: CheckedDeletionsResponse,
	}),
	...byIdAndToken('decideHeldDeletions', {
		method: 'put',
		path: '/deletions',
		tag: 'Instances',
		summary: 'Decide held deletions',
		description: 'Sends the held deletions as DELETED events, or discards them.',
		body: DecisionBody,
		example: { decision: 'emit' },
		answer: DecisionResponse,
	}),
	...byIdAndToken('listHeldMassChanges', {
		method: 'get',
		path: '/mass-changes',
		tag: 'Instances',
		summary: 'List held mass changes',
		description:
			'Returns changes that are not sent because `event.poller.massChanges` is `hold` and a re-read found the same ' +
			'fields of many objects changed without a new date. Decide with `PUT`.',
		answer: HeldChangesResponse,
	}),
	...byIdAndToken('decideHeldMassChanges', {
		method: 'put',
		path: '/mass-changes',
		tag: 'Instances',
		summary: 'Decide held mass changes',
		description: 'Sends the held changes as UPDATED events after other events, or discards them.',
		body: MassChangeDecisionBody,
		example: { decision: 'emit' },
		answer: DecisionResponse,
	}),
	...byIdAndToken('getWebhooks', {
		method: 'get',
		path: '/webhooks',
		tag: 'Instances',
		summary: 'Get webhooks',
		description:
			'Returns the webhooks at the store, and the URL and secrets for webhooks that you create by hand. The audit log ' +
			'records that secrets were shown.',
		role: 'developer',
		keys: false,
		answer: WebhooksResponse,
	}),
	...byIdAndToken('listRejectedDeliveries', {
		method: 'get',
		path: '/webhooks/rejected',
		tag: 'Instances',
		summary: 'List rejected deliveries',
		description: 'Returns requests to the webhook URL that were rejected, with the reason.',
		answer: RejectedDeliveriesResponse,
	}),
	...byIdAndToken('listUncheckedObjects', {
		method: 'get',
		path: '/unchecked',
		tag: 'Instances',
		summary: 'List unchecked objects',
		description:
			'Returns how many objects were indexed again without an event, because an earlier version of Shopbell did not ' +
			'compare some of their fields and the event log no longer has their records. Decide with `PUT`.',
		answer: UncheckedObjectsResponse,
	}),
	...byIdAndToken('decideUncheckedObjects', {
		method: 'put',
		path: '/unchecked',
		tag: 'Instances',
		summary: 'Decide unchecked objects',
		description:
			'Sends an UPDATED event with the current record of each unchecked object while Shopbell reads the resource again, ' +
			'or sends none. A decision is final: a repeated call decides 0.',
		body: UncheckedDecisionBody,
		example: { decision: 'emit' },
		answer: DecisionResponse,
	}),
	...byIdAndToken('rotateWebhookSecrets', {
		method: 'post',
		path: '/webhooks/rotate',
		tag: 'Instances',
		summary: 'Rotate webhook secrets',
		description: 'The previous secrets are accepted for another day. 202 if the store could not be updated yet.',
		keys: false,
		answer: WebhookSecretsResponse,
		status: [200, 202],
	}),
	...byIdAndToken('getCoverage', {
		method: 'get',
		path: '/coverage',
		tag: 'Instances',
		summary: 'Get coverage',
		description:
			'Returns how many changes webhooks or polls detected first, and how fast. For ranges of at most 20,000 events.',
		query: CoverageQuery,
		answer: CoverageResponse,
	}),
}
