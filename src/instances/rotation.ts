/** Changing an instance's signature key while notifications go on: for a time both keys sign, so that receivers change when it suits them. */
import type { User } from '../accounts/accounts.ts'
import { BadRequest, Conflict } from '../lib/errors.ts'
import { actorOf, commit, tell } from './lifecycle.ts'
import type { Instance } from './records.ts'
import { instanceContext, openSecret, sealSecret } from '../lib/sealing.ts'
import type { Services } from './services.ts'
import { keyProblem, newSignatureKey, sealedKeysAt, SIGNATURE_KEY, takenOver, withKey } from './signature.ts'

/** The keys of an instance in the clear, as they sign now. */
export interface OpenKeys {
	current: string | null
	next: string | null
	/** From when `next` signs alone, epoch ms; null: nothing takes over. */
	fromMs: number | null
}

/** Opens the keys that sign now. */
export async function openKeys(services: Services, instance: Instance): Promise<OpenKeys> {
	const keys = sealedKeysAt(instance, services.now())
	if (keys === null) return { current: null, next: null, fromMs: null }
	const open = async (sealed: string) => await openSecret(services.env.MASTER_KEYS, sealed, instanceContext(instance.id))
	const next = keys.next === null ? null : await open(keys.next)
	return { current: await open(keys.current), next, fromMs: next === null ? null : instance.signatureFromMs }
}

/**
 * Begins to change the key: to `key`, or to a new random one. After `graceSeconds` the new one signs alone; an instance without a key
 * has it at once. While a change runs another one is refused: which key would be the old one then, nobody could say.
 */
export async function rotateSignatureKey(
	services: Services,
	given: Instance,
	user: User,
	requestId: string,
	wish: { key: string | null; graceSeconds: number },
): Promise<Instance> {
	const problem = wish.key === null ? null : keyProblem(wish.key)
	if (problem !== null) throw new BadRequest(`key: ${problem}`)
	const nowMs = services.now()
	const instance = takenOver(given, nowMs)
	if (instance.signatureNext !== null)
		throw new Conflict(
			`The signature key is being changed already; POST …/signature-key/rotate/end lets the new one sign alone, a PATCH of ${SIGNATURE_KEY} replaces both`,
		)
	const keys = await openKeys(services, instance)
	if (wish.key !== null && wish.key === keys.current) throw new BadRequest('key: expected another one than the present key')

	const sealed = await sealSecret(services.env.MASTER_KEYS, wish.key ?? newSignatureKey(), instanceContext(instance.id))
	const atOnce = keys.current === null || wish.graceSeconds === 0
	// A whole second, as answers show it; never earlier than asked for.
	const fromMs = Math.ceil(nowMs / 1000) * 1000 + wish.graceSeconds * 1000
	const { configuration, signatureNext, signatureFromMs } = atOnce
		? withKey(instance, sealed)
		: { ...instance, signatureNext: sealed, signatureFromMs: fromMs }
	const changed = await commit(
		services,
		instance,
		{ configuration, signatureNext, signatureFromMs },
		actorOf(user, requestId),
		'instance.signature-key.rotate',
		{ key: wish.key === null ? 'made' : 'given', graceSeconds: atOnce ? 0 : wish.graceSeconds },
	)
	await tell(services, changed, {})
	return changed
}

/** Ends a change at once: the new key signs alone. */
export async function endRotation(services: Services, given: Instance, user: User, requestId: string): Promise<Instance> {
	const instance = takenOver(given, services.now())
	if (instance.signatureNext === null) throw new Conflict('The signature key is not being changed')
	const { configuration, signatureNext, signatureFromMs } = withKey(instance, instance.signatureNext)
	const changed = await commit(
		services,
		instance,
		{ configuration, signatureNext, signatureFromMs },
		actorOf(user, requestId),
		'instance.signature-key.end',
		{},
	)
	await tell(services, changed, {})
	return changed
}
