/** Every `curl` of the README and of the guide, taken from its page and sent to the built Worker, page by page from top to bottom. */
import { readdirSync, readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROJECT_DIR } from '../../scripts/local/files.ts'
import { curlsOf, filled, requestsOf } from '../guide/curls.ts'
import { startStack, eventually, E2E_SIGNATURE_KEY, type E2eStack } from './stack.ts'

const GUIDE = readdirSync(join(PROJECT_DIR, 'docs/guide')).map((name) => `docs/guide/${name}`)
const PAGES = ['README.md', ...GUIDE].map((path) => ({
	path,
	shown: curlsOf(readFileSync(join(PROJECT_DIR, path), 'utf8')),
}))

const PASSWORD = 'a password for the curls test'

let house: E2eStack
let dir: string
beforeAll(async () => {
	dir = mkdtempSync(join(tmpdir(), 'shopbell-curls-'))
	house = await startStack({ https: false, objects: 12 })
})
afterAll(async () => {
	await house?.close()
	if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
})

/** An answer's text. A stream does not end by itself: that it has begun is enough. */
async function textOf(answer: Response): Promise<string> {
	if (answer.headers.get('Content-Type')?.startsWith('text/event-stream') !== true) return await answer.text()
	await answer.body?.cancel()
	return ''
}

/** What stands for the placeholders of a page: an instance of its own, since some pages delete theirs, with one event that has arrived. */
async function tableOf(path: string): Promise<Record<string, string>> {
	const { client, account, store, storeUrl, callback } = house
	const worker = house.worker().url
	const instance = await client.connect(path, {
		'store.url': storeUrl,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
		'event.notification.enabled': true,
		'event.notification.callback.url': callback.url,
		'event.notification.signature.key': E2E_SIGNATURE_KEY,
	})
	const sample = await client.api.sendTestEvent({ params: { id: instance.id } })
	await eventually(
		'the sample',
		() => client.api.getEvent({ params: { id: instance.id, eventId: sample.eventId } }),
		({ status }) => status === 'NOTIFIED',
	)
	const { state } = await client.api.startHandOver({
		params: { keyOrId: 'woocommercerest' },
		body: { configuration: { 'store.url': storeUrl } },
	})
	const link = await client.api.resetPassword({ params: { id: 'me' } })
	const { username } = await client.api.acceptLink({ body: { token: link.token, password: PASSWORD } })
	const { token } = await client.api.signIn({ body: { username, password: PASSWORD } })
	const headers = join(dir, 'headers')
	writeFileSync(headers, `Authorization: ${client.authorization}\n`)
	return {
		'https://<YOUR_SHOPBELL>': worker,
		'http://127.0.0.1:8787': worker,
		'.shopbell/demo.headers': headers,
		'<USER_SECRET>': account.userSecret,
		'<ORGANIZATION_SECRET>': account.organizationSecret,
		'<INSTANCE_ID>': String(instance.id),
		'<INSTANCE_TOKEN>': instance.token,
		'<WEB_STORE_URL>': storeUrl,
		'<CONSUMER_KEY>': store.credentials.key,
		'<CONSUMER_SECRET>': store.credentials.secret,
		'<CALLBACK_URL>': callback.url,
		'<SECOND_CALLBACK_URL>': `${callback.url}/second`,
		'<THIRD_CALLBACK_URL>': `${callback.url}/third`,
		'<SIGNATURE_KEY>': E2E_SIGNATURE_KEY,
		'<STATE>': state,
		'<EMAIL>': username,
		'<PASSWORD>': PASSWORD,
		'<SESSION_TOKEN>': token,
		'<EVENT_ID>': sample.eventId,
		'<NOTIFICATION_ID>': String(sample.notificationId),
		'<OBJECT_ID>': String([...store.state('orders').keys()][0]),
		// It is the very body of the published vector.
		'<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>': '<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>',
	}
}

describe.each(PAGES.filter(({ shown }) => shown.length > 0))('$path', ({ path, shown }) => {
	let table: Record<string, string>
	beforeAll(async () => {
		table = await tableOf(path)
	})

	test.each(shown)('line $line', async ({ text, status }) => {
		for (const { url, method, headers, body } of await requestsOf(filled(text, table))) {
			const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
			const said = await textOf(answer)
			if (status === null) expect(answer.ok, `${method} ${url} answered ${answer.status}: ${said}`).toBe(true)
			else expect(answer.status, said).toBe(status)
		}
	})
})

test('the pages have commands to try, and one with an unknown placeholder fails', () => {
	expect(PAGES.flatMap(({ shown }) => shown).length).toBeGreaterThan(20)
	expect(() => filled('curl https://<SOMEWHERE_ELSE>', {})).toThrow('<SOMEWHERE_ELSE>')
})
