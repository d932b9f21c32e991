/** An instance as the contract shows it (section 2): defaults filled in, secrets masked, flags that the platform always had. */
import type * as z from 'zod'
import type { Element } from '../../elements/element.ts'
import { callbackOf, DEFAULTS, isSecretKey } from '../../instances/config.ts'
import { effectivePoller, POLLER_KEY } from '../../instances/poller.ts'
import type { Instance } from '../../instances/records.ts'
import { instanceContext, openSecret } from '../../lib/sealing.ts'
import { elementOf } from '../../instances/stores.ts'
import { MASK } from '../../lib/values.ts'
import { toIsoSeconds } from '../http/times.ts'
import { ELEMENT_FLAGS } from './flags.ts'
import type { ConfigurationItem, ElementAnswer, InstanceAnswer } from './schema.ts'

/** The settings that a view needs. */
export interface ViewEnv {
	MASTER_KEYS: string
	PUBLIC_URL: string
	/** Otherwise the token is masked. */
	seesToken: boolean
}

/** A whole instance. `hydrate: false` leaves out the element and the configuration. */
export async function showInstance(env: ViewEnv, instance: Instance, hydrate = true): Promise<z.output<typeof InstanceAnswer>> {
	const element = elementOf(instance.elementKey)
	const { maker } = instance
	const callback = instance.eventsEnabled ? callbackOf(instance.configuration, env.PUBLIC_URL) : null
	return {
		id: instance.id,
		name: instance.name,
		createdDate: toIsoSeconds(instance.createdMs),
		token: env.seesToken ? await openSecret(env.MASTER_KEYS, instance.tokenSealed, instanceContext(instance.id)) : MASK,
		...(hydrate ? { element: showElement(element) } : {}),
		elementId: element.id,
		tags: instance.tags,
		provisionInteractions: [],
		valid: true,
		disabled: !instance.enabled,
		maxCacheSize: 0,
		cacheTimeToLive: 0,
		...(hydrate ? { configuration: showConfiguration(element, instance.configuration) } : {}),
		eventsEnabled: instance.eventsEnabled,
		...(callback === null ? {} : { eventsNotificationCallbackUrl: callback, subscriptionId: instance.subscriptionId }),
		traceLoggingEnabled: false,
		cachingEnabled: false,
		externalAuthentication: 'none',
		user: { id: instance.userId, emailAddress: maker?.email ?? '', firstName: maker?.firstName ?? '', lastName: maker?.lastName ?? '' },
	}
}

/** A configuration as answered: each key of the element, with its default where none was given, and every other key that was sent. */
export function showConfiguration(element: Element, stored: Readonly<Record<string, string | null>>): Record<string, string | null> {
	const shown: Record<string, string | null> = {}
	for (const item of element.configuration) shown[item.key] = DEFAULTS[item.key] ?? null
	for (const [key, value] of Object.entries(stored)) if (value !== null || !(key in shown)) shown[key] = value
	shown[POLLER_KEY] = JSON.stringify(effectivePoller(stored, element))
	for (const [key, value] of Object.entries(shown)) if (value !== null && isSecretKey(element, key)) shown[key] = MASK
	return shown
}

/** The items of `…/configuration`. */
export function showConfigurationItems(
	element: Element,
	stored: Readonly<Record<string, string | null>>,
): z.output<typeof ConfigurationItem>[] {
	const shown = showConfiguration(element, stored)
	return element.configuration.map((item) => ({
		id: item.id,
		key: item.key,
		name: item.name,
		description: item.description,
		propertyValue: shown[item.key] ?? null,
		type: item.type,
		active: true,
		hideFromConsole: false,
		required: item.required,
	}))
}

/** The element inside an instance, with every flag that clients of the platform read. */
export function showElement(element: Element): z.output<typeof ElementAnswer> {
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
