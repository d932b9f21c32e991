/** Topics of instances and of the organization in requests (events/topics.ts). Pure. */
import { BadRequest } from '../../lib/errors.ts'
import { overlapsOperatorTopics, isInstanceTopic, isTopicName } from '../../events/topics.ts'
import { expectedAtMost, LIMITS, formatLimit } from '../../lib/limits.ts'

/** The parts of an instance's topic. */
export interface InstanceTopic {
	instanceId: number
	elementKey: string
}

/** Parses an instance's topic; null: it is another topic. */
function parseInstanceTopic(text: string): InstanceTopic | null {
	const match = /^instance-([1-9]\d{0,14})-([\w-]{1,64})-events$/.exec(text)
	return match === null ? null : { instanceId: Number(match[1]), elementKey: match[2]! }
}

/** Separates topics of instances from own topics. */
export function splitTopics(names: readonly string[]): { instances: InstanceTopic[]; own: string[] } {
	const instances = names.flatMap((name) => parseInstanceTopic(name) ?? [])
	return { instances, own: names.filter((name) => parseInstanceTopic(name) === null) }
}

/** A topic to publish on: an instance's, or one of the organization's own (null). 400 for any other. */
export function requireTopic(name: string): InstanceTopic | null {
	if (!isTopicName(name))
		throw new BadRequest(`topic: expected a name such as stock.low, without *, of at most ${formatLimit('topic')}`)
	const instanceTopic = parseInstanceTopic(name)
	if (instanceTopic !== null) return instanceTopic
	if (isInstanceTopic(name)) throw new BadRequest(`topic: none of your instances has the topic ${name.slice(0, 100)}`)
	if (overlapsOperatorTopics(name))
		throw new BadRequest(`topic: ${name} is reserved for Shopbell; expected one of your own`)
	return null
}

/** Own topics to subscribe to, each once; `prefix.*` matches all that begin with the prefix. */
export function requireOwnTopics(names: readonly string[]): string[] {
	for (const name of names) {
		const baseName = name.endsWith('.*') ? name.slice(0, -2) : name
		if (name.length > LIMITS.topic.value) throw new BadRequest(`topics: ${expectedAtMost('topic')} in each`)
		if (!isTopicName(baseName) || isInstanceTopic(name))
			throw new BadRequest(
				'topics: expected a topic such as instance-12-woocommercerest-events, stock.low or stock.*, ' +
					`not ${name.slice(0, 100)}`,
			)
	}
	return [...new Set(names)]
}
