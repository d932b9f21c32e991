/** The connect flow of the simulated store: the recorded pages, the hand-over of keys, and what happens when it fails. */
import { describe, expect, it } from 'vitest'
import { createStore } from '../../store/store.ts'
import type { StoreOptions } from '../../store/store.ts'
import { basic, receiver, recorded, rig } from './helpers.ts'
import type { Answer } from './helpers.ts'

interface Page {
	name: string
	status: number
	headers: Record<string, string>
	text: string
}

const GIVEN = {
	app_name: 'Connector Å',
	scope: 'read_write',
	user_id: 'tenant-42',
	return_url: 'https://127.0.0.1:9643/return',
	callback_url: 'https://127.0.0.1:9643/callback',
}

function query(change: Record<string, string | null> = {}): string {
	return Object.entries({ ...GIVEN, ...change })
		.filter(([, value]) => value !== null)
		.map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`)
		.join('&')
}

/** How each recorded page came about. */
const PAGES: Record<
	string,
	{ change?: Record<string, string | null>; loggedOut?: boolean; approve?: boolean; answer?: number }
> = {
	authorize_not_logged_in: { loggedOut: true },
	http_return_url: { loggedOut: true, change: { return_url: 'http://127.0.0.1:9199/ret' } },
	missing_scope: { change: { scope: null } },
	missing_callback: { change: { callback_url: null } },
	bad_scope: { change: { scope: 'all' } },
	http_callback: { change: { callback_url: 'http://127.0.0.1:9199/callback' } },
	authorize_logged_in: {},
	approved: { approve: true },
	approved_but_callback_500: { approve: true, answer: 500 },
}

/** A page's text as the recording keeps it. */
function visible(html: string): string {
	return html
		.replace(/<head>[\s\S]*<\/head>/, '')
		.replace(/<p><a[\s\S]*<\/p>/, '')
		.replace(/<[^>]*>/g, ' ')
		.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
		.replace(/\s+/g, ' ')
		.trim()
}

describe.each(['hpos-11.0', 'posts-11.0'])('recorded connect flow of %s', (set) => {
	const pages = recorded<Page[]>(set, 'wc-auth')
	const origin =
		pages
			.map(({ headers }) => headers.location)
			.find((location) => location?.includes('/wc-auth/'))
			?.replace(/\/wc-auth.*/, '') ?? ''
	const [post] = recorded<{ name: string; method: string; headers: Record<string, string>; body: string }[]>(
		set,
		'wc-auth',
	).filter(({ name }) => name === 'key_post')

	it.each(pages.filter(({ name }) => name !== 'key_post').map((page) => [page.name, page] as const))(
		'1.10 %s',
		async (name, page) => {
			const how = PAGES[name] ?? {}
			const inbox = receiver(() => how.answer ?? 200)
			const store = createStore({
				url: origin,
				objects: 2,
				deliver: inbox.deliver,
				webhooks: { allowLocalDelivery: true, ...(how.loggedOut && { loggedOut: true }) },
			})
			const answer = await store.fetch(
				new Request(
					`${origin}/wc-auth/v1/authorize?${query(how.change)}`,
					how.approve
						? {
								method: 'POST',
								headers: { 'content-type': 'application/x-www-form-urlencoded' },
								body: 'answer=approve',
							}
						: {},
				),
			)
			expect(answer.status).toBe(page.status)
			for (const header of ['location', 'x-redirect-by', 'content-type', 'cache-control'])
				expect(answer.headers.get(header), header).toBe(page.headers[header] ?? null)
			expect(visible(await answer.text())).toBe(page.text.trim())
		},
	)

	it('1.10 key_post', async () => {
		const inbox = receiver()
		const store = createStore({
			url: origin,
			objects: 2,
			deliver: inbox.deliver,
			webhooks: { allowLocalDelivery: true },
		})
		await store.fetch(new Request(`${origin}/wc-auth/v1/authorize?${query()}`, { method: 'POST' }))
		const [got] = inbox.got
		expect([got?.method, got?.url]).toEqual([post?.method, GIVEN.callback_url])
		expect(Object.keys(post?.headers ?? {})).not.toEqual([])
		for (const [header, value] of Object.entries(post?.headers ?? {})) expect(got?.headers.get(header)).toBe(value)
		const [real, simulated] = [
			JSON.parse(post?.body ?? '') as Record<string, unknown>,
			JSON.parse(got?.body ?? '') as Record<string, unknown>,
		]
		expect(Object.keys(simulated)).toEqual(Object.keys(real))
		for (const key of Object.keys(real)) expect(typeof simulated[key]).toBe(typeof real[key])
		expect(simulated).toMatchObject({ user_id: 'tenant-42', key_permissions: 'read_write' })
	})
})

describe('the connect flow', () => {
	const OUT = { callback_url: 'https://bell.example/keys', return_url: 'https://bell.example/back?step=2' }

	function connecting(options: StoreOptions = {}, answer: () => number = () => 200) {
		const inbox = receiver(answer)
		const r = rig({ deliver: inbox.deliver, ...options })
		const before = Object.keys(r.store.keys).length
		const visit = (
			change: Record<string, string | null> = {},
			init: RequestInit = {},
			path = 'authorize',
		): Promise<Answer> => r.raw(`${r.store.url}/wc-auth/v1/${path}?${query({ ...OUT, ...change })}`, init)
		return { ...r, ...inbox, visit, made: () => Object.keys(r.store.keys).length - before }
	}

	it('1.10 hands over a working key before the browser returns', async () => {
		let works = 0
		const { store, visit, got, raw } = connecting({}, () => 200)
		const answer = await visit({}, { method: 'POST', body: new URLSearchParams({ answer: 'approve' }) })
		expect(got).toHaveLength(1)
		const { consumer_key, consumer_secret } = JSON.parse(got[0]?.body ?? '') as {
			consumer_key: string
			consumer_secret: string
		}
		works = (
			await raw(`${store.url}/wp-json/wc/v3/orders`, {
				headers: { authorization: basic({ key: consumer_key, secret: consumer_secret }) },
			})
		).status
		expect([answer.status, answer.headers.get('location'), works]).toEqual([
			302,
			'https://bell.example/back?step=2&success=1&user_id=tenant-42',
			200,
		])
		expect(store.deliveries()).toMatchObject([{ webhook: 0, topic: 'wc-auth', result: 'sent', status: 200 }])
	})

	it.each([201, 204, 302, 404, 500])('1.10 takes the key back when the callback answers %i', async (status) => {
		const { visit, made, got } = connecting({}, () => status)
		const answer = await visit({}, { method: 'POST' })
		expect([answer.status, made(), got.length]).toEqual([401, 0, 1])
		expect(answer.text).toContain('unable to send the consumer data')
	})

	it('1.10 sends the browser back without a key when it is denied', async () => {
		const { visit, made, got } = connecting()
		const answer = await visit({}, { method: 'POST', body: new URLSearchParams({ answer: 'deny' }) })
		expect([answer.headers.get('location'), made(), got.length]).toEqual([
			'https://bell.example/back?step=2&success=0&user_id=tenant-42',
			0,
			0,
		])
	})

	it('1.10 grants by the link of the page too, with its nonce', async () => {
		const { visit, raw, made } = connecting()
		const page = await visit()
		const link =
			/href="([^"]*access_granted[^"]*)"/
				.exec(page.text)?.[1]
				?.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))) ?? ''
		expect((await raw(link)).status).toBe(302)
		expect(made()).toBe(1)
		expect((await raw(link.replace(/nonce=\w+/, 'nonce=0'))).status).toBe(401)
		expect(made()).toBe(1)
	})

	it('1.10 lets nobody in before the login', async () => {
		const { visit, raw, store, made } = connecting({ webhooks: { loggedOut: true } })
		const first = await visit({}, { method: 'POST' })
		expect(first.headers.get('location')).toContain(`${store.url}/wc-auth/v1/login/?`)
		const login = first.headers.get('location') ?? ''
		expect((await raw(login)).text).toContain('Login')
		const second = await raw(login, { method: 'POST', body: new URLSearchParams({ log: 'admin' }) })
		expect((await raw(second.headers.get('location') ?? '')).text).toContain('Approve')
		expect(made()).toBe(0)
	})

	it('1.10 decodes the addresses once more than it should: an escaped plus arrives as a plus, a bare one as a space', async () => {
		const { visit, got } = connecting()
		await visit({ callback_url: 'https://bell.example/keys?state=a%2Bb' }, { method: 'POST' })
		expect(got[0]?.url).toBe('https://bell.example/keys?state=a+b')
		expect((await visit({ callback_url: 'https://bell.example/keys?state=a+b' }, { method: 'POST' })).status).toBe(401)
	})

	it('1.10 refuses callbacks without https and private ones; knobs lift that', async () => {
		const callback = { callback_url: 'http://127.0.0.1:9199/keys' }
		const { visit, store, got } = connecting()
		expect((await visit(callback, { method: 'POST' })).text).toContain('needs to be over SSL')
		store.setWebhooks({ allowHttpCallback: true })
		expect((await visit(callback, { method: 'POST' })).text).toContain('A valid URL was not provided.')
		store.setWebhooks({ allowHttpCallback: true, allowLocalDelivery: true })
		expect((await visit(callback, { method: 'POST' })).status).toBe(302)
		expect(got).toHaveLength(1)
	})

	it.each(['not-wordpress', 'no-woocommerce', 'plain-permalinks', 'maintenance'] as const)(
		'1.2 is not there at a site of kind %s',
		async (site) => {
			const { visit, made } = connecting({ site })
			expect((await visit({}, { method: 'POST' })).status).not.toBe(302)
			expect(made()).toBe(0)
		},
	)
})
