/**
 * Rotates an instance's signature key without a gap: for a time both keys sign, so that receivers can change at any
 * moment in between.
 */
import type { User } from '../accounts/setup.ts'
import { BadRequest, Conflict } from '../lib/errors.ts'
import { toActor, commitChange, notifyWatcher } from './changes.ts'
import type { Instance } from './rows.ts'
import { instanceSecret, sealSecret } from '../lib/sealing.ts'
import { openInstanceSecret } from './stores.ts'
import type { Services } from './services.ts'
import {
	findKeyProblem,
	newSignatureKey,
	getSealedKeysAt,
	SIGNATURE_KEY,
	applyKeyTakeover,
	withSignatureKey,
} from './signature.ts'

/** An instance's current keys in the clear. */
export interface OpenSignatureKeys {
	current: string | null
	next: string | null
	/** From when `next` signs alone, epoch ms; null: no rotation. */
	fromMs: number | null
}

/** Opens the current keys. */
export async function openSignatureKeys(services: Services, instance: Instance): Promise<OpenSignatureKeys> {
	const keys = getSealedKeysAt(instance, services.now())
	if (keys === null) return { current: null, next: null, fromMs: null }
	const open = async (sealed: string) =>
		await openInstanceSecret(services.env.MASTER_KEYS, instance, SIGNATURE_KEY, sealed)
	const next = keys.next === null ? null : await open(keys.next)
	return { current: await open(keys.current), next, fromMs: next === null ? null : instance.signatureFromMs }
}

/**
 * Starts a rotation to `key`, or to a new random key. After `graceSeconds` the new key signs alone; an instance
 * without a key uses it immediately. While a rotation runs, another one is refused, because it would be unclear which
 * key is the old one.
 */
export async function rotateSignatureKey(
	services: Services,
	storedInstance: Instance,
	user: User,
	requestId: string,
	options: { key: string | null; graceSeconds: number },
): Promise<Instance> {
	const problem = options.key === null ? null : findKeyProblem(options.key)
	if (problem !== null) throw new BadRequest(`key: ${problem}`)
	const nowMs = services.now()
	const instance = applyKeyTakeover(storedInstance, nowMs)
	if (instance.signatureNext !== null)
		throw new Conflict(
			`A rotation of the signature key is already in progress; ` +
				`POST …/signature-key/rotate/end completes it, a PATCH of ${SIGNATURE_KEY} replaces both keys`,
		)
	const keys = await openSignatureKeys(services, instance)
	if (options.key !== null && options.key === keys.current)
		throw new BadRequest('key: expected a key other than the current one')

	const sealed = await sealSecret(
		services.env.MASTER_KEYS,
		options.key ?? newSignatureKey(),
		instanceSecret(instance, SIGNATURE_KEY),
	)
	const isImmediate = keys.current === null || options.graceSeconds === 0
	// A whole second, as responses show it, and not earlier than requested.
	const fromMs = Math.ceil(nowMs / 1000) * 1000 + options.graceSeconds * 1000
	const { configuration, signatureNext, signatureFromMs } = isImmediate
		? withSignatureKey(instance, sealed)
		: { ...instance, signatureNext: sealed, signatureFromMs: fromMs }
	const changed = await commitChange(
		services,
		instance,
		{ configuration, signatureNext, signatureFromMs },
		toActor(user, requestId),
		'instance.signature-key.rotate',
		{ key: options.key === null ? 'made' : 'given', graceSeconds: isImmediate ? 0 : options.graceSeconds },
	)
	await notifyWatcher(services, changed, {})
	return changed
}

/** Ends a rotation immediately: the new key signs alone. */
export async function endKeyRotation(
	services: Services,
	storedInstance: Instance,
	user: User,
	requestId: string,
): Promise<Instance> {
	const instance = applyKeyTakeover(storedInstance, services.now())
	if (instance.signatureNext === null) throw new Conflict('No rotation of the signature key is in progress')
	const { configuration, signatureNext, signatureFromMs } = withSignatureKey(instance, instance.signatureNext)
	const changed = await commitChange(
		services,
		instance,
		{ configuration, signatureNext, signatureFromMs },
		toActor(user, requestId),
		'instance.signature-key.end',
		{},
	)
	await notifyWatcher(services, changed, {})
	return changed
}
