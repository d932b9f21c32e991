/** How long a person waits for the demo: until it shows its first event, and until it has stopped. */
import { setTimeout as pause } from 'node:timers/promises'
import { ARRIVED_EVENT, startCommand } from '../support/command.ts'
import { atMost, type Bench } from './bench.ts'

const MAX_FIRST_EVENT_SECONDS = 30
const MAX_STOP_SECONDS = 3
/** The demo is given up after this. */
const GIVE_UP_MS = 120_000

/** A fresh demo, stopped with SIGINT after its first event. */
export const demoBench: Bench = {
	name: 'demo',
	about: 'seconds until a fresh demo shows its first event, and until it has stopped',
	sizes: 'once',
	run: async (context) => {
		const startMs = Date.now()
		const demo = startCommand('scripts/demo.ts')
		try {
			while (!ARRIVED_EVENT.test(demo.out())) {
				if (Date.now() - startMs > GIVE_UP_MS) throw new Error(`no event after ${GIVE_UP_MS / 1000} s:\n${demo.out()}`)
				await pause(50)
			}
			const firstMs = Date.now() - startMs
			context.log(`first event after ${firstMs / 1000} s`)
			const stopMs = Date.now()
			demo.child.kill('SIGINT')
			await demo.ended
			return [
				atMost('demo/first event', null, firstMs / 1000, 's', MAX_FIRST_EVENT_SECONDS),
				atMost('demo/stop', null, (Date.now() - stopMs) / 1000, 's', MAX_STOP_SECONDS),
			]
		} finally {
			demo.child.kill('SIGTERM')
		}
	},
}
