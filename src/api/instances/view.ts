/** Instances in responses (docs/contract.md §2): defaults filled in, secrets masked. */
import type * as z from 'zod'
import type { Element } from '../../elements/element.ts'
import { getCallbackUrl } from '../../instances/config.ts'
import { SHOWN_DEFAULT_VALUES, isSecretKey, listConfigurationKeys } from '../../instances/configuration-keys.ts'
import { getEffectivePoller, POLLER_KEY, POLLER_URLS_KEY } from '../../instances/poller.ts'
import type { Instance } from '../../instances/rows.ts'
import { getSealedKeysAt } from '../../instances/signature.ts'
import { getElement, openInstanceSecret } from '../../instances/stores.ts'
import { maskUrl, maskUrls } from '../../lib/url-masks.ts'
import { SECRET_MASK } from '../../lib/values.ts'
import { toIsoSeconds } from '../http/times.ts'
import { ELEMENT_FLAGS } from './flags.ts'
import type { ConfigurationItem, ElementResponse, InstanceResponse } from './schema.ts'

/** Context of a response besides the instance. */
export interface InstanceViewOptions {
	MASTER_KEYS: string
	PUBLIC_URL: string
	/** Otherwise the token and URLs are masked. */
	canSeeSecrets: boolean
	nowMs: number
}

/** An instance. `hydrate: false` omits the configuration and most of the element. */
export async function toInstanceResponse(
	env: InstanceViewOptions,
	instance: Instance,
	hydrate = true,
): Promise<z.output<typeof InstanceResponse>> {
	const element = getElement(instance.elementKey)
	const { creator } = instance
	const callback = instance.eventsEnabled ? getCallbackUrl(instance.configuration, env.PUBLIC_URL) : null
	return {
		id: instance.id,
		name: instance.name,
		createdDate: toIsoSeconds(instance.createdMs),
		token: env.canSeeSecrets
			? await openInstanceSecret(env.MASTER_KEYS, instance, 'token', instance.tokenSealed)
			: SECRET_MASK,
		element: hydrate ? toElementResponse(element) : toElementSummary(element),
		elementId: element.id,
		tags: instance.tags,
		provisionInteractions: [],
		valid: true,
		disabled: !instance.enabled,
		maxCacheSize: 0,
		cacheTimeToLive: 0,
		...(hydrate ? { configuration: toConfiguration(element, instance.configuration, env.canSeeSecrets) } : {}),
		eventsEnabled: instance.eventsEnabled,
		...(callback === null
			? {}
			: {
					eventsNotificationCallbackUrl: env.canSeeSecrets ? callback : maskUrl(callback),
					subscriptionId: instance.subscriptionId,
				}),
		...(instance.connection.version === '' ? {} : { storeVersion: instance.connection.version }),
		...toRotation(instance, env.nowMs),
		traceLoggingEnabled: false,
		cachingEnabled: false,
		externalAuthentication: 'none',
		user: {
			id: instance.userId,
			emailAddress: creator?.email ?? '',
			firstName: creator?.firstName ?? '',
			lastName: creator?.lastName ?? '',
		},
	}
}

/** When a rotation of the signature key ends, without the keys; nothing if none is in progress. */
function toRotation(instance: Instance, nowMs: number): { signatureKeyRotatesUntil?: string } {
	const isRotating = (getSealedKeysAt(instance, nowMs)?.next ?? null) !== null
	if (!isRotating || instance.signatureFromMs === null) return {}
	return { signatureKeyRotatesUntil: toIsoSeconds(instance.signatureFromMs) }
}

/**
 * A configuration: each key of the element, with its default if it is not set, and other keys that were sent. Tokens in
 * URLs are masked for callers who see no secrets.
 */
function toConfiguration(
	element: Element,
	stored: Readonly<Record<string, string | null>>,
	canSeeSecrets: boolean,
): Record<string, string | null> {
	const result: Record<string, string | null> = {}
	for (const { key } of listConfigurationKeys(element)) result[key] = SHOWN_DEFAULT_VALUES[key] ?? null
	for (const [key, value] of Object.entries(stored)) if (value !== null || !(key in result)) result[key] = value
	result[POLLER_KEY] = JSON.stringify(getEffectivePoller(stored, element))
	for (const [key, value] of Object.entries(result)) {
		if (value === null) continue
		if (isSecretKey(element, key)) result[key] = SECRET_MASK
		else if (!canSeeSecrets && !PATH_KEYS.has(key)) result[key] = /url$/i.test(key) ? maskUrl(value) : maskUrls(value)
	}
	return result
}

/** Their URLs are paths of this API, whose queries hold no secrets. */
const PATH_KEYS: ReadonlySet<string> = new Set([POLLER_KEY, POLLER_URLS_KEY])

/** The items of `…/configuration`. */
export function toConfigurationItems(
	element: Element,
	stored: Readonly<Record<string, string | null>>,
	canSeeSecrets: boolean,
): z.output<typeof ConfigurationItem>[] {
	const values = toConfiguration(element, stored, canSeeSecrets)
	return listConfigurationKeys(element).map((item) => ({
		id: item.id,
		key: item.key,
		name: item.name,
		description: item.description,
		propertyValue: values[item.key] ?? null,
		type: item.type,
		active: true,
		hideFromConsole: false,
		required: item.required,
	}))
}

function toElementSummary({ id, key, name, hub }: Element): { id: number; key: string; name: string; hub: string } {
	return { id, key, name, hub }
}

/** An element within an instance. */
export function toElementResponse(element: Element): z.output<typeof ElementResponse> {
	return {
		id: element.id,
		name: element.name,
		hookName: element.name,
		key: element.key,
		description: element.description,
		hub: element.hub,
		...ELEMENT_FLAGS,
	}
}
