/**
 * The calls that stores make (docs/contract.md §7), as data for the document and the client. routes.ts mounts them
 * before the API's middleware; the element validates their bodies, whose shape is the store's.
 */
import * as z from 'zod'
import { LIMITS } from '../../lib/limits.ts'
import { defineOperation, VendorRecord } from '../http/contract.ts'
import { INSTANCE_ID, ORDER } from '../http/examples.ts'

const ElementKey = z.string().meta({ description: "The element's key", examples: ['woocommercerest'] })
const ElementParams = z.object({ elementKey: ElementKey })
const InstanceParams = ElementParams.extend({
	instance: z.string().meta({
		description: 'The instance in base64, padded or not, as `deliveryUrl` of `GET /instances/{id}/webhooks` has it',
		examples: [btoa(String(INSTANCE_ID))],
	}),
})
const ReceiverQuery = z.object({
	v: z
		.union([z.string(), z.array(z.string())])
		.optional()
		.meta({
			description: 'Version of the secrets, 1 by default; at most three values',
			examples: ['1'],
		}),
})
/** Stores only read the status. */
const ReceivedResponse = z.strictObject({}).meta({ id: 'Taken', examples: [{}] })

const probe = {
	method: 'get',
	tag: 'Receivers',
	bare: true,
	description: 'Returns 200. Some stores check the URL before they deliver.',
	access: 'public',
	answer: ReceivedResponse,
} as const

const receive = {
	method: 'post',
	tag: 'Receivers',
	bare: true,
	access: 'public',
	query: ReceiverQuery,
	body: VendorRecord,
	bodyUnchecked: true,
	bodyLimitBytes: LIMITS.receiverBody.value,
	example: ORDER,
	answer: ReceivedResponse,
	errors: [400, 401, 404, 410, 413, 429, 503],
} as const
const SIGNATURE_DESCRIPTION =
	'Authenticated by the signature: WooCommerce sends `X-WC-Webhook-Topic` and `X-WC-Webhook-Signature` (base64 of the ' +
	'HMAC-SHA256 of the body). Responds once the delivery is stored. The unsigned form that WooCommerce sends to test a ' +
	'new webhook gets 200.'

export const receiverOperations = {
	probeReceiver: defineOperation({
		...probe,
		path: '/events/{elementKey}',
		summary: 'Check the receiver',
		params: ElementParams,
	}),
	probeReceiverOfInstance: defineOperation({
		...probe,
		path: '/events/{elementKey}/{instance}',
		summary: 'Check the receiver of an instance',
		params: InstanceParams,
	}),
	receiveDelivery: defineOperation({
		...receive,
		path: '/events/{elementKey}',
		summary: 'Deliver a webhook',
		description:
			'Receives a change from a store. The header `Element-Instances: 12345.1kQ8vW3nT0aYxZbC5dEfGh` names the instance ' +
			`(the decoded last part of its receiver’s path), or up to five separated by commas. ${SIGNATURE_DESCRIPTION}`,
		params: ElementParams,
	}),
	receiveDeliveryOfInstance: defineOperation({
		...receive,
		path: '/events/{elementKey}/{instance}',
		summary: 'Deliver a webhook to an instance',
		description: `Receives a change of this instance from its store. ${SIGNATURE_DESCRIPTION}`,
		params: InstanceParams,
	}),
}
