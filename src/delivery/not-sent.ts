/** Why an attempt sent nothing, in words for people. Pure. */
import type { NotSentReason } from '../rpc/delivery.ts'

const WORDS: Record<NotSentReason['cause'], { fact: string; action: string }> = {
	address: {
		fact: 'its address may not be reached',
		action:
			'Change the URL to one at a public address. Only for local use, the operator can allow private addresses with ' +
			'ALLOW_PRIVATE_NETWORK.',
	},
	configuration: {
		fact: 'the request could not be made from the configuration',
		action:
			'Set the URL, the headers, the password and the signature key of the callback again. If the operator has removed ' +
			'a key from MASTER_KEYS, put it back.',
	},
	resolver: {
		fact: 'its name could not be resolved',
		action: 'Nothing is lost, and deliveries are retried. The operator checks DNS_RESOLVER_URL and its resolver.',
	},
}

/** A clause about the callback, and the next step as a sentence. */
export function explainNotSent({ cause, message }: NotSentReason): { fact: string; action: string } {
	const { fact, action } = WORDS[cause]
	return { fact: message === '' ? fact : `${fact}: ${message}`, action }
}
