/** Messages of operator events for callers who see no secrets. Pure. */
import { maskUrl } from '../lib/url-masks.ts'
import { overlapsOperatorTopics } from './topics.ts'

/** The message of a notice with the tokens of its URL masked: an operator event names the URL of a subscription. */
export function maskOperatorMessage<Message>(topic: string, message: Message): Message {
	const url = (message as { url?: unknown } | null)?.url
	if (typeof url !== 'string' || !overlapsOperatorTopics(topic)) return message
	return { ...message, url: maskUrl(url) }
}
