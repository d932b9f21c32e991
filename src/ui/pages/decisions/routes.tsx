/** Pages of decisions: each button of Home that is about one instance leads to one of them. */
import type { CallError } from '../../../api/http/call-operation.ts'
import type { FieldProblem } from '../../../lib/values.ts'
import { callOperation } from '../../http/call.ts'
import type { SignedInContext } from '../../http/environment.ts'
import { FailedCall, requireOk } from '../../http/errors.tsx'
import { redirectTo } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { renderPage } from '../../http/render.ts'
import { formatCount } from '../../parts/text.ts'
import { CallbackPage } from './callback.tsx'
import type { DecisionProps } from './frame.tsx'
import { DeletionsPage, MassChangesPage, UncheckedPage, type CheckedDeletions } from './held.tsx'
import { ReauthenticationPage, SourcePage } from './store.tsx'

/** Mounts the pages. */
export function mountDecisions({ signedIn }: PageSet): void {
	signedIn.page('/instances/:id/deletions', (c) => showDeletions(c))
	signedIn.form('/instances/:id/deletions/check', checkDeletions)
	signedIn.form('/instances/:id/deletions', async (c, form) => await decide(c, form, DECISIONS.deletions))
	signedIn.page('/instances/:id/mass-changes', (c) => showMassChanges(c))
	signedIn.form('/instances/:id/mass-changes', async (c, form) => await decide(c, form, DECISIONS.massChanges))
	signedIn.page('/instances/:id/unchecked', (c) => showUnchecked(c))
	signedIn.form('/instances/:id/unchecked', async (c, form) => await decide(c, form, DECISIONS.unchecked))
	signedIn.page('/instances/:id/re-authentication', (c) => showReauthentication(c))
	signedIn.form('/instances/:id/re-authentication', saveKey)
	signedIn.form('/instances/:id/re-authentication/check', checkKey)
	signedIn.page('/instances/:id/source', (c) => showSource(c))
	signedIn.form('/instances/:id/source', saveAddress)
	signedIn.form('/instances/:id/source/check', checkAddress)
	signedIn.page('/instances/:id/subscription', (c) => showCallback(c))
	signedIn.form('/instances/:id/subscription', resumeDeliveries)
	signedIn.form('/instances/:id/subscription/test', testCallback)
}

const getId = (c: SignedInContext): string => c.req.param('id') ?? ''
const getInput = (c: SignedInContext): { params: { id: string } } => ({ params: { id: getId(c) } })

/** The instance, with its configuration as the viewer may see it. */
async function readInstance(c: SignedInContext): Promise<DecisionProps & { storeUrl: string }> {
	const instance = requireOk(await callOperation(c, 'getInstance', getInput(c)))
	const { viewer, message } = c.var
	return { viewer, message, instance, storeUrl: instance.configuration?.['store.url'] ?? '' }
}

async function showDeletions(
	c: SignedInContext,
	checked: CheckedDeletions | null = null,
	problem: string | null = null,
): Promise<Response> {
	const props = await readInstance(c)
	const { held } = requireOk(await callOperation(c, 'listHeldDeletions', getInput(c)))
	const page = <DeletionsPage {...props} held={held} checked={checked} nowMs={c.var.services.now()} problem={problem} />
	return await renderPage(c, page, problem === null ? 200 : 422)
}

async function checkDeletions(c: SignedInContext): Promise<Response> {
	const { checked } = requireOk(await callOperation(c, 'checkHeldDeletions', getInput(c)))
	return await showDeletions(c, checked)
}

async function showMassChanges(c: SignedInContext, problem: string | null = null): Promise<Response> {
	const props = await readInstance(c)
	const { held } = requireOk(await callOperation(c, 'listHeldMassChanges', getInput(c)))
	const page = <MassChangesPage {...props} held={held} nowMs={c.var.services.now()} problem={problem} />
	return await renderPage(c, page, problem === null ? 200 : 422)
}

async function showUnchecked(c: SignedInContext, problem: string | null = null): Promise<Response> {
	const props = await readInstance(c)
	const { unchecked } = requireOk(await callOperation(c, 'listUncheckedObjects', getInput(c)))
	const page = <UncheckedPage {...props} unchecked={unchecked} nowMs={c.var.services.now()} problem={problem} />
	return await renderPage(c, page, problem === null ? 200 : 422)
}

/** A decision: its call, its page when nothing was chosen, and what it is about. */
interface Decision {
	call: 'decideHeldDeletions' | 'decideHeldMassChanges' | 'decideUncheckedObjects'
	show: (c: SignedInContext, problem: string) => Promise<Response>
	/** What is sent with `emit`. */
	event: string
}

const DECISIONS = {
	deletions: {
		call: 'decideHeldDeletions',
		show: async (c, problem) => await showDeletions(c, null, problem),
		event: 'deletion',
	},
	massChanges: { call: 'decideHeldMassChanges', show: showMassChanges, event: 'change' },
	unchecked: { call: 'decideUncheckedObjects', show: showUnchecked, event: 'change' },
} satisfies Record<string, Decision>

async function decide(c: SignedInContext, form: URLSearchParams, { call, show, event }: Decision): Promise<Response> {
	const decision = form.get('decision')
	if (decision !== 'emit' && decision !== 'forget') return await show(c, 'Choose one of the two. Nothing was changed.')
	const { decided } = requireOk(await callOperation(c, call, { ...getInput(c), body: { decision } }))
	return redirectTo(c, `/instances/${getId(c)}`, {
		kind: 'ok',
		text:
			decided === 0
				? 'Nothing was held any more.'
				: decision === 'emit'
					? `${formatCount(decided, event)} will be sent.`
					: `${formatCount(decided, event)} dismissed. No event is sent.`,
	})
}

/** The problems of a refused change; a failed store is a problem of the address. */
function listProblems(error: CallError): readonly FieldProblem[] {
	if ([403, 404, 429, 500].includes(error.status)) throw new FailedCall(error)
	return error.problems
}

/** Problems that a check found, wherever in it they are. */
function listCheckProblems(check: NonNullable<Parameters<typeof SourcePage>[0]['check']>): FieldProblem[] {
	return [...check.problems, ...(check.store?.problems ?? []), ...(check.key?.problems ?? [])]
}

/** Problems beside the fields of a form. One of another field is shown with its name, on top. */
function toFormProblems(problems: readonly FieldProblem[], fields: readonly string[]): FieldProblem[] {
	return problems.map(({ field: path, message }) => {
		const field = path.replace(/^configuration\./, '')
		if (field === '' || fields.includes(field)) return { field, message }
		return { field: '', message: `${field}: ${message}` }
	})
}

/** What was found about typed values. */
interface Findings {
	check?: Parameters<typeof SourcePage>[0]['check']
	problems?: readonly FieldProblem[]
}

async function showReauthentication(
	c: SignedInContext,
	{ check = null, problems = [] }: Findings = {},
): Promise<Response> {
	const props = await readInstance(c)
	const health = requireOk(await callOperation(c, 'getHealth', getInput(c)))
	const shown = { health, check, problems: toFormProblems(problems, ['oauth.api.key', 'oauth.api.secret']) }
	return await renderPage(c, <ReauthenticationPage {...props} {...shown} />, problems.length > 0 ? 422 : 200)
}

const toKeyConfiguration = (form: URLSearchParams): Record<string, string> => ({
	'oauth.api.key': (form.get('key') ?? '').trim(),
	'oauth.api.secret': (form.get('secret') ?? '').trim(),
})

/** Empty fields would leave the stored key as it is. */
function findEmptyFields(configuration: Record<string, string>): FieldProblem[] {
	return Object.entries(configuration)
		.filter(([, value]) => value === '')
		.map(([field]) => ({ field, message: 'Enter a value.' }))
}

async function saveKey(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const configuration = toKeyConfiguration(form)
	const empty = findEmptyFields(configuration)
	if (empty.length > 0) return await showReauthentication(c, { problems: empty })
	const result = await callOperation(c, 'updateInstance', { ...getInput(c), body: { configuration } })
	if (!result.ok) return await showReauthentication(c, { problems: listProblems(result) })
	return redirectTo(c, `/instances/${getId(c)}`, {
		kind: 'ok',
		text: 'The new key works. Changes that were made meanwhile are picked up now.',
	})
}

async function checkKey(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const configuration = toKeyConfiguration(form)
	const empty = findEmptyFields(configuration)
	if (empty.length > 0) return await showReauthentication(c, { problems: empty })
	const result = await callOperation(c, 'checkInstance', { ...getInput(c), body: { configuration } })
	if (!result.ok) return await showReauthentication(c, { problems: listProblems(result) })
	return await showReauthentication(c, { check: result.body, problems: listCheckProblems(result.body) })
}

/** `typed`: the address as it was typed; null: none was. */
async function showSource(
	c: SignedInContext,
	typed: string | null = null,
	{ check = null, problems = [], isOtherSite = false }: Findings & { isOtherSite?: boolean } = {},
): Promise<Response> {
	const props = await readInstance(c)
	const health = requireOk(await callOperation(c, 'getHealth', getInput(c)))
	const shown = { health, check, problems: toFormProblems(problems, ['store.url']), isOtherSite }
	return await renderPage(
		c,
		<SourcePage {...props} {...shown} typedUrl={typed ?? ''} />,
		problems.length > 0 ? 422 : 200,
	)
}

async function saveAddress(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const configuration = { 'store.url': (form.get('storeUrl') ?? '').trim() }
	const empty = findEmptyFields(configuration)
	if (empty.length > 0) return await showSource(c, '', { problems: empty })
	const query = form.get('rebaseline') === 'true' ? { rebaseline: 'true' as const } : {}
	const result = await callOperation(c, 'updateInstance', { ...getInput(c), query, body: { configuration } })
	if (!result.ok) {
		const isOtherSite = result.status === 409 && result.problems.some(({ field }) => field === 'store.url')
		const problems = isOtherSite ? [{ field: 'store.url', message: OTHER_SITE }] : listProblems(result)
		return await showSource(c, configuration['store.url'], { problems, isOtherSite })
	}
	return redirectTo(c, `/instances/${getId(c)}`, {
		kind: 'ok',
		text: 'The address is saved. The store is read again now.',
	})
}

const OTHER_SITE = 'This is another site than the one that Shopbell reads. Confirm below that the shop has moved.'

async function checkAddress(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const configuration = { 'store.url': (form.get('storeUrl') ?? '').trim() }
	const empty = findEmptyFields(configuration)
	if (empty.length > 0) return await showSource(c, '', { problems: empty })
	const result = await callOperation(c, 'checkInstance', { ...getInput(c), body: { configuration } })
	const typed = configuration['store.url']
	if (!result.ok) return await showSource(c, typed, { problems: listProblems(result) })
	return await showSource(c, typed, { check: result.body, problems: listCheckProblems(result.body) })
}

async function showCallback(
	c: SignedInContext,
	test: Parameters<typeof CallbackPage>[0]['test'] = null,
): Promise<Response> {
	const props = await readInstance(c)
	const health = requireOk(await callOperation(c, 'getHealth', getInput(c)))
	return await renderPage(c, <CallbackPage {...props} health={health} test={test} />)
}

async function resumeDeliveries(c: SignedInContext): Promise<Response> {
	requireOk(await callOperation(c, 'enableInstance', getInput(c)))
	return redirectTo(c, `/instances/${getId(c)}`, {
		kind: 'ok',
		text: 'Deliveries resume. Waiting events are sent first.',
	})
}

async function testCallback(c: SignedInContext): Promise<Response> {
	const { callback } = requireOk(
		await callOperation(c, 'checkInstance', { ...getInput(c), body: { configuration: {}, callback: true } }),
	)
	return await showCallback(c, callback)
}
