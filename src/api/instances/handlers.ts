/** What the calls about instances do. */
import type * as z from 'zod'
import { findElement } from '../../elements/registry.ts'
import { BadRequest, NotFound } from '../../errors.ts'
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
import { seesSecrets } from '../access.ts'
import type { CallerContext, InstanceContext } from '../environment.ts'
import { formatPageToken, listParameter, PAGE_LIMIT, parsePageToken, setPageHeaders } from '../paging.ts'
import type { ConfigurationPatch, InstanceBody } from './schema.ts'
import { showConfigurationItems, showInstance, type ViewEnv } from './view.ts'

/** The query of a list of instances. */
export interface InstancesQuery {
	searchText?: string | undefined
	pageSize?: number | undefined
	nextPage?: string | undefined
	hydrate?: 'true' | 'false' | undefined
}

/** `POST /instances`: 200 with the whole instance. `keyOrId`: the element of the path, null where the body names it. */
export async function create(c: CallerContext, body: z.output<typeof InstanceBody>, keyOrId: string | null): Promise<Response> {
	const wanted = keyOrId ?? body.element?.key ?? (body.element?.id === undefined ? '' : String(body.element.id))
	const element = findElement(wanted)
	if (element === undefined)
		throw keyOrId === null ? new BadRequest('element.key: expected "woocommercerest"') : new NotFound('No such element')
	const instance = await createInstance(c.var.services, c.var.user, c.var.requestId, element, inputOf(body))
	c.set('instanceId', instance.id)
	return c.json(await showInstance(viewEnvOf(c), instance), 200)
}

/** `GET /instances`: with an Element token that instance, otherwise the organization's. */
export async function list(c: CallerContext, query: InstancesQuery): Promise<Response> {
	const own = c.var.tokenInstance
	if (own !== null) return c.json(await showInstance(viewEnvOf(c), own), 200)
	return await answerList(c, query, null)
}

/** `GET /elements/{keyOrId}/instances`. */
export async function listByElement(c: CallerContext, query: InstancesQuery): Promise<Response> {
	const element = findElement(c.req.param('keyOrId') ?? '')
	if (element === undefined) throw new NotFound('No such element')
	return await answerList(c, query, element.key)
}

async function answerList(c: CallerContext, query: InstancesQuery, elementKey: string | null): Promise<Response> {
	const filter = { tags: listParameter(c, 'tags'), searchText: query.searchText ?? '', elementKey }
	const pageSize = query.pageSize ?? PAGE_LIMIT
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const { instances, total } = await listInstances(c.env.DB, c.var.user.organizationId, filter, pageSize, afterId!)
	// The platform's way: a filter that finds nothing is a 404, an empty organization is an empty list (contract, section 2).
	if (total === 0 && (filter.tags.length > 0 || filter.searchText !== '')) throw new NotFound('No instance matches')
	const last = instances.at(-1)
	setPageHeaders(c, {
		returned: instances.length,
		total,
		next: last !== undefined && instances.length === pageSize ? formatPageToken([last.id]) : null,
	})
	return c.json(await Promise.all(instances.map((instance) => showInstance(viewEnvOf(c), instance, query.hydrate !== 'false'))), 200)
}

/** One instance. */
export async function show(c: InstanceContext): Promise<Response> {
	return c.json(await showInstance(viewEnvOf(c), c.var.instance), 200)
}

/** `PATCH` and `PUT`. */
export async function update(
	c: InstanceContext,
	body: {
		name?: string | null | undefined
		tags?: string | string[] | null | undefined
		configuration?: Record<string, unknown> | undefined
	},
	options: ChangeOptions,
): Promise<Response> {
	const changed = await updateInstance(c.var.services, c.var.instance, c.var.user, c.var.requestId, inputOf(body), options)
	return c.json(await showInstance(viewEnvOf(c), changed), 200)
}

/** `DELETE`: 200 with an empty body (contract, section 2). */
export async function remove(c: InstanceContext): Promise<Response> {
	await deleteInstance(c.var.services, c.var.instance, c.var.user, c.var.requestId)
	return c.body(null, 200)
}

/** `PUT·DELETE …/enabled`. */
export async function enable(c: InstanceContext, enabled: boolean, skip: boolean): Promise<Response> {
	const changed = await setEnabled(c.var.services, c.var.instance, c.var.user, c.var.requestId, enabled, skip)
	return c.json(await showInstance(viewEnvOf(c), changed), 200)
}

/** `GET …/configuration`. */
export function configuration(c: InstanceContext): Response {
	return c.json(itemsOf(c.var.instance), 200)
}

/** `GET …/configuration/{configId}`. */
export function configurationItem(c: InstanceContext, configId: string): Response {
	return c.json(requireItem(c.var.instance, configId), 200)
}

/** `PATCH …/configuration/{configId}` with `{propertyValue}`. */
export async function patchConfigurationItem(
	c: InstanceContext,
	configId: string,
	body: z.output<typeof ConfigurationPatch>,
	rebaseline: boolean,
): Promise<Response> {
	const item = requireItem(c.var.instance, configId)
	if (body.propertyValue === undefined) throw new BadRequest('propertyValue: expected a value, or null')
	const changed = await updateInstance(
		c.var.services,
		c.var.instance,
		c.var.user,
		c.var.requestId,
		{ configuration: { [item.key]: body.propertyValue } },
		{ replace: false, rebaseline },
	)
	return c.json(requireItem(changed, configId), 200)
}

/** What a view may show to whoever asks. */
function viewEnvOf({ env, var: variables }: Pick<CallerContext, 'env' | 'var'>): ViewEnv {
	return { MASTER_KEYS: env.MASTER_KEYS, PUBLIC_URL: env.PUBLIC_URL, seesSecrets: seesSecrets({ var: variables }) }
}

function itemsOf(instance: Instance) {
	return showConfigurationItems(elementOf(instance.elementKey), instance.configuration)
}

/** An item by its number, or by its key. */
function requireItem(instance: Instance, configId: string) {
	const item = itemsOf(instance).find((candidate) => String(candidate.id) === configId || candidate.key === configId)
	if (item === undefined) throw new NotFound('No such configuration item')
	return item
}

function inputOf(body: InstanceInput): InstanceInput {
	return { name: body.name, tags: body.tags, configuration: body.configuration }
}
