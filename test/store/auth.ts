/** Who asks: Basic and query-string keys over https, OAuth 1.0a over both (docs/woocommerce.md 1.3 to 1.7). */
import { createHmac } from 'node:crypto'
import { mix } from './random.ts'
import { RestError } from './reply.ts'
import { rawurlencode } from './query.ts'
import type { Param, Params } from './query.ts'
import type { Key } from './types.ts'

/** What authentication needs to know of a request. */
export interface Asked {
	method: string
	/** Whether PHP sees https. */
	https: boolean
	authorization: string | null
	params: Params
	/** The address that OAuth signs: the site's configured scheme, host and path, without query. */
	baseUrl: string
	/** Epoch seconds on the store's clock. */
	second: number
}

const FAILED = 'woocommerce_rest_authentication_error'
const WINDOW = 15 * 60

function hex(seed: number, salt: number): string {
	let text = ''
	for (let i = 0; i < 5; i++) text += mix(seed, salt, i).toString(16).padStart(8, '0')
	return text
}

/** The keys of a generated store. */
export function makeKeys(seed: number): Record<string, Key> {
	const make = (
		salt: number,
		permissions: Key['permissions'],
		role: Key['role'] = 'administrator',
		denied?: string[],
	): Key => ({
		key: `ck_${hex(seed, salt)}`,
		secret: `cs_${hex(seed, salt + 1)}`,
		permissions,
		role,
		...(denied && { denied }),
	})
	return {
		rw: make(100, 'read_write'),
		ro: make(110, 'read'),
		wo: make(120, 'write'),
		manager: make(130, 'read_write', 'shop_manager'),
		customer: make(140, 'read_write', 'customer'),
		nocustomers: make(150, 'read_write', 'shop_manager', ['customers']),
	}
}

/** Checks credentials and remembers nonces. */
export class Authenticator {
	readonly keys: Record<string, Key>
	readonly #nonces = new Map<string, number>()

	constructor(keys: Record<string, Key>) {
		this.keys = keys
	}

	#find(key: unknown): Key | undefined {
		return Object.values(this.keys).find((known) => known.key === key)
	}

	/** The key that asks, or null for nobody. Throws the 401 for bad secrets, signatures and rights. */
	who(asked: Asked): Key | null {
		const key = (asked.https && this.#plain(asked)) || this.#oauth(asked)
		if (key) permit(key, asked.method)
		return key || null
	}

	#plain({ authorization, params }: Asked): Key | null {
		let name = params.get('consumer_key')
		let secret = params.get('consumer_secret')
		if (!name || !secret) {
			const basic = /^basic\s+(\S+)$/i.exec(authorization ?? '')
			if (!basic) return null
			const [user, ...rest] = atob(/^[\w+/=-]+$/.test(basic[1] as string) ? (basic[1] as string) : '').split(':')
			name = user
			secret = rest.join(':')
		}
		const key = this.#find(name)
		if (!key) return null
		if (key.secret !== secret) throw new RestError(401, FAILED, 'Consumer secret is invalid.')
		return key
	}

	#oauth(asked: Asked): Key | null {
		const given = new Map(asked.params)
		const header = /^oauth\s+(.*)$/i.exec(asked.authorization ?? '')
		if (header) {
			for (const [, name, value] of (header[1] as string).matchAll(/(oauth_\w+)="([^"]*)"/g))
				given.set(name as string, decodeURIComponent(value as string))
		}
		const names = ['oauth_consumer_key', 'oauth_timestamp', 'oauth_nonce', 'oauth_signature', 'oauth_signature_method']
		const missing = names.filter((name) => !given.get(name))
		if (missing.length === names.length) return null
		if (missing.length > 0) {
			throw new RestError(
				401,
				'woocommerce_rest_authentication_missing_parameter',
				`Missing OAuth ${missing.length === 1 ? 'parameter' : 'parameters'} ${missing.join(', ')}`,
			)
		}
		const key = this.#find(given.get('oauth_consumer_key'))
		if (!key) throw new RestError(401, FAILED, 'Consumer key is invalid.')
		const method = String(given.get('oauth_signature_method'))
		if (method !== 'HMAC-SHA1' && method !== 'HMAC-SHA256')
			throw new RestError(401, FAILED, 'Invalid signature - signature method is invalid.')
		const signature = String(given.get('oauth_signature'))
		given.delete('oauth_signature')
		if (sign(asked.method, asked.baseUrl, given, key.secret, method) !== signature) {
			throw new RestError(401, FAILED, 'Invalid signature - provided signature does not match.')
		}
		const timestamp = Number(given.get('oauth_timestamp'))
		if (!(Math.abs(timestamp - asked.second) <= WINDOW)) throw new RestError(401, FAILED, 'Invalid timestamp.')
		const nonce = `${key.key} ${String(given.get('oauth_nonce'))}`
		if (this.#nonces.has(nonce)) throw new RestError(401, FAILED, 'Invalid nonce - nonce has already been used.')
		this.#nonces.set(nonce, timestamp)
		if (this.#nonces.size > 5000) {
			for (const [old, at] of this.#nonces) if (at < asked.second - WINDOW) this.#nonces.delete(old)
		}
		return key
	}
}

/** Throws if the key's permissions do not cover the method; OPTIONS is always allowed. */
export function permit(key: Key, method: string): void {
	const lacks = (right: string): RestError =>
		new RestError(401, FAILED, `The API key provided does not have ${right} permissions.`)
	if (method === 'GET' || method === 'HEAD') {
		if (key.permissions === 'write') throw lacks('read')
	} else if (method !== 'OPTIONS' && key.permissions === 'read') throw lacks('write')
}

/** WooCommerce's signature: parameters sorted by bytes and encoded twice, lists by their indexes. */
export function sign(
	method: string,
	baseUrl: string,
	params: Params,
	secret: string,
	algorithm: 'HMAC-SHA1' | 'HMAC-SHA256',
): string {
	const strings: string[] = []
	const join = (name: string, value: Param): void => {
		if (Array.isArray(value)) value.forEach((item, i) => join(`${name}%5B${i}%5D`, item))
		else strings.push(rawurlencode(`${name}=${rawurlencode(String(value))}`))
	}
	const names = [...params.keys()]
		.map((name) => [rawurlencode(name), name] as const)
		.sort(([a], [b]) => (a < b ? -1 : 1))
	for (const [encoded, name] of names) join(encoded, params.get(name))
	const base = `${method}&${rawurlencode(baseUrl)}&${strings.join('%26')}`
	return createHmac(algorithm === 'HMAC-SHA1' ? 'sha1' : 'sha256', `${secret}&`)
		.update(base)
		.digest('base64')
}
