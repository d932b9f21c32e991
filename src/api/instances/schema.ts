/** Schemas of instances (docs/contract.md §2). */
import * as z from 'zod'
import { DEFAULT_GRACE_SECONDS } from '../../instances/signature.ts'
import { expectedAtMost, LIMITS, formatLimit } from '../../lib/limits.ts'
import { NextPage, OptionalStringList, PageSize } from '../http/paging.ts'
import { CONFIGURATION, CONFIGURATION_ITEM, ELEMENT, ELEMENT_SUMMARY, INSTANCE, SIGNATURE_KEY } from './examples.ts'

const Flag = z.enum(['true', 'false'], 'expected true or false').optional()

const Configuration = z.record(z.string(), z.unknown(), 'expected an object of configuration keys').meta({
	description:
		'Keys as `GET /elements/{keyOrId}` lists them; other keys are stored too. Values are strings, numbers, booleans ' +
		`or, for the poller configuration, an object. At most ${formatLimit('configuration')} as JSON`,
	examples: [CONFIGURATION],
})
const InstanceTags = z
	.union([z.string(), z.array(z.string())], 'expected a list of texts')
	.nullish()
	.meta({
		description:
			`A list, or one string; [] for none. At creation the name by default; a change to null keeps them. At most ` +
			`${formatLimit('tags')} of ${formatLimit('tag')}`,
		examples: [['Docs']],
	})
const InstanceName = z
	.string('expected text')
	.nullish()
	.meta({
		description:
			`At creation the store's host by default. A change to null or an empty text keeps it. At most ` +
			formatLimit('name'),
		examples: ['My shop'],
	})
const ElementReference = z
	.looseObject(
		{
			key: z
				.string('expected text')
				.optional()
				.meta({ examples: ['woocommercerest'] }),
			id: z.number('expected a number').optional(),
		},
		'expected an object such as {"key": "woocommercerest"}',
	)
	.nullish()
	.meta({ description: 'The element, unless the path names it' })

/** `POST /instances`, `PUT`. Unknown fields are ignored, since clients send back whole instances. */
export const InstanceBody = z.looseObject({
	element: ElementReference,
	configuration: Configuration.nullish(),
	tags: InstanceTags,
	name: InstanceName,
})

/** `PATCH`: tags are replaced, the configuration is merged. */
export const InstancePatch = z.looseObject({
	configuration: Configuration.nullish(),
	tags: InstanceTags,
	name: InstanceName,
})

/** The query of a list. */
export const InstancesQuery = z.object({
	'tags[]': OptionalStringList.meta({ description: 'Instances that have all of these tags', examples: ['Docs'] }),
	searchText: z
		.string()
		.max(LIMITS.searchText.value, expectedAtMost('searchText'))
		.optional()
		.meta({ description: 'Part of the name or element key, case-insensitive', examples: ['shop'] }),
	pageSize: PageSize.optional(),
	nextPage: NextPage,
	hydrate: Flag.meta({ description: '`false` omits `configuration`, and most of `element`' }),
})

/** `?rebaseline=true`. */
export const RebaselineQuery = z.object({
	rebaseline: Flag.meta({
		description: 'Accepts a `store.url` of another site: what is known of the old site is dropped without events',
	}),
})

/** `PUT`. */
export const ReplaceQuery = RebaselineQuery.extend({
	replace: Flag.meta({ description: '`true`: what you omit is removed' }),
})

/** `PUT` below an element. */
export const ReplaceOfElementQuery = ReplaceQuery.extend({
	reAuthenticate: Flag.meta({
		description:
			'`true` (default): check the store even if its keys did not change. `false`: only if its URL, key or secret ' +
			'changes, or a new collection is watched',
	}),
})

/** `PUT …/enabled`. */
export const EnableQuery = z.object({
	skip: Flag.meta({
		description: '`true`: changes made meanwhile are not delivered; the store is indexed again without events',
	}),
})

/** A field of Cloud Elements that is always empty here. */
const EmptyList = z.array(z.string()).max(0)

/** An element with every flag that Cloud Elements' clients read. */
export const ElementResponse = z
	.strictObject({
		id: z.number().meta({ examples: [2881] }),
		name: z.string(),
		hookName: z.string(),
		key: z.string().meta({ examples: ['woocommercerest'] }),
		description: z.string(),
		image: z.string(),
		active: z.boolean(),
		deleted: z.boolean(),
		typeOauth: z.boolean(),
		trialAccount: z.boolean(),
		resources: EmptyList.meta({ description: 'Always empty; see `GET /elements/{keyOrId}`' }),
		transformationsEnabled: z.boolean(),
		bulkDownloadEnabled: z.boolean(),
		bulkUploadEnabled: z.boolean(),
		cloneable: z.boolean(),
		extendable: z.boolean(),
		beta: z.boolean(),
		authentication: z.strictObject({ type: z.literal('custom') }),
		extended: z.boolean(),
		hub: z.string().meta({ examples: ['ecommerce'] }),
		protocolType: z.literal('http'),
		parameters: EmptyList,
		private: z.boolean(),
	})
	.meta({ id: 'Element', examples: [ELEMENT] })

/** An element in a list that is not hydrated. */
const ElementSummary = z
	.strictObject({ id: z.number(), key: z.string(), name: z.string(), hub: z.string() })
	.meta({ id: 'ElementSummary', examples: [ELEMENT_SUMMARY] })

/** An instance. */
export const InstanceResponse = z
	.strictObject({
		id: z.number(),
		name: z.string(),
		createdDate: z.string().meta({ examples: ['2026-06-01T12:00:00Z'] }),
		token: z.string().meta({ description: 'Token for `Authorization: User …, Element <token>`' }),
		element: z
			.union([ElementResponse, ElementSummary])
			.meta({ description: 'With hydrate=false only `id`, `key`, `name` and `hub`' }),
		elementId: z.number(),
		tags: z.array(z.string()),
		provisionInteractions: EmptyList,
		valid: z.boolean(),
		disabled: z.boolean(),
		maxCacheSize: z.number(),
		cacheTimeToLive: z.number(),
		configuration: z
			.record(z.string(), z.string().nullable())
			.optional()
			.meta({ description: 'Every value is a string or null; secrets are `********`. Omitted with hydrate=false' }),
		eventsEnabled: z.boolean(),
		eventsNotificationCallbackUrl: z
			.string()
			.optional()
			.meta({ description: 'If events are enabled and there is a callback' }),
		subscriptionId: z.number().optional().meta({ description: 'Subscription of the callback, if events are enabled' }),
		storeVersion: z.string().optional().meta({
			description: "The store's version when its address or keys were last checked; absent: the key may not read it",
		}),
		signatureKeyRotatesUntil: z.string().optional().meta({
			description: 'During a rotation of the signature key: from then on only the new key signs',
		}),
		traceLoggingEnabled: z.boolean(),
		cachingEnabled: z.boolean(),
		externalAuthentication: z.literal('none'),
		user: z
			.strictObject({ id: z.number(), emailAddress: z.string(), firstName: z.string(), lastName: z.string() })
			.meta({ description: 'Who created it' }),
	})
	.meta({ id: 'Instance', examples: [INSTANCE] })

/** `GET /instances/count`. */
export const InstanceCountResponse = z
	.strictObject({ totalInstances: z.number(), elementInstances: z.number() })
	.meta({ id: 'InstanceCount', examples: [{ totalInstances: 12, elementInstances: 12 }] })

/** One item of `…/configuration`. */
export const ConfigurationItem = z
	.strictObject({
		id: z.number(),
		key: z.string(),
		name: z.string(),
		description: z.string(),
		propertyValue: z.string().nullable().meta({ description: 'Secrets are `********`' }),
		type: z.string(),
		active: z.boolean(),
		hideFromConsole: z.boolean(),
		required: z.boolean(),
	})
	.meta({ id: 'ConfigurationItem', examples: [CONFIGURATION_ITEM] })

/** The path of an item. */
export const ConfigurationItemParams = z.object({
	configId: z
		.string()
		.meta({ description: 'Id or key of the item', examples: ['288112', 'event.poller.refresh_interval'] }),
})

/** `PATCH …/configuration/{configId}`. */
export const ConfigurationPatch = z.looseObject({
	propertyValue: z
		.union(
			[z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown()), z.null()],
			'expected text, a number, true, false, an object, or null',
		)
		.meta({ description: 'The new value; null removes it, `********` keeps a secret', examples: ['30'] }),
})

const GRACE_MESSAGE = `expected a whole number of seconds from 0 to ${LIMITS.signatureGrace.value}`

/** `POST …/signature-key/rotate`. */
export const RotateSignatureKeyBody = z.strictObject({
	key: z.string('expected text').max(LIMITS.signatureKey.value, expectedAtMost('signatureKey')).nullish().meta({
		description: 'The new key, without white space at its ends, not in its `whsec_` form; random by default',
	}),
	grace: z
		.int(GRACE_MESSAGE)
		.min(0, GRACE_MESSAGE)
		.max(LIMITS.signatureGrace.value, GRACE_MESSAGE)
		.nullish()
		.meta({
			description: `Seconds for which both keys sign; ${DEFAULT_GRACE_SECONDS} by default`,
			examples: [3600],
		}),
})

const Key = z.string().meta({ description: 'The key, whose UTF-8 bytes sign' })
const WebhookSecret = z.string().meta({ description: 'The same key in the format of Standard Webhooks libraries' })

/** `GET …/signature-key`, also the response to rotating it. */
export const SignatureKeyResponse = z
	.strictObject({
		key: Key.nullable(),
		whsec: WebhookSecret.nullable(),
		next: z
			.strictObject({
				key: Key,
				whsec: WebhookSecret,
				from: z.string().meta({ description: 'From then on only this key signs; until then both do' }),
			})
			.nullable(),
	})
	.meta({ id: 'SignatureKey', examples: [SIGNATURE_KEY] })
