/**
 * The queue's consumer: the shell around doorbell-handler.ts. It acknowledges immediately and delivers in `waitUntil`,
 * because a queue runs few batches at a time and a slow callback must not block it. After a loss the instance sends
 * another doorbell.
 */
import { getCallbackObject, type Doorbell, type Env, getWatcher } from '../context.ts'
import { toIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { instanceSecret, openSecret, operatorKeyPlace } from '../lib/sealing.ts'
import { guardedFetchFor } from '../lib/guarded-fetch.ts'
import { log } from '../lib/log.ts'
import { userAgent } from '../lib/version.ts'
import type { WatcherRpc } from '../rpc/watcher.ts'
import { attemptDelivery } from './attempt.ts'
import { BreakerCache } from './breaker-cache.ts'
import { handleDoorbells, type DeliveryPorts, parseDoorbellInstance } from './doorbell-handler.ts'

/** Shared by all invocations of this isolate. */
const breakerCache = new BreakerCache()

/** Handles a batch of doorbells. Messages that cannot be read are acknowledged too: a retry would change nothing. */
export async function consumeDoorbells(
	batch: MessageBatch<Doorbell>,
	env: Env,
	ctx: Pick<ExecutionContext, 'waitUntil'>,
): Promise<void> {
	const instances: ObjectRef[] = []
	for (const message of batch.messages) {
		const instance = parseDoorbellInstance(message.body)
		if (instance === null) log('doorbell.unreadable')
		else instances.push(instance)
		message.ack()
	}
	for (const refs of toRounds(instances))
		ctx.waitUntil(
			handleDoorbells(
				[...refs.keys()],
				createDeliveryPorts(env, (id) => refs.get(id)!),
			),
		)
}

/** The instances by id. Two incarnations of one id, after a restore of D1, are in two rounds. */
function toRounds(instances: readonly ObjectRef[]): Map<number, ObjectRef>[] {
	const rounds: Map<number, ObjectRef>[] = []
	for (const ref of instances) {
		const round = rounds.find((refs) => [undefined, ref.incarnation].includes(refs.get(ref.id)?.incarnation))
		if (round === undefined) rounds.push(new Map([[ref.id, ref]]))
		else round.set(ref.id, ref)
	}
	return rounds
}

/** The delivery ports on Cloudflare. `watcherFor` gives the stub of an instance's object, `refFor` its incarnation. */
export function createDeliveryPorts(
	env: Env,
	refFor: (instanceId: number) => ObjectRef,
	watcherFor: (ref: ObjectRef) => Pick<WatcherRpc, 'claim' | 'park' | 'settle'> = (ref) => getWatcher(env, ref),
): DeliveryPorts {
	const guardedFetch = guardedFetchFor(env)
	return {
		// A stub that has thrown may stay broken, so each call takes a new one.
		claim: async (instanceId, limit, admission) => await watcherFor(refFor(instanceId)).claim(limit, admission),
		park: async (instanceId, subscription, untilMs) => await watcherFor(refFor(instanceId)).park(subscription, untilMs),
		settle: async (instanceId, notificationId, number, outcome, more) =>
			await watcherFor(refFor(instanceId)).settle(notificationId, number, outcome, more),
		callback: ({ organization, origin }) => {
			const stub = getCallbackObject(env, organization, origin)
			const withIncarnation = <T>(id: number, fields: T): T => ({ ...fields, incarnation: refFor(id).incarnation })
			return {
				admit: async (id, request, limit) => await stub.admit(id, withIncarnation(id, request), limit),
				report: async (id, delivery) => await stub.report(id, withIncarnation(id, delivery)),
				giveBack: async (id, subscription, rate, permits) => await stub.giveBack(id, subscription, rate, permits),
			}
		},
		breakerCache,
		post: async (instanceId, claim) => {
			const outcome = await attemptDelivery(claim, {
				fetch: guardedFetch,
				now: () => Date.now(),
				userAgent: userAgent(env.PUBLIC_URL),
				openSecret: async (key, sealed) =>
					await openSecret(
						env.MASTER_KEYS,
						sealed,
						claim.sealedFor === 'account'
							? operatorKeyPlace(claim.organizationId)
							: instanceSecret({ id: instanceId, incarnation: toIncarnation(claim.incarnation, instanceId) }, key),
					),
			})
			return { ...outcome, url: claim.url }
		},
		now: () => Date.now(),
		sleep: async (ms) => await new Promise((resolve) => setTimeout(resolve, ms)),
		log,
	}
}
