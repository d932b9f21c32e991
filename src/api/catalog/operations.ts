/** The calls about elements and hubs (docs/contract.md §2). */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import { CatalogElement, HubResponse, ElementMetadataResponse, PingResponse } from './schema.ts'

export const catalogOperations = {
	listElements: defineOperation({
		method: 'get',
		path: '/elements',
		tag: 'Elements',
		summary: 'List elements',
		description: 'An element is a kind of store that you can connect.',
		access: 'caller',
		answer: z.array(CatalogElement),
	}),
	getElement: defineOperation({
		method: 'get',
		path: '/elements/{keyOrId}',
		tag: 'Elements',
		summary: 'Get an element',
		description:
			'Returns the configuration keys with types, defaults and limits, and the resources that can be watched: ' +
			'everything for a form that creates instances.',
		access: 'caller',
		answer: CatalogElement,
	}),
	getElementMetadata: defineOperation({
		method: 'get',
		path: '/elements/{keyOrId}/metadata',
		tag: 'Elements',
		summary: "Get an element's metadata",
		description: 'Returns which events the element detects, and how.',
		access: 'caller',
		answer: ElementMetadataResponse,
	}),
	listHubs: defineOperation({
		method: 'get',
		path: '/hubs',
		tag: 'Elements',
		summary: 'List hubs',
		description: 'A hub is a category of elements with the same API.',
		access: 'caller',
		answer: z.array(HubResponse),
	}),
	ping: defineOperation({
		method: 'get',
		path: '/ping',
		tag: 'Hub',
		summary: 'Ping the hub',
		description: 'Checks the token and returns its element.',
		access: 'token',
		answer: PingResponse,
	}),
}
