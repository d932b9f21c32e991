/** The tab *Code*. */
import { callOperation } from '../../http/call.ts'
import { can, type SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import type { PageSet } from '../../http/pages.ts'
import { isPartRequest, renderPage, renderPart } from '../../http/render.ts'
import { CodeTab, Secrets, type ShownSecrets } from './code.tsx'
import { getApiBase, getInstanceId, readInstance } from './data.ts'
import { InstancePage } from './frame.tsx'
import { parseLanguage } from './snippets.ts'

/** Mounts the page. */
export function mountCode({ signedIn }: PageSet): void {
	signedIn.page('/instances/:id/code', async (c) => await renderCode(c, { token: null, signatureKey: null }))
	signedIn.form('/instances/:id/code/secrets', showSecret)
}

async function renderCode(c: SignedInContext, secrets: ShownSecrets): Promise<Response> {
	const facts = await readInstance(c)
	const { viewer, message } = c.var
	return await renderPage(
		c,
		<InstancePage {...facts} viewer={viewer} now={c.var.services.now()} tab='code' message={message}>
			<CodeTab
				instanceId={facts.instance.id}
				base={getApiBase(c)}
				language={parseLanguage(c.req.query('language'))}
				secrets={secrets}
				canSeeSecrets={can(viewer, 'developer')}
				csrf={viewer.csrf}
			/>
		</InstancePage>,
	)
}

/** Shows one secret, in the response to the button alone. */
async function showSecret(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const params = { id: getInstanceId(c) }
	const secrets: ShownSecrets =
		form.get('show') === 'signature-key'
			? { token: null, signatureKey: requireOk(await callOperation(c, 'getSignatureKey', { params })) }
			: { token: requireOk(await callOperation(c, 'getInstance', { params })).token, signatureKey: null }
	if (!isPartRequest(c)) return await renderCode(c, secrets)
	return await renderPart(c, <Secrets instanceId={Number(params.id)} secrets={secrets} csrf={c.var.viewer.csrf} />)
}
