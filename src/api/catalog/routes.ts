/** What Shopbell connects: elements, their configuration keys, resources and events, hubs, and a hub's ping (contract, section 2). */
import type { Element } from '../../elements/element.ts'
import type { ConfigurationKey } from '../../elements/form.ts'
import { elements, findElement } from '../../elements/registry.ts'
import { Forbidden, NotFound } from '../../lib/errors.ts'
import { DEFAULTS, floorSecondsOf } from '../../instances/config.ts'
import type { AnswerOf } from '../http/contract.ts'
import { showElement } from '../instances/view.ts'
import { serve, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { catalogOperations } from './operations.ts'

type Shown = AnswerOf<typeof catalogOperations.getElement>
type Metadata = AnswerOf<typeof catalogOperations.getElementMetadata>

const UNIT_SECONDS = { minutes: 60, hours: 3600 } as const

/** Mounts the calls. */
export function declareCatalog(api: Api): void {
	serve(api, catalogOperations, {
		listElements: (c) => elements.map((element) => showWithConfiguration(element, floorSecondsOf(c.env))),
		getElement: (c) => showWithConfiguration(requireElement(c.req.param('keyOrId')), floorSecondsOf(c.env)),
		getElementMetadata: (c) => showMetadata(requireElement(c.req.param('keyOrId'))),
		listHubs: () => [...new Set(elements.map((element) => element.hub))].map((key) => ({ key, name: key, active: true })),
		ping(c) {
			if (!c.var.instance.enabled) throw new Forbidden('This instance is disabled')
			return { dateTime: toIsoSeconds(c.var.services.now()), endpoint: c.var.instance.elementKey }
		},
	})
}

function requireElement(keyOrId: string | undefined): Element {
	const element = findElement(keyOrId ?? '')
	if (element === undefined) throw new NotFound('No such element')
	return element
}

function showWithConfiguration(element: Element, floorSeconds: number): Shown {
	return {
		...showElement(element),
		resources: element.pollable.map(({ name, title, preset, settings }) => ({ name, title, path: settings.url, preset, settings })),
		configuration: element.configuration.map((item, index) => ({
			id: item.id,
			name: item.name,
			key: item.key,
			description: item.description,
			defaultValue: item.defaultValue ?? DEFAULTS[item.key] ?? null,
			type: item.type,
			required: item.required,
			displayOrder: index + 1,
			active: true,
			internal: false,
			hideFromConsole: false,
			secret: item.secret,
			options: item.options,
			...boundsOf(item, floorSeconds),
			maximumLength: item.maximumLength,
			dependsOn: item.dependsOn,
		})),
	}
}

/** An interval's least is the operator's to say. */
function boundsOf(item: ConfigurationKey, floorSeconds: number): { minimum: number | null; maximum: number | null; offAt: number | null } {
	if (item.interval === null) return { minimum: item.minimum, maximum: item.maximum, offAt: null }
	const floor = Number((floorSeconds / UNIT_SECONDS[item.interval]).toPrecision(4))
	return { minimum: floor, maximum: item.maximum, offAt: item.minimum }
}

function showMetadata(element: Element): Metadata {
	const resources = Object.fromEntries(
		Object.keys(element.defaultPoller).map((name) => [name, { eventTypes: ['CREATED' as const, 'UPDATED' as const, 'DELETED' as const] }]),
	)
	const hooked = element.hooks !== null
	return {
		id: element.id,
		key: element.key,
		name: element.name,
		hub: element.hub,
		events: {
			supported: true,
			methods: hooked ? ['polling', 'webhook'] : ['polling'],
			polling: resources,
			webhook: hooked ? resources : {},
		},
	}
}
