/** The shapes of accounts (docs/contract.md §5). */
import * as z from 'zod'
import { AUDIT_OBJECTS } from '../../accounts/audit.ts'
import { SETTING_NAMES } from '../../accounts/settings.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { SCOPES } from '../http/contract.ts'
import { NextPage, PageSize } from '../http/paging.ts'
import { PersonName } from './fields.ts'
import { ACCOUNT, API_KEY, INSTANCE_ID, PERSON } from '../http/examples.ts'
import { AUDIT_ENTRY, NEW_API_KEY, SECRET, SETTINGS } from './examples.ts'

/** A number in a query. */
const WholeNumber = z
	.string()
	.regex(/^[1-9]\d{0,14}$/, 'expected a positive whole number')
	.transform(Number)

/** Checked name by name, so that a refusal names the setting. */
export const SettingsBody = z
	.record(z.string(), z.unknown(), `expected an object of settings: ${SETTING_NAMES.join(', ')}`)
	.meta({ description: `Texts, numbers or null by the name of the setting: ${SETTING_NAMES.join(', ')}` })

/** Every setting as text, with its default where it is not set; null: there is none. Secrets `********`. */
export const SettingsResponse = z
	.strictObject(Object.fromEntries(SETTING_NAMES.map((name) => [name, z.string().nullable()])))
	.meta({ id: 'Settings', examples: [SETTINGS] })

/** An organization. */
export const AccountResponse = z
	.strictObject({ id: z.number(), name: z.string(), createdDate: z.string() })
	.meta({ id: 'Account', examples: [ACCOUNT] })

/** What may be changed of it. */
export const AccountPatch = z.object({
	name: PersonName.meta({ description: 'At most 255 characters, no HTML', examples: ['Acme'] }),
})

/** A secret as shown. */
export const SecretResponse = z
	.strictObject({
		secret: z.string().nullable().meta({ description: 'Null: there is none, until it is rotated' }),
		previousUntil: z.string().nullable().meta({ description: 'Until when the secret before this one opens too' }),
	})
	.meta({ id: 'Secret', examples: [SECRET] })

const GRACE_MESSAGE = `expected whole seconds from 0 to ${LIMITS.secretGrace.value}`

/** How a secret is rotated. */
export const RotateSecretBody = z.object({
	grace: z
		.int(GRACE_MESSAGE)
		.min(0, GRACE_MESSAGE)
		.max(LIMITS.secretGrace.value, GRACE_MESSAGE)
		.default(0)
		.meta({
			description:
				'Seconds for which the old secret still opens; 0: it is dead at once, and so is one that was still open. 409 while an older one is still open, whose time would be cut short',
			examples: [86400],
		}),
})

const EXPIRY_DAYS_MESSAGE = `expected days from 1 to ${LIMITS.apiKeyDays.value}`

/** What an API key is made of. */
export const ApiKeyBody = z
	.object({
		name: PersonName.meta({ description: 'What it is for', examples: ['Nightly export'] }),
		scopes: z
			.array(z.enum(SCOPES, `expected one of ${SCOPES.join(', ')}`), `expected a list of ${SCOPES.join(', ')}`)
			.min(1, `expected at least one of ${SCOPES.join(', ')}`)
			.max(LIMITS.scopes.value, expectedAtMost('scopes'))
			.transform((scopes) => [...new Set(scopes)])
			.meta({
				description: `What it may: ${SCOPES.join(', ')}; never more than its maker`,
				examples: [['instances:read', 'hub:read']],
			}),
		expiresDate: z
			.string('expected a time such as 2027-01-31T12:00:00Z')
			// A blank of a form must not mean for ever.
			.min(1, 'expected a time such as 2027-01-31T12:00:00Z')
			.max(LIMITS.time.value, expectedAtMost('time'))
			.nullish()
			.meta({ description: 'Until when it opens; absent: for ever', examples: ['2027-01-31T12:00:00Z'] }),
		expiresDays: z
			.number(EXPIRY_DAYS_MESSAGE)
			.min(1, EXPIRY_DAYS_MESSAGE)
			.max(LIMITS.apiKeyDays.value, EXPIRY_DAYS_MESSAGE)
			.nullish()
			.meta({ description: 'In place of expiresDate', examples: [90] }),
	})
	.refine((body) => body.expiresDate == null || body.expiresDays == null, {
		error: 'expected one of expiresDate and expiresDays',
		path: ['expiresDays'],
	})

const apiKeyFields = {
	id: z.number(),
	name: z.string(),
	hint: z.string().meta({ description: 'Its last 4 characters' }),
	scopes: z.array(z.string()),
	userId: z.number().meta({ description: 'Who made it' }),
	createdDate: z.string(),
	expiresDate: z.string().nullable(),
	expired: z.boolean(),
	lastUsedDate: z.string().nullable().meta({ description: 'To the hour; null: never' }),
}
/** An API key as listed. */
export const ApiKeyResponse = z.strictObject(apiKeyFields).meta({ id: 'ApiKey', examples: [API_KEY] })
/** An API key as made: the only answer that holds it. */
export const NewApiKeyResponse = z
	.strictObject({ ...apiKeyFields, key: z.string() })
	.meta({ id: 'NewApiKey', examples: [NEW_API_KEY] })

const Moment = z.string().max(LIMITS.time.value, expectedAtMost('time')).optional()

/** What the audit log can be narrowed by. */
export const AuditQuery = z.object({
	from: Moment.meta({
		description: 'ISO 8601 or epoch time (13 digits or more are milliseconds, 9 or 10 seconds)',
		examples: ['2026-01-31T12:00:00Z'],
	}),
	to: Moment.meta({ description: 'Up to before this moment', examples: ['2026-06-01T12:00:00Z'] }),
	userId: WholeNumber.optional().meta({ description: 'Who did it', examples: [String(PERSON.id)] }),
	action: z
		.string()
		.max(LIMITS.auditAction.value, expectedAtMost('auditAction'))
		.optional()
		.meta({ description: 'Such as `instance.create`', examples: ['user.invite'] }),
	objectType: z
		.enum(AUDIT_OBJECTS, `expected ${AUDIT_OBJECTS.join(', ')}`)
		.optional()
		.meta({ description: 'What it was done to' }),
	objectId: WholeNumber.optional().meta({ description: 'To which of them', examples: [String(INSTANCE_ID)] }),
	pageSize: PageSize.optional(),
	nextPage: NextPage,
})

/** A row of the audit log. */
export const AuditResponse = z
	.strictObject({
		id: z.number(),
		date: z.string(),
		user: z
			.strictObject({ id: z.number(), email: z.string() })
			.nullable()
			.meta({ description: 'Null: the system itself' }),
		action: z.string(),
		object: z.strictObject({ type: z.enum(AUDIT_OBJECTS), id: z.number() }),
		detail: z
			.record(
				z.string(),
				z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))]),
			)
			.meta({ description: 'Names of what was changed, roles, scopes and numbers; never other values' }),
		requestId: z.string().nullable(),
	})
	.meta({ id: 'AuditEntry', examples: [AUDIT_ENTRY] })
