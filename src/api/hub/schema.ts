/** The shapes of the hub's calls (docs/contract.md §8). */
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
		description: 'Only these fields of each record, divided by commas; dots lead into nested ones',
		examples: ['id,status,billing.email'],
	})

/** What a list is asked with. */
export const ListQuery = z.object({
	page: z
		.string()
		.regex(/^[1-9]\d{0,6}$/, 'expected a whole number from 1')
		.transform(Number)
		.optional()
		.meta({ description: 'Number of the page, from 1. `nextPage`, when it is there too, wins', examples: ['1'] }),
	pageSize: PageSize.optional().meta({
		description: `Most records of the page: 1 to ${MAX_PAGE_SIZE}; ${MAX_PAGE_SIZE} without it`,
		examples: ['50'],
	}),
	nextPage: NextPage,
	where: z
		.string()
		.max(LIMITS.where.value, expectedAtMost('where'))
		.optional()
		.meta({
			description:
				'Conditions joined with `AND`: `=`, `!=`, `<`, `>`, `<=`, `>=`, `LIKE` (`%`, `_`), `IN (…)`, values in single quotes. `after`, `created_date` and the like are dates, without a zone in the store’s own time. What the store cannot filter is filtered here, at most 20 of its pages a call',
			examples: ["created_date > '2016-04-28T21:58:25'", 'id > 0'],
		}),
	fields: Fields,
	orderBy: z
		.string()
		.max(LIMITS.orderBy.value, expectedAtMost('orderBy'))
		.optional()
		.meta({
			description: 'A field that the store can order by, with `asc` or `desc` after it; newest first without it',
			examples: ['id asc'],
		}),
})
/** What a report is asked with: a list whose conditions are its days. */
export const ReportQuery = ListQuery.extend({
	where: z
		.string()
		.max(LIMITS.where.value, expectedAtMost('where'))
		.optional()
		.meta({
			description:
				"Which days: `period = 'week'` (`month`, `last_month`, `year`), or `date_min = '…' AND date_max = '…'`",
			examples: ["period = 'month'"],
		}),
})

/** What one record is asked with. */
export const ItemQuery = z.object({ fields: Fields })

/** How something is deleted. */
export const DeleteQuery = z.object({
	force: z
		.enum(['true', 'false'])
		.optional()
		.meta({
			description:
				'`true`: for good. `false`: into the trash, or not at all where there is none. Without it: into the trash where there is one (orders, products, discounts), otherwise for good',
			examples: ['true'],
		}),
})

/** What is written: the store's own JSON. */
export const WriteBody = z
	.record(z.string(), z.unknown())
	.meta({ description: 'A record, or the fields of it that change, as the store knows them' })

const ScalarValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
/** Whatever is at an address of the store: a record, or a list of records or words. */
export const VendorReadResponse = z.union([VendorRecord, z.array(z.union([VendorRecord, ScalarValue]))]).meta({
	id: 'VendorAnswer',
	examples: [[COLLECTION_BY_DEPTH[1].record]],
	description: 'What the store has at this address: a record or a list',
})

/** What a write is answered with, by whatever is at that address: a plugin's route may say `true`. */
export const VendorWriteResponse = z
	.union([VendorRecord, z.array(z.union([VendorRecord, ScalarValue])), z.string(), z.number(), z.boolean()])
	.meta({
		id: 'VendorReply',
		examples: [COLLECTION_BY_DEPTH[1].record],
		description: 'What the store answered; `{}` when it answered with nothing',
	})

/** A collection of the store. */
export const CollectionResponse = z
	.strictObject({
		name: z.string().meta({
			description: 'Its name in paths, `/hubs/ecommerce/<name>`; `{id}` stands for an object that it belongs to',
		}),
		methods: z
			.array(z.enum(['get', 'create', 'update', 'delete']))
			.meta({ description: 'What its route says can be done' }),
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
				format: z.string().optional().meta({ description: 'Such as `date-time`' }),
				readonly: z.boolean().meta({ description: 'Cannot be written' }),
				required: z.boolean().meta({ description: 'Must be there when a record is created' }),
				enum: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
				description: z.string().optional().meta({ description: 'In the words of the store' }),
			}),
		),
	})
	.meta({ id: 'HubMetadata', examples: [METADATA] })
