/** External dependencies of instances, passed in so that tests can replace the store, the clock and the objects. */
import { type Env, getWatcher } from '../context.ts'
import type { ObjectRef } from '../lib/incarnation.ts'
import type { WatcherRpc } from '../rpc/watcher.ts'
import { WebhookVerifier } from './webhook-verifier.ts'
import { RejectionBuffer } from './rejection-buffer.ts'
import { SenderLimiter } from './sender-limiter.ts'
import { FailureLimiter } from '../accounts/failure-limiter.ts'
import { storeIo } from './stores.ts'
import type { Io } from '../elements/store.ts'

/** External dependencies. */
export interface Services {
	env: Env
	/** Epoch ms. */
	now(): number
	/** Resolves after a number of ms, or when the signal is aborted. */
	wait(ms: number, signal: AbortSignal): Promise<void>
	/** Dependencies of calls to stores. */
	io: Io
	/** The Durable Object of an instance. */
	watcher(ref: ObjectRef): WatcherRpc
	/** Verifies signatures of webhooks. */
	webhookVerifier: WebhookVerifier
	/** Rejected deliveries that were not reported yet. */
	rejectionBuffer: RejectionBuffer
	/** Counts wrong signatures by sender. */
	senderLimiter: SenderLimiter
	/** Counts failed authentications by address. */
	failureLimiter: FailureLimiter
}

/** State that the isolate keeps between requests. */
const webhookVerifier = new WebhookVerifier()
const rejectionBuffer = new RejectionBuffer()
const senderLimiter = new SenderLimiter()
const failureLimiter = new FailureLimiter()

/** Cloudflare's implementations. */
export function createServices(env: Env): Services {
	return {
		env,
		now: () => Date.now(),
		wait,
		io: storeIo(env),
		watcher: (ref) => getWatcher(env, ref),
		webhookVerifier,
		rejectionBuffer,
		senderLimiter,
		failureLimiter,
	}
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
	if (signal.aborted) return
	await new Promise<void>((resolve) => {
		const end = (): void => {
			clearTimeout(timer)
			signal.removeEventListener('abort', end)
			resolve()
		}
		const timer = setTimeout(end, ms)
		signal.addEventListener('abort', end)
	})
}
