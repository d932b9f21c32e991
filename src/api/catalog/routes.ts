/** Handlers of the calls about elements and hubs (docs/contract.md §2). */
import type { Element } from '../../elements/element.ts'
import type { ConfigurationKey } from '../../elements/form.ts'
import { elements } from '../../elements/registry.ts'
import { EVENT_TYPES } from '../../events/event.ts'
import { Forbidden } from '../../lib/errors.ts'
import { getFloorSeconds } from '../../instances/config.ts'
import { listConfigurationKeys } from '../../instances/configuration-keys.ts'
import type { OperationResponse } from '../http/contract.ts'
import { toElementResponse } from '../instances/view.ts'
import { requireElement } from '../http/require-element.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { catalogOperations } from './operations.ts'

type CatalogElementView = OperationResponse<typeof catalogOperations.getElement>
type Metadata = OperationResponse<typeof catalogOperations.getElementMetadata>

const UNIT_SECONDS = { minutes: 60, hours: 3600 } as const

/** Mounts the calls. */
export function mountCatalogRoutes(api: Api): void {
	mountOperations(api, catalogOperations, {
		listElements: (c) => elements.map((element) => toCatalogElement(element, getFloorSeconds(c.env))),
		getElement: (c) => toCatalogElement(requireElement(c.req.param('keyOrId')), getFloorSeconds(c.env)),
		getElementMetadata: (c) => toElementMetadata(requireElement(c.req.param('keyOrId'))),
		listHubs: () =>
			[...new Set(elements.map((element) => element.hub))].map((key) => ({ key, name: key, active: true })),
		ping(c) {
			if (!c.var.instance.enabled) throw new Forbidden('This instance is disabled')
			return { dateTime: toIsoSeconds(c.var.services.now()), endpoint: c.var.instance.elementKey }
		},
	})
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
			defaultValue: item.defaultValue,
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

function toElementMetadata(element: Element): Metadata {
	const resources = Object.fromEntries(
		Object.keys(element.defaultPoller).map((name) => [name, { eventTypes: [...EVENT_TYPES] }]),
	)
	const hasWebhooks = element.webhooks !== null
	return {
		id: element.id,
		key: element.key,
		name: element.name,
		hub: element.hub,
		events: {
			supported: true,
			methods: hasWebhooks ? ['polling', 'webhook'] : ['polling'],
			polling: resources,
			webhook: hasWebhooks ? resources : {},
		},
	}
}
