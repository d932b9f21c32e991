/** The calls that help to build a receiver. */
import { defineOperation } from '../http/contract.ts'
import { VerifyResponse, VerifyBody } from './schema.ts'

export const toolOperations = {
	verifySignature: defineOperation({
		method: 'post',
		path: '/tools/verify-signature',
		tag: 'Tools',
		summary: 'Verify a signature',
		description: 'Checks a signature and returns why it does not match.',
		access: 'caller',
		role: 'viewer',
		repeatable: true,
		body: VerifyBody,
		example: {
			key: 'MySecretEventSignatureKey',
			headers: { 'Elements-Webhook-Signature': 'sha256=…' },
			body: '{"severity":"medium"}',
		},
		answer: VerifyResponse,
		errors: [404],
	}),
}
