/** `/connect`: connects a store. Every button is an act of one form; the store is checked by operations only. */
import { newSignatureKey } from '../../../instances/signature.ts'
import type { FieldProblem } from '../../../lib/values.ts'
import { CONNECT_RETURN_PATH } from '../../connect.tsx'
import { readGuideSection } from '../../guide/pages.ts'
import { callOperation } from '../../http/call.ts'
import { can, type SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import { redirectTo } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { isPartRequest, renderPage, renderPart } from '../../http/render.ts'
import { toInstancePath } from '../instance/data.ts'
import { applyAct } from './acts.ts'
import { Created, type CreatedView } from './created.tsx'
import { FormParts, JsonParts, SignatureParts, StepSummary, SummaryPart } from './form.tsx'
import { readInstanceForm } from './model/fields.ts'
import { toBlankForm, toFormBody, type InstanceForm } from './model/form.ts'
import { findFormProblems, findPollerProblems, toFormProblems } from './model/problems.ts'
import { ConnectForm, ConnectFrame, LeavePage, NotAllowed, Steps } from './page.tsx'
import { newRequestKey, readPostedForm, type PostedForm } from './posted.ts'
import {
	CONTINUE,
	getStep,
	getStepState,
	listProblems,
	STEPS,
	type Catalog,
	type FormView,
	type StepName,
	type StoreCheck,
} from './view.ts'

/** The kind of stores that can be connected. */
export const ELEMENT = { keyOrId: 'woocommercerest' } as const
const ACTION = '/connect'

/** Mounts the pages. */
export function mountConnect({ signedIn }: PageSet): void {
	signedIn.page('/connect', showConnect)
	signedIn.form('/connect', async (c, posted) => await act(c, posted, posted.get('do') ?? 'create'))
	signedIn.form('/connect/check', async (c, posted) => await act(c, posted, posted.get('do') ?? 'check'))
	signedIn.form('/connect/fields', showFields)
	// The form stays as it is when its session has ended: what is sent next says so, and loses nothing.
	signedIn.form('/connect/summary', showSummary, { whenOld: (c) => c.body(null, 401, { 'HX-Reswap': 'none' }) })
	signedIn.page(CONNECT_RETURN_PATH, showReturn)
	signedIn.form('/connect/token/:id', showToken)
}

async function showConnect(c: SignedInContext): Promise<Response> {
	const { viewer, message } = c.var
	if (!can(viewer, 'developer'))
		return await renderPage(
			c,
			<ConnectFrame viewer={viewer} message={message}>
				<NotAllowed />
			</ConnectFrame>,
		)
	const catalog = await getCatalog(c)
	const view = await toView(c, catalog, { ...NOTHING_POSTED, form: toBlankForm(catalog.resources) })
	return await respond(c, view, null)
}

const NOTHING_POSTED = { requestKey: null, sealed: null, sealedKeys: [], generatedKey: null, folded: [] }

/** The form for fields that the browser kept. */
async function showFields(c: SignedInContext, posted: URLSearchParams): Promise<Response> {
	const catalog = await getCatalog(c)
	const view = await toView(c, catalog, await readPostedForm(c, posted))
	return await renderPart(c, <Steps view={view} viewer={c.var.viewer} message={null} />)
}

/** What the form will do as it is filled in now. */
async function showSummary(c: SignedInContext, posted: URLSearchParams): Promise<Response> {
	const view = { form: readInstanceForm(posted) }
	return await renderPart(
		c,
		<>
			<SummaryPart view={view} oob />
			<StepSummary view={view} step='events' oob />
			<StepSummary view={view} step='polling' oob />
		</>,
	)
}

/** One act of the form. */
async function act(c: SignedInContext, posted: URLSearchParams, name: string): Promise<Response> {
	const catalog = await getCatalog(c)
	const typed = await readPostedForm(c, posted)
	if (name === 'create') return await create(c, catalog, typed)
	if (name === 'authorize') return await authorize(c, catalog, typed)
	const finished = STEPS.find((step) => name === CONTINUE + step)
	if (finished !== undefined) return await finishStep(c, catalog, typed, finished)
	const { form, openRow } = applyAct(typed.form, name, posted.get('add'), catalog.resources)
	const generatedKey = name === 'generate' ? newSignatureKey() : typed.generatedKey
	const changed = { ...typed, form, generatedKey }
	const isLocal = name === 'generate' || name === 'json'
	const check = isLocal
		? null
		: await runCheck(c, form, catalog, { callback: name === 'callback', collections: name === 'collections' })
	const refused = [...(check?.refused ?? []), ...findPollerProblems(form)]
	const view = await toView(c, catalog, changed, check?.found ?? null, refused, openRow)
	// A folded step that got an error opens, which needs the whole form.
	if (!isPartRequest(c) || view.folded.length < typed.folded.length) return await respond(c, view, null)
	if (name === 'generate') return await renderPart(c, <SignatureParts view={view} />)
	if (name === 'json') return await renderPart(c, <JsonParts view={view} />)
	return await renderPart(c, <FormParts view={view} polling={!['check', 'callback'].includes(name)} />)
}

/** Folds a step in which nothing is wrong or missing. */
async function finishStep(c: SignedInContext, catalog: Catalog, typed: PostedForm, step: StepName): Promise<Response> {
	const check = await runCheck(c, typed.form, catalog, { callback: false, collections: false })
	const missing = findFormProblems(typed.form).filter(({ field }) => getStep(field) === step)
	const folded = STEPS.filter((one) => one === step || typed.folded.includes(one))
	const view = await toView(c, catalog, { ...typed, folded }, check.found, [...check.refused, ...missing])
	return await respond(c, view, null, view.folded.includes(step) ? 200 : 422)
}

/** Asks the store about what is filled in. */
async function runCheck(
	c: SignedInContext,
	form: InstanceForm,
	catalog: Catalog,
	options: { callback: boolean; collections: boolean },
): Promise<{ found: StoreCheck | null; refused: FieldProblem[] }> {
	const body = toFormBody(form, catalog.resources)
	const result = await callOperation(c, 'checkStore', { params: ELEMENT, body: { ...body, ...options } })
	if (result.ok) return { found: result.body, refused: [] }
	return { found: null, refused: toFormProblems(result.problems, form) }
}

async function create(c: SignedInContext, catalog: Catalog, typed: PostedForm): Promise<Response> {
	const missing = findFormProblems(typed.form)
	if (missing.length > 0) {
		// What the store says about the rest is wrong together with what is missing.
		const { found } = await runCheck(c, typed.form, catalog, { callback: false, collections: false })
		return await refuse(c, catalog, typed, missing, { check: found })
	}
	const result = await callOperation(
		c,
		'createInstanceOfElement',
		{ params: ELEMENT, body: { ...toFormBody(typed.form, catalog.resources) } },
		{ idempotencyKey: typed.requestKey },
	)
	if (!result.ok) {
		const problems = toFormProblems(result.problems, typed.form)
		// The same request goes on: its answer is asked for with the same key.
		return await refuse(c, catalog, typed, problems, { keepsKey: result.status === 409 })
	}
	const { id, name, token, eventsEnabled } = result.body
	return await respondWithCreated(c, { id, name, token, eventsEnabled, isNew: true })
}

/** 422 with what was typed and the errors beside their fields. */
async function refuse(
	c: SignedInContext,
	catalog: Catalog,
	typed: PostedForm,
	problems: readonly FieldProblem[],
	{ keepsKey = false, check = null }: { keepsKey?: boolean; check?: StoreCheck | null } = {},
): Promise<Response> {
	const requestKey = keepsKey ? typed.requestKey : newRequestKey()
	return await respond(c, await toView(c, catalog, { ...typed, requestKey }, check, problems), null, 422)
}

/** Sends the merchant to the store's own page, from which the browser comes back. */
async function authorize(c: SignedInContext, catalog: Catalog, typed: PostedForm): Promise<Response> {
	const keyFields = ['oauth.api.key', 'oauth.api.secret']
	const missing = findFormProblems(typed.form).filter(({ field }) => !keyFields.includes(field))
	if (missing.length > 0) return await refuse(c, catalog, typed, missing)
	const body = toFormBody(typed.form, catalog.resources)
	for (const key of keyFields) delete body.configuration[key]
	const callbackUrl = new URL(CONNECT_RETURN_PATH, c.req.url).href
	const result = await callOperation(c, 'startHandOver', { params: ELEMENT, body: { ...body, callbackUrl } })
	if (!result.ok) return await refuse(c, catalog, typed, toFormProblems(result.problems, typed.form))
	const { oauthUrl } = result.body
	if (isPartRequest(c)) return c.body(null, 200, { 'HX-Redirect': oauthUrl })
	return await renderPage(
		c,
		<ConnectFrame viewer={c.var.viewer} message={null}>
			<LeavePage url={oauthUrl} host={new URL(oauthUrl).host} />
		</ConnectFrame>,
	)
}

/** The browser's return from the store. An instance that is not of this hand-over is shown as any other one. */
async function showReturn(c: SignedInContext): Promise<Response> {
	const { instanceId = '', state = '' } = c.req.query()
	if (instanceId === '' && (await isDenied(c, state))) return redirectTo(c, ACTION, DENIED_MESSAGE)
	const { name, eventsEnabled, id } = requireOk(await callOperation(c, 'getInstance', { params: { id: instanceId } }))
	const isOfHandOver = state !== '' && (await getConnectedId(c, state)) === id
	if (!isOfHandOver) return redirectTo(c, toInstancePath(id))
	return await respondWithCreated(c, { id, name, token: null, eventsEnabled, isNew: true })
}

const DENIED_MESSAGE = {
	kind: 'warn',
	text: 'Access was denied at the store, so no key was sent. Nothing was created. Try again, or enter a key.',
} as const

/** Whether the merchant refused the hand-over. */
async function isDenied(c: SignedInContext, state: string): Promise<boolean> {
	const outcome = state === '' ? null : await callOperation(c, 'getHandOver', { params: { ...ELEMENT, state } })
	return outcome?.ok === true && outcome.body.status === 'denied'
}

/** The instance that a hand-over has created; null: none. */
async function getConnectedId(c: SignedInContext, state: string): Promise<number | null> {
	const outcome = await callOperation(c, 'getHandOver', { params: { ...ELEMENT, state } })
	return outcome.ok && outcome.body.status === 'created' ? (outcome.body.id ?? null) : null
}

/** The token of an instance that came back from the store. */
async function showToken(c: SignedInContext): Promise<Response> {
	const { id, name, token, eventsEnabled } = requireOk(
		await callOperation(c, 'getInstance', { params: { id: c.req.param('id') ?? '' } }),
	)
	// Viewers get a token that is masked.
	const shown = can(c.var.viewer, 'developer') ? token : null
	return await respondWithCreated(c, { id, name, token: shown, eventsEnabled, isNew: false })
}

async function respondWithCreated(c: SignedInContext, facts: Omit<CreatedView, 'now'>): Promise<Response> {
	const { viewer } = c.var
	const created = { ...facts, now: c.var.services.now() }
	if (isPartRequest(c)) return await renderPart(c, <Created created={created} viewer={viewer} oob />)
	return await renderPage(
		c,
		<ConnectFrame viewer={viewer} message={null}>
			<Created created={created} viewer={viewer} />
		</ConnectFrame>,
	)
}

/** The element's keys and resources. */
export async function getCatalog(c: SignedInContext): Promise<Catalog> {
	return requireOk(await callOperation(c, 'getElement', { params: ELEMENT }))
}

/** The guide's section, which is the same for every page of this version. */
let keyHelp: string | null = null

/** How a key is created, as HTML. */
export async function getKeyHelp({ env }: SignedInContext): Promise<string> {
	keyHelp ??= await readGuideSection(env.ASSETS, 'woocommerce-key', 'create-a-key-by-hand')
	return keyHelp
}

type TypedForm = Omit<PostedForm, 'requestKey'> & { requestKey: string | null }

async function toView(
	c: SignedInContext,
	catalog: Catalog,
	{ form, requestKey, sealed, sealedKeys, generatedKey, folded }: TypedForm,
	check: StoreCheck | null = null,
	refused: readonly FieldProblem[] = [],
	openRow: number | null = null,
): Promise<FormView> {
	const problems = listProblems(form, refused, check)
	return {
		form,
		problems,
		check,
		catalog,
		keyHelp: await getKeyHelp(c),
		now: c.var.services.now(),
		action: ACTION,
		instanceId: null,
		requestKey: requestKey ?? newRequestKey(),
		sealed,
		sealedKeys,
		storedKeys: [],
		generatedKey,
		openRow,
		folded: folded.filter((step) => getStepState({ problems, check, folded }, step) !== 'wrong'),
	}
}

async function respond(
	c: SignedInContext,
	view: FormView,
	message: string | null,
	status: 200 | 422 = 200,
): Promise<Response> {
	const { viewer } = c.var
	if (isPartRequest(c))
		return await renderPart(c, <ConnectForm view={view} viewer={viewer} message={message} oob />, status)
	return await renderPage(
		c,
		<ConnectFrame viewer={viewer} message={c.var.message}>
			<ConnectForm view={view} viewer={viewer} message={message} />
		</ConnectFrame>,
		status,
	)
}
