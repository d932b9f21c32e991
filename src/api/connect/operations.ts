/** Connect without keys, the caller's side: an address for the merchant, and what became of it. */
import * as z from 'zod'
import { atMost, LIMITS } from '../../lib/limits.ts'
import { operation } from '../http/contract.ts'
import { InstanceBody } from '../instances/schema.ts'
import { HAND_OVER, HAND_OVER_OUTCOME } from '../instances/examples.ts'

const KeyOrId = z.string().meta({ description: "The element's key or number", examples: ['woocommercerest'] })
const Element = z.object({ keyOrId: KeyOrId })
const State = Element.extend({ state: z.string().meta({ description: 'As it was answered', examples: [HAND_OVER.state] }) })
const CallbackUrl = z
	.string('expected text')
	.max(LIMITS.url.value, atMost('url'))
	.optional()
	.meta({
		description: "Where the merchant's browser goes in the end, with `state` and `instanceId`",
		examples: ['https://app.acme.example/connected'],
	})

const Body = InstanceBody.extend({ callbackUrl: CallbackUrl })
const Query = z.looseObject({
	siteAddress: z
		.string('expected the address of the store')
		.max(LIMITS.url.value, atMost('url'))
		.meta({ description: 'The address of the store', examples: ['https://shop.example.com'] }),
	callbackUrl: CallbackUrl,
})
const HandOver = z
	.strictObject({
		element: z.string(),
		oauthUrl: z.string().meta({ description: 'Where the merchant approves, at the store itself' }),
		state: z.string().meta({ description: 'Asks for the outcome, for 30 minutes and a day' }),
	})
	.meta({ id: 'HandOver', examples: [HAND_OVER] })
const Outcome = z
	.strictObject({
		status: z.enum(['waiting', 'denied', 'failed', 'created']),
		reason: z.string().optional().meta({ description: 'Of a failure, a sentence' }),
		id: z.number().optional().meta({ description: 'Of the instance, once created' }),
	})
	.meta({ id: 'HandOverOutcome', examples: [HAND_OVER_OUTCOME] })

/** `url` is a fixed word and comes before `{state}`. */
export const connectOperations = {
	startHandOver: operation({
		method: 'post',
		path: '/elements/{keyOrId}/oauth/url',
		tag: 'Instances',
		summary: 'Connect a store without keys',
		description:
			'Answers with the address at which the merchant approves. The store then hands its keys over, and the instance is made with the rest of the body.',
		access: 'account',
		params: Element,
		body: Body,
		example: {
			configuration: { 'store.url': 'https://shop.example.com', 'event.notification.enabled': true },
			name: 'My shop',
		},
		answer: HandOver,
	}),
	startHandOverByAddress: operation({
		method: 'get',
		path: '/elements/{keyOrId}/oauth/url',
		tag: 'Instances',
		summary: 'Connect a store by its address',
		description: 'As the other way without keys, for a caller that knows nothing but the address.',
		access: 'account',
		role: 'developer',
		// It keeps what was sent until the merchant approves.
		scope: 'instances:write',
		params: Element,
		query: Query,
		answer: HandOver,
	}),
	getHandOver: operation({
		method: 'get',
		path: '/elements/{keyOrId}/oauth/{state}',
		tag: 'Instances',
		summary: 'Get the outcome of connecting',
		description: 'Whether the merchant has approved, and the id of the instance once it is made.',
		access: 'account',
		params: State,
		answer: Outcome,
	}),
}
