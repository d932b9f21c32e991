/** The page tokens of the hub: each brings its position back, for its own list only. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHubToken, parseHubToken } from '../../../src/api/hub/page-token.ts'
import type { WalkPosition } from '../../../src/api/hub/list-cursor.ts'

describe('a page token', () => {
	const identity = { instanceId: 1, path: 'orders', where: "status = 'x'", orderBy: null }
	const position: WalkPosition = { n: 12, last: ['2026-01-01T00:00:00', 9], skip: 3, back: 1, total: 90, bare: null }

	it('brings its position back, for its own list only', () => {
		const token = formatHubToken(identity, 50, position)
		expect(token).toMatch(/^[\w-]+$/)
		expect(parseHubToken(identity, token)).toEqual({ pageSize: 50, position })
		for (const other of [
			{ instanceId: 2 },
			{ path: 'coupons' },
			{ where: null },
			{ where: "status = 'y'" },
			{ orderBy: 'id' },
		])
			expect(() => parseHubToken({ ...identity, ...other }, token)).toThrow(/nextPage: expected a token of this list/)
	})

	it('that was made up is refused, never an exception of another kind', () => {
		fc.assert(
			fc.property(
				fc.oneof(
					fc.string(),
					fc.json().map((text) => Buffer.from(text).toString('base64url')),
				),
				(text) => {
					expect(() => parseHubToken(identity, text)).toThrow(/^nextPage: expected/)
				},
			),
		)
	})
})
