/** A browser without a window for tests of pages in the runtime: it keeps cookies, follows redirects and posts forms as a page would. */
import { newToken, hashSecret } from '../../../src/accounts/secrets.ts'
import { SESSION_TTL_MS } from '../../../src/accounts/sessions.ts'
import { findForbidden, findWrongIds } from '../../support/html.ts'
import { toHour, type ActivityHour } from '../../../src/events/activity.ts'
import { addOrganization, env, type ApiClient } from '../api/harness.ts'
import { insertInstance, insertReportingInstance, statusReport } from '../api/support.ts'

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

/** Adds a user of the first organization who only looks; the answer is their id. */
export async function addViewer(): Promise<number> {
	await env.DB.prepare(
		"INSERT INTO users (id, organization_id, email, first_name, last_name, role, secret_hash, secret_sealed, created_ms) VALUES (8, 1, 'v@example.com', 'V', 'I', 'viewer', 'none', '', 0)",
	).run()
	return 8
}

/** Adds another organization with an instance named `Foreign`, which needs attention; the answer is its id. */
export async function insertForeignInstance(client: ApiClient): Promise<number> {
	await addOrganization(2)
	await insertReportingInstance(
		client,
		99,
		{ organization_id: 2, user_id: 2, name: 'Foreign' },
		{ state: 'needs-reauth' },
	)
	return 99
}

/** A thousand instances, each with a full day of activity; every fifth needs attention. */
export async function insertThousand(client: ApiClient): Promise<void> {
	const { nowMs } = client.world
	const { activity } = statusReport(client, 1)
	const hours = Array.from({ length: 24 }, (_, index): ActivityHour => [
		toHour(nowMs) - index,
		9,
		9,
		9,
		27,
		9,
		0,
		[1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 0, 1],
	])
	await insertInstance(client, 999)
	await env.DB.batch([
		env.DB.prepare(
			`WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1998)
			INSERT INTO instances (id, organization_id, user_id, state, version, enabled, events_enabled, element_key, name, tags, configuration, connection, token_hash, token_sealed, subscription_id, created_ms, updated_ms)
			SELECT i, organization_id, user_id, state, version, enabled, events_enabled, element_key, 'Shop ' || i, tags, configuration, connection, 'h' || i, token_sealed, i, created_ms, updated_ms FROM instances, n WHERE id = 999`,
		),
		env.DB.prepare(
			`INSERT INTO instance_status (instance_id, organization_id, state, reason, since_ms, alive_at_ms, last_event_at_ms, interval_ms, events, delivered, store_requests, hours, activity)
			SELECT id, 1, CASE WHEN id % 5 = 0 THEN 'needs-reauth' ELSE 'healthy' END, '', ?1, ?1, ?1, 60000, 0, 0, 0, '[]', ?2 FROM instances`,
		).bind(nowMs, JSON.stringify({ ...activity, hours })),
	])
}
