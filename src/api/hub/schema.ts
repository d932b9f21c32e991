/** Schemas of the hub (docs/contract.md §8). */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { VendorRecord } from '../http/contract.ts'
import { NextPage, MAX_PAGE_SIZE, PageSize } from '../http/paging.ts'
import { COLLECTION_BY_DEPTH, METADATA, OBJECT } from './examples.ts'

const Fields = z
	.string()
	.max(LIMITS.fields.value, expectedAtMost('fields'))
	.optional()
	.meta({
		description: 'Fields to return, separated by commas, with dots for nested ones',
		examples: ['id,status,billing.email'],
	})

/** The query of a list. */
export const ListQuery = z.object({
	page: z
		.string()
		.regex(/^[1-9]\d{0,6}$/, 'expected a whole number from 1')
		.transform(Number)
		.optional()
		.meta({ description: 'Number of the page, from 1. Ignored if `nextPage` is set', examples: ['1'] }),
	pageSize: PageSize.optional().meta({
		description: `Number of items per page, 1 to ${MAX_PAGE_SIZE}; ${MAX_PAGE_SIZE} by default`,
		examples: ['50'],
	}),
	nextPage: NextPage,
	where: z
		.string()
		.max(LIMITS.where.value, expectedAtMost('where'))
		.optional()
		.meta({
			description:
				'Conditions joined with `AND`: `=`, `!=`, `<`, `>`, `<=`, `>=`, `LIKE` (`%`, `_`), `IN (…)`, with values in ' +
				'single quotes. Dates (`after`, `created_date`, …) without a time zone are in the store’s time. Shopbell ' +
				'filters what the store cannot, reading at most 20 of its pages per call',
			examples: ["created_date > '2016-04-28T21:58:25'", 'id > 0'],
		}),
	fields: Fields,
	orderBy: z
		.string()
		.max(LIMITS.orderBy.value, expectedAtMost('orderBy'))
		.optional()
		.meta({
			description: 'A field that the store can sort by, followed by `asc` or `desc`; newest first by default',
			examples: ['id asc'],
		}),
})
/** The query of a report. */
export const ReportQuery = ListQuery.extend({
	where: z
		.string()
		.max(LIMITS.where.value, expectedAtMost('where'))
		.optional()
		.meta({
			description:
				"The period: `period = 'week'` (`month`, `last_month`, `year`), or `date_min = '…' AND date_max = '…'`",
			examples: ["period = 'month'"],
		}),
})

/** The query of one record. */
export const ItemQuery = z.object({ fields: Fields })

/** The query of a deletion. */
export const DeleteQuery = z.object({
	force: z
		.enum(['true', 'false'])
		.optional()
		.meta({
			description:
				'`true`: delete permanently. `false`: move to the trash, or fail if there is none. By default, move to the trash ' +
				'if there is one (orders, products, discounts), otherwise delete permanently',
			examples: ['true'],
		}),
})

/** A body in the store's own JSON. */
export const WriteBody = z
	.record(z.string(), z.unknown())
	.meta({ description: 'A record or the fields to change, in the store’s format' })

const ScalarValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
/** The content of a path of the store: a record, or a list of records or values. */
export const VendorReadResponse = z.union([VendorRecord, z.array(z.union([VendorRecord, ScalarValue]))]).meta({
	id: 'VendorAnswer',
	examples: [[COLLECTION_BY_DEPTH[1].record]],
	description: 'What the store has at this path: a record or a list',
})

/** The response to a write; a plugin's route may return `true`. */
export const VendorWriteResponse = z
	.union([VendorRecord, z.array(z.union([VendorRecord, ScalarValue])), z.string(), z.number(), z.boolean()])
	.meta({
		id: 'VendorReply',
		examples: [COLLECTION_BY_DEPTH[1].record],
		description: 'The store’s response; `{}` if it was empty',
	})

/** The headers of the list of objects. */
export const ObjectsHeaders = z.looseObject({
	'Elements-Version': z
		.string()
		.optional()
		.meta({ description: '`Helium` adds `vendorName` and `type`', examples: ['Helium'] }),
})

/** A collection of the store. */
export const CollectionResponse = z
	.strictObject({
		name: z.string().meta({
			description: 'Name in paths, `/hubs/ecommerce/<name>`; `{id}` is the object that it belongs to',
		}),
		methods: z.array(z.enum(['get', 'create', 'update', 'delete'])).meta({ description: 'What its route allows' }),
		vendorName: z
			.string()
			.optional()
			.meta({ description: "The store's own name; only with the header `Elements-Version: Helium`" }),
		type: z.enum(['standard', 'custom']).optional().meta({ description: "custom: a plugin's; only with that header" }),
	})
	.meta({ id: 'HubObject', examples: [OBJECT] })

/** The fields of a collection. */
export const CollectionMetadataResponse = z
	.strictObject({
		name: z.string(),
		fields: z.array(
			z.strictObject({
				name: z.string().meta({ description: '`status`, `billing.city`, `line_items[].quantity`' }),
				type: z.enum(['string', 'integer', 'number', 'boolean', 'object', 'array', 'any']),
				format: z.string().optional().meta({ description: 'For example `date-time`' }),
				readonly: z.boolean().meta({ description: 'Whether it cannot be written' }),
				required: z.boolean().meta({ description: 'Whether creating a record requires it' }),
				enum: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
				description: z.string().optional().meta({ description: 'The store’s description' }),
			}),
		),
	})
	.meta({ id: 'HubMetadata', examples: [METADATA] })
