/** The calls about elements and hubs (docs/contract.md §2). */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import {
	CatalogElement,
	ElementMetadataResponse,
	ElementsQuery,
	HubResponse,
	HubsQuery,
	MetadataQuery,
	PingResponse,
} from './schema.ts'

export const catalogOperations = {
	listElements: defineOperation({
		method: 'get',
		path: '/elements',
		tag: 'Elements',
		summary: 'List elements',
		description: 'An element is a kind of store that you can connect.',
		access: 'caller',
		query: ElementsQuery,
		answer: z.array(CatalogElement),
	}),
	listElementKeys: defineOperation({
		method: 'get',
		path: '/elements/keys',
		tag: 'Elements',
		summary: 'List element keys',
		access: 'caller',
		answer: z.array(z.string()),
		answerExample: ['woocommercerest'],
	}),
	listElementMetadata: defineOperation({
		method: 'get',
		path: '/elements/metadata',
		tag: 'Elements',
		summary: 'List metadata of elements',
		description: 'Returns which events each element detects, and how.',
		access: 'caller',
		query: MetadataQuery,
		answer: z.array(ElementMetadataResponse),
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
		query: MetadataQuery,
		answer: ElementMetadataResponse,
	}),
	listHubs: defineOperation({
		method: 'get',
		path: '/hubs',
		tag: 'Elements',
		summary: 'List hubs',
		description: 'A hub is a category of elements with the same API.',
		access: 'caller',
		query: HubsQuery,
		answer: z.array(HubResponse),
	}),
	ping: defineOperation({
		method: 'get',
		path: '/ping',
		tag: 'Hub',
		summary: 'Ping the hub',
		description: 'Checks the token and returns its element. `/hubs/{hub}/ping` is the same call.',
		access: 'token',
		answer: PingResponse,
	}),
}
