/** Topics by their names. An instance's events are one topic of its own (`topic` in events/notification.ts makes the name). Pure. */

/** What the topic of an instance's events says. */
export interface InstanceTopic {
	instanceId: number
	elementKey: string
}

/** Takes the topic of an instance's events apart; null when it is another topic. */
export function readTopic(text: string): InstanceTopic | null {
	const match = /^instance-([1-9]\d{0,14})-([\w-]{1,64})-events$/.exec(text)
	return match === null ? null : { instanceId: Number(match[1]), elementKey: match[2]! }
}
