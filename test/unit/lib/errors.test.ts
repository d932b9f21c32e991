import { expect, test } from 'vitest'
import { MAX_MESSAGE_CHARACTERS, shortenMessage } from '../../../src/lib/errors.ts'

test('a message keeps its field and what was expected, however long the field is', () => {
	const short = 'name: expected text'
	expect(shortenMessage(short)).toBe(short)
	for (const letter of ['x', '🛒', '\uD800']) {
		const message = shortenMessage(`configuration.${letter.repeat(70_000)}: expected true or false`)
		expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_CHARACTERS)
		expect(message).toMatch(/^configuration\..* … .*: expected true or false$/u)
		expect(message.isWellFormed()).toBe(true)
	}
})
