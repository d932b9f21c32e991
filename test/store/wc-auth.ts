/** The connect flow `wc-auth/v1`: checks the parameters, asks the shop's user, posts the key to the callback, sends the browser back (docs/woocommerce.md 1.10). */
import { createHmac } from 'node:crypto'
import type { Courier } from './courier.ts'
import type { Engine } from './engine.ts'
import { parseQuery, rawurlencode } from './query.ts'
import { diePage, NO_CACHE } from './reply.ts'
import type { Reply } from './reply.ts'
import type { Key } from './types.ts'

const PARAMETERS = ['app_name', 'user_id', 'return_url', 'callback_url', 'scope'] as const
type Data = Record<(typeof PARAMETERS)[number], string>

const SCOPES: Record<string, [string, string[]]> = {
	read: ['Read', ['View coupons', 'View customers', 'View orders and sales reports', 'View products']],
	write: ['Write', ['Create webhooks', 'Create coupons', 'Create customers', 'Create orders', 'Create products']],
	read_write: [
		'Read/Write',
		[
			'Create webhooks',
			'View and manage coupons',
			'View and manage customers',
			'View and manage orders and sales reports',
			'View and manage products',
		],
	],
}

/** What ends the flow with an error page. */
class Denied extends Error {}

const HTML = { server: 'nginx/1.22.1', 'content-type': 'text/html; charset=UTF-8' }

function escape(text: string): string {
	return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

/** WooCommerce decodes the addresses once more than PHP has: a plus becomes a space, `%2B` a plus. */
function formatted(url: string): string {
	const spaced = url.replace(/\+/g, ' ')
	let decoded = spaced
	try {
		decoded = decodeURIComponent(spaced)
	} catch {
		// PHP leaves what is no escape as it is.
	}
	return decoded.includes('://') ? decoded : `https://${decoded}`
}

/** What WordPress makes of an address before it redirects there. */
function sanitized(url: string): string {
	return url.replace(/[^\x21-\x7e]+/gu, (text) => encodeURIComponent(text))
}

function withArguments(url: string, query: string): string {
	const [address = '', fragment] = url.split('#', 2)
	return `${address}${address.includes('?') ? '&' : '?'}${query}${fragment === undefined ? '' : `#${fragment}`}`
}

function redirect(location: string): Reply {
	return {
		status: 302,
		headers: { ...HTML, 'x-redirect-by': 'WordPress', location: sanitized(location) },
		body: null,
		text: '',
	}
}

function page(title: string, body: string): Reply {
	const text = `<!DOCTYPE html>\n<html lang="en-US">\n<head>\n<meta charset="UTF-8" />\n<title>${title}</title>\n</head>\n<body class="wc-auth wp-core-ui">\n${body}\n</body>\n</html>\n`
	return { status: 200, headers: { ...HTML }, body: null, text }
}

/** Where the connect flow is asked for. */
export interface Visit {
	method: string
	/** Path below `/wc-auth/v1/`. */
	route: string
	/** The query string and the body. */
	query: string
	body: string
}

/** The flow of one store, with the keys that it has made. */
export class Connect {
	readonly #engine: Engine
	readonly #courier: Courier
	readonly #keys: Record<string, Key>
	#made = 0
	/** Since the form of the login page was sent. */
	#loggedIn = false

	constructor(engine: Engine, courier: Courier, keys: Record<string, Key>) {
		this.#engine = engine
		this.#courier = courier
		this.#keys = keys
	}

	/** Answers a request below `/wc-auth/v1/`. */
	async answer({ method, route, query, body }: Visit): Promise<Reply> {
		const params = new Map([...parseQuery(query), ...parseQuery(body)])
		try {
			const data = this.#checked(params)
			const loggedIn = this.#loggedIn || !this.#engine.webhooks.knobs.loggedOut
			switch (route.replace(/\/+$/, '').toLowerCase()) {
				case 'login':
					if (!loggedIn && method !== 'POST') return this.#loginPage(data)
					this.#loggedIn = true
					return redirect(this.#url(data, 'authorize'))
				case 'authorize':
					if (!loggedIn) return redirect(this.#url(data, 'login'))
					if (method !== 'POST') return this.#grantPage(data)
					if (params.get('answer') === 'deny') return redirect(this.#back(data, 0))
					return await this.#granted(data)
				case 'access_granted':
					if (!loggedIn) break
					if (params.get('wc_auth_nonce') !== this.#nonce()) throw new Denied('Invalid nonce verification')
					return await this.#granted(data)
				default:
			}
			throw new Denied('You do not have permission to access this page')
		} catch (error) {
			if (!(error instanceof Denied)) throw error
			return {
				status: 401,
				headers: { ...HTML, ...NO_CACHE },
				body: null,
				text: diePage(escape(`Error: ${error.message}.`)),
			}
		}
	}

	#checked(params: Map<string, unknown>): Data {
		const data: Partial<Data> = {}
		for (const name of PARAMETERS) {
			const value = params.get(name)
			if (value === undefined || value === '' || value === '0') throw new Denied(`Missing parameter ${name}`)
			if (typeof value !== 'string') throw new Denied(`Invalid parameter ${name}`)
			data[name] = value
		}
		const whole = data as Data
		if (!(whole.scope in SCOPES)) throw new Denied(`Invalid scope ${whole.scope}`)
		for (const name of ['return_url', 'callback_url'] as const) {
			const url = formatted(whole[name])
			if (!URL.canParse(url) || /\s/.test(url)) throw new Denied(`The ${url} is not a valid URL`)
		}
		if (!/^https:\/\//i.test(formatted(whole.callback_url)) && !this.#engine.webhooks.knobs.allowHttpCallback)
			throw new Denied('The callback_url needs to be over SSL')
		return whole
	}

	#url(data: Data, endpoint: string): string {
		const pairs = PARAMETERS.map(
			(name) => `${name}=${name.endsWith('_url') ? rawurlencode(formatted(data[name])) : data[name]}`,
		)
		return `${this.#engine.settings.url}/wc-auth/v1/${endpoint}/?${pairs.join('&')}`
	}

	#back(data: Data, success: 0 | 1): string {
		return withArguments(formatted(data.return_url), `success=${success}&user_id=${data.user_id}`)
	}

	#nonce(): string {
		return createHmac('sha256', 'wc_auth_grant_access')
			.update(String(this.#engine.settings.seed))
			.digest('hex')
			.slice(0, 10)
	}

	#loginPage(data: Data): Reply {
		return page(
			'Application authentication request',
			`<h1>Connect ${escape(data.app_name)} to your store</h1>
<form method="post" action="${escape(this.#url(data, 'login'))}"><input name="log" value="admin" /><input name="pwd" type="password" value="" /><button type="submit">Login</button></form>
<a href="${escape(sanitized(this.#back(data, 0)))}">Cancel and return to ${escape(data.app_name)}</a>`,
		)
	}

	#grantPage(data: Data): Reply {
		const [scope, permissions] = SCOPES[data.scope] as [string, string[]]
		const name = escape(data.app_name)
		const granted = `${this.#url(data, 'access_granted')}&wc_auth_nonce=${this.#nonce()}`
		return page(
			'Application authentication request',
			`<h1>${name} would like to connect to your store</h1>
<p>This will give "${name}" <strong>${scope}</strong> access which will allow it to:</p>
<ul class="wc-auth-permissions">${permissions.map((permission) => `<li>${permission}</li>`).join('')}</ul>
<p>Approving will share credentials with ${escape(new URL(formatted(data.callback_url)).hostname)}. Do not proceed if this looks suspicious in any way.</p>
<p>Logged in as admin <a href="${escape(this.#url(data, 'login'))}">Logout</a></p>
<form method="post" action="${escape(this.#url(data, 'authorize'))}">
<button type="submit" name="answer" value="approve">Approve</button>
<button type="submit" name="answer" value="deny">Deny</button>
</form>
<p><a href="${escape(granted)}" class="wc-auth-approve">Approve</a> <a href="${escape(sanitized(this.#back(data, 0)))}" class="wc-auth-deny">Deny</a></p>`,
		)
	}

	/** Makes a key and hands it over; anything but 200 takes it back. */
	async #granted(data: Data): Promise<Reply> {
		const number = ++this.#made
		const hex = (prefix: string): string =>
			`${prefix}_${createHmac('sha1', prefix).update(`${this.#engine.settings.seed} ${number}`).digest('hex')}`
		const name = `wc-auth-${number}`
		const key: Key = {
			key: hex('ck'),
			secret: hex('cs'),
			permissions: data.scope as Key['permissions'],
			role: 'administrator',
		}
		this.#keys[name] = key
		const { status, error } = await this.#courier.handOver(formatted(data.callback_url), {
			key_id: Object.keys(this.#keys).length,
			user_id: data.user_id,
			consumer_key: key.key,
			consumer_secret: key.secret,
			key_permissions: key.permissions,
		})
		if (status === 200) return redirect(this.#back(data, 1))
		delete this.#keys[name]
		throw new Denied(
			status === null
				? (error ?? 'no answer')
				: 'An error occurred in the request and at the time were unable to send the consumer data',
		)
	}
}
