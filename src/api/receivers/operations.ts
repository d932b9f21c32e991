/**
 * What stores call (docs/contract.md §7), as data: for the document and the client. It is mounted by itself
 * (routes.ts), before the API's middleware, and its body is validated by nobody but the element: what it looks like is
 * the store's to say.
 */
import * as z from 'zod'
import { LIMITS } from '../../lib/limits.ts'
import { defineOperation, VendorRecord } from '../http/contract.ts'
import { INSTANCE_ID, ORDER } from '../http/examples.ts'

const ElementKey = z.string().meta({ description: "The element's key", examples: ['woocommercerest'] })
const ElementParams = z.object({ elementKey: ElementKey })
const InstanceParams = ElementParams.extend({
	instance: z
		.string()
		.meta({ description: 'The id of the instance in base64, padded or not', examples: [btoa(String(INSTANCE_ID))] }),
})
const ReceiverQuery = z.object({
	v: z
		.union([z.string(), z.array(z.string())])
		.optional()
		.meta({
			description: 'The version of the secrets that the address is of, 1 unless it is said; at most three',
			examples: ['1'],
		}),
})
/** The store reads the status alone. */
const ReceivedResponse = z.strictObject({}).meta({ id: 'Taken', examples: [{}] })

const probe = {
	method: 'get',
	tag: 'Receivers',
	bare: true,
	description: 'A look at the address, as some stores take one before they deliver.',
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
	'No Authorization: of WooCommerce `X-WC-Webhook-Topic` and `X-WC-Webhook-Signature` (base64 of the HMAC-SHA256 of the body) say what it is and that it is ours. Answered once it is kept. The probe that WooCommerce sends unsigned, as a form, while a webhook is made is answered 200.'

/** All of them. */
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
		description: `A store's webhook brings a change; a header names whose: \`Element-Instances: 12345\`, or up to five ids divided by commas. ${SIGNATURE_DESCRIPTION}`,
		params: ElementParams,
	}),
	receiveDeliveryOfInstance: defineOperation({
		...receive,
		path: '/events/{elementKey}/{instance}',
		summary: 'Deliver a webhook to an instance',
		description: `A store's webhook brings a change of this instance. ${SIGNATURE_DESCRIPTION}`,
		params: InstanceParams,
	}),
}
