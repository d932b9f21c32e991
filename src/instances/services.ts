/**
 * What instance work needs of the world, handed in so that tests can stand in for the store, the clock and the objects.
 */
import { type Env, getWatcher } from '../context.ts'
import type { WatcherRpc } from '../rpc/watcher.ts'
import { WebhookVerifier } from './webhook-verifier.ts'
import { RejectionBuffer } from './rejection-buffer.ts'
import { SenderLimiter } from './sender-limiter.ts'
import { storeIo } from './stores.ts'
import type { Io } from '../elements/store.ts'

/** The surroundings. */
export interface Services {
	env: Env
	/** Epoch ms. */
	now(): number
	/** Resolves after so many ms, or as soon as the signal is given. */
	wait(ms: number, signal: AbortSignal): Promise<void>
	/** What calls to stores go through. */
	io: Io
	/** The Durable Object of an instance. */
	watcher(instanceId: number): WatcherRpc
	/** What webhook signatures are verified with. */
	webhookVerifier: WebhookVerifier
	/** Refused deliveries that are not handed over yet. */
	rejectionBuffer: RejectionBuffer
	/** Who sent deliveries with wrong signatures, and how often. */
	senderLimiter: SenderLimiter
}

/** Kept by the isolate between requests. */
const webhookVerifier = new WebhookVerifier()
const rejectionBuffer = new RejectionBuffer()
const senderLimiter = new SenderLimiter()

/** Cloudflare's. */
export function createServices(env: Env): Services {
	return {
		env,
		now: () => Date.now(),
		wait,
		io: storeIo(env),
		watcher: (id) => getWatcher(env, id),
		webhookVerifier,
		rejectionBuffer,
		senderLimiter,
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
