/** What Shopbell connects: elements, their configuration keys and events, hubs, and a hub's ping (contract, section 2). */
import * as z from 'zod'
import type { Element } from '../../elements/element.ts'
import { elements, findElement } from '../../elements/registry.ts'
import { Forbidden, NotFound } from '../../errors.ts'
import { DEFAULTS } from '../../instances/config.ts'
import { declare } from '../declare.ts'
import { type Api } from '../serve.ts'
import { showElement } from '../instances/view.ts'
import { ElementAnswer } from '../instances/schema.ts'
import { toIsoSeconds } from '../times.ts'

const EVENT_TYPES = ['CREATED', 'UPDATED', 'DELETED']

/** Declares the calls. */
export function declareCatalog(api: Api): void {
	declare(api, {
		method: 'get',
		path: '/elements',
		summary: 'All elements',
		access: 'caller',
		answer: z.array(ElementAnswer),
		handle: (c) => c.json(elements.map(showWithConfiguration), 200),
	})
	declare(api, {
		method: 'get',
		path: '/elements/{keyOrId}',
		summary: 'One element',
		access: 'caller',
		answer: ElementAnswer,
		handle: (c) => c.json(showWithConfiguration(requireElement(c.req.param('keyOrId'))), 200),
	})
	declare(api, {
		method: 'get',
		path: '/elements/{keyOrId}/metadata',
		summary: 'What an element can do',
		access: 'caller',
		answer: z.looseObject({}),
		handle: (c) => c.json(showMetadata(requireElement(c.req.param('keyOrId'))), 200),
	})
	declare(api, {
		method: 'get',
		path: '/hubs',
		summary: 'All hubs',
		access: 'caller',
		answer: z.array(z.object({ key: z.string(), name: z.string(), active: z.boolean() })),
		handle: (c) =>
			c.json(
				[...new Set(elements.map((element) => element.hub))].map((key) => ({ key, name: key, active: true })),
				200,
			),
	})
	declare(api, {
		method: 'get',
		path: '/ping',
		summary: 'Whether the token works',
		access: 'token',
		answer: z.object({ dateTime: z.string(), endpoint: z.string() }),
		handle(c) {
			if (!c.var.instance.enabled) throw new Forbidden('This instance is disabled')
			return c.json({ dateTime: toIsoSeconds(c.var.services.now()), endpoint: c.var.instance.elementKey }, 200)
		},
	})
}

function requireElement(keyOrId: string | undefined): Element {
	const element = findElement(keyOrId ?? '')
	if (element === undefined) throw new NotFound('No such element')
	return element
}

function showWithConfiguration(element: Element) {
	return {
		...showElement(element),
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
		})),
	}
}

function showMetadata(element: Element) {
	const resources = Object.fromEntries(Object.keys(element.defaultPoller).map((name) => [name, { eventTypes: EVENT_TYPES }]))
	return {
		id: element.id,
		key: element.key,
		name: element.name,
		hub: element.hub,
		events: { supported: true, methods: ['polling', 'webhook'], polling: resources, webhook: resources },
	}
}
