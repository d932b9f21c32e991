/** A browser without a window for tests of pages in the runtime: it keeps cookies, follows redirects and posts forms as a page would. */
import { newToken, hashSecret } from '../../../src/accounts/secrets.ts'
import { SESSION_TTL_MS } from '../../../src/accounts/sessions.ts'
import { findForbidden, findWrongIds } from '../../support/html.ts'
import { env, type ApiClient } from '../api/harness.ts'

export const SITE = 'https://bell.example.com'

/** A page as it was answered. */
export interface Visit {
	status: number
	/** Where redirects ended. */
	path: string
	html: string
	headers: Headers
}

/** Options of a request. */
interface VisitOptions {
	headers?: Record<string, string>
	/** Redirects are not followed. */
	stay?: boolean
}

/** A browser with its own cookies. */
export class TestBrowser {
	readonly cookies = new Map<string, string>()
	#client: ApiClient
	/** The token of the forms of the page that was opened last. */
	#formToken = ''

	constructor(client: ApiClient) {
		this.#client = client
	}

	/** Opens a page. */
	async open(path: string, options: VisitOptions = {}): Promise<Visit> {
		return await this.#request('GET', path, null, options)
	}

	/** Posts a form of the page that was opened last. `csrf` in `fields` replaces its token. */
	async post(path: string, fields: Record<string, string | string[]> = {}, options: VisitOptions = {}): Promise<Visit> {
		const form = new URLSearchParams({ csrf: this.#formToken })
		for (const [name, value] of Object.entries(fields)) {
			form.delete(name)
			for (const one of [value].flat()) form.append(name, one)
		}
		return await this.#request('POST', path, form, options)
	}

	/** Gives it a session of a user of the tables. */
	async signIn(userId = 1): Promise<void> {
		const token = newToken('session')
		const { nowMs } = this.#client.world
		await env.DB.prepare(
			`INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms)
			SELECT ?, organization_id, id, 'Firefox', ?, ? FROM users WHERE id = ?`,
		)
			.bind(hashSecret(token), nowMs, nowMs + SESSION_TTL_MS, userId)
			.run()
		this.cookies.set('__Host-shopbell_session', token)
		await this.open('/account/sessions')
	}

	async #request(method: string, path: string, form: URLSearchParams | null, options: VisitOptions): Promise<Visit> {
		const url = new URL(path, SITE)
		const headers = new Headers({ Accept: 'text/html', Cookie: this.#cookieHeader() })
		if (form !== null) {
			headers.set('Content-Type', 'application/x-www-form-urlencoded')
			headers.set('Origin', url.origin)
			headers.set('Sec-Fetch-Site', 'same-origin')
		}
		for (const [name, value] of Object.entries(options.headers ?? {}))
			if (value === '') headers.delete(name)
			else headers.set(name, value)
		const body = form === null ? {} : { body: form.toString() }
		const response = await this.#client.send(new Request(url, { method, headers, redirect: 'manual', ...body }))
		for (const line of response.headers.getSetCookie()) this.#keepCookie(line)
		const location = response.headers.get('Location')
		if (location !== null && options.stay !== true) {
			await response.body?.cancel()
			return await this.open(location)
		}
		const html = await response.text()
		const isPage = html.startsWith('<!doctype html>')
		const forbidden = [...findForbidden(html), ...(isPage ? findWrongIds(html) : [])]
		if (forbidden.length > 0) throw new Error(`${method} ${path}: ${forbidden.join('; ')}`)
		this.#formToken = /name="csrf" value="([^"]*)"/.exec(html)?.[1] ?? this.#formToken
		return { status: response.status, path: url.pathname + url.search, html, headers: response.headers }
	}

	#cookieHeader(): string {
		return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
	}

	#keepCookie(line: string): void {
		const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
		if (/max-age=0/i.test(line)) this.cookies.delete(name)
		else this.cookies.set(name, value)
	}
}
