/** Calls broken at random: every answer is declared, none shows a secret or its implementation, and what is refused changes nothing. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import worker from '../../../src/index.ts'
import { describeFailure } from '../../support/fuzz/curl.ts'
import { Fuzzer } from '../../support/fuzz/fuzzer.ts'
import type { FuzzCall } from '../../support/fuzz/calls.ts'
import type { FuzzAnswer } from '../../support/fuzz/oracle.ts'
import { env } from '../api/harness.ts'
import { openApiDocument } from './document.ts'
import { createContractWorld, readAnswerText } from './world.ts'

const ORIGIN = 'https://bell.example.com'
const SEED = 12
const CALLS = 1_500
const CALLS_PER_TEST = 300

let fuzzer: Fuzzer

beforeAll(async () => {
	// A line for each call: thousands, which nobody reads.
	vi.spyOn(console, 'log').mockImplementation(() => undefined)
	const serverSecrets = [env.SETUP_TOKEN, env.MASTER_KEYS.split(':')[1]!]
	fuzzer = new Fuzzer(
		{ world: await createContractWorld(), db: env.DB, document: openApiDocument, serverSecrets, send },
		SEED,
	)
}, 60_000)

/** null: the runtime makes no such request. */
async function send({ method, target, headers, body }: FuzzCall): Promise<FuzzAnswer | null> {
	let request: Request
	try {
		request = new Request(ORIGIN + target, {
			method,
			// `npm run fuzz` sends the others too.
			headers: headers.filter(([name, value]) => name !== 'Content-Length' && /^[\t -~]*$/.test(value)),
			body: method === 'GET' || method === 'HEAD' ? null : body,
		})
	} catch {
		return null
	}
	const context = createExecutionContext()
	const response = await worker.fetch(request as never, env, context)
	const text = await readAnswerText(response)
	await waitOnExecutionContext(context)
	return { status: response.status, headers: response.headers, text }
}

describe(`seed ${SEED}`, () => {
	const starts = Array.from({ length: CALLS / CALLS_PER_TEST }, (_, index) => index * CALLS_PER_TEST)
	test.each(starts)(
		'calls from %i',
		async (from) => {
			const failures = await fuzzer.run(from, from + CALLS_PER_TEST)
			expect(failures.map((failure) => describeFailure(ORIGIN, failure)).join('\n\n')).toBe('')
		},
		180_000,
	)
})
