/** The calls that help whoever builds a receiver. */
import { defineOperation } from '../http/contract.ts'
import { VerifyResponse, VerifyBody } from './schema.ts'

/** All of them. */
export const toolOperations = {
	verifySignature: defineOperation({
		method: 'post',
		path: '/tools/verify-signature',
		tag: 'Tools',
		summary: 'Verify a signature',
		description: 'Why a signature matches or does not.',
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
