/** Schemas of the check of a configuration. */
import * as z from 'zod'
import { InstanceBody, InstancePatch } from './schema.ts'
import { STORE_CHECK } from './store-check-examples.ts'

const CheckOptions = {
	collections: z
		.boolean('expected true or false')
		.optional()
		.meta({ description: 'true: list the collections of the store that can be polled' }),
	callback: z
		.boolean('expected true or false')
		.optional()
		.meta({ description: 'true: send a signed test event to the callback' }),
}

/** `POST /elements/{keyOrId}/check`: a body as for a creation, or any part of it. */
export const StoreCheckBody = InstanceBody.extend(CheckOptions)

/** `POST /instances/{id}/check`: the changes. */
export const InstanceCheckBody = InstancePatch.extend(CheckOptions)

const Problems = z
	.array(
		z.strictObject({
			field: z.string().meta({ examples: ['store.url'] }),
			message: z.string().meta({ description: 'What is wrong and what to do' }),
		}),
	)
	.meta({ description: 'What is wrong, by the field that it is about; empty: nothing' })

const CheckedStore = z.strictObject({
	ok: z.boolean(),
	url: z.string().nullable().meta({ description: 'The canonical address of the site' }),
	name: z.string().nullable(),
	version: z.string().nullable().meta({ description: 'Of WooCommerce; null without a key that may read it' }),
	problems: Problems,
	providerMessage: z.string().nullable().meta({ description: "The store's error message" }),
})

const CheckedKey = z.strictObject({
	ok: z.boolean(),
	rights: z
		.enum(['read', 'read/write', 'unknown'])
		.nullable()
		.meta({ description: 'What the key may do; webhooks need `read/write`. null: it does not work' }),
	problems: Problems,
	missing: z.string().nullable().meta({ description: 'What a key that only reads lacks, and what to do' }),
	providerMessage: z.string().nullable().meta({ description: "The store's error message" }),
})

const CheckedDate = z.strictObject({
	kind: z.enum(['updated', 'created']),
	field: z.string().meta({ description: 'The field that is read: the configured one, or its `_gmt` sibling' }),
	value: z.string().nullable().meta({ description: 'Its value in the newest record' }),
	utc: z.string().nullable().meta({ description: 'What it is read as; null: it cannot be read' }),
})

const CheckedResource = z.strictObject({
	label: z.string(),
	url: z.string(),
	ok: z.boolean(),
	total: z.number().nullable().meta({ description: 'Objects that the store counts; null: not known' }),
	dated: z
		.boolean()
		.meta({ description: 'false: its list has no filter by modified date, so that it is read as a whole' }),
	dates: z.array(CheckedDate).meta({ description: 'Dates of the newest record' }),
	requestsPerDay: z.number().nullable().meta({ description: 'Estimated; null: not known' }),
	problems: Problems,
})

const CheckedCallback = z.strictObject({
	ok: z.boolean(),
	status: z.number().nullable().meta({ description: 'The status of its answer; null: there was none' }),
	durationMs: z.number(),
	message: z.string().meta({ description: 'What happened, and what to do' }),
})

const CheckedCollection = z.strictObject({
	label: z.string().meta({ description: 'A label for it' }),
	title: z.string(),
	url: z.string().meta({ examples: ['/hubs/ecommerce/orders'] }),
	idField: z.string(),
	total: z.number().nullable().meta({ description: 'Objects, where they were counted' }),
})

/** The response to a check. */
export const StoreCheckResponse = z
	.strictObject({
		requests: z.number().meta({ description: 'Requests that the check made to the store, at most 60' }),
		problems: Problems.meta({ description: 'What is wrong with the configuration itself, by its keys' }),
		store: CheckedStore.nullable().meta({ description: 'null: there is no `store.url`' }),
		key: CheckedKey.nullable().meta({ description: 'null: key or secret are missing, or there is no store' }),
		resources: z.array(CheckedResource),
		requestsPerDay: z
			.number()
			.nullable()
			.meta({ description: 'Requests to the store in a day without changes, estimated; null: not known' }),
		collections: z
			.array(CheckedCollection)
			.nullable()
			.meta({ description: 'Collections that can be polled, if asked for' }),
		callback: CheckedCallback.nullable().meta({ description: 'If asked for' }),
	})
	.meta({ id: 'StoreCheck', examples: [STORE_CHECK] })
