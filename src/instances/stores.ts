/**
 * Creates the client of an instance's store from its row. Only this file opens the credentials, and only while they
 * are in use.
 */
import type { Env } from '../context.ts'
import type { Element } from '../elements/element.ts'
import { findElement } from '../elements/registry.ts'
import { guardedFetchFor, type OutgoingSettings } from '../lib/guarded-fetch.ts'
import { userAgent } from '../lib/version.ts'
import { isSecretKey } from './configuration-keys.ts'
import { SecretsUnreadable } from '../lib/errors.ts'
import type { ObjectRef } from '../lib/incarnation.ts'
import { instanceSecret, openSecret, sealSecret, UnreadableSecret } from '../lib/sealing.ts'
import type { Connection, Credentials, Io, StoreClient } from '../elements/store.ts'

/** Dependencies of every call to a store. */
export function storeIo(env: Pick<Env, 'PUBLIC_URL'> & OutgoingSettings): Io {
	return {
		fetch: guardedFetchFor(env),
		now: () => Date.now(),
		userAgent: userAgent(env.PUBLIC_URL),
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

/** An instance whose secrets are opened; its name is for people. */
type SecretOwner = ObjectRef & { name: string }

/** Opens a secret of an instance. Throws SecretsUnreadable with the instance's name. */
export async function openInstanceSecret(
	ring: string,
	instance: SecretOwner,
	key: string,
	sealed: string,
): Promise<string> {
	try {
		return await openSecret(ring, sealed, instanceSecret(instance, key))
	} catch (error) {
		if (!(error instanceof UnreadableSecret)) throw error
		const cause =
			error.missingKeyId === null
				? 'the stored value was changed or belongs to another instance. Please'
				: `MASTER_KEYS lacks the key ${error.missingKeyId}. Add that key, or`
		const action = key === 'token' ? 'delete the instance and create it again' : 'set the value again with PATCH'
		throw new SecretsUnreadable(
			`${key} of instance ${instance.id} (${instance.name}) cannot be decrypted: ${cause} ${action}`,
		)
	}
}

/**
 * Opens every secret of a stored configuration except `replacedKeys`, which are null in the result: they are set anew,
 * so that a secret that cannot be opened can be replaced.
 */
export async function openConfiguration(
	ring: string,
	instance: SecretOwner,
	element: Element,
	stored: Readonly<Record<string, string | null>>,
	replacedKeys: ReadonlySet<string>,
): Promise<Record<string, string | null>> {
	return await mapSecrets(element, stored, async (value, key) => {
		try {
			return await openInstanceSecret(ring, instance, key, value)
		} catch (error) {
			if (error instanceof SecretsUnreadable && replacedKeys.has(key)) return null
			throw error
		}
	})
}

/** Seals every secret of a configuration, for storing it. */
export async function sealConfiguration(
	ring: string,
	instance: ObjectRef,
	element: Element,
	clear: Readonly<Record<string, string | null>>,
): Promise<Record<string, string | null>> {
	return await mapSecrets(element, clear, (value, key) => sealSecret(ring, value, instanceSecret(instance, key)))
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
	env: Pick<Env, 'MASTER_KEYS' | 'PUBLIC_URL'> & OutgoingSettings,
	instance: SecretOwner & {
		elementKey: string
		configuration: Readonly<Record<string, string | null>>
		connection: Connection
	},
	io: Io = storeIo(env),
): Promise<StoreClient> {
	const { configuration } = instance
	const [key, secret] = await Promise.all(
		['oauth.api.key', 'oauth.api.secret'].map((name) =>
			openInstanceSecret(env.MASTER_KEYS, instance, name, configuration[name] ?? ''),
		),
	)
	return getElement(instance.elementKey).openClient(
		instance.connection,
		{ storeUrl: configuration['store.url'] ?? '', key: key!, secret: secret! },
		io,
	)
}

async function mapSecrets(
	element: Element,
	from: Readonly<Record<string, string | null>>,
	transform: (value: string, key: string) => Promise<string | null>,
): Promise<Record<string, string | null>> {
	const entries = Object.entries(from).map(async ([key, value]): Promise<[string, string | null]> => [
		key,
		value !== null && isSecretKey(element, key) ? await transform(value, key) : value,
	])
	return Object.fromEntries(await Promise.all(entries))
}
