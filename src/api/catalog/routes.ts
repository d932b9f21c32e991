/** Handlers of the calls about elements and hubs (docs/contract.md §2). */
import type { Element } from '../../elements/element.ts'
import type { ConfigurationKey } from '../../elements/form.ts'
import { elements } from '../../elements/registry.ts'
import { EVENT_TYPES } from '../../events/event.ts'
import type * as z from 'zod'
import { matchesCondition, parseWhere } from '../../elements/where.ts'
import { BadRequest, Forbidden } from '../../lib/errors.ts'
import { getFloorSeconds } from '../../instances/config.ts'
import { listConfigurationKeys } from '../../instances/configuration-keys.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { CallerContext, InstanceContext } from '../http/environment.ts'
import { formatPageToken, MAX_PAGE_SIZE, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { ELEMENT_FLAGS } from '../instances/flags.ts'
import { toElementResponse } from '../instances/view.ts'
import { requireElement } from '../http/require-element.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { catalogOperations } from './operations.ts'
import type { ElementsQuery } from './schema.ts'

type CatalogElementView = OperationResponse<typeof catalogOperations.getElement>
type Metadata = OperationResponse<typeof catalogOperations.getElementMetadata>

const UNIT_SECONDS = { minutes: 60, hours: 3600 } as const

/** Mounts the calls. */
export function mountCatalogRoutes(api: Api): void {
	mountOperations(api, catalogOperations, {
		listElements: (c, { query }) => listElements(c, query),
		listElementKeys: () => elements.map(({ key }) => key),
		listElementMetadata: (_c, { query }) => elements.map((element) => toElementMetadata(element, query.expand)),
		getElement: (c) => toCatalogElement(requireElement(c.req.param('keyOrId')), getFloorSeconds(c.env)),
		getElementMetadata: (c, { query }) => toElementMetadata(requireElement(c.req.param('keyOrId')), query.expand),
		listHubs: (_c, { query }) => listHubs(query.hydrate === 'true'),
		ping,
	})
}

/** `GET /elements`: those that meet every condition, in pages. */
function listElements(c: CallerContext, query: z.output<typeof ElementsQuery>): CatalogElementView[] {
	const where = parseWhere(query.where ?? '')
	if (!where.ok) throw new BadRequest(`where: ${where.message}`)
	const searchText = (query.searchText ?? '').toLowerCase()
	const found = elements
		.map((element) => toCatalogElement(element, getFloorSeconds(c.env)))
		.filter(
			(view) =>
				[view.name, view.key, view.description].some((text) => text.toLowerCase().includes(searchText)) &&
				where.conditions.every((condition) => matchesCondition({ ...view }, condition)),
		)
	const start = parsePageToken(query.nextPage, 1)?.[0] ?? 0
	const page = found.slice(start, start + (query.pageSize ?? MAX_PAGE_SIZE))
	const end = start + page.length
	setPageHeaders(c, {
		returned: page.length,
		total: found.length,
		next: end < found.length ? formatPageToken([end]) : null,
	})
	return page
}

function listHubs(hydrate: boolean): OperationResponse<typeof catalogOperations.listHubs> {
	return [...Map.groupBy(elements, ({ hub }) => hub)].map(([key, ofHub]) => ({
		key,
		name: key,
		active: true,
		...(hydrate
			? {
					resources: ofHub.flatMap(({ pollable }) =>
						pollable.map(({ name, title, settings }) => ({ name, title, path: settings.url })),
					),
				}
			: {}),
	}))
}

function ping(c: InstanceContext): OperationResponse<typeof catalogOperations.ping> {
	if (!c.var.instance.enabled) throw new Forbidden('This instance is disabled')
	return { dateTime: toIsoSeconds(c.var.services.now()), endpoint: c.var.instance.elementKey }
}

function toCatalogElement(element: Element, minIntervalSeconds: number): CatalogElementView {
	return {
		...toElementResponse(element),
		resources: element.pollable.map(({ name, title, preset, settings }) => ({
			name,
			title,
			path: settings.url,
			preset,
			settings,
		})),
		configuration: listConfigurationKeys(element).map((item, index) => ({
			id: item.id,
			name: item.name,
			key: item.key,
			description: item.description,
			...(item.defaultValue === null ? {} : { defaultValue: item.defaultValue }),
			type: item.type,
			required: item.required,
			displayOrder: index + 1,
			active: true,
			internal: false,
			hideFromConsole: false,
			secret: item.secret,
			options: item.options,
			...getBounds(item, minIntervalSeconds),
			maximumLength: item.maximumLength,
			dependsOn: item.dependsOn,
		})),
	}
}

/** The operator sets the minimum of intervals. */
function getBounds(
	item: ConfigurationKey,
	minIntervalSeconds: number,
): { minimum: number | null; maximum: number | null; offAt: number | null } {
	if (item.interval === null) return { minimum: item.minimum, maximum: item.maximum, offAt: null }
	const minimum = Number((minIntervalSeconds / UNIT_SECONDS[item.interval]).toPrecision(4))
	return { minimum, maximum: item.maximum, offAt: item.minimum }
}

function toElementMetadata(element: Element, expand: 'true' | 'false' | undefined): Metadata {
	const resources = Object.fromEntries(
		Object.keys(element.defaultPoller).map((name) => [name, { eventTypes: [...EVENT_TYPES] }]),
	)
	const hasWebhooks = element.webhooks !== null
	return {
		id: element.id,
		key: element.key,
		name: element.name,
		description: element.description,
		...(expand === 'true' ? { image: ELEMENT_FLAGS.image } : {}),
		hub: element.hub,
		events: {
			supported: true,
			methods: hasWebhooks ? ['polling', 'webhook'] : ['polling'],
			polling: resources,
			webhook: hasWebhooks ? resources : {},
		},
	}
}
