/** Handlers for connecting a store without API keys. */
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { getDraftOutcome, createDraft } from '../../instances/drafts.ts'
import type { InstanceInput } from '../../instances/checks.ts'
import { allowsPrivateNetwork } from '../../instances/stores.ts'
import { checkUrl } from '../../lib/urls.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { CallerContext } from '../http/environment.ts'
import { requireElement } from '../http/require-element.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import { connectOperations } from './operations.ts'

/** Mounts the calls. */
export function mountConnectOperations(api: Api): void {
	mountOperations(api, connectOperations, {
		startHandOver: (c, { params, body }) =>
			startHandOver(
				c,
				params.keyOrId,
				{ name: body.name, tags: body.tags, configuration: body.configuration },
				body.callbackUrl,
			),
		startHandOverByAddress(c, { params, query }) {
			if (query.siteAddress.trim() === '') throw new BadRequest('siteAddress: expected the address of the store')
			return startHandOver(c, params.keyOrId, { configuration: { 'store.url': query.siteAddress } }, query.callbackUrl)
		},
		async getHandOver(c, { params }) {
			requireElement(params.keyOrId)
			const outcome = await getDraftOutcome(c.var.services, c.var.user.organizationId, params.state)
			if (outcome === null) throw new NotFound('Unknown or expired state')
			return outcome
		},
	})
}

async function startHandOver(
	c: CallerContext,
	keyOrId: string,
	input: InstanceInput,
	callbackUrl: string | undefined,
): Promise<OperationResponse<typeof connectOperations.startHandOver>> {
	const element = requireElement(keyOrId)
	const { credential, user } = c.var
	const creator = { user, apiKeyId: credential.kind === 'key' ? credential.id : null }
	const answer = await createDraft(c.var.services, creator, element, input, parseCallbackUrl(c, callbackUrl))
	return { element: element.key, ...answer }
}

/** The URL to which the merchant's browser is redirected at the end; null: it stays on Shopbell's page. */
function parseCallbackUrl(c: CallerContext, text: string | undefined): string | null {
	if (text === undefined || text.trim() === '') return null
	const verdict = checkUrl(text, allowsPrivateNetwork(c.env))
	if (!verdict.ok) throw new BadRequest(`callbackUrl: ${verdict.message}`)
	return verdict.url.href
}
