/**
 * Topics by their names. An instance's events are one topic of its own (`topic` in notification.ts makes its name), the
 * operator's are Shopbell's to post to, all others are free: whoever has the account posts to them and subscribes to
 * them. Pure.
 */
import { LIMITS } from '../lib/limits.ts'

/** What an operator's webhook hears. */
export const OPERATOR_TOPICS: readonly string[] = [
	'instance.*',
	'subscription.deactivated',
	'notification.dead',
	'webhook.repaired',
	'backlog.expired',
]

/**
 * Whether a subscription to `wanted` hears what is posted to a topic: `orders.*` hears all that begins with `orders.`.
 */
export function topicMatches(pattern: string, topic: string): boolean {
	return pattern === topic || (pattern.endsWith('.*') && topic.startsWith(pattern.slice(0, -1)))
}

/** Whether a topic, or what `prefix.*` stands for, holds something that only Shopbell posts. */
export function overlapsOperatorTopics(pattern: string): boolean {
	return OPERATOR_TOPICS.some(
		(operatorTopic) => topicMatches(operatorTopic, pattern) || topicMatches(pattern, operatorTopic),
	)
}

/** Whether a topic has the form of one of an instance's events, whether or not there is such an instance. */
export function isInstanceTopic(topic: string): boolean {
	return /^instance-.*-events$/s.test(topic)
}

/**
 * Whether a text can be the name of a topic, or with `.*` at its end be subscribed to: no `*` elsewhere, no control
 * characters, no blanks around it.
 */
export function isTopicName(text: string): boolean {
	return text.length <= LIMITS.topic.value && text === text.trim() && /^[^*\p{Cc}]+$/u.test(text)
}
