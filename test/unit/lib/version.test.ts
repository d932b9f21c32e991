/** The `User-Agent` is a header that every runtime can send. */
import { expect, test } from 'vitest'
import { userAgent, VERSION } from '../../../src/lib/version.ts'

test.each([
	['', `Shopbell/${VERSION}`],
	['https://bell.example.com', `Shopbell/${VERSION} (+https://bell.example.com)`],
	['https://glöckchen.example', `Shopbell/${VERSION} (+https://xn--glckchen-o4a.example/)`],
])('of PUBLIC_URL %j', (publicUrl, expected) => {
	expect(userAgent(publicUrl)).toBe(expected)
})
