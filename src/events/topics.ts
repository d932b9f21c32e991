/**
 * Names of topics. An instance's events have a topic of their own (`getInstanceTopic`), only Shopbell posts to operator
 * topics, and the account may post and subscribe to all others. Pure.
 */
import { LIMITS } from '../lib/limits.ts'

/** The topics of an operator webhook. */
export const OPERATOR_TOPICS: readonly string[] = [
	'instance.*',
	'subscription.deactivated',
	'notification.dead',
	'objects.unchecked',
	'webhook.repaired',
	'backlog.expired',
	'mass-change.detected',
]

/** Whether a subscription to `pattern` gets a topic: `orders.*` gets every topic that begins with `orders.`. */
export function topicMatches(pattern: string, topic: string): boolean {
	return pattern === topic || (pattern.endsWith('.*') && topic.startsWith(pattern.slice(0, -1)))
}

/** Whether a topic or `prefix.*` includes operator topics. */
export function overlapsOperatorTopics(pattern: string): boolean {
	return OPERATOR_TOPICS.some(
		(operatorTopic) => topicMatches(operatorTopic, pattern) || topicMatches(pattern, operatorTopic),
	)
}

/** Whether a topic has the form of an instance's events. The instance need not exist. */
export function isInstanceTopic(topic: string): boolean {
	return /^instance-.*-events$/s.test(topic)
}

/** Whether a text is a valid topic name: no `*`, no control characters, no surrounding whitespace. */
export function isTopicName(text: string): boolean {
	return text.length <= LIMITS.topic.value && text === text.trim() && /^[^*\p{Cc}]+$/u.test(text)
}
