/** The calls about what can be connected (docs/contract.md §2). */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import { CatalogElement, HubResponse, ElementMetadataResponse, PingResponse } from './schema.ts'

/** All of them. */
export const catalogOperations = {
	listElements: defineOperation({
		method: 'get',
		path: '/elements',
		tag: 'Elements',
		summary: 'List elements',
		description: 'What can be connected.',
		access: 'caller',
		answer: z.array(CatalogElement),
	}),
	getElement: defineOperation({
		method: 'get',
		path: '/elements/{keyOrId}',
		tag: 'Elements',
		summary: 'Get an element',
		description:
			'Its configuration keys, with types, defaults and limits, and the resources that can be watched: all that a form for its instances is drawn from.',
		access: 'caller',
		answer: CatalogElement,
	}),
	getElementMetadata: defineOperation({
		method: 'get',
		path: '/elements/{keyOrId}/metadata',
		tag: 'Elements',
		summary: "Get an element's metadata",
		description: 'Which events it can see, and how.',
		access: 'caller',
		answer: ElementMetadataResponse,
	}),
	listHubs: defineOperation({
		method: 'get',
		path: '/hubs',
		tag: 'Elements',
		summary: 'List hubs',
		description: 'A hub is a kind of store; the elements of one answer alike.',
		access: 'caller',
		answer: z.array(HubResponse),
	}),
	ping: defineOperation({
		method: 'get',
		path: '/ping',
		tag: 'Hub',
		summary: 'Ping the hub',
		description: 'Whether the token works, and of which element it is.',
		access: 'token',
		answer: PingResponse,
	}),
}
