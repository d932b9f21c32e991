/**
 * Creates the client of an instance's store from its row. Only this file opens the credentials, and only while they
 * are in use.
 */
import type { Env } from '../context.ts'
import type { Element } from '../elements/element.ts'
import { findElement } from '../elements/registry.ts'
import { userAgent } from '../lib/version.ts'
import { isSecretKey } from './configuration-keys.ts'
import { instanceContext, openSecret, sealSecret } from '../lib/sealing.ts'
import type { Connection, Credentials, Io, StoreClient } from '../elements/store.ts'

/** Dependencies of every call to a store. `fetch` is looked up at each call, so that tests can replace it. */
export function storeIo(env: Pick<Env, 'PUBLIC_URL' | 'ALLOW_PRIVATE_NETWORK'>): Io {
	return {
		fetch: (request) => fetch(request),
		now: () => Date.now(),
		userAgent: userAgent(env.PUBLIC_URL),
		allowPrivateNetwork: allowsPrivateNetwork(env),
	}
}

/** Parses ALLOW_PRIVATE_NETWORK. */
export function allowsPrivateNetwork(env: Pick<Env, 'ALLOW_PRIVATE_NETWORK'>): boolean {
	return env.ALLOW_PRIVATE_NETWORK === 'true'
}

/** The element of an instance. Throws if this build has no element with that key. */
export function getElement(elementKey: string): Element {
	const element = findElement(elementKey)
	if (element === undefined) throw new Error('unknown element')
	return element
}

/** Opens every secret of a stored configuration. */
export async function openConfiguration(
	ring: string,
	instanceId: number,
	element: Element,
	stored: Readonly<Record<string, string | null>>,
): Promise<Record<string, string | null>> {
	return await mapSecrets(element, stored, (value) => openSecret(ring, value, instanceContext(instanceId)))
}

/** Seals every secret of a configuration, for storing it. */
export async function sealConfiguration(
	ring: string,
	instanceId: number,
	element: Element,
	clear: Readonly<Record<string, string | null>>,
): Promise<Record<string, string | null>> {
	return await mapSecrets(element, clear, (value) => sealSecret(ring, value, instanceContext(instanceId)))
}

/** The credentials of a configuration in the clear. */
export function toCredentials(clear: Readonly<Record<string, string | null>>): Credentials {
	return {
		storeUrl: clear['store.url'] ?? '',
		key: clear['oauth.api.key'] ?? '',
		secret: clear['oauth.api.secret'] ?? '',
	}
}

/**
 * A client of an instance's store with opened credentials: for the hub, and for the watcher's port `client`.
 * `instance`: a row, or its `WatcherConfig`.
 */
export async function openStoreClient(
	env: Pick<Env, 'MASTER_KEYS' | 'PUBLIC_URL' | 'ALLOW_PRIVATE_NETWORK'>,
	instance: {
		id: number
		elementKey: string
		configuration: Readonly<Record<string, string | null>>
		connection: Connection
	},
	io: Io = storeIo(env),
): Promise<StoreClient> {
	const { configuration } = instance
	const context = instanceContext(instance.id)
	const [key, secret] = await Promise.all([
		openSecret(env.MASTER_KEYS, configuration['oauth.api.key'] ?? '', context),
		openSecret(env.MASTER_KEYS, configuration['oauth.api.secret'] ?? '', context),
	])
	return getElement(instance.elementKey).openClient(
		instance.connection,
		{ storeUrl: configuration['store.url'] ?? '', key, secret },
		io,
	)
}

async function mapSecrets(
	element: Element,
	from: Readonly<Record<string, string | null>>,
	transform: (value: string) => Promise<string>,
): Promise<Record<string, string | null>> {
	const entries = Object.entries(from).map(async ([key, value]): Promise<[string, string | null]> => [
		key,
		value !== null && isSecretKey(element, key) ? await transform(value) : value,
	])
	return Object.fromEntries(await Promise.all(entries))
}
