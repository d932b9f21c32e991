/** What a posted form changes of an instance: what is the same is not sent. Pure. */
import { CALLBACK, ENABLED, POLLER, parseObject, toPoller, type InstanceForm } from './form.ts'

/** The body of a change; null: nothing changes. */
export interface InstanceChange {
	name?: string
	tags?: string[]
	configuration: Record<string, unknown>
}

/** Secrets: the keys whose stored values the form does not have, and those to remove. */
export interface SecretChanges {
	secretKeys: readonly string[]
	removed: readonly string[]
}

/** The difference of two forms of one instance. A secret that is empty stays, unless it is removed. */
export function toInstanceChange(
	stored: InstanceForm,
	posted: InstanceForm,
	{ secretKeys, removed }: SecretChanges,
): InstanceChange {
	const configuration: Record<string, unknown> = {}
	for (const [key, value] of Object.entries(posted.keys)) {
		if (key === CALLBACK) continue
		const isSecret = secretKeys.includes(key)
		if (isSecret ? value !== '' : value.trim() !== (stored.keys[key] ?? '').trim())
			configuration[key] = value.trim() === '' ? null : value
	}
	for (const key of removed) if (posted.keys[key] === '') configuration[key] = null
	if (posted.eventsEnabled !== stored.eventsEnabled) configuration[ENABLED] = posted.eventsEnabled
	const [before, after] = [getCallback(stored), getCallback(posted)]
	if (before !== after) configuration[CALLBACK] = after
	const poller = toPollerChange(stored, posted)
	if (poller !== null) configuration[POLLER] = poller
	const name = posted.name.trim()
	return {
		...(name === '' || name === stored.name ? {} : { name }),
		...(JSON.stringify(posted.tags) === JSON.stringify(stored.tags) ? {} : { tags: posted.tags }),
		configuration,
	}
}

/** Whether a change changes nothing. */
export function isEmptyChange({ name, tags, configuration }: InstanceChange): boolean {
	return name === undefined && tags === undefined && Object.keys(configuration).length === 0
}

function getCallback({ delivery, keys }: InstanceForm): string | null {
	const url = (keys[CALLBACK] ?? '').trim()
	return delivery === 'log' || url === '' ? null : url
}

/** null: the same. JSON that cannot be read is sent as it is, for the answer of the API. */
function toPollerChange(stored: InstanceForm, posted: InstanceForm): Record<string, unknown> | string | null {
	const before = toPoller(stored.rows)
	const after = posted.json === null ? toPoller(posted.rows) : (parseObject(posted.json) ?? posted.json)
	return JSON.stringify(before) === JSON.stringify(after) ? null : after
}
