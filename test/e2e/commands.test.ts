/** The commands as a person types them: what they print, what they leave behind, and what they say when something is in the way. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { LOCAL_DIR } from '../../scripts/local/files.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { ARRIVED_EVENT, startCommand, type RunningCommand } from '../support/command.ts'
import { eventually } from './stack.ts'

/** No test here is held against the clock: this ends one that waits in vain. How fast the demo is, a benchmark measures. */
const PATIENCE_MS = 110_000

const running = new Set<ChildProcessWithoutNullStreams>()
afterEach(async () => {
	for (const child of running) child.kill('SIGTERM')
	await eventually(
		'the commands to end',
		() => running.size,
		(size) => size === 0,
		PATIENCE_MS,
	)
}, PATIENCE_MS)

/** Starts a script of the project, which ends with the test. */
function run(...command: Parameters<typeof startCommand>): RunningCommand {
	const started = startCommand(...command)
	running.add(started.child)
	void started.ended.then(() => running.delete(started.child))
	return started
}

test('the demo shows its first event, takes free ports, and leaves nothing on SIGINT', async () => {
	const demo = run('scripts/demo.ts')
	await eventually('the first event', demo.out, (text) => ARRIVED_EVENT.test(text), PATIENCE_MS)

	const shown = demo.out()
	for (const name of ['shop', 'shopbell', 'callback', 'instance'])
		expect(shown).toMatch(new RegExp(`^ {2}✓ ${name} `, 'm'))
	const pid = demo.child.pid
	const file = readdirSync(LOCAL_DIR)
		.filter((name) => /^demo(-\d+)?\.json$/.test(name))
		.map((name) => join(LOCAL_DIR, name))
		.find((path) => (JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid === pid)
	expect(file).toBeDefined()
	expect(statSync(file ?? '').mode & 0o777).toBe(0o600)
	const { url, shopUrl } = JSON.parse(readFileSync(file ?? '', 'utf8')) as { url: string; shopUrl: string }

	// The link signs in: Home is the page of the demo's organization.
	const { signInUrl } = JSON.parse(readFileSync(file!, 'utf8')) as { signInUrl: string }
	expect(shown).toContain(signInUrl)
	const signedIn = await fetch(signInUrl, { redirect: 'manual' })
	const cookie = signedIn.headers
		.getSetCookie()
		.map((line) => line.split(';')[0])
		.join('; ')
	const home = await fetch(new URL('/', signInUrl), { headers: { Cookie: cookie }, redirect: 'manual' })
	expect([home.status, (await home.text()).includes('The demo')]).toEqual([200, true])
	demo.child.kill('SIGINT')
	expect(await demo.ended).toBe(0)
	expect(demo.err()).toBe('')
	// What is still on its way is counted apart.
	expect(demo.out().trimEnd().split('\n').at(-1)).toMatch(
		/^ {2}\d+ changes?, \d+ events,.* 0 missed, 0 duplicated, median lag .+, \d+ shop requests$/,
	)
	expect(demo.out()).not.toMatch(/\u001B/)
	expect(
		demo
			.out()
			.split('\n')
			.filter((line) => line.length > 100),
	).toEqual([])
	expect(existsSync(file ?? '')).toBe(false)
	for (const address of [`${url}/healthz`, shopUrl]) await expect(fetch(address)).rejects.toThrow()
})

test('the demo with webhooks says so, and shows a change that one sent', async () => {
	const demo = run('scripts/demo.ts', '--webhook')
	await eventually('the first event', demo.out, (text) => ARRIVED_EVENT.test(text), PATIENCE_MS)
	expect(demo.out()).toMatch(
		/^ {2}✓ instance {2}1 has 16 webhooks, reconciles every \d+ s; [\d,]+ objects indexed in [\d.]+ s$/m,
	)
	expect(demo.out()).toContain('Let the shop lose every third webhook:')
	demo.child.kill('SIGINT')
	expect(await demo.ended).toBe(0)
	expect(demo.err()).toBe('')
	expect(demo.out()).toMatch(/ 0 missed, 0 duplicated, /)
	expect(
		demo
			.out()
			.split('\n')
			.filter((line) => line.length > 100),
	).toEqual([])
})

test('a signal while the Worker starts stops it too', async () => {
	const demo = run('scripts/demo.ts')
	await eventually('the first line', demo.out, (text) => text.includes('✓ shop'), PATIENCE_MS)
	demo.child.kill('SIGTERM')
	expect(await demo.ended).toBe(0)
	expect(demo.err()).toBe('')
})

test('unknown flags are answered with the usage', async () => {
	const demo = run('scripts/demo.ts', '--twice')
	expect(await demo.ended).toBe(1)
	expect(demo.err()).toContain('Usage: npm run demo')
	const seed = run('scripts/demo.ts', '--seed', 'one')
	expect(await seed.ended).toBe(1)
	expect(seed.err()).toBe('--seed one: expected a whole number\n')
})

test('dev: a port in use is one sentence that says what to do', async () => {
	const server = createServer()
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	const { port } = server.address() as AddressInfo
	const dev = run('scripts/dev.ts', '--port', String(port))
	expect(await dev.ended).toBe(1)
	expect(dev.err()).toBe(`Port ${port} is in use: stop what listens there, or run npm run dev -- --port ${port + 1}.\n`)
	expect(dev.out()).toBe('')
	server.close()
})

test('store: prints its address and its key', async () => {
	const port = await anyFreePort()
	const store = run('test/store/main.ts', '--port', String(port), '--objects', '10', '--json')
	const line = await eventually('the address', store.out, (text) => text.endsWith('\n'), PATIENCE_MS)
	const { url, key, secret } = JSON.parse(line) as { url: string; key: string; secret: string }
	expect(url).toBe(`http://127.0.0.1:${port}`)
	const answer = await fetch(`${url}/_store/state/orders`)
	expect(await answer.json()).toHaveLength(10)
	expect([key.slice(0, 3), secret.slice(0, 3)]).toEqual(['ck_', 'cs_'])
	store.child.kill('SIGTERM')
	expect(await store.ended).toBe(0)
})
