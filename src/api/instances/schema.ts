/** The shapes of instances in the contract (section 2). */
import * as z from 'zod'
import { GRACE_SECONDS } from '../../instances/signature.ts'
import { atMost, LIMITS } from '../../limits.ts'
import { STATES } from '../../watcher/rpc.ts'

const Configuration = z.record(z.string(), z.unknown(), 'expected an object of configuration keys')
const Tags = z.union([z.string(), z.array(z.string())], 'expected a list of texts').nullish()
const GRACE_EXPECTED = `expected a whole number of seconds from 0 to ${LIMITS.signatureGrace.value}`
const Name = z.string('expected text').nullish()

/** `POST /instances`, `PUT`. What is not named here is accepted and ignored, as clients send back whole instances. */
export const InstanceBody = z.looseObject({
	element: z
		.looseObject(
			{ key: z.string('expected text').optional(), id: z.number().optional() },
			'expected an object such as {"key": "woocommercerest"}',
		)
		.optional(),
	configuration: Configuration.optional(),
	tags: Tags,
	name: Name,
})

/** `PATCH`: tags whole, configuration merged. */
export const InstancePatch = z.looseObject({ configuration: Configuration.optional(), tags: Tags, name: Name })

/** What stands under `element` in an instance, and in the catalogue. */
export const ElementAnswer = z.looseObject({ id: z.number(), name: z.string(), key: z.string(), hub: z.string() })

/** An instance as answered. `configuration` is flat, every value text or null, secrets `********`. */
export const InstanceAnswer = z.looseObject({
	id: z.number(),
	name: z.string(),
	createdDate: z.string(),
	token: z.string(),
	elementId: z.number(),
	tags: z.array(z.string()),
	valid: z.boolean(),
	disabled: z.boolean(),
	eventsEnabled: z.boolean(),
	eventsNotificationCallbackUrl: z.string().optional(),
	subscriptionId: z.number().optional(),
	element: ElementAnswer.optional(),
	configuration: z.record(z.string(), z.string().nullable()).optional(),
	user: z.object({ id: z.number(), emailAddress: z.string(), firstName: z.string(), lastName: z.string() }),
})

/** One item of `…/configuration`. */
export const ConfigurationItem = z.object({
	id: z.number(),
	key: z.string(),
	name: z.string(),
	description: z.string(),
	propertyValue: z.string().nullable(),
	type: z.string(),
	active: z.boolean(),
	hideFromConsole: z.boolean(),
	required: z.boolean(),
})

/** `PATCH …/configuration/{configId}`. */
export const ConfigurationPatch = z.looseObject({ propertyValue: z.unknown() })

/** `GET …/health`. */
export const HealthAnswer = z.looseObject({ state: z.enum(STATES), since: z.string(), reason: z.string(), action: z.string() })

/** `PUT …/poll`. */
export const PollBody = z.looseObject({ depth: z.enum(['window', 'reread'], 'expected window or reread').default('window') })

/** `PUT …/deletions`. */
export const DecisionBody = z.looseObject({ decision: z.enum(['emit', 'forget'], 'expected emit or forget') })

/** `POST …/signature-key/rotate`. */
export const RotateBody = z.strictObject({
	key: z
		.string('expected text')
		.max(LIMITS.signatureKey.value, atMost('signatureKey'))
		.nullish()
		.meta({ description: 'The new key; without one a random one is made' }),
	grace: z
		.int(GRACE_EXPECTED)
		.min(0, GRACE_EXPECTED)
		.max(LIMITS.signatureGrace.value, GRACE_EXPECTED)
		.nullish()
		.meta({ description: `Seconds in which both keys sign; ${GRACE_SECONDS} unless it is said` }),
})

const Key = z.string().meta({ description: 'As given: its UTF-8 bytes sign' })
const Whsec = z.string().meta({ description: 'The same key as Standard Webhooks libraries take it' })

/** `GET …/signature-key`, and what rotating it answers. */
export const SignatureKeyAnswer = z.object({
	key: Key.nullable(),
	whsec: Whsec.nullable(),
	next: z
		.object({ key: Key, whsec: Whsec, from: z.string().meta({ description: 'From then on it signs alone; until then both do' }) })
		.nullable(),
})
