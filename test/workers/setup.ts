/** What a file of tests leaves behind is gone before the next begins in the same runtime, and what the Worker logs is shown where a test fails. */
import { reset } from 'cloudflare:test'
import { afterAll, afterEach, beforeEach, vi } from 'vitest'

afterAll(async () => {
	// A `fetch` that answers for a world's stores would answer the next file's callbacks, too.
	vi.unstubAllGlobals()
	vi.restoreAllMocks()
	await reset()
})

/** Lines since the last test ended. To send each out of the runtime when it comes takes a twentieth of all the time. */
const lines: unknown[][] = []
const original = console.log

beforeEach(({ onTestFailed }) => {
	console.log = (...line: unknown[]) => void lines.push(line)
	onTestFailed(() => lines.forEach((line) => original(...line)))
})
afterEach(() => {
	console.log = original
})
