/** The calls for connecting a store without API keys: a URL for the merchant, and the outcome. */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { defineOperation } from '../http/contract.ts'
import { InstanceBody } from '../instances/schema.ts'
import { HAND_OVER, HAND_OVER_OUTCOME } from '../instances/examples.ts'

const KeyOrId = z.string().meta({ description: "The element's key or id", examples: ['woocommercerest'] })
const ElementParams = z.object({ keyOrId: KeyOrId })
const HandOverParams = ElementParams.extend({
	state: z
		.string()
		.meta({ description: 'The `state` of the response that holds `oauthUrl`', examples: [HAND_OVER.state] }),
})
const CallbackUrl = z
	.string('expected text')
	.max(LIMITS.url.value, expectedAtMost('url'))
	.optional()
	.meta({
		description: "Where the merchant's browser is sent at the end, with `state` and `instanceId`",
		examples: ['https://app.acme.example/connected'],
	})

const HandOverBody = InstanceBody.extend({ callbackUrl: CallbackUrl })
const HandOverQuery = z.looseObject({
	siteAddress: z
		.string('expected the address of the store')
		.max(LIMITS.url.value, expectedAtMost('url'))
		.meta({ description: 'The address of the store', examples: ['https://shop.example.com'] }),
	callbackUrl: CallbackUrl,
})
const HandOverResponse = z
	.strictObject({
		element: z.string(),
		oauthUrl: z.string().meta({ description: 'Page of the store on which the merchant approves' }),
		state: z.string().meta({ description: 'Identifies the outcome, for 30 minutes and a day' }),
	})
	.meta({ id: 'HandOver', examples: [HAND_OVER] })
const HandOverOutcomeResponse = z
	.strictObject({
		status: z.enum(['waiting', 'denied', 'failed', 'created']),
		reason: z.string().optional().meta({ description: 'Why it failed' }),
		id: z.number().optional().meta({ description: 'Id of the instance, once created' }),
	})
	.meta({ id: 'HandOverOutcome', examples: [HAND_OVER_OUTCOME] })

/** `url` is a fixed path segment and comes before `{state}`. */
export const connectOperations = {
	startHandOver: defineOperation({
		method: 'post',
		path: '/elements/{keyOrId}/oauth/url',
		tag: 'Instances',
		summary: 'Connect a store without keys',
		description:
			'Returns the URL at which the merchant approves. The store then sends its keys, and the instance is created with ' +
			'the rest of the body.',
		access: 'account',
		params: ElementParams,
		body: HandOverBody,
		example: {
			configuration: { 'store.url': 'https://shop.example.com', 'event.notification.enabled': true },
			name: 'My shop',
		},
		answer: HandOverResponse,
	}),
	startHandOverByAddress: defineOperation({
		method: 'get',
		path: '/elements/{keyOrId}/oauth/url',
		tag: 'Instances',
		summary: 'Connect a store by its address',
		description: 'Like *Connect a store without keys*, for callers that only know the address.',
		access: 'account',
		role: 'developer',
		// A GET that stores a draft until the merchant approves.
		scope: 'instances:write',
		params: ElementParams,
		query: HandOverQuery,
		answer: HandOverResponse,
		errors: [409],
	}),
	getHandOver: defineOperation({
		method: 'get',
		path: '/elements/{keyOrId}/oauth/{state}',
		tag: 'Instances',
		summary: 'Get the outcome of connecting',
		description: 'Returns whether the merchant has approved, and the id of the instance once it is created.',
		access: 'account',
		params: HandOverParams,
		answer: HandOverOutcomeResponse,
	}),
}
