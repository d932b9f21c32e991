/** The list of instances, and what is done with several of them. */
import { mapConcurrent } from '../../../lib/concurrency.ts'
import type { CallError } from '../../../api/http/call-operation.ts'
import { callOperation } from '../../http/call.ts'
import type { SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import { redirectTo, toLocalPath } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { isPartRequest, renderPage, renderPart } from '../../http/render.ts'
import { readBulkForm, toBulkMessage, type BulkAction, type BulkFailure } from './bulk.ts'
import { LIST_PATH, readListAddress, toStatesQuery } from './filters.ts'
import { BULK_PATH, InstanceListPart, InstancesPage, type InstanceList } from './page.tsx'

/** Calls at the same time: the platform's limit of connections. */
const MAX_CONCURRENT = 6

/** Mounts the pages. */
export function mountInstancePages({ signedIn }: PageSet): void {
	signedIn.page(LIST_PATH, showInstances)
	signedIn.form(BULK_PATH, changeSeveral)
}

async function showInstances(c: SignedInContext): Promise<Response> {
	const address = readListAddress(new URL(c.req.url).searchParams)
	const result = await callOperation(c, 'listInstanceStates', { query: toStatesQuery(address) })
	const rows = requireOk(result)
	const list: InstanceList = {
		viewer: c.var.viewer,
		address,
		rows,
		total: (result.ok ? result.total : null) ?? rows.length,
		next: result.ok ? result.next : null,
		now: c.var.services.now(),
	}
	if (isPartRequest(c)) return await renderPart(c, <InstanceListPart {...list} />)
	return await renderPage(c, <InstancesPage {...list} message={c.var.message} />)
}

async function changeSeveral(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const back = toLocalPath(form.get('back') ?? LIST_PATH)
	const asked = readBulkForm(form)
	if (!asked.ok) return redirectTo(c, back, { kind: 'warn', text: asked.reason })
	const failures: BulkFailure[] = []
	await mapConcurrent(asked.ids, MAX_CONCURRENT, async (id) => {
		const error = await changeOne(c, asked.action, id)
		if (error !== null) failures.push({ name: await findName(c, id), message: error.message })
	})
	return redirectTo(c, back, toBulkMessage(asked.action, asked.ids.length - failures.length, failures))
}

/** Does it with one instance; null: it worked. */
async function changeOne(c: SignedInContext, action: BulkAction, id: number): Promise<CallError | null> {
	const params = { id }
	const result =
		action === 'pause'
			? await callOperation(c, 'disableInstance', { params })
			: action === 'resume'
				? await callOperation(c, 'enableInstance', { params })
				: await callOperation(c, 'pollNow', { params, body: { depth: 'window' } })
	return result.ok ? null : result
}

async function findName(c: SignedInContext, id: number): Promise<string> {
	const found = await callOperation(c, 'getInstance', { params: { id } })
	return found.ok ? found.body.name : `Instance ${id}`
}
