/** An organization's own object: without a store, it delivers what is published to it, each notice once, signed with the account's key. */
import type { ObjectRef } from '../../../src/lib/incarnation.ts'
import { getWatcher } from '../../../src/context.ts'
import { afterEach, expect, test, vi } from 'vitest'
import { readAccountSettings, writeAccountSettings } from '../../../src/accounts/settings.ts'
import { consumeDoorbells } from '../../../src/delivery/consumer.ts'
import { signElements } from '../../../src/delivery/sign.ts'
import { ensureOwner, findOwner, publishToOrganization } from '../../../src/instances/organizations.ts'
import { env, resetDatabase } from '../api/harness.ts'

afterEach(() => vi.unstubAllGlobals())

const OPERATOR = 'https://operator.example.com/in'
const notice = (number: number, topic: string) => ({
	origin: 12,
	number,
	topic,
	atMs: 1_700_000_000_000,
	severity: 'medium',
	body: JSON.stringify({ message: `It happened: ${topic}`, instanceId: 12 }),
})

/** Answers the doorbells of an object until nothing more is due. */
async function answer({ id, incarnation }: ObjectRef): Promise<void> {
	const work: Promise<unknown>[] = []
	await consumeDoorbells(
		{
			messages: [{ body: { version: 1, instance: id, incarnation }, ack: () => undefined }],
		} as unknown as MessageBatch<never>,
		env,
		{
			waitUntil: (promise) => void work.push(promise),
		},
	)
	await Promise.all(work)
}

test('what is published reaches the operator’s webhook, in its envelope, once, and signed', async () => {
	await resetDatabase()
	await env.DB.prepare(
		`INSERT INTO organizations (id, name, secret_hash, secret_sealed, created_ms) VALUES (1, 'Acme', 'h', 's', 0)`,
	).run()
	const actor = { organizationId: 1, userId: 1, requestId: 'r' }
	await writeAccountSettings(
		env.DB,
		env.MASTER_KEYS,
		actor,
		{ 'operator.webhook.url': OPERATOR, 'operator.webhook.key': 'the key' },
		0,
	)
	expect((await readAccountSettings(env.DB, 1)).operator.url).toBe(OPERATOR)
	const posts: { body: string; signature: string | null }[] = []
	vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
		const request = new Request(input, init)
		posts.push({ body: await request.text(), signature: request.headers.get('Elements-Webhook-Signature') })
		return new Response(null, { status: 204 })
	})
	expect(await findOwner(env.DB, 1)).toBeNull()
	await publishToOrganization(env, { id: 1, incarnation: '1' }, [
		notice(1, 'instance.healthy'),
		notice(2, 'not.for.operators'),
		notice(3, 'notification.dead'),
	])
	await publishToOrganization(env, { id: 1, incarnation: '1' }, [
		notice(2, 'not.for.operators'),
		notice(3, 'notification.dead'),
		notice(4, 'webhook.repaired'),
	])
	const owner = (await findOwner(env.DB, 1))!
	expect(await ensureOwner(env, 1)).toEqual(owner)
	await answer(owner)
	const bodies = posts.map(
		({ body }) => JSON.parse(body) as { topic: string; id: string; message: { message: string } },
	)
	expect(bodies.map((one) => one.topic)).toEqual(['instance.healthy', 'notification.dead', 'webhook.repaired'])
	expect(bodies[0]).toMatchObject({
		severity: 'medium',
		action: 'create',
		id: String(owner.id * 1e9 + 1),
		date: '2023-11-14T22:13:20Z',
		message: { message: 'It happened: instance.healthy', instanceId: 12 },
	})
	for (const { body, signature } of posts)
		expect(signature).toBe(signElements('the key', new TextEncoder().encode(body)))
	// It polls nothing and is no instance.
	expect(await getWatcher(env, owner).health()).toMatchObject({ resources: [], webhooks: null })
	expect(await env.DB.prepare('SELECT count(*) AS n FROM instance_status').first()).toEqual({ n: 0 })
})
