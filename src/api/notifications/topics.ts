/**
 * Topics as callers name them: those of instances' events, and those of the organization itself (events/topics.ts).
 * Pure.
 */
import { BadRequest } from '../../lib/errors.ts'
import { overlapsOperatorTopics, isInstanceTopic, isTopicName } from '../../events/topics.ts'
import { expectedAtMost, LIMITS, formatLimit } from '../../lib/limits.ts'

/** What the topic of an instance's events says. */
export interface InstanceTopic {
	instanceId: number
	elementKey: string
}

/** Takes the topic of an instance's events apart; null when it is another topic. */
export function parseInstanceTopic(text: string): InstanceTopic | null {
	const match = /^instance-([1-9]\d{0,14})-([\w-]{1,64})-events$/.exec(text)
	return match === null ? null : { instanceId: Number(match[1]), elementKey: match[2]! }
}

/** Those of instances' events apart from all others. */
export function splitTopics(names: readonly string[]): { instances: InstanceTopic[]; own: string[] } {
	const instances = names.flatMap((name) => parseInstanceTopic(name) ?? [])
	return { instances, own: names.filter((name) => parseInstanceTopic(name) === null) }
}

/** The topic that something is posted to; 400 when it is not the caller's to post to. */
export function requireOwnTopic(name: string): string {
	if (!isTopicName(name))
		throw new BadRequest(`topic: expected a name such as stock.low, without *, of at most ${formatLimit('topic')}`)
	if (isInstanceTopic(name))
		throw new BadRequest(`topic: ${name} is that of an instance's events; expected one of your own`)
	if (overlapsOperatorTopics(name))
		throw new BadRequest(`topic: ${name} is posted to by Shopbell alone; expected one of your own`)
	return name
}

/** Topics of no instance that a subscription is to hear, each once; `prefix.*` for all that begin so. */
export function requireOwnTopics(names: readonly string[]): string[] {
	for (const name of names) {
		const baseName = name.endsWith('.*') ? name.slice(0, -2) : name
		if (name.length > LIMITS.topic.value) throw new BadRequest(`topics: ${expectedAtMost('topic')} in each`)
		if (!isTopicName(baseName) || isInstanceTopic(name))
			throw new BadRequest(
				`topics: expected a topic such as instance-12-woocommercerest-events, stock.low or stock.*, not ${name.slice(0, 100)}`,
			)
	}
	return [...new Set(names)]
}
