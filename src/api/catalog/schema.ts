/** Schemas of elements and hubs (docs/contract.md §2). */
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
import { NextPage, PageSize } from '../http/paging.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'

const PollerSettings = z
	.strictObject({
		url: z.string().meta({ examples: ['/hubs/ecommerce/orders'] }),
		idField: z.string().optional(),
		filterByUpdatedDate: z.boolean().optional(),
		filterByCurrentDate: z.boolean().optional(),
		createdCheckTolerance: z.number().optional(),
		pageSize: z.number().optional(),
		pollDelay: z.number().optional(),
		ignore: z.array(z.string()).optional(),
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
		description: 'The settings of a resource in `event.poller.configuration`',
	})

const ElementResource = z
	.strictObject({
		name: z.string().meta({ description: 'Label of the resource, which becomes `objectType`', examples: ['orders'] }),
		title: z.string(),
		path: z.string().meta({ description: 'Path in the hub', examples: ['/hubs/ecommerce/orders'] }),
		preset: z.boolean().meta({ description: 'Whether it is watched by default' }),
		settings: PollerSettings,
	})
	.meta({ id: 'ElementResource', examples: [ELEMENT_RESOURCE] })

const ElementConfiguration = z
	.strictObject({
		id: z.number(),
		name: z.string(),
		key: z.string().meta({ examples: ['event.poller.refresh_interval'] }),
		description: z.string(),
		defaultValue: z.string().optional().meta({ description: 'Absent: there is none' }),
		type: z.string().meta({ examples: ['NUMBER'] }),
		required: z.boolean(),
		displayOrder: z.number(),
		active: z.boolean(),
		internal: z.boolean(),
		hideFromConsole: z.boolean(),
		secret: z.boolean().meta({ description: 'Whether responses show it as `********`' }),
		options: z
			.array(z.strictObject({ value: z.string(), name: z.string() }))
			.nullable()
			.meta({ description: 'SELECT only' }),
		minimum: z.number().nullable().meta({ description: 'NUMBER only; the value of `offAt` is also accepted' }),
		maximum: z.number().nullable(),
		maximumLength: z.number().nullable().meta({ description: 'In characters' }),
		offAt: z.number().nullable().meta({ description: 'Intervals only: the value that turns it off' }),
		dependsOn: z
			.array(z.strictObject({ key: z.string(), values: z.array(z.string()) }))
			.meta({ description: 'Applies only while each of these keys has one of these values' }),
	})
	.meta({ id: 'ElementConfiguration', examples: [ELEMENT_CONFIGURATION] })

/** An element with its configuration keys and resources. */
export const CatalogElement = z
	.strictObject({
		...ElementResponse.shape,
		resources: z.array(ElementResource).meta({ description: 'Resources that can be watched, the default ones first' }),
		configuration: z.array(ElementConfiguration),
	})
	.meta({
		id: 'CatalogElement',
		examples: [CATALOG_ELEMENT],
		description: 'An element with its configuration keys and resources',
	})

const EventTypesByResource = z.record(z.string(), z.strictObject({ eventTypes: z.array(z.enum(EVENT_TYPES)) })).meta({
	description: 'Event types by resource',
	examples: [{ orders: { eventTypes: ['CREATED', 'UPDATED', 'DELETED'] } }],
})

/** `GET /elements/{keyOrId}/metadata`. */
export const ElementMetadataResponse = z
	.strictObject({
		id: z.number(),
		key: z.string(),
		name: z.string(),
		description: z.string(),
		image: z.string().optional().meta({ description: 'With expand=true' }),
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
	.strictObject({
		key: z.string(),
		name: z.string(),
		active: z.boolean(),
		resources: z
			.array(
				z.strictObject({
					name: z.string(),
					title: z.string(),
					path: z.string().meta({ examples: ['/hubs/ecommerce/orders'] }),
				}),
			)
			.optional()
			.meta({ description: 'The resources of its elements that can be watched, with hydrate=true' }),
	})
	.meta({ id: 'Hub', examples: [HUB] })

const Flag = z.enum(['true', 'false'], 'expected true or false').optional()

/** The query of the list of hubs. */
export const HubsQuery = z.object({ hydrate: Flag.meta({ description: '`true` adds `resources`' }) })

/** The query of metadata. */
export const MetadataQuery = z.object({ expand: Flag.meta({ description: '`true` adds `image`' }) })

/** The query of the list of elements. */
export const ElementsQuery = z.object({
	where: z
		.string()
		.max(LIMITS.where.value, expectedAtMost('where'))
		.optional()
		.meta({
			description:
				'Conditions on fields of the element joined with `AND`: `=`, `!=`, `<`, `>`, `<=`, `>=`, `LIKE`, `IN (…)`',
			examples: ["hub = 'ecommerce' AND private = 'false'"],
		}),
	searchText: z
		.string()
		.max(LIMITS.searchText.value, expectedAtMost('searchText'))
		.optional()
		.meta({ description: 'Part of the name, key or description, case-insensitive', examples: ['woo'] }),
	pageSize: PageSize.optional(),
	nextPage: NextPage,
})

/** `GET /ping`. */
export const PingResponse = z
	.strictObject({ dateTime: z.string(), endpoint: z.string().meta({ description: "The element's key" }) })
	.meta({ id: 'Ping', examples: [{ dateTime: DETECTED_ISO_SECONDS, endpoint: 'woocommercerest' }] })
