/** The shapes of the catalogue in the contract (docs/contract.md §2). */
import * as z from 'zod'
import { EVENT_TYPES } from '../../events/event.ts'
import { ElementResponse } from '../instances/schema.ts'
import {
	CATALOG_ELEMENT,
	ELEMENT_CONFIGURATION,
	ELEMENT_METADATA,
	ELEMENT_RESOURCE,
	HUB,
	POLLER_SETTINGS,
} from './examples.ts'
import { DETECTED_ISO_SECONDS } from '../http/examples.ts'

const PollerSettings = z
	.strictObject({
		url: z.string().meta({ examples: ['/hubs/ecommerce/orders'] }),
		idField: z.string().optional(),
		filterByUpdatedDate: z.boolean().optional(),
		filterByCurrentDate: z.boolean().optional(),
		createdCheckTolerance: z.number().optional(),
		pageSize: z.number().optional(),
		pollDelay: z.number().optional(),
		datesConfiguration: z
			.strictObject({
				updatedDateField: z.string().optional(),
				updatedDateFormat: z.string().optional(),
				updatedDateTimezone: z.string().optional(),
				createdDateField: z.string().optional(),
				createdDateFormat: z.string().optional(),
				createdDateTimezone: z.string().optional(),
			})
			.optional(),
	})
	.meta({
		id: 'PollerSettings',
		examples: [POLLER_SETTINGS],
		description: 'What `event.poller.configuration` holds under a label',
	})

const ElementResource = z
	.strictObject({
		name: z.string().meta({ description: 'Its label, which becomes `objectType`', examples: ['orders'] }),
		title: z.string(),
		path: z.string().meta({ description: 'In the hub', examples: ['/hubs/ecommerce/orders'] }),
		preset: z.boolean().meta({ description: 'Watched where the configuration does not say what is' }),
		settings: PollerSettings,
	})
	.meta({ id: 'ElementResource', examples: [ELEMENT_RESOURCE] })

const ElementConfiguration = z
	.strictObject({
		id: z.number(),
		name: z.string(),
		key: z.string().meta({ examples: ['event.poller.refresh_interval'] }),
		description: z.string(),
		defaultValue: z.string().nullable(),
		type: z.string().meta({ examples: ['NUMBER'] }),
		required: z.boolean(),
		displayOrder: z.number(),
		active: z.boolean(),
		internal: z.boolean(),
		hideFromConsole: z.boolean(),
		secret: z.boolean().meta({ description: '`********` in every answer' }),
		options: z
			.array(z.strictObject({ value: z.string(), name: z.string() }))
			.nullable()
			.meta({ description: 'Of a SELECT' }),
		minimum: z.number().nullable().meta({ description: 'Of a NUMBER; where `offAt` is a number, that is taken too' }),
		maximum: z.number().nullable(),
		maximumLength: z.number().nullable().meta({ description: 'Characters' }),
		offAt: z.number().nullable().meta({ description: 'Of an interval: this value turns it off' }),
		dependsOn: z
			.array(z.strictObject({ key: z.string(), values: z.array(z.string()) }))
			.meta({ description: 'It has a meaning only while each of these keys has one of these values' }),
	})
	.meta({ id: 'ElementConfiguration', examples: [ELEMENT_CONFIGURATION] })

/** An element of the catalogue. */
export const CatalogElement = z
	.strictObject({
		...ElementResponse.shape,
		resources: z
			.array(ElementResource)
			.meta({ description: 'Collections to offer for watching, the default ones first' }),
		configuration: z.array(ElementConfiguration),
	})
	.meta({
		id: 'CatalogElement',
		examples: [CATALOG_ELEMENT],
		description: 'An element with all that a form for its instances is drawn from',
	})

const EventTypesByResource = z.record(z.string(), z.strictObject({ eventTypes: z.array(z.enum(EVENT_TYPES)) })).meta({
	description: 'By resource',
	examples: [{ orders: { eventTypes: ['CREATED', 'UPDATED', 'DELETED'] } }],
})

/** `GET /elements/{keyOrId}/metadata`. */
export const ElementMetadataResponse = z
	.strictObject({
		id: z.number(),
		key: z.string(),
		name: z.string(),
		hub: z.string(),
		events: z.strictObject({
			supported: z.boolean(),
			methods: z.array(z.enum(['polling', 'webhook'])),
			polling: EventTypesByResource,
			webhook: EventTypesByResource,
		}),
	})
	.meta({ id: 'ElementMetadata', examples: [ELEMENT_METADATA] })

/** `GET /hubs`. */
export const HubResponse = z
	.strictObject({ key: z.string(), name: z.string(), active: z.boolean() })
	.meta({ id: 'Hub', examples: [HUB] })

/** `GET /ping`. */
export const PingResponse = z
	.strictObject({ dateTime: z.string(), endpoint: z.string().meta({ description: "The element's key" }) })
	.meta({ id: 'Ping', examples: [{ dateTime: DETECTED_ISO_SECONDS, endpoint: 'woocommercerest' }] })
