/** Files that are served without the Worker have the headers that the Worker sets. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { getTransportHeaders, PAGE_HEADERS } from '../../src/lib/response-headers.ts'

test('static files are kept for ever, and tell browsers to stay on https, as every response of the Worker does', () => {
	const [path, ...lines] = readFileSync('src/ui/assets/_headers', 'utf8').trim().split('\n')
	expect(path).toBe('/assets/*')
	const headers = Object.fromEntries(
		lines.filter((line) => !line.trim().startsWith('#')).map((line) => line.trim().split(/:\s*/, 2)),
	)
	expect(headers).toEqual({
		'Cache-Control': 'public, max-age=31536000, immutable',
		...getTransportHeaders('https://bell.example.com/'),
		'X-Content-Type-Options': PAGE_HEADERS['X-Content-Type-Options'],
	})
})
