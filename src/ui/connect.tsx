/**
 * Connecting without keys, the store's side (docs/woocommerce.md 1.10): the store posts the keys that a merchant
 * approved, then redirects the merchant's browser back. An unknown, used or expired state gets a page that says so.
 */
import type { Context } from 'hono'
import { findElement } from '../elements/registry.ts'
import { resolveReturn, claimDraft, type ReturnView } from '../instances/drafts.ts'
import { log } from '../lib/log.ts'
import type { Api } from '../api/http/serve.ts'
import type { PublicEnv } from '../api/http/environment.ts'
import { readBody } from '../lib/body.ts'
import { redirectTo, respondWithPlainPage } from './plain-page.tsx'

/** Where the browser comes back to our own page. */
export const CONNECT_RETURN_PATH = '/connect/return'
/** The element whose stores call these URLs. */
const ELEMENT_KEY = 'woocommercerest'
/** Maximum size of the keys with their names, which are a few hundred bytes. */
const MAX_KEYS_BYTES = 16 * 1024

type ConnectContext = Context<PublicEnv>

/** Mounts both URLs before the API's middleware, which would log their paths: they contain a secret state. */
export function mountConnectPages(app: Api): void {
	app.on('POST', '/connect/woocommerce/:state', receiveKeys)
	app.get('/connect/woocommerce/:state', () => unknownStatePage())
	app.on('GET', '/connect/woocommerce/:state/return', handleReturn)
}

const unknownStatePage = (): Response =>
	respondWithPlainPage({
		status: 404,
		title: 'This link is not valid',
		text:
			'It was already used, it is older than 30 minutes, or it is invalid. ' +
			'Go back to where you came from and start again.',
	})

/** The store's call. It revokes the keys unless the answer is exactly 200. */
async function receiveKeys(c: ConnectContext): Promise<Response> {
	const element = findElement(ELEMENT_KEY)!
	const state = c.req.param('state') ?? ''
	const body = await readBody(c.req.raw, MAX_KEYS_BYTES).catch(() => null)
	const receivedKeys =
		body === null || element.keyAuthorization === null
			? null
			: element.keyAuthorization.parseKeys(new TextDecoder().decode(body))
	if (receivedKeys === null)
		return respondWithPlainPage({
			status: 400,
			title: 'Invalid keys',
			text: 'Expected the keys of a WooCommerce store, as its approval page sends them.',
		})
	// The store has the state twice: in the URL, and in the body.
	if (receivedKeys.state !== state) return unknownStatePage()
	const { requestId } = c.var
	const result = await claimDraft(c.var.services, state, receivedKeys, element, requestId)
	const outcome = result === null ? 'unknown' : result.ok ? 'created' : 'failed'
	log('connect.keys', { requestId, outcome, instance: result?.ok ? result.id : null })
	if (result === null) return unknownStatePage()
	if (!result.ok)
		return respondWithPlainPage({
			status: result.forbidden ? 403 : 409,
			title: 'The shop could not be connected',
			text: result.reason,
		})
	return respondWithPlainPage({ status: 200, title: 'The shop is connected', text: 'You may close this page.' })
}

/** The return of the merchant's browser. */
async function handleReturn(c: ConnectContext): Promise<Response> {
	const element = findElement(ELEMENT_KEY)!
	const state = c.req.param('state') ?? ''
	const query = new URL(c.req.url).searchParams
	// A return with another state is forged.
	const returnedState = query.get('user_id')
	if (returnedState !== null && returnedState !== state) return unknownStatePage()
	const view = await resolveReturn(c.var.services, state, element.keyAuthorization?.isApproved(query) ?? false)
	return toReturnPage(c, state, view)
}

function toReturnPage(c: ConnectContext, state: string, view: ReturnView): Response {
	// The form that began it says so, and still has what was typed.
	if (view.kind === 'denied' && isOwnReturn(c, view.callbackUrl))
		return redirectTo(`${CONNECT_RETURN_PATH}?${new URLSearchParams({ state }).toString()}`)
	if (view.kind === 'created') {
		if (view.callbackUrl === null)
			return respondWithPlainPage({ status: 200, title: 'The shop is connected', text: 'You may close this page.' })
		const target = new URL(view.callbackUrl)
		target.searchParams.set('state', state)
		target.searchParams.set('instanceId', String(view.id))
		return redirectTo(target.href)
	}
	if (view.kind === 'failed')
		return respondWithPlainPage({ status: 200, title: 'The shop could not be connected', text: view.reason })
	return OUTCOME_PAGES[view.kind]()
}

/** Whether the hand-over began on our page *Connect a store*. The public address differs behind a proxy. */
function isOwnReturn(c: ConnectContext, callbackUrl: string | null): boolean {
	const url = URL.parse(callbackUrl ?? '')
	const own = [c.req.url, c.env.PUBLIC_URL].map((address) => URL.parse(address)?.origin)
	return url?.pathname === CONNECT_RETURN_PATH && own.includes(url.origin)
}

/** Texts of the other outcomes. */
const OUTCOME_PAGES: Record<Exclude<ReturnView['kind'], 'created' | 'failed'>, () => Response> = {
	unknown: unknownStatePage,
	'created-unreadable': () =>
		respondWithPlainPage({
			status: 200,
			title: 'The shop is connected',
			text:
				'Shopbell can no longer read where you came from, because its operator has replaced the key that this was ' +
				'encrypted with. Go back there yourself; you may close this page.',
		}),
	expired: () =>
		respondWithPlainPage({
			status: 410,
			title: 'This link has expired',
			text: 'It was valid for 30 minutes. Go back to where you came from and start again.',
		}),
	denied: () =>
		respondWithPlainPage({
			status: 200,
			title: 'The shop was not connected',
			text: 'Access was denied at the store, and the store sent no keys. To connect it, start again.',
		}),
	waiting: () =>
		respondWithPlainPage({
			status: 200,
			title: 'Connecting the shop',
			text: 'The keys are on their way. This page reloads by itself.',
			refresh: 3,
		}),
}
