/** A backup of one deployment is restored into another: the commands, the built Worker, a store and a callback. */
import { execFile } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Client, setUp, type Account } from '../../scripts/local/client.ts'
import { PROJECT_DIR } from '../../scripts/local/files.ts'
import { createCallbackServer, type CallbackServer } from '../demo/callback.ts'
import { serve } from '../store/serve.ts'
import { createStore, type SimulatedStore } from '../store/store.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { getBuild } from '../support/built-worker.ts'
import { executeSql, migrateDatabase, startRuntime } from '../support/miniflare.ts'
import { eventually } from './stack.ts'

const TOKEN = 'the-backup-token-of-this-test-is-long-enough'
const VARS = {
	MASTER_KEYS: `test:${Buffer.alloc(32, 7).toString('base64')}`,
	SETUP_TOKEN: 'the-setup-token',
	PUBLIC_URL: 'https://bell.example.com',
	ALLOW_PRIVATE_NETWORK: 'true',
	POLL_FLOOR_SECONDS: '1',
	BACKUP_TOKEN: TOKEN,
}

const dir = mkdtempSync(join(tmpdir(), 'shopbell-backup-'))
const cleanup: (() => Promise<unknown>)[] = []
let build: string
let store: SimulatedStore
let storeUrl: string
let callback: CallbackServer

beforeAll(async () => {
	build = await getBuild()
	const port = await anyFreePort()
	storeUrl = `http://127.0.0.1:${port}`
	store = createStore({ objects: { orders: 12, products: 12, coupons: 2, customers: 2 }, url: storeUrl })
	const served = await serve(store, { port })
	cleanup.push(async () => await served.close())
	callback = createCallbackServer({ key: 'key of the backup' })
	await callback.listen()
	cleanup.push(async () => await callback.close())
})
afterAll(async () => {
	for (const step of cleanup.toReversed()) await step()
	rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
})

interface Deployment {
	url: string
	runtime: Miniflare
}

async function start(name: string, vars: Record<string, string> = VARS): Promise<Deployment> {
	const state = join(dir, name)
	const runtime = await startRuntime({
		build,
		vars,
		port: 0,
		state,
		temporary: join(dir, `${name}-tmp`),
	})
	cleanup.push(async () => await runtime.dispose())
	await migrateDatabase(runtime)
	return { url: String(await runtime.ready).replace(/\/$/, ''), runtime }
}

/** Runs a command; its exit code and what it wrote to stderr. */
async function run(script: string, args: string[], token = TOKEN): Promise<{ code: number; stderr: string }> {
	const env = { ...process.env, BACKUP_TOKEN: token, NODE_NO_WARNINGS: '1' }
	try {
		const { stderr } = await promisify(execFile)(process.execPath, [join(PROJECT_DIR, 'scripts', script), ...args], {
			env,
		})
		return { code: 0, stderr }
	} catch (error) {
		const { code, stderr } = error as { code: number; stderr: string }
		return { code, stderr }
	}
}

const events = () => callback.acceptedEvents
const eventsOf = (id: number) => events().filter((event) => event.objectId === String(id))

test('a backup restored into a new deployment goes on where it ended: the log is there, nothing is lost, no id comes twice', async () => {
	const first = await start('first')
	const names = { organizationName: 'Riverside', email: 'a@example.com', firstName: 'A', lastName: 'B' }
	const account = (await setUp(first.url, VARS.SETUP_TOKEN, names)) as Account
	const client = new Client(first.url, account)
	const { id } = await client.connect('Riverside', {
		'store.url': storeUrl,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
		'event.notification.enabled': true,
		'event.notification.callback.url': callback.url,
		'event.notification.signature.key': 'key of the backup',
		'event.poller.refresh_interval': 0.02,
	})
	await eventually(
		'the baseline',
		() => client.poller(id),
		({ resources }) => resources.length > 0 && resources.every(({ baseline }) => baseline.complete),
	)
	const [placed] = store.act({ do: 'create', resource: 'orders', set: { status: 'processing' } })
	await eventually(
		'the order',
		() => Promise.resolve(eventsOf(placed!.id)),
		(found) => found.length > 0,
	)

	const out = join(dir, 'copy')
	expect(await run('backup.ts', ['--url', first.url, '--out', out])).toMatchObject({ code: 0 })
	const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))
	expect(manifest.objects).toHaveLength(1)
	const before = await client.api.listEvents({ params: { id }, query: { pageSize: 50 } })
	expect(before.length).toBeGreaterThan(0)
	// The deployment is lost; the shop goes on.
	await first.runtime.dispose()
	const [late] = store.act({ do: 'create', resource: 'orders', set: { status: 'processing' } })
	const [edited] = store.act({
		do: 'edit',
		resource: 'products',
		id: [...store.state('products').keys()][0]!,
		set: { name: 'Mug' },
	})

	const second = await start('second')
	// Interrupted in the middle of D1: it is run again. A row of what was created during the backup is left out.
	const torn = join(dir, 'torn')
	cpSync(out, torn, { recursive: true })
	const database = readFileSync(join(out, 'database.ndjson'), 'utf8')
	writeFileSync(join(torn, 'database.ndjson'), database.slice(0, database.length / 2))
	expect(await run('restore.ts', ['--url', second.url, '--from', torn])).toMatchObject({ code: 1 })
	const orphan = { job_id: 99, instance_id: id, state: 'done', total: 0, left_over: 0, failed: 0 }
	appendFileSync(join(out, 'database.ndjson'), `${JSON.stringify({ table: 'replay_parts', row: orphan })}\n`)
	expect(await run('restore.ts', ['--url', second.url, '--from', out])).toMatchObject({ code: 0 })
	const again = new Client(second.url, account)
	for (const object of [late!, edited!])
		await eventually(
			'what happened since',
			() => Promise.resolve(eventsOf(object.id)),
			(found) => found.length > 0,
		)
	const after = await again.api.listEvents({ params: { id }, query: { pageSize: 50 } })
	expect(after.map((event) => event.id)).toEqual(expect.arrayContaining(before.map((event) => event.id)))
	// Nothing that the backup knew is told again, and the ids of what is new were never given out.
	const ids = events().map((event) => event.eventId)
	expect(new Set(ids).size).toBe(ids.length)
	expect(eventsOf(placed!.id)).toHaveLength(1)
	expect(events().filter(({ eventType }) => eventType === 'CREATED')).toHaveLength(2)
	expect((await again.health(id)).state).toBe('healthy')
	const next = await again.connect('Another', {
		'store.url': storeUrl,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
	})
	expect(next.id).toBeGreaterThan(id + 10_000)

	// It is restored once; a second time it would overwrite what happened since.
	const refused = await run('restore.ts', ['--url', second.url, '--from', out])
	expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('new, empty deployment') })

	// What D1's time travel brings back: ids are skipped, and what was revoked since stays revoked.
	await executeSql(second.runtime, [
		"UPDATE sequences SET value = 1 WHERE name = 'instance'",
		"INSERT INTO idempotency (organization_id, caller, key_hash, request_hash, claim, lease_ms, expires_ms) VALUES (1, 'x', 'y', 'z', 'c', 0, 0)",
	])
	expect(await run('restore.ts', ['--url', second.url, '--after-time-travel'])).toMatchObject({ code: 0 })
	const d1 = await second.runtime.getD1Database('DB')
	expect(await d1.prepare('SELECT count(*) AS n FROM idempotency').first('n')).toBe(0)
	expect(await d1.prepare("SELECT value FROM sequences WHERE name = 'instance'").first('value')).toBe(next.id + 10_000)
})

test('the commands say what is missing, and the calls do not exist without the token', async () => {
	const deployment = await start('third')
	const out = join(dir, 'none')
	expect(await run('backup.ts', ['--url', 'nonsense', '--out', out])).toMatchObject({
		code: 1,
		stderr: expect.stringContaining('--url'),
	})
	expect(await run('backup.ts', ['--url', deployment.url])).toMatchObject({
		code: 1,
		stderr: expect.stringContaining('--out'),
	})
	expect(await run('backup.ts', ['--url', deployment.url, '--out', dir])).toMatchObject({
		code: 1,
		stderr: expect.stringContaining('not empty'),
	})
	expect(await run('restore.ts', ['--url', deployment.url, '--from', dir])).toMatchObject({
		code: 1,
		stderr: expect.stringContaining('manifest.json'),
	})
	expect(await run('backup.ts', ['--url', deployment.url, '--out', out], `${TOKEN} and more`)).toMatchObject({
		code: 1,
		stderr: expect.stringContaining('BACKUP_TOKEN'),
	})
	expect(await run('backup.ts', ['--url', deployment.url, '--out', out], 'short')).toMatchObject({
		code: 1,
		stderr: expect.stringContaining('32 characters'),
	})
	const call = async (path: string, body: unknown, authorization = `Bearer ${TOKEN}`) => {
		const response = await fetch(`${deployment.url}/backup/${path}`, {
			method: 'POST',
			headers: { Authorization: authorization },
			body: typeof body === 'string' ? body : JSON.stringify(body),
		})
		return [response.status, ((await response.json()) as { message: string }).message]
	}
	expect(await call('read', { object: null, cursor: null }, 'Bearer x')).toEqual([404, 'Not found'])
	expect(await call('read', '{')).toEqual([400, 'body: expected well-formed JSON'])
	expect(
		await call('read', { object: null, cursor: { table: 'd1_migrations"; DROP TABLE users; --', after: null } }),
	).toEqual([400, expect.stringContaining('cursor.table')])
	expect(await call('read', { object: 'x', cursor: null })).toEqual([400, expect.stringContaining('object')])
	expect(await call('read', { object: '7', cursor: null })).toEqual([404, expect.stringContaining('7')])
	expect(await call('write', { object: '7', table: 'instance', rows: [] })).toEqual([
		400,
		expect.stringContaining('table'),
	])
	expect(await call('write', { object: null, table: 'users', rows: [{ id: [1] }] })).toEqual([
		400,
		expect.stringContaining('rows'),
	])
	const closed = await start('fourth', { ...VARS, BACKUP_TOKEN: '' })
	expect((await fetch(`${closed.url}/backup/objects`, { headers: { Authorization: 'Bearer ' } })).status).toBe(404)
})
