/** Handlers of the calls about instances. */
import type * as z from 'zod'
import { findElement } from '../../elements/registry.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import type { InstanceInput } from '../../instances/checks.ts'
import { createInstance } from '../../instances/create.ts'
import { deleteInstance, setEnabled } from '../../instances/lifecycle.ts'
import { updateInstance, type ChangeOptions } from '../../instances/update.ts'
import { countInstances, listInstances } from '../../instances/list.ts'
import type { Instance } from '../../instances/rows.ts'
import { getElement } from '../../instances/stores.ts'
import { parseId, canSeeSecrets } from '../http/access.ts'
import type { CallerContext, InstanceContext } from '../http/environment.ts'
import { requireElement } from '../http/require-element.ts'
import { formatPageToken, listParameter, MAX_PAGE_SIZE, parsePageToken, setPageHeaders } from '../http/paging.ts'
import type {
	ConfigurationItem,
	ConfigurationPatch,
	InstanceBody,
	InstanceCountResponse,
	InstanceResponse,
	InstancesQuery,
} from './schema.ts'
import { toConfigurationItems, toInstanceResponse, type InstanceViewOptions } from './view.ts'

type InstanceView = z.output<typeof InstanceResponse>
type ListQuery = z.output<typeof InstancesQuery>
type Item = z.output<typeof ConfigurationItem>

/** `POST /instances`: 200 with the whole instance. `keyOrId`: the element of the path, null where the body names it. */
export async function createFromBody(
	c: CallerContext,
	body: z.output<typeof InstanceBody>,
	keyOrId: string | null,
): Promise<InstanceView> {
	const element =
		keyOrId === null ? findElement(body.element?.key ?? String(body.element?.id ?? '')) : requireElement(keyOrId)
	if (element === undefined) throw new BadRequest('element.key: expected "woocommercerest"')
	const instance = await createInstance(c.var.services, c.var.user, c.var.requestId, element, toInstanceInput(body))
	c.set('instanceId', instance.id)
	return await toInstanceResponse(getViewOptions(c), instance)
}

/** `GET /instances`: with an Element token that instance, otherwise the organization's. */
export async function list(c: CallerContext, query: ListQuery): Promise<InstanceView | InstanceView[]> {
	const tokenInstance = c.var.tokenInstance
	return tokenInstance === null
		? await listPage(c, query, null)
		: await toInstanceResponse(getViewOptions(c), tokenInstance)
}

/** `GET /elements/{keyOrId}/instances`. */
export async function listByElement(c: CallerContext, query: ListQuery): Promise<InstanceView[]> {
	return await listPage(c, query, requireElement(c.req.param('keyOrId')).key)
}

/** `GET /accounts/{id}/instances`: 404 for any account but the caller's own. */
export async function listByAccount(c: CallerContext, query: ListQuery, account: string): Promise<InstanceView[]> {
	if (parseId(account) !== c.var.user.organizationId) throw new NotFound(`No account ${account}`)
	return await listPage(c, query, null)
}

/** The organization's instances, of one element or of all. */
export async function listPage(c: CallerContext, query: ListQuery, elementKey: string | null): Promise<InstanceView[]> {
	const filter = { tags: listParameter(c, 'tags'), searchText: query.searchText ?? '', elementKey }
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const { instances, total, more } = await listInstances(
		c.env.DB,
		c.var.user.organizationId,
		filter,
		query.pageSize ?? MAX_PAGE_SIZE,
		afterId!,
	)
	// As in Cloud Elements, a filter without matches is a 404, an empty organization an empty list (docs/contract.md §2).
	if (total === 0 && (filter.tags.length > 0 || filter.searchText !== '')) throw new NotFound('No instance matches')
	const last = instances.at(-1)
	setPageHeaders(c, {
		returned: instances.length,
		total,
		next: last !== undefined && more ? formatPageToken([last.id]) : null,
	})
	return await Promise.all(
		instances.map((instance) => toInstanceResponse(getViewOptions(c), instance, query.hydrate !== 'false')),
	)
}

/** `GET /instances/count`: there are instances of elements only. */
export async function count(c: CallerContext): Promise<z.output<typeof InstanceCountResponse>> {
	const instances = c.var.tokenInstance === null ? await countInstances(c.env.DB, c.var.user.organizationId) : 1
	return { totalInstances: instances, elementInstances: instances }
}

/** One instance. */
export async function getInstance(c: InstanceContext): Promise<InstanceView> {
	return await toInstanceResponse(getViewOptions(c), c.var.instance)
}

/** `PATCH` and `PUT`. */
export async function update(c: InstanceContext, body: InstanceInput, options: ChangeOptions): Promise<InstanceView> {
	return await toInstanceResponse(getViewOptions(c), await applyChange(c, toInstanceInput(body), options))
}

/** `DELETE`: 200 with an empty body (docs/contract.md §2). */
export async function removeInstance(c: InstanceContext): Promise<undefined> {
	await deleteInstance(c.var.services, c.var.instance, c.var.user, c.var.requestId)
}

/** `PUT·DELETE …/enabled`. */
export async function changeEnabled(c: InstanceContext, enabled: boolean, skip: boolean): Promise<InstanceView> {
	return await toInstanceResponse(
		getViewOptions(c),
		await setEnabled(c.var.services, c.var.instance, c.var.user, c.var.requestId, enabled, skip),
	)
}

/** `GET …/configuration`. */
export function listConfiguration(c: InstanceContext): Item[] {
	return getConfigurationItems(c, c.var.instance)
}

/** `GET …/configuration/{configId}`. */
export function getConfigurationItem(c: InstanceContext, configId: string): Item {
	return requireItem(c, c.var.instance, configId)
}

/** `PATCH …/configuration/{configId}` with `{propertyValue}`. */
export async function updateConfigurationItem(
	c: InstanceContext,
	configId: string,
	{ propertyValue }: z.output<typeof ConfigurationPatch>,
	rebaseline: boolean,
): Promise<Item> {
	const { key } = requireItem(c, c.var.instance, configId)
	const changed = await applyChange(
		c,
		{ configuration: { [key]: propertyValue } },
		{ replace: false, reAuthenticate: false, rebaseline },
	)
	return requireItem(c, changed, configId)
}

async function applyChange(c: InstanceContext, input: InstanceInput, options: ChangeOptions): Promise<Instance> {
	return await updateInstance(c.var.services, c.var.instance, c.var.user, c.var.requestId, input, options)
}

function getViewOptions({ env, var: variables }: Pick<CallerContext, 'env' | 'var'>): InstanceViewOptions {
	const { MASTER_KEYS, PUBLIC_URL } = env
	return { MASTER_KEYS, PUBLIC_URL, canSeeSecrets: canSeeSecrets({ var: variables }), nowMs: variables.services.now() }
}

function getConfigurationItems(c: InstanceContext, instance: Instance): Item[] {
	return toConfigurationItems(getElement(instance.elementKey), instance.configuration, canSeeSecrets(c))
}

/** An item by its id or key; 404 when there is none. */
function requireItem(c: InstanceContext, instance: Instance, configId: string): Item {
	const item = getConfigurationItems(c, instance).find(
		(candidate) => String(candidate.id) === configId || candidate.key === configId,
	)
	if (item === undefined) throw new NotFound('No such configuration item')
	return item
}

/** Drops unknown fields: clients send back whole instances. */
function toInstanceInput({ name, tags, configuration: given }: InstanceInput): InstanceInput {
	return { name, tags, configuration: given }
}
