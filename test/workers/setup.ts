/** What a file of tests leaves behind is gone before the next begins in the same runtime. */
import { reset } from 'cloudflare:test'
import { afterAll } from 'vitest'

afterAll(async () => {
	await reset()
})
