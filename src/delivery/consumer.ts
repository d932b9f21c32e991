/**
 * The queue's consumer: the shell around doorbell-handler.ts. It acknowledges immediately and delivers in `waitUntil`,
 * because a queue runs few batches at a time and a slow callback must not block it. After a loss the instance sends
 * another doorbell.
 */
import { getCallbackObject, type Doorbell, type Env, getWatcher } from '../context.ts'
import { toIncarnation } from '../lib/incarnation.ts'
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
	const instances: number[] = []
	for (const message of batch.messages) {
		const instance = parseDoorbellInstance(message.body)
		if (instance === null) log('doorbell.unreadable')
		else instances.push(instance)
		message.ack()
	}
	if (instances.length > 0) ctx.waitUntil(handleDoorbells(instances, createDeliveryPorts(env)))
}

/** The delivery ports on Cloudflare. `watcherFor` gives the stub of an instance's object. */
export function createDeliveryPorts(
	env: Env,
	watcherFor: (instanceId: number) => Pick<WatcherRpc, 'claim' | 'park' | 'settle'> = (id) => getWatcher(env, id),
): DeliveryPorts {
	const guardedFetch = guardedFetchFor(env)
	return {
		// A stub that has thrown may stay broken, so each call takes a new one.
		claim: async (instanceId, limit, admission) => await watcherFor(instanceId).claim(limit, admission),
		park: async (instanceId, subscription, untilMs) => await watcherFor(instanceId).park(subscription, untilMs),
		settle: async (instanceId, notificationId, number, outcome, more) =>
			await watcherFor(instanceId).settle(notificationId, number, outcome, more),
		callback: ({ organizationId, origin }) => getCallbackObject(env, organizationId, origin),
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
