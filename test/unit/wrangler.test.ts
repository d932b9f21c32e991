/** What wrangler.toml promises. */
import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { expect, test } from 'vitest'

test('URLs of one-time links are in no log of the platform', () => {
	const config = parse(readFileSync('wrangler.toml', 'utf8')) as { observability?: { logs?: unknown } }
	expect(config.observability?.logs).toMatchObject({ invocation_logs: false })
})
