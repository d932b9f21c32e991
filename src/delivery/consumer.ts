/**
 * The queue's consumer: the shell around `deliver.ts`. It acknowledges at once and delivers in `waitUntil`, since a queue runs few
 * batches at a time and a customer's slow server must not hold it; what gets lost so is rung again by the instance.
 */
import { callbackOf, type Doorbell, type Env, watcherOf } from '../context.ts'
import { instanceContext, isSealed, openSecret, operatorKeyContext } from '../lib/sealing.ts'
import { guardUrl } from '../lib/urls.ts'
import { log } from '../lib/log.ts'
import { userAgent } from '../lib/version.ts'
import type { WatcherRpc } from '../rpc/watcher.ts'
import { attempt } from './attempt.ts'
import { deliverAll, type DeliveryPorts, doorbellInstance, Hearsay } from './deliver.ts'

/** What this isolate has heard of callbacks. */
const hearsay = new Hearsay()

/** Answers a batch of doorbells. Each message is acknowledged by itself, readable or not: there is nothing in it worth a second try. */
export async function consume(batch: MessageBatch<Doorbell>, env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>): Promise<void> {
	const instances: number[] = []
	for (const message of batch.messages) {
		const instance = doorbellInstance(message.body)
		if (instance === null) log('doorbell.unreadable')
		else instances.push(instance)
		message.ack()
	}
	if (instances.length > 0) ctx.waitUntil(deliverAll(instances, deliveryPorts(env)))
}

/** Cloudflare's side of delivering. `watcher` is where an instance's object is reached. */
export function deliveryPorts(
	env: Env,
	watcher: (instanceId: number) => Pick<WatcherRpc, 'claim' | 'park' | 'settle'> = (id) => watcherOf(env, id),
): DeliveryPorts {
	const allowPrivate = env.ALLOW_PRIVATE_NETWORK === 'true'
	const refuse = (url: string): string | null => {
		const verdict = guardUrl(url, allowPrivate)
		return verdict.ok ? null : verdict.message
	}
	return {
		// A stub that has thrown may stay broken: each call takes a new one.
		claim: async (instanceId, limit, admission) => await watcher(instanceId).claim(limit, admission),
		park: async (instanceId, subscription, untilMs) => await watcher(instanceId).park(subscription, untilMs),
		settle: async (instanceId, notificationId, number, outcome, more) =>
			await watcher(instanceId).settle(notificationId, number, outcome, more),
		callback: ({ organizationId, origin }) => callbackOf(env, organizationId, origin),
		hearsay,
		post: async (instanceId, claim) => {
			const outcome = await attempt(claim, {
				fetch: async (request) => await fetch(request),
				now: () => Date.now(),
				userAgent: userAgent(env.PUBLIC_URL),
				refuse,
				open: async (text) =>
					isSealed(text)
						? await openSecret(
								env.MASTER_KEYS,
								text,
								claim.sealedFor === 'account' ? operatorKeyContext(claim.organizationId) : instanceContext(instanceId),
							)
						: text,
			})
			return { ...outcome, url: claim.url }
		},
		now: () => Date.now(),
		sleep: async (ms) => await new Promise((resolve) => setTimeout(resolve, ms)),
		log,
	}
}
