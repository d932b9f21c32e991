/** Connect without keys, the caller's side: an address for the merchant, and what became of it. */
import type { Element } from '../../elements/element.ts'
import { findElement } from '../../elements/registry.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { draftOutcome, startDraft } from '../../instances/drafts.ts'
import type { InstanceInput } from '../../instances/lifecycle.ts'
import { allowsPrivateNetwork } from '../../instances/stores.ts'
import { guardUrl } from '../../lib/urls.ts'
import type { AnswerOf } from '../http/contract.ts'
import type { CallerContext } from '../http/environment.ts'
import { serve, type Api } from '../http/serve.ts'
import { connectOperations } from './operations.ts'

/** Mounts the calls. */
export function declareOauth(api: Api): void {
	serve(api, connectOperations, {
		startHandOver: (c, { params, body }) =>
			start(c, params.keyOrId, { name: body.name, tags: body.tags, configuration: body.configuration }, body.callbackUrl),
		startHandOverByAddress(c, { params, query }) {
			if (query.siteAddress.trim() === '') throw new BadRequest('siteAddress: expected the address of the store')
			return start(c, params.keyOrId, { configuration: { 'store.url': query.siteAddress } }, query.callbackUrl)
		},
		async getHandOver(c, { params }) {
			requireElement(params.keyOrId)
			const outcome = await draftOutcome(c.var.services, c.var.user.organizationId, params.state)
			if (outcome === null) throw new NotFound('Nothing waits under this state')
			return outcome
		},
	})
}

async function start(
	c: CallerContext,
	keyOrId: string,
	input: InstanceInput,
	callbackUrl: string | undefined,
): Promise<AnswerOf<typeof connectOperations.startHandOver>> {
	const element = requireElement(keyOrId)
	const answer = await startDraft(c.var.services, c.var.user, element, input, callback(c, callbackUrl))
	return { element: element.key, ...answer }
}

/** Where the merchant's browser goes in the end; null: it stays with us. */
function callback(c: CallerContext, text: string | undefined): string | null {
	if (text === undefined || text.trim() === '') return null
	const verdict = guardUrl(text, allowsPrivateNetwork(c.env))
	if (!verdict.ok) throw new BadRequest(`callbackUrl: ${verdict.message}`)
	return verdict.url.href
}

function requireElement(keyOrId: string): Element {
	const element = findElement(keyOrId)
	if (element === undefined) throw new NotFound('No such element')
	return element
}
