/** The tab *Configuration*: shows and changes an instance. What is not changed is not sent. */
import type { FieldProblem } from '../../../lib/values.ts'
import { SECRET_MASK } from '../../../lib/values.ts'
import { newSignatureKey } from '../../../instances/signature.ts'
import { callOperation } from '../../http/call.ts'
import { can, type SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import { redirectTo } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { isPartRequest, renderPage, renderPart } from '../../http/render.ts'
import { toId } from '../../parts/text.ts'
import { applyAct } from '../connect/acts.ts'
import { FormParts, JsonParts, SignatureParts } from '../connect/form.tsx'
import { isEmptyChange, toInstanceChange, type InstanceChange } from '../connect/model/changes.ts'
import { BACKFILL, toInstanceForm, type InstanceForm } from '../connect/model/form.ts'
import { findFormProblems, findPollerProblems, toFormProblems } from '../connect/model/problems.ts'
import { readPostedForm } from '../connect/posted.ts'
import { getCatalog, getKeyHelp } from '../connect/routes.tsx'
import { listProblems, SECRET_KEYS, type Catalog, type FormView, type StoreCheck } from '../connect/view.ts'
import { getInstanceId, readInstance, toInstancePath, type Instance, type InstanceFacts } from '../instance/data.ts'
import { InstancePage } from '../instance/frame.tsx'
import { ConfigurationForm, RereadCard, ShownConfiguration, SignatureCard, type SignatureKey } from './page.tsx'

/** Mounts the page. */
export function mountConfiguration({ signedIn }: PageSet): void {
	const path = '/instances/:id/configuration'
	signedIn.page(path, showConfiguration)
	signedIn.form(path, async (c, posted) => await act(c, posted, posted.get('do') ?? 'save'))
	signedIn.form(`${path}/check`, async (c, posted) => await act(c, posted, posted.get('do') ?? 'check'))
	signedIn.form(`${path}/signature`, changeSignature)
	signedIn.form(`${path}/reread`, readAgain)
}

/** What the page has of an instance. */
interface Loaded extends InstanceFacts {
	catalog: Catalog
	form: InstanceForm
	storedKeys: string[]
}

async function load(c: SignedInContext): Promise<Loaded> {
	const [facts, catalog] = await Promise.all([readInstance(c), getCatalog(c)])
	const { name, tags, configuration = {} } = facts.instance
	const form = toInstanceForm({ name, tags, configuration }, catalog.resources)
	const storedKeys = SECRET_KEYS.filter((key) => form.keys[key] === SECRET_MASK)
	for (const key of storedKeys) form.keys[key] = ''
	return { ...facts, catalog, form, storedKeys }
}

interface Shown {
	form: InstanceForm
	sealed?: string | null
	sealedKeys?: readonly string[]
	generatedKey?: string | null
	check?: StoreCheck | null
	refused?: readonly FieldProblem[]
	openRow?: number | null
}

async function toView(c: SignedInContext, { instance, catalog, storedKeys }: Loaded, shown: Shown): Promise<FormView> {
	const { form, check = null, refused = [] } = shown
	return {
		form,
		// This form has no field for the existing objects, which are sent at the start alone.
		problems: listProblems(form, refused, check).map((problem) =>
			problem.field === BACKFILL ? { field: '', message: `${BACKFILL}: ${problem.message}` } : problem,
		),
		check,
		catalog,
		keyHelp: await getKeyHelp(c),
		now: c.var.services.now(),
		action: toInstancePath(instance.id, 'configuration'),
		instanceId: instance.id,
		requestKey: '',
		sealed: shown.sealed ?? null,
		sealedKeys: shown.sealedKeys ?? [],
		storedKeys,
		generatedKey: shown.generatedKey ?? null,
		openRow: shown.openRow ?? null,
		folded: [],
	}
}

async function showConfiguration(c: SignedInContext): Promise<Response> {
	const loaded = await load(c)
	if (can(c.var.viewer, 'developer')) return await respond(c, loaded, await toView(c, loaded, loaded), false)
	const { instance, health } = loaded
	return await renderPage(
		c,
		<InstancePage {...toFrame(c, { instance, health })}>
			<ShownConfiguration instance={instance} />
		</InstancePage>,
	)
}

/** One act of the form. */
async function act(c: SignedInContext, posted: URLSearchParams, name: string): Promise<Response> {
	const loaded = await load(c)
	const typed = await readPostedForm(c, posted)
	if (name === 'save') return await save(c, loaded, posted, typed)
	const { form, openRow } = applyAct(typed.form, name, posted.get('add'), loaded.catalog.resources)
	const generatedKey = name === 'generate' ? newSignatureKey() : typed.generatedKey
	const isLocal = name === 'generate' || name === 'json'
	const checked = isLocal
		? null
		: await runCheck(c, toChange(loaded, form, posted), form, {
				callback: name === 'callback',
				collections: name === 'collections',
			})
	const refused = [...(checked?.refused ?? []), ...findPollerProblems(form)]
	const view = await toView(c, loaded, {
		...typed,
		form,
		generatedKey,
		openRow,
		check: checked?.found ?? null,
		refused,
	})
	if (!isPartRequest(c)) return await respond(c, loaded, view, posted.get('rebaseline') !== null)
	if (name === 'generate') return await renderPart(c, <SignatureParts view={view} />)
	if (name === 'json') return await renderPart(c, <JsonParts view={view} />)
	return await renderPart(c, <FormParts view={view} polling={!['check', 'callback'].includes(name)} />)
}

function toChange({ form, storedKeys }: Loaded, posted: InstanceForm, fields: URLSearchParams): InstanceChange {
	const removed = storedKeys.filter((key) => fields.get(`remove-${toId(key)}`) === key)
	return toInstanceChange(form, posted, { secretKeys: SECRET_KEYS, removed })
}

async function runCheck(
	c: SignedInContext,
	change: InstanceChange,
	form: InstanceForm,
	options: { callback: boolean; collections: boolean },
): Promise<{ found: StoreCheck | null; refused: FieldProblem[] }> {
	const params = { id: getInstanceId(c) }
	const result = await callOperation(c, 'checkInstance', { params, body: { ...change, ...options } })
	return result.ok
		? { found: result.body, refused: [] }
		: { found: null, refused: toFormProblems(result.problems, form) }
}

async function save(
	c: SignedInContext,
	loaded: Loaded,
	posted: URLSearchParams,
	typed: Shown & { form: InstanceForm },
): Promise<Response> {
	const path = toInstancePath(loaded.instance.id, 'configuration')
	const isStored = (field: string): boolean => loaded.storedKeys.includes(field)
	const missing = findFormProblems(typed.form).filter(({ field }) => !isStored(field))
	if (missing.length > 0) return await refuse(c, loaded, typed, missing, false)
	const change = toChange(loaded, typed.form, posted)
	if (isEmptyChange(change)) return redirectTo(c, path, { kind: 'ok', text: 'Nothing was changed.' })
	const rebaseline = posted.get('rebaseline') === 'true'
	const result = await callOperation(c, 'updateInstance', {
		params: { id: getInstanceId(c) },
		query: rebaseline ? { rebaseline: 'true' } : {},
		body: { ...change },
	})
	if (result.ok) return redirectTo(c, path, { kind: 'ok', text: 'Saved. It applies from now on.' })
	const isMoved = result.status === 409 && result.problems.some(({ field }) => field === 'store.url')
	return await refuse(c, loaded, typed, toFormProblems(result.problems, typed.form), isMoved)
}

/** 422 with what was typed and the errors beside their fields. */
async function refuse(
	c: SignedInContext,
	loaded: Loaded,
	typed: Shown,
	problems: readonly FieldProblem[],
	moved: boolean,
): Promise<Response> {
	return await respond(c, loaded, await toView(c, loaded, { ...typed, refused: problems }), moved, 422)
}

async function respond(
	c: SignedInContext,
	{ instance, health }: Loaded,
	view: FormView,
	moved: boolean,
	status: 200 | 422 = 200,
): Promise<Response> {
	const { csrf } = c.var.viewer
	const form = <ConfigurationForm view={view} csrf={csrf} moved={moved} oob={isPartRequest(c)} />
	if (isPartRequest(c)) return await renderPart(c, form, status)
	return await respondWithPage(c, { instance, health }, view, { form, shown: null, error: null }, status)
}

async function respondWithPage(
	c: SignedInContext,
	facts: InstanceFacts,
	view: FormView,
	{ form, shown, error }: { form: unknown; shown: SignatureKey | null; error: string | null },
	status: 200 | 422 = 200,
): Promise<Response> {
	const { csrf } = c.var.viewer
	return await renderPage(
		c,
		<InstancePage {...toFrame(c, facts)}>
			{form as never}
			<SignatureCard
				view={view}
				csrf={csrf}
				rotatesUntil={facts.instance.signatureKeyRotatesUntil ?? null}
				shown={shown}
				error={error}
			/>
			<RereadCard id={facts.instance.id} csrf={csrf} />
		</InstancePage>,
		status,
	)
}

function toFrame(c: SignedInContext, { instance, health }: { instance: Instance; health: InstanceFacts['health'] }) {
	const { viewer, message } = c.var
	return { instance, health, viewer, message, now: c.var.services.now(), tab: 'configuration' as const }
}

/** Rotates the signature key, or ends the rotation. The new key is shown in the response alone. */
async function changeSignature(c: SignedInContext, posted: URLSearchParams): Promise<Response> {
	const params = { id: getInstanceId(c) }
	const result =
		posted.get('do') === 'end'
			? await callOperation(c, 'endSignatureKeyRotation', { params })
			: await callOperation(c, 'rotateSignatureKey', { params, body: {} })
	const [shown, error] = result.ok ? [result.body, null] : [null, result.message]
	const loaded = await load(c)
	const view = await toView(c, loaded, loaded)
	const { csrf } = c.var.viewer
	const status = result.ok ? 200 : 422
	const rotatesUntil = loaded.instance.signatureKeyRotatesUntil ?? null
	const card = <SignatureCard view={view} csrf={csrf} rotatesUntil={rotatesUntil} shown={shown} error={error} />
	if (isPartRequest(c)) return await renderPart(c, card, status)
	const form = <ConfigurationForm view={view} csrf={csrf} moved={false} />
	return await respondWithPage(c, loaded, view, { form, shown, error }, status)
}

/** Reads every object of the store again. */
async function readAgain(c: SignedInContext): Promise<Response> {
	const id = getInstanceId(c)
	requireOk(await callOperation(c, 'pollNow', { params: { id }, body: { depth: 'reread' } }))
	return redirectTo(c, toInstancePath(id, 'configuration'), {
		kind: 'ok',
		text: 'Every object of the store is read again. Differences become events.',
	})
}
