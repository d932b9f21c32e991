/** Connect without keys, the caller's side: an address for the merchant, and what became of it. */
import * as z from 'zod'
import type { Element } from '../../elements/element.ts'
import { findElement } from '../../elements/registry.ts'
import { BadRequest, NotFound } from '../../errors.ts'
import { draftOutcome, startDraft } from '../../instances/drafts.ts'
import type { InstanceInput } from '../../instances/lifecycle.ts'
import { allowsPrivateNetwork } from '../../instances/stores.ts'
import { guardUrl } from '../../instances/urls.ts'
import { declare, type Api } from '../contract.ts'
import type { CallerContext } from '../environment.ts'
import { InstanceBody } from '../instances/schema.ts'

const OauthBody = InstanceBody.extend({ callbackUrl: z.string('expected text').optional() })
const OauthQuery = z.looseObject({ siteAddress: z.string().optional(), callbackUrl: z.string().optional() })
const OauthAnswer = z.object({
	element: z.string(),
	oauthUrl: z.string().meta({ description: 'Where the merchant approves, at the store itself' }),
	state: z.string().meta({ description: 'Asks for the outcome, for 30 minutes and a day' }),
})
const Outcome = z.object({
	status: z.enum(['waiting', 'denied', 'failed', 'created']),
	reason: z.string().optional(),
	id: z.number().optional(),
})

/** Declares the calls. `url` is a fixed word and comes before `{state}`. */
export function declareOauth(api: Api): void {
	declare(api, {
		method: 'post',
		path: '/elements/{keyOrId}/oauth/url',
		summary: 'Connect a store without keys: where the merchant approves',
		access: 'account',
		body: OauthBody,
		answer: OauthAnswer,
		handle: (c, { body }) => start(c, { name: body.name, tags: body.tags, configuration: body.configuration }, body.callbackUrl),
	})
	declare(api, {
		method: 'get',
		path: '/elements/{keyOrId}/oauth/url',
		summary: 'Connect a store without keys, with nothing but its address',
		access: 'account',
		query: OauthQuery,
		answer: OauthAnswer,
		handle(c, { query }) {
			if ((query.siteAddress ?? '').trim() === '') throw new BadRequest('siteAddress: expected the address of the store')
			return start(c, { configuration: { 'store.url': query.siteAddress } }, query.callbackUrl)
		},
	})
	declare(api, {
		method: 'get',
		path: '/elements/{keyOrId}/oauth/{state}',
		summary: 'What became of it',
		access: 'account',
		answer: Outcome,
		async handle(c) {
			requireElement(c)
			const outcome = await draftOutcome(c.var.services, c.var.user.organizationId, c.req.param('state') ?? '')
			if (outcome === null) throw new NotFound('Nothing waits under this state')
			return c.json(outcome, 200)
		},
	})
}

async function start(c: CallerContext, input: InstanceInput, callbackUrl: string | undefined): Promise<Response> {
	const element = requireElement(c)
	const answer = await startDraft(c.var.services, c.var.user, element, input, callback(c, callbackUrl))
	return c.json({ element: element.key, ...answer }, 200)
}

/** Where the merchant's browser goes in the end; null: it stays with us. */
function callback(c: CallerContext, text: string | undefined): string | null {
	if (text === undefined || text.trim() === '') return null
	const verdict = guardUrl(text, allowsPrivateNetwork(c.env))
	if (!verdict.ok) throw new BadRequest(`callbackUrl: ${verdict.message}`)
	return verdict.url.href
}

function requireElement(c: CallerContext): Element {
	const element = findElement(c.req.param('keyOrId') ?? '')
	if (element === undefined) throw new NotFound('No such element')
	return element
}
