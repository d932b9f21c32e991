/** After a restore of D1 ids are given out again: what one tenant left behind reaches no other (docs/operations.md). */
import { runInDurableObject } from 'cloudflare:test'
import { createHmac } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { getCallbackObject, getWatcher } from '../../../src/context.ts'
import { webhooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { createServices } from '../../../src/instances/services.ts'
import { runCron } from '../../../src/instances/cron.ts'
import {
	ensureOwner,
	findOrganizationIncarnation,
	publishToOrganization,
} from '../../../src/instances/organizations.ts'
import { nextInstanceId } from '../../../src/instances/rows.ts'
import { writeStatus } from '../../../src/instances/status.ts'
import { toRefText, type ObjectRef } from '../../../src/lib/incarnation.ts'
import { parseMasterKeys } from '../../../src/lib/sealing.ts'
import type { Watcher } from '../../../src/watcher/watcher.ts'
import { API_BASE, env, readRef } from '../api/harness.ts'
import { callWorker, inWatcher, openShop, waitForBaseline, waitUntil, type TestShop } from './test-shop.ts'

afterEach(() => vi.unstubAllGlobals())

/** D1 as it was before anything was made; the objects stay. */
async function rollBack(): Promise<void> {
	const tables =
		'replay_parts replay_jobs subscriptions instance_status instances account_settings audit_log drafts sessions ' +
		'links api_keys idempotency users organizations'
	await env.DB.batch([
		...tables.split(' ').map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
		env.DB.prepare('UPDATE sequences SET value = 0'),
	])
}

const openHooked = async (url: string, prepare?: () => Promise<void>): Promise<TestShop> => {
	const shop = await openShop(
		{ url, deliver: async () => new Response(), webhooks: { hold: true } },
		{ 'event.vendor.type': 'webhook' },
		undefined,
		prepare,
	)
	await waitForBaseline(shop)
	return shop
}

/** Posts a delivery, signed as the store of `signer`, to the receiver of `receiver`. */
async function deliver(signer: ObjectRef, receiver: ObjectRef, headers: Record<string, string> = {}): Promise<number> {
	const topic = 'order.updated'
	const body = JSON.stringify({ id: 17 })
	const secret = webhooks.deriveSecret(parseMasterKeys(env.MASTER_KEYS)[0]!.bytes, signer.incarnation, topic, 1)
	const { default: worker } = await import('../../../src/index.ts')
	const path = headers['Element-Instances'] === undefined ? `/${btoa(toRefText(receiver))}` : ''
	const request = new Request(`${API_BASE}/events/woocommercerest${path}?v=1`, {
		method: 'POST',
		headers: {
			'X-WC-Webhook-Topic': topic,
			'X-WC-Webhook-Signature': createHmac('sha256', secret).update(body).digest('base64'),
			...headers,
		},
		body,
	})
	const response = await worker.fetch(request as never, env, { waitUntil: () => undefined } as never)
	return response.status
}

/** The tables and the alarm of an object. */
const remains = async (ref: ObjectRef) =>
	await runInDurableObject(getWatcher(env, ref) as never, async (_object: never, { storage }: DurableObjectState) => ({
		tables: [...storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")],
		alarm: await storage.getAlarm(),
	}))
const NOTHING = { tables: [], alarm: null }

/** As if the object had read its row more than a minute ago. */
const letCopyAge = (ref: ObjectRef) =>
	runInDurableObject(getWatcher(env, ref) as never, async ({ engine }: Watcher) => {
		engine.getCore()!.configReadMs = 0
	})

test('the instance that gets the id again has nothing of the one before, and its store’s deliveries are refused §7.3', async () => {
	const a = await openHooked('https://a.example.com')
	const aRef = await readRef(a.id)
	a.store.act({ do: 'edit', resource: 'orders' })
	expect(await deliver(aRef, aRef)).toBe(200)
	await a.stub.testEvent()
	await waitUntil(() => a.callbackBodies.length > 0)

	const b = await openHooked('https://b.example.com', rollBack)
	const bRef = await readRef(b.id)
	expect(b.id).toBe(a.id)
	expect(bRef.incarnation).not.toBe(aRef.incarnation)
	expect((await b.api('GET', `/instances/${b.id}/events`)).body).toEqual([])
	expect((await b.api('GET', '/notifications')).body).toEqual([])
	const shown = JSON.stringify([
		(await b.api('GET', `/instances/${b.id}`)).body,
		(await b.api('GET', `/instances/${b.id}/health`)).body,
		(await b.api('GET', `/instances/${b.id}/webhooks`)).body,
	])
	expect(shown).not.toContain('a.example.com')

	await letCopyAge(aRef)
	expect(await deliver(aRef, aRef)).toBe(410)
	expect(await remains(aRef)).toEqual(NOTHING)
	expect(await deliver(aRef, bRef)).toBe(401)
	expect(await deliver(aRef, aRef, { 'Element-Instances': toRefText(aRef) })).toBe(410)
	expect(await deliver(aRef, aRef, { 'Element-Instances': `${b.id}` })).toBe(401)
	expect(await deliver(bRef, bRef, { 'Element-Instances': toRefText(bRef) })).toBe(200)
	await runCron(createServices(env))
	expect(await remains(aRef)).toEqual(NOTHING)
	expect((await b.api('GET', `/instances/${b.id}/webhooks`)).body.rejected).toEqual(
		expect.not.objectContaining({ counts: expect.objectContaining({ retired: expect.anything() }) }),
	)
})

test('its alarm empties it, and its last status does not reach the row of the other one', async () => {
	const a = await openShop({ url: 'https://a.example.com' })
	await waitForBaseline(a)
	const aRef = await readRef(a.id)
	const b = await openShop({ url: 'https://b.example.com' }, {}, undefined, rollBack)
	await waitForBaseline(b)
	const before = await env.DB.prepare('SELECT * FROM instance_status').all()
	await writeStatus(env, {
		instanceId: a.id,
		incarnation: aRef.incarnation,
		state: 'healthy',
		reason: 'of a',
		sinceMs: 0,
		aliveAtMs: 0,
		lastEventAtMs: 0,
		intervalMs: 1,
		events: 9,
		delivered: 9,
		storeRequests: 9,
		hours: [],
	})
	expect(JSON.stringify(await env.DB.prepare('SELECT * FROM instance_status').all())).not.toContain('of a')
	expect(before.results).toHaveLength(1)
	await runInDurableObject(getWatcher(env, aRef) as never, async (watcher: Watcher) => {
		watcher.engine.getCore()!.state.nextPollMs = 0
		await watcher.alarm()
	})
	expect(await remains(aRef)).toEqual(NOTHING)
	expect(await getWatcher(env, aRef).events({ pageSize: 10 })).toBe('unknown')
	expect(await b.stub.health()).not.toBe('unknown')
})

test('an object without a row raises the sequence, and no id of a row is given out', async () => {
	const a = await openShop({ url: 'https://a.example.com' })
	await waitForBaseline(a)
	await env.DB.prepare('UPDATE instances SET id = 7').run()
	await env.DB.prepare("UPDATE sequences SET value = 0 WHERE name = 'instance'").run()
	expect(await nextInstanceId(env.DB)).toEqual({ ok: true, id: 8 })
	await rollBack()
	await inWatcher(a, async ({ engine }) => {
		const core = engine.getCore()!
		core.config = { ...core.config, instanceId: 20 }
		await engine.refreshConfig(core)
		expect(core.state.paused).toBe(true)
	})
	expect(await nextInstanceId(env.DB)).toEqual({ ok: true, id: 21 })
	// What it raised once is never lowered.
	await env.DB.prepare("UPDATE sequences SET value = 30 WHERE name = 'instance'").run()
	await inWatcher(a, ({ engine }) => engine.refreshConfig(engine.getCore()!))
	expect(await nextInstanceId(env.DB)).toEqual({ ok: true, id: 31 })
})

test('an organization’s own object and its callbacks’ objects are others too', async () => {
	await openShop({ url: 'https://a.example.com' })
	const a = await ensureOwner(env, 1)
	const aOrganization = (await findOrganizationIncarnation(env.DB, 1))!
	const notice = { origin: 0, number: null, topic: 'a.secret', atMs: 1, severity: 'low', body: '{"of":"a"}' }
	await publishToOrganization(env, { id: 1, incarnation: aOrganization }, [notice])
	const origin = 'https://callback.example.com'
	const failed = { subscription: 1, notificationId: 1, createdMs: 1, guarded: false, failed: true, nextMs: Date.now() }
	for (let n = 0; n < 5; n++) await getCallbackObject(env, aOrganization, origin).report(1, failed)

	await openShop({ url: 'https://b.example.com' }, {}, undefined, rollBack)
	const b = await ensureOwner(env, 1)
	const bOrganization = (await findOrganizationIncarnation(env.DB, 1))!
	expect(b.id).toBe(a.id)
	expect([b.incarnation, bOrganization]).not.toEqual([a.incarnation, aOrganization])
	expect(await getWatcher(env, b).events({ pageSize: 10 })).toMatchObject({ events: [] })
	expect(await getWatcher(env, b).notifications({ pageSize: 10 })).toMatchObject({ notifications: [] })
	const succeeded = { ...failed, failed: false, nextMs: null }
	expect(await getCallbackObject(env, bOrganization, origin).report(1, succeeded)).toEqual({
		closed: true,
		news: false,
	})
	await expect(publishToOrganization(env, { id: 1, incarnation: aOrganization }, [notice])).rejects.toThrow()
	await letCopyAge(a)
	expect(await getWatcher(env, a).claim(6)).toBe('unknown')
	expect(await remains(a)).toEqual(NOTHING)
	expect((await callWorker('GET', `${API_BASE}/notifications/${a.id}000000001`, '', undefined)).status).toBe(401)
})
