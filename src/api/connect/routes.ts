/**
 * Connect without keys, the store's side (WooCommerce facts, 1.10): the store posts the keys that a merchant approved, then sends
 * the merchant's browser back. Whoever comes with a state that is unknown, used or expired gets a page that says so, and no more.
 */
import type { Context } from 'hono'
import { findElement } from '../../elements/registry.ts'
import { returnFrom, takeKeys, type ReturnView } from '../../instances/drafts.ts'
import { log } from '../../lib/log.ts'
import type { Api } from '../http/serve.ts'
import type { PublicEnv } from '../http/environment.ts'
import { page, redirect } from '../http/page.ts'
import { readBody } from '../../lib/body.ts'

/** The element whose stores call here. */
const ELEMENT = 'woocommercerest'
/** Keys and their names: a few hundred bytes. */
const LARGEST_KEYS = 16 * 1024

type ConnectContext = Context<PublicEnv>

/** Mounts both addresses, before the middleware of the API: they answer with pages, and their paths are not for the log. */
export function declareConnect(app: Api): void {
	app.on('POST', '/connect/woocommerce/:state', keys)
	app.get('/connect/woocommerce/:state', () => UNKNOWN())
	app.on('GET', '/connect/woocommerce/:state/return', back)
}

const UNKNOWN = (): Response =>
	page({
		status: 404,
		title: 'This link leads nowhere',
		text: 'It was used before, it is older than 30 minutes, or it was never ours. Go back to where you came from and start again.',
	})

/** The store's call. Anything but exactly 200 makes it take the keys back. */
async function keys(c: ConnectContext): Promise<Response> {
	const element = findElement(ELEMENT)!
	const state = c.req.param('state') ?? ''
	const body = await readBody(c.req.raw, LARGEST_KEYS).catch(() => null)
	const given = body === null || element.handover === null ? null : element.handover.read(new TextDecoder().decode(body))
	if (given === null)
		return page({
			status: 400,
			title: 'These are no keys',
			text: 'Expected the keys of a WooCommerce store, as its approval page sends them.',
		})
	// The state stands in the address and in the body; a store has both from us.
	if (given.state !== state) return UNKNOWN()
	const requestId = crypto.randomUUID()
	const result = await takeKeys(c.var.services, state, given, element, requestId)
	log('connect.keys', { requestId, outcome: result.kind, instance: result.kind === 'created' ? result.id : null })
	if (result.kind === 'unknown') return UNKNOWN()
	if (result.kind === 'failed') return page({ status: 409, title: 'The shop could not be connected', text: result.reason })
	return page({ status: 200, title: 'The shop is connected', text: 'You may close this page.' })
}

/** The browser's way back. */
async function back(c: ConnectContext): Promise<Response> {
	const element = findElement(ELEMENT)!
	const state = c.req.param('state') ?? ''
	const query = new URL(c.req.url).searchParams
	// A return that names another state was put together by somebody else.
	const named = query.get('user_id')
	if (named !== null && named !== state) return UNKNOWN()
	const view = await returnFrom(c.var.services, state, element.handover?.approved(query) ?? false)
	return show(state, view)
}

function show(state: string, view: ReturnView): Response {
	if (view.kind === 'created') {
		if (view.callbackUrl === null) return page({ status: 200, title: 'The shop is connected', text: 'You may close this page.' })
		const target = new URL(view.callbackUrl)
		target.searchParams.set('state', state)
		target.searchParams.set('instanceId', String(view.id))
		return redirect(target.href)
	}
	if (view.kind === 'failed') return page({ status: 200, title: 'The shop could not be connected', text: view.reason })
	return VIEWS[view.kind]()
}

/** What the other outcomes say. */
const VIEWS: Record<Exclude<ReturnView['kind'], 'created' | 'failed'>, () => Response> = {
	unknown: UNKNOWN,
	expired: () =>
		page({
			status: 410,
			title: 'This link has expired',
			text: 'It was good for 30 minutes. Go back to where you came from and start again.',
		}),
	denied: () =>
		page({
			status: 200,
			title: 'The shop was not connected',
			text: 'Access was denied at the store, and no key was handed over. Start again to connect it after all.',
		}),
	waiting: () =>
		page({
			status: 200,
			title: 'Connecting the shop',
			text: 'The keys are on their way; this page looks again by itself.',
			refresh: 3,
		}),
}
