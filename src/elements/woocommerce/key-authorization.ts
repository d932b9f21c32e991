/**
 * WooCommerce's own page on which a merchant approves access, and the keys that the store then posts
 * (docs/woocommerce.md 1.10).
 */
import type { KeyAuthorization } from '../element.ts'
import { parseJson } from './answer-json.ts'

/**
 * `/wc-auth/v1/authorize`: the store creates a key, posts it to `callbackUrl`, and sends the browser to `returnUrl`.
 */
function authorizeUrl(request: {
	storeUrl: string
	appName: string
	state: string
	returnUrl: string
	callbackUrl: string
}): string {
	const base = /^https?:\/\//i.test(request.storeUrl) ? request.storeUrl : `https://${request.storeUrl}`
	const query = new URLSearchParams({
		app_name: request.appName,
		scope: 'read_write',
		user_id: request.state,
		return_url: request.returnUrl,
		callback_url: request.callbackUrl,
	})
	return `${base.replace(/\/+$/, '')}/wc-auth/v1/authorize?${query.toString()}`
}

/** `{key_id, user_id, consumer_key, consumer_secret, key_permissions}`; `user_id` is the state that we gave. */
function parseKeys(body: string): { state: string; key: string; secret: string } | null {
	const content = parseJson(body) as Record<string, unknown> | null | undefined
	if (typeof content !== 'object' || content === null) return null
	const { user_id: state, consumer_key: key, consumer_secret: secret } = content
	if (typeof state !== 'string' || typeof key !== 'string' || typeof secret !== 'string') return null
	return /^ck_[\w-]{1,200}$/.test(key) && /^cs_[\w-]{1,200}$/.test(secret) ? { state, key, secret } : null
}

/** WooCommerce's approval of access. */
export const keyAuthorization: KeyAuthorization = {
	authorizeUrl,
	parseKeys,
	isApproved: (query) => query.get('success') === '1',
}
