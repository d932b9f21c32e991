/** Sessions of browsers: the first run, signing in and out, forms of other sites, and a session that ends while a form is open. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashPassword } from '../../../src/accounts/passwords.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from '../api/harness.ts'
import { SITE, TestBrowser } from './browser.ts'

const PASSWORD = 'correct horse battery staple'
const hashed = hashPassword(PASSWORD)

let client: ApiClient
let browser: TestBrowser

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	browser = new TestBrowser(client)
})

async function setPasswords(): Promise<void> {
	await env.DB.prepare('UPDATE users SET password = ?')
		.bind(await hashed)
		.run()
}

const countSessions = async (): Promise<number> =>
	(await env.DB.prepare('SELECT count(*) AS n FROM sessions').first<{ n: number }>())!.n

describe('the first run', () => {
	const FIELDS = {
		token: 'setup-token-of-the-tests',
		organizationName: 'Northwind',
		firstName: 'Ann',
		lastName: 'Lee',
		email: 'ann@northwind.example',
		password: PASSWORD,
	}
	beforeEach(async () => {
		for (const table of ['audit_log', 'links', 'users', 'organizations']) await env.DB.exec(`DELETE FROM ${table}`)
	})

	test('begins at the start page and ends signed in, on the way to the first store', async () => {
		const page = await browser.open('/')
		expect([page.status, page.path]).toEqual([200, '/set-up'])
		const done = await browser.post('/set-up', FIELDS)
		expect(done.path).toBe('/connect')
		expect((await browser.open('/account/sessions')).html).toContain('Northwind')
		// It happens once.
		expect((await new TestBrowser(client).open('/set-up')).path).toBe('/sign-in')
	})

	test('names each field that is wrong, keeps what was typed, and no secret', async () => {
		await browser.open('/set-up')
		const { status, html } = await browser.post('/set-up', { ...FIELDS, email: 'ann', password: 'short' })
		expect(status).toBe(422)
		expect(html).toMatch(/id="email-error"/)
		expect(html).toMatch(/id="password-error"/)
		expect(html).toContain('value="Northwind"')
		expect(html).not.toContain('value="short"')
		expect(html).not.toContain(FIELDS.token)
		const refused = await browser.post('/set-up', { ...FIELDS, token: 'guess' })
		expect(refused.html).toMatch(/id="token-error"/)
		expect(await env.DB.prepare('SELECT 1 FROM users').first()).toBeNull()
	})
})

describe('signing in', () => {
	beforeEach(setPasswords)

	test('sets a cookie that opens pages, not the API', async () => {
		expect((await browser.open('/account/sessions')).status).toBe(401)
		const page = await browser.open('/sign-in?next=/account/sessions')
		const signedIn = await browser.post('/sign-in', {
			username: 'Admin@Example.com',
			password: PASSWORD,
			next: '/account/sessions',
		})
		expect([page.status, signedIn.status, signedIn.path]).toEqual([200, 200, '/account/sessions'])
		const answer = await client.send(
			new Request(`${SITE}/elements/api-v2/instances`, {
				headers: { Cookie: `__Host-shopbell_session=${browser.cookies.get('__Host-shopbell_session')}` },
			}),
		)
		expect(answer.status).toBe(401)
	})

	test('the cookie is for this host, https and pages alone; on this machine it needs no https', async () => {
		await browser.open('/sign-in')
		const fields = { username: 'admin@example.com', password: PASSWORD }
		const { headers } = await browser.post('/sign-in', fields, { stay: true })
		const cookie = headers.getSetCookie().find((line) => line.startsWith('__Host-shopbell_session='))
		expect(cookie).toMatch(/; HttpOnly/)
		expect(cookie).toMatch(/; Secure/)
		expect(cookie).toMatch(/; SameSite=Lax/)
		expect(cookie).toMatch(/; Path=\//)
		expect(cookie).not.toMatch(/Domain/)
		for (const host of ['localhost', '127.0.0.1', '[::1]']) {
			const site = `http://${host}:8787`
			const local = new TestBrowser(client)
			await local.open(`${site}/sign-in`)
			const there = await local.post(`${site}/sign-in`, fields, { stay: true })
			const [line] = there.headers.getSetCookie().filter((one) => one.startsWith('shopbell_session_8787='))
			expect(line, host).toMatch(/HttpOnly/)
			expect(line, host).not.toMatch(/Secure/)
		}
		const plain = await new TestBrowser(client).open('http://bell.example.com/sign-in')
		expect(plain.html).toContain('Open this page over https')
		expect((await new TestBrowser(client).open('http://bell.example.com/account/sessions')).html).toContain(
			'over https',
		)
	})

	test('two Shopbells on this machine have a session each, though their ports share cookies', async () => {
		const fields = { username: 'admin@example.com', password: PASSWORD }
		await browser.open('http://127.0.0.1:8787/sign-in')
		await browser.post('http://127.0.0.1:8787/sign-in', fields, { stay: true })
		await browser.open('http://127.0.0.1:8788/account/sessions')
		await browser.post('http://127.0.0.1:8788/sign-in', fields, { stay: true })
		expect([...browser.cookies.keys()].sort()).toEqual(['shopbell_session_8787', 'shopbell_session_8788'])
		expect((await browser.open('http://127.0.0.1:8787/account/sessions')).status).toBe(200)
	})

	test('a wrong password says nothing more; too many say when to try again', async () => {
		await browser.open('/sign-in')
		const wrong = await browser.post('/sign-in', { username: 'admin@example.com', password: 'wrong' })
		expect(wrong.status).toBe(422)
		expect(wrong.html).toContain('The e-mail address or the password is wrong.')
		expect(wrong.html).toContain('value="admin@example.com"')
		expect(wrong.html).not.toContain('value="wrong"')
		await env.DB.prepare('UPDATE sign_in_attempts SET attempts = 1000').run()
		const locked = await browser.post('/sign-in', { username: 'admin@example.com', password: PASSWORD })
		expect(locked.status).toBe(429)
		expect(locked.html).toMatch(/Too many attempts to sign in\. Try again in \d+ min\./)
		expect(Number(locked.headers.get('Retry-After'))).toBeGreaterThan(0)
		expect(await countSessions()).toBe(0)
	})

	test('never leads to another host', async () => {
		for (const next of [
			...['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', ''],
			...['/.//evil.example', '/x/..//evil.example', '/%2e//evil.example', '/./\\evil.example', '/\t/evil.example'],
			...['/\n//evil.example', '///evil.example', '\\\\evil.example', '//user@evil.example', '/.\t//evil.example'],
		]) {
			const other = new TestBrowser(client)
			await other.open(`/sign-in?next=${encodeURIComponent(next)}`)
			const fields = { username: 'admin@example.com', password: PASSWORD, next }
			const { headers } = await other.post('/sign-in', fields, { stay: true })
			expect(headers.get('Location'), next).toBe('/')
		}
	})

	test('asks for the organization if the password is right for several', async () => {
		await env.DB.prepare(
			`INSERT INTO organizations (id, incarnation, name, secret_hash, secret_sealed, created_ms)
			VALUES (2, 'two', 'Second', 'h', 's', 0)`,
		).run()
		await env.DB.prepare(
			`INSERT INTO users (id, organization_id, email, login, first_name, last_name, role, password, secret_hash, secret_sealed, created_ms)
			SELECT 2, 2, email, login, first_name, last_name, role, password, 'h2', 's2', 0 FROM users WHERE id = 1`,
		).run()
		await browser.open('/sign-in')
		const fields = { username: 'admin@example.com', password: PASSWORD }
		const asked = await browser.post('/sign-in', fields)
		expect(asked.html).toContain('<option value="2">Second</option>')
		await browser.post('/sign-in', { ...fields, organization: '2', next: '/account/sessions' })
		expect((await browser.open('/account/sessions')).html).toContain('Second')
	})
})

describe('signing out', () => {
	test('ends this session, or all of them', async () => {
		await browser.signIn()
		const other = new TestBrowser(client)
		await other.signIn()
		expect((await browser.post('/sign-out')).html).toContain('You are signed out.')
		expect(await countSessions()).toBe(1)
		expect((await browser.open('/account/sessions')).status).toBe(401)
		const third = new TestBrowser(client)
		await third.signIn()
		const page = await third.post('/account/sessions/end')
		expect(page.path).toBe('/sign-in')
		expect(page.html).toContain('All 2 sessions of yours have ended.')
		expect((await other.open('/account/sessions')).status).toBe(401)
	})

	test('a second time, from another tab, needs no session', async () => {
		await browser.signIn()
		await env.DB.exec('DELETE FROM sessions')
		const page = await browser.post('/sign-out')
		expect([page.path, page.html.includes('You are signed out.')]).toEqual(['/sign-in', true])
	})
})

describe('forms of other sites', () => {
	test.each([
		['another origin', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }, undefined],
		['another origin that claims to be this site', { Origin: 'https://evil.example' }, undefined],
		['no origin at all', { Origin: '', 'Sec-Fetch-Site': '' }, undefined],
		['an opaque origin', { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' }, undefined],
		['a subdomain', { Origin: 'https://x.bell.example.com', 'Sec-Fetch-Site': 'same-site' }, undefined],
		['another content type', { 'Content-Type': 'text/plain' }, undefined],
		['files', { 'Content-Type': 'multipart/form-data; boundary=x' }, undefined],
		['a part of a page', { 'HX-Request': 'true', Origin: 'https://evil.example' }, undefined],
		['no token', {}, ''],
		['the token of somebody else', {}, 'x'.repeat(43)],
	])('%s changes nothing', async (_, headers, csrf) => {
		await browser.signIn()
		const { status } = await browser.post('/account/sessions/end', csrf === undefined ? {} : { csrf }, { headers })
		expect([403, 415]).toContain(status)
		expect(await countSessions()).toBe(1)
	})

	test('a browser that hides the origin is believed about the site', async () => {
		await browser.signIn()
		await browser.post('/account/sessions/end', {}, { headers: { Origin: 'null' } })
		expect(await countSessions()).toBe(0)
	})

	test('a page has the time of the server, with which the browser corrects its own', async () => {
		await browser.signIn()
		const { html } = await browser.open('/account/sessions')
		expect(html).toContain(`data-now="${client.world.nowMs}"`)
	})

	test('no page can be embedded, runs a script of others, or is kept', async () => {
		await browser.signIn()
		const { headers, html } = await browser.open('/account/sessions')
		const policy = headers.get('Content-Security-Policy')!
		expect(policy).toContain("frame-ancestors 'none'")
		expect(policy).not.toContain('unsafe')
		expect(headers.get('Cache-Control')).toBe('no-store')
		expect(html).not.toMatch(/ style=| on\w+=|<style|<script(?![^>]*src)/)
	})
})

describe('a session that ends while a form is open', () => {
	const fields = { username: 'admin@example.com', password: PASSWORD }
	beforeEach(setPasswords)

	test('what was typed is sent after signing in', async () => {
		await browser.signIn()
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post('/account/sessions/end')
		expect(ended.status).toBe(401)
		expect(ended.html).toContain('Your session has ended')
		const typed = /name="typed" value="([^"]+)"/.exec(ended.html)![1]!
		// The form was handled: every session ended, the new one too.
		const done = await browser.post('/sign-in', { ...fields, typed })
		expect(done.html).toContain('Your session has ended.')
		expect(await countSessions()).toBe(0)
	})

	test('what was typed goes through the browser sealed, and not when it was changed or is old', async () => {
		await browser.signIn()
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post('/account/sessions/end', { secret: 'cs_very_secret' })
		expect(ended.html).not.toContain('cs_very_secret')
		const typed = /name="typed" value="([^"]+)"/.exec(ended.html)![1]!
		const changed = await browser.post('/sign-in', { ...fields, typed: `${typed.slice(0, -4)}AAAA` })
		expect(changed.status).toBeLessThan(500)
		expect(await countSessions()).toBe(1)
		client.world.nowMs += 25 * 3_600_000
		await browser.open('/account/sessions')
		await browser.post('/sign-out')
		await browser.open('/sign-in')
		await browser.post('/sign-in', { ...fields, typed })
		expect(await countSessions()).toBe(1)
	})

	test('a large form comes back whole', async () => {
		await browser.signIn()
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post('/account/sessions/end', { json: '{"a":"ü"}'.repeat(35_000) })
		expect(ended.status).toBe(401)
		const typed = /name="typed" value="([^"]+)"/.exec(ended.html)![1]!
		const wrong = await browser.post('/sign-in', { ...fields, password: 'wrong', typed })
		expect([wrong.status, wrong.html.includes(typed)]).toEqual([422, true])
		await browser.post('/sign-in', { ...fields, typed })
		expect(await countSessions()).toBe(0)
		expect((await browser.post('/sign-in', { json: 'x'.repeat(2_200_000) })).status).toBe(413)
	})

	test('another user who signs in is asked', async () => {
		await addOrganization(2)
		await env.DB.prepare("UPDATE users SET login = 'second@example.com', password = ? WHERE id = 2")
			.bind(await hashed)
			.run()
		await browser.signIn(2)
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post('/account/sessions/end')
		const typed = /name="typed" value="([^"]+)"/.exec(ended.html)![1]!
		const asked = await browser.post('/sign-in', { ...fields, typed })
		expect(asked.html).toContain('Another user typed this form.')
		expect(await countSessions()).toBe(1)
		await browser.post('/sign-in/resume', { typed: /name="typed" value="([^"]+)"/.exec(asked.html)![1]! })
		expect(await countSessions()).toBe(0)
	})

	test('forms for everybody need no session: the browser was closed while they were open', async () => {
		await browser.open('/sign-in')
		browser.cookies.clear()
		const again = await browser.post('/sign-in', { ...fields, next: '/account/sessions' })
		expect(again.status).toBe(403)
		expect(again.html).toContain('Enter your password again.')
		expect(again.html).toContain('value="admin@example.com"')
		// Neither as it is nor sealed.
		expect(again.html).not.toMatch(/name="typed"|correct horse/)
		expect((await browser.post('/sign-in', { ...fields, next: '/account/sessions' })).status).toBe(200)

		const { body } = await client.call('POST', '/users/1/reset')
		const { pathname } = new URL(body.url)
		const invited = new TestBrowser(client)
		await invited.open(pathname)
		invited.cookies.clear()
		const password = 'another password of mine'
		const asked = await invited.post(pathname, { password, repeated: password })
		expect([asked.status, asked.html.includes('Send it again')]).toEqual([403, true])
		await invited.post('/sign-in/resume', { typed: /name="typed" value="([^"]+)"/.exec(asked.html)![1]! })
		expect((await invited.open('/account/sessions')).status).toBe(200)
	})

	test('what was typed is not sealed twice', async () => {
		await browser.signIn()
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post('/account/sessions/end')
		const typed = /name="typed" value="([^"]+)"/.exec(ended.html)![1]!
		browser.cookies.clear()
		expect((await browser.post('/sign-in/resume', { typed })).html).toContain(typed)
	})

	test('a form that htmx sent is replaced by no error: the error comes on top', async () => {
		await browser.signIn()
		const headers = { 'HX-Request': 'true' }
		const refused = await browser.post(
			'/account/sessions/end',
			{},
			{ headers: { ...headers, Origin: 'null', 'Sec-Fetch-Site': 'cross-site' } },
		)
		expect([refused.status, refused.headers.get('HX-Retarget')]).toEqual([403, '#main'])
		expect(refused.html).toMatch(/^<div class="notice bad"/)
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post('/account/sessions/end', {}, { headers })
		expect([ended.status, ended.headers.get('HX-Retarget')]).toEqual([401, 'body'])
		expect(ended.html).toContain('name="typed"')
	})

	test('a form from before signing out and in again asks once more', async () => {
		await browser.signIn()
		const before = await browser.open('/account/sessions')
		const csrf = /name="csrf" value="([^"]*)"/.exec(before.html)![1]!
		await browser.signIn()
		const asked = await browser.post('/account/sessions/end', { csrf })
		expect(asked.status).toBe(403)
		expect(await countSessions()).toBe(2)
		const typed = /name="typed" value="([^"]+)"/.exec(asked.html)![1]!
		await browser.post('/sign-in/resume', { typed })
		expect(await countSessions()).toBe(0)
	})

	test('the page that is opened next says that the session has ended', async () => {
		for (const path of ['/account/sessions', '/']) {
			await browser.signIn()
			await env.DB.exec('DELETE FROM sessions')
			expect((await browser.open(path)).html, path).toContain('Your session has ended. Sign in again.')
		}
		expect((await new TestBrowser(client).open('/account/sessions')).html).not.toContain('has ended')
	})

	test('requests that come at once have one form cookie', async () => {
		await browser.signIn()
		await env.DB.exec('DELETE FROM sessions')
		const session = new Map(browser.cookies)
		const cookies: (string | undefined)[] = []
		for (let n = 0; n < 2; n++) {
			browser.cookies.clear()
			for (const [name, value] of session) browser.cookies.set(name, value)
			await browser.post('/account/sessions/end')
			cookies.push(browser.cookies.get('__Host-shopbell_form'))
		}
		expect(cookies[0]).toBeDefined()
		expect(cookies[1]).toBe(cookies[0])
	})

	test('a part of a page says so in its place', async () => {
		const headers = { 'HX-Request': 'true', 'HX-Current-URL': `${SITE}/account/sessions?page=2` }
		const { status, html } = await browser.open('/account/sessions', { headers })
		expect(status).toBe(401)
		expect(html).toMatch(/^<div class="notice warn"/)
		expect(html).toContain('href="/sign-in?next=%2Faccount%2Fsessions%3Fpage%3D2"')
	})
})

describe('errors', () => {
	test('an unknown address is a page for browsers and JSON for programs', async () => {
		const page = await browser.open('/nowhere')
		expect([page.status, page.headers.get('Content-Type')]).toEqual([404, 'text/html; charset=utf-8'])
		expect(page.html).toContain('This page does not exist')
		const json = await browser.open('/nowhere', { headers: { Accept: 'application/json' } })
		expect(json.headers.get('Content-Type')).toContain('application/json')
	})

	test.each(['/sign-out', '/sign-in/resume', '/account/sessions/end'])(
		'an address of a form, %s, is no JSON',
		async (path) => {
			const { status, html, headers } = await browser.open(path)
			expect([status, headers.get('Content-Type')]).toEqual([405, 'text/html; charset=utf-8'])
			expect(headers.get('Allow')).toBe('POST')
			expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'")
			expect(html).toContain('There is no page here')
			const json = await browser.open(path, { headers: { Accept: 'application/json' } })
			expect([json.status, json.headers.get('Content-Type')]).toEqual([405, 'application/json'])
		},
	)

	test('no address or cookie is too odd', async () => {
		for (const path of ['/accept/%', '/accept/%E0%A4%A', `/accept/${'a'.repeat(9_000)}`, '/sign-in?next=%00%ED%A0%80'])
			expect([path, [200, 404].includes((await browser.open(path)).status)]).toEqual([path, true])
		for (const value of ['%ED%A0%80', 'ok', 'ok %E2', '"', 'x y', '='])
			for (const name of ['session', 'form', 'message']) {
				const Cookie = `__Host-shopbell_${name}=${value}; __Host-shopbell_${name}=other`
				expect((await browser.open('/sign-in', { headers: { Cookie } })).status).toBe(200)
			}
	})

	const breakDatabase = (): void => {
		client.world.settings.DB = {
			prepare: () => {
				throw new Error('SQL secret')
			},
		} as never
	}

	test('without a database no page says that something else is wrong', async () => {
		await browser.open('/sign-in')
		breakDatabase()
		const page = await browser.open('/sign-in')
		expect(page.status).toBe(503)
		expect(page.html).toContain('The database does not answer')
		const link = await browser.open(`/accept/sbl_${'x'.repeat(43)}`)
		expect([link.status, link.html.includes('This link is not valid')]).toEqual([500, false])
		expect(link.html).toContain('tell your operator the request id')
		const form = await browser.post('/sign-in', { username: 'ann@example.com', password: PASSWORD })
		expect(form.html).toContain('Something went wrong')
	})

	test('a page that fails outside of the pages is a page too', async () => {
		client.world.settings.ASSETS = {
			fetch: () => {
				throw new Error('secret of the assets')
			},
		} as never
		const { status, html, headers } = await browser.open('/guide')
		expect([status, headers.get('Content-Type')]).toEqual([500, 'text/html; charset=utf-8'])
		expect(html).not.toContain('secret')
	})

	test('an unexpected error has a request id and nothing else', async () => {
		breakDatabase()
		browser.cookies.set('__Host-shopbell_session', `sbs_${'x'.repeat(43)}`)
		const { status, html, headers } = await browser.open('/account/sessions')
		expect(status).toBe(500)
		expect(html).toContain(headers.get('Elements-Request-Id')!)
		expect(html).not.toContain('SQL')
	})
})

test('a link of a local run signs in there and nowhere else', async () => {
	const { body } = await client.call('POST', '/authentication/sessions')
	const path = `/sign-in/local?session=${body.token}`
	expect((await browser.open(path)).status).toBe(404)
	const local = new TestBrowser(client)
	const page = await local.open(`http://127.0.0.1:8787${path}`, { stay: true })
	expect(page.headers.get('Location')).toBe('/')
	expect(local.cookies.get('shopbell_session_8787')).toBe(body.token)
	expect(page.headers.get('Cache-Control')).toBe('no-store')
	client.world.settings.ALLOW_PRIVATE_NETWORK = 'false'
	expect((await new TestBrowser(client).open(`http://127.0.0.1:8787${path}`)).status).toBe(404)
})
