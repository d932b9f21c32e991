/** The calls about what can be connected (contract, section 2). */
import * as z from 'zod'
import { operation } from '../contract.ts'
import { CatalogElement, HubAnswer, MetadataAnswer, PingAnswer } from './schema.ts'

/** All of them. */
export const catalogOperations = {
	listElements: operation({
		method: 'get',
		path: '/elements',
		tag: 'Elements',
		summary: 'All elements',
		access: 'caller',
		answer: z.array(CatalogElement),
	}),
	getElement: operation({
		method: 'get',
		path: '/elements/{keyOrId}',
		tag: 'Elements',
		summary: 'One element: its configuration keys and resources',
		access: 'caller',
		answer: CatalogElement,
	}),
	getElementMetadata: operation({
		method: 'get',
		path: '/elements/{keyOrId}/metadata',
		tag: 'Elements',
		summary: 'Which events an element can see, and how',
		access: 'caller',
		answer: MetadataAnswer,
	}),
	listHubs: operation({
		method: 'get',
		path: '/hubs',
		tag: 'Elements',
		summary: 'All hubs',
		access: 'caller',
		answer: z.array(HubAnswer),
	}),
	ping: operation({
		method: 'get',
		path: '/ping',
		tag: 'Hub',
		summary: 'Whether the token works',
		access: 'token',
		answer: PingAnswer,
	}),
}
