/** What the calls about instances do. */
import type * as z from 'zod'
import { findElement } from '../../elements/registry.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import {
	createInstance,
	deleteInstance,
	setEnabled,
	updateInstance,
	type ChangeOptions,
	type InstanceInput,
} from '../../instances/lifecycle.ts'
import { listInstances } from '../../instances/list.ts'
import type { Instance } from '../../instances/records.ts'
import { elementOf } from '../../instances/stores.ts'
import { readId, seesToken } from '../http/access.ts'
import type { CallerContext, InstanceContext } from '../http/environment.ts'
import { formatPageToken, listParameter, PAGE_LIMIT, parsePageToken, setPageHeaders } from '../http/paging.ts'
import type { ConfigurationItem, ConfigurationPatch, InstanceAnswer, InstanceBody, InstancesQuery } from './schema.ts'
import { showConfigurationItems, showInstance, type ViewEnv } from './view.ts'

type Shown = z.output<typeof InstanceAnswer>
type Query = z.output<typeof InstancesQuery>
type Item = z.output<typeof ConfigurationItem>

/** `POST /instances`: 200 with the whole instance. `keyOrId`: the element of the path, null where the body names it. */
export async function create(c: CallerContext, body: z.output<typeof InstanceBody>, keyOrId: string | null): Promise<Shown> {
	const wanted = keyOrId ?? body.element?.key ?? (body.element?.id === undefined ? '' : String(body.element.id))
	const element = findElement(wanted)
	if (element === undefined)
		throw keyOrId === null ? new BadRequest('element.key: expected "woocommercerest"') : new NotFound('No such element')
	const instance = await createInstance(c.var.services, c.var.user, c.var.requestId, element, inputOf(body))
	c.set('instanceId', instance.id)
	return await showInstance(viewEnvOf(c), instance)
}

/** `GET /instances`: with an Element token that instance, otherwise the organization's. */
export async function list(c: CallerContext, query: Query): Promise<Shown | Shown[]> {
	const own = c.var.tokenInstance
	return own === null ? await listOf(c, query, null) : await showInstance(viewEnvOf(c), own)
}

/** `GET /elements/{keyOrId}/instances`. */
export async function listByElement(c: CallerContext, query: Query): Promise<Shown[]> {
	const element = findElement(c.req.param('keyOrId') ?? '')
	if (element === undefined) throw new NotFound('No such element')
	return await listOf(c, query, element.key)
}

/** `GET /accounts/{id}/instances`: an account is an organization, and another one does not exist. */
export async function listByAccount(c: CallerContext, query: Query, account: string): Promise<Shown[]> {
	if (readId(account) !== c.var.user.organizationId) throw new NotFound(`No account ${account}`)
	return await listOf(c, query, null)
}

/** The organization's instances, of one element or of all. */
export async function listOf(c: CallerContext, query: Query, elementKey: string | null): Promise<Shown[]> {
	const filter = { tags: listParameter(c, 'tags'), searchText: query.searchText ?? '', elementKey }
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const { instances, total, more } = await listInstances(
		c.env.DB,
		c.var.user.organizationId,
		filter,
		query.pageSize ?? PAGE_LIMIT,
		afterId!,
	)
	// The platform's way: a filter that finds nothing is a 404, an empty organization is an empty list (contract, section 2).
	if (total === 0 && (filter.tags.length > 0 || filter.searchText !== '')) throw new NotFound('No instance matches')
	const last = instances.at(-1)
	setPageHeaders(c, { returned: instances.length, total, next: last !== undefined && more ? formatPageToken([last.id]) : null })
	return await Promise.all(instances.map((instance) => showInstance(viewEnvOf(c), instance, query.hydrate !== 'false')))
}

/** One instance. */
export async function show(c: InstanceContext): Promise<Shown> {
	return await showInstance(viewEnvOf(c), c.var.instance)
}

/** `PATCH` and `PUT`. */
export async function update(c: InstanceContext, body: InstanceInput, options: ChangeOptions): Promise<Shown> {
	return await showInstance(viewEnvOf(c), await change(c, inputOf(body), options))
}

/** `DELETE`: 200 with an empty body (contract, section 2). */
export async function remove(c: InstanceContext): Promise<undefined> {
	await deleteInstance(c.var.services, c.var.instance, c.var.user, c.var.requestId)
}

/** `PUT·DELETE …/enabled`. */
export async function enable(c: InstanceContext, enabled: boolean, skip: boolean): Promise<Shown> {
	return await showInstance(viewEnvOf(c), await setEnabled(c.var.services, c.var.instance, c.var.user, c.var.requestId, enabled, skip))
}

/** `GET …/configuration`. */
export function configuration(c: InstanceContext): Item[] {
	return itemsOf(c.var.instance)
}

/** `GET …/configuration/{configId}`. */
export function configurationItem(c: InstanceContext, configId: string): Item {
	return requireItem(c.var.instance, configId)
}

/** `PATCH …/configuration/{configId}` with `{propertyValue}`. */
export async function patchConfigurationItem(
	c: InstanceContext,
	configId: string,
	{ propertyValue }: z.output<typeof ConfigurationPatch>,
	rebaseline: boolean,
): Promise<Item> {
	const { key } = requireItem(c.var.instance, configId)
	const changed = await change(c, { configuration: { [key]: propertyValue } }, { replace: false, reAuthenticate: false, rebaseline })
	return requireItem(changed, configId)
}

async function change(c: InstanceContext, input: InstanceInput, options: ChangeOptions): Promise<Instance> {
	return await updateInstance(c.var.services, c.var.instance, c.var.user, c.var.requestId, input, options)
}

/** What a view may show to whoever asks. */
function viewEnvOf({ env, var: variables }: Pick<CallerContext, 'env' | 'var'>): ViewEnv {
	return { MASTER_KEYS: env.MASTER_KEYS, PUBLIC_URL: env.PUBLIC_URL, seesToken: seesToken({ var: variables }) }
}

function itemsOf(instance: Instance): Item[] {
	return showConfigurationItems(elementOf(instance.elementKey), instance.configuration)
}

/** An item by its number, or by its key. */
function requireItem(instance: Instance, configId: string): Item {
	const item = itemsOf(instance).find((candidate) => String(candidate.id) === configId || candidate.key === configId)
	if (item === undefined) throw new NotFound('No such configuration item')
	return item
}

/** What is not meant for an instance stays out: clients send back whole ones. */
function inputOf({ name, tags, configuration: given }: InstanceInput): InstanceInput {
	return { name, tags, configuration: given }
}
