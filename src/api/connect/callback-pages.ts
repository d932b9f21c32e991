/**
 * Connect without keys, the store's side (docs/woocommerce.md 1.10): the store posts the keys that a merchant approved,
 * then sends the merchant's browser back. Whoever comes with a state that is unknown, used or expired gets a page that
 * says so, and no more.
 */
import type { Context } from 'hono'
import { findElement } from '../../elements/registry.ts'
import { resolveReturn, claimDraft, type ReturnView } from '../../instances/drafts.ts'
import { log } from '../../lib/log.ts'
import type { Api } from '../http/serve.ts'
import type { PublicEnv } from '../http/environment.ts'
import { renderPage, redirectTo } from '../http/page.ts'
import { readBody } from '../../lib/body.ts'

/** The element whose stores call here. */
const ELEMENT_KEY = 'woocommercerest'
/** Keys and their names: a few hundred bytes. */
const MAX_KEYS_BYTES = 16 * 1024

type ConnectContext = Context<PublicEnv>

/**
 * Mounts both addresses, before the middleware of the API: they answer with pages, and their paths are not for the log.
 */
export function mountConnectPages(app: Api): void {
	app.on('POST', '/connect/woocommerce/:state', receiveKeys)
	app.get('/connect/woocommerce/:state', () => unknownStatePage())
	app.on('GET', '/connect/woocommerce/:state/return', handleReturn)
}

const unknownStatePage = (): Response =>
	renderPage({
		status: 404,
		title: 'This link leads nowhere',
		text: 'It was used before, it is older than 30 minutes, or it is invalid. Go back to where you came from and start again.',
	})

/** The store's call. Anything but exactly 200 makes it take the keys back. */
async function receiveKeys(c: ConnectContext): Promise<Response> {
	const element = findElement(ELEMENT_KEY)!
	const state = c.req.param('state') ?? ''
	const body = await readBody(c.req.raw, MAX_KEYS_BYTES).catch(() => null)
	const receivedKeys =
		body === null || element.keyAuthorization === null
			? null
			: element.keyAuthorization.parseKeys(new TextDecoder().decode(body))
	if (receivedKeys === null)
		return renderPage({
			status: 400,
			title: 'These are no keys',
			text: 'Expected the keys of a WooCommerce store, as its approval page sends them.',
		})
	// The state stands in the address and in the body; a store has both from us.
	if (receivedKeys.state !== state) return unknownStatePage()
	const requestId = crypto.randomUUID()
	const result = await claimDraft(c.var.services, state, receivedKeys, element, requestId)
	const outcome = result === null ? 'unknown' : result.ok ? 'created' : 'failed'
	log('connect.keys', { requestId, outcome, instance: result?.ok ? result.id : null })
	if (result === null) return unknownStatePage()
	if (!result.ok) return renderPage({ status: 409, title: 'The shop could not be connected', text: result.reason })
	return renderPage({ status: 200, title: 'The shop is connected', text: 'You may close this page.' })
}

/** The browser's way back. */
async function handleReturn(c: ConnectContext): Promise<Response> {
	const element = findElement(ELEMENT_KEY)!
	const state = c.req.param('state') ?? ''
	const query = new URL(c.req.url).searchParams
	// A return that names another state was put together by somebody else.
	const returnedState = query.get('user_id')
	if (returnedState !== null && returnedState !== state) return unknownStatePage()
	const view = await resolveReturn(c.var.services, state, element.keyAuthorization?.isApproved(query) ?? false)
	return toReturnPage(state, view)
}

function toReturnPage(state: string, view: ReturnView): Response {
	if (view.kind === 'created') {
		if (view.callbackUrl === null)
			return renderPage({ status: 200, title: 'The shop is connected', text: 'You may close this page.' })
		const target = new URL(view.callbackUrl)
		target.searchParams.set('state', state)
		target.searchParams.set('instanceId', String(view.id))
		return redirectTo(target.href)
	}
	if (view.kind === 'failed')
		return renderPage({ status: 200, title: 'The shop could not be connected', text: view.reason })
	return OUTCOME_PAGES[view.kind]()
}

/** What the other outcomes say. */
const OUTCOME_PAGES: Record<Exclude<ReturnView['kind'], 'created' | 'failed'>, () => Response> = {
	unknown: unknownStatePage,
	expired: () =>
		renderPage({
			status: 410,
			title: 'This link has expired',
			text: 'It was good for 30 minutes. Go back to where you came from and start again.',
		}),
	denied: () =>
		renderPage({
			status: 200,
			title: 'The shop was not connected',
			text: 'Access was denied at the store, and no key was handed over. Start again to connect it after all.',
		}),
	waiting: () =>
		renderPage({
			status: 200,
			title: 'Connecting the shop',
			text: 'The keys are on their way; this page looks again by itself.',
			refresh: 3,
		}),
}
