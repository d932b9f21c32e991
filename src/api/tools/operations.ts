/** The calls that help whoever builds a receiver. */
import { operation } from '../http/contract.ts'
import { VerifyAnswer, VerifyBody } from './schema.ts'

/** All of them. */
export const toolOperations = {
	verifySignature: operation({
		method: 'post',
		path: '/tools/verify-signature',
		tag: 'Tools',
		summary: 'Verify a signature',
		description: 'Why a signature matches or does not.',
		access: 'caller',
		role: 'viewer',
		repeatable: true,
		body: VerifyBody,
		example: { key: 'MySecretEventSignatureKey', headers: { 'Elements-Webhook-Signature': 'sha256=…' }, body: '{"severity":"medium"}' },
		answer: VerifyAnswer,
		errors: [404],
	}),
}
