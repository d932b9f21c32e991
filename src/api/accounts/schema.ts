/** The shapes of accounts (docs/contract.md §5). */
import * as z from 'zod'
import { AUDIT_OBJECTS } from '../../accounts/audit.ts'
import { SETTING_NAMES } from '../../accounts/settings.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { SCOPES } from '../http/contract.ts'
import { NextPage, PageSize } from '../http/paging.ts'
import { TIME_FORMATS } from '../http/times.ts'
import { PersonName } from './fields.ts'
import { ACCOUNT, API_KEY, INSTANCE_ID, PERSON } from '../http/examples.ts'
import { AUDIT_ENTRY, NEW_API_KEY, ORGANIZATION, SECRET, SETTINGS } from './examples.ts'

const WholeNumber = z
	.string()
	.regex(/^[1-9]\d{0,14}$/, 'expected a positive whole number')
	.transform(Number)

/** Checked setting by setting, so that an error names it. */
export const SettingsBody = z
	.record(z.string(), z.unknown(), `expected an object of settings: ${SETTING_NAMES.join(', ')}`)
	.meta({ description: `Strings, numbers or null by setting: ${SETTING_NAMES.join(', ')}` })

/** Every setting as a string, with its default if it is not set; null: no value. Secrets are `********`. */
export const SettingsResponse = z
	.strictObject(Object.fromEntries(SETTING_NAMES.map((name) => [name, z.string().nullable()])))
	.meta({ id: 'Settings', examples: [SETTINGS] })

/** An organization. */
export const AccountResponse = z
	.strictObject({
		id: z.number(),
		name: z.string(),
		companyId: z.number().meta({ description: 'The same as `id`' }),
		active: z.boolean(),
		defaultAccount: z.boolean(),
		createdDate: z.string(),
	})
	.meta({ id: 'Account', examples: [ACCOUNT] })

/** `GET /organizations/me`. */
export const OrganizationResponse = z
	.strictObject({
		id: z.number(),
		name: z.string(),
		secret: z.string().nullable().meta({ description: 'null: revoked, or not shown to viewers and API keys' }),
		active: z.boolean(),
		createdDate: z.string(),
	})
	.meta({ id: 'Organization', examples: [ORGANIZATION] })

/** Updating an organization. */
export const AccountPatch = z.object({
	name: PersonName.meta({ description: 'At most 255 characters, no HTML', examples: ['Acme'] }),
})

/** A secret as shown. */
export const SecretResponse = z
	.strictObject({
		secret: z.string().nullable().meta({ description: 'null: revoked; rotating creates a new one' }),
		previousUntil: z.string().nullable().meta({ description: 'Until when the previous secret is also accepted' }),
	})
	.meta({ id: 'Secret', examples: [SECRET] })

const GRACE_MESSAGE = `expected whole seconds from 0 to ${LIMITS.secretGrace.value}`

/** Rotating a secret. */
export const RotateSecretBody = z.object({
	grace: z
		.int(GRACE_MESSAGE)
		.min(0, GRACE_MESSAGE)
		.max(LIMITS.secretGrace.value, GRACE_MESSAGE)
		.default(0)
		.meta({
			description:
				'Seconds for which the previous secret is still accepted; 0 revokes it, and any older one, immediately. 409 ' +
				'while an older secret is still accepted, unless 0',
			examples: [86400],
		}),
})

const EXPIRY_DAYS_MESSAGE = `expected days from 1 to ${LIMITS.apiKeyDays.value}`

/** Creating an API key. */
export const ApiKeyBody = z
	.object({
		name: PersonName.meta({ description: 'What it is for', examples: ['Nightly export'] }),
		scopes: z
			.array(z.enum(SCOPES, `expected one of ${SCOPES.join(', ')}`), `expected a list of ${SCOPES.join(', ')}`)
			.min(1, `expected at least one of ${SCOPES.join(', ')}`)
			.max(LIMITS.scopes.value, expectedAtMost('scopes'))
			.transform((scopes) => [...new Set(scopes)])
			.meta({
				description: `What the key can do: ${SCOPES.join(', ')}`,
				examples: [['instances:read', 'hub:read']],
			}),
		expiresDate: z
			.string('expected a time such as 2027-01-31T12:00:00Z')
			// An empty form field must not create a key that never expires.
			.min(1, 'expected a time such as 2027-01-31T12:00:00Z')
			.max(LIMITS.time.value, expectedAtMost('time'))
			.nullish()
			.meta({ description: 'When the key expires; never by default', examples: ['2027-01-31T12:00:00Z'] }),
		expiresDays: z
			.number(EXPIRY_DAYS_MESSAGE)
			.min(1, EXPIRY_DAYS_MESSAGE)
			.max(LIMITS.apiKeyDays.value, EXPIRY_DAYS_MESSAGE)
			.nullish()
			.meta({ description: 'Days until the key expires, instead of expiresDate', examples: [90] }),
	})
	.refine((body) => body.expiresDate == null || body.expiresDays == null, {
		error: 'expected one of expiresDate and expiresDays',
		path: ['expiresDays'],
	})

const apiKeyFields = {
	id: z.number(),
	name: z.string(),
	hint: z.string().meta({ description: 'The last 4 characters of the key' }),
	scopes: z.array(z.string()),
	userId: z.number().meta({ description: 'Who created it' }),
	createdDate: z.string(),
	expiresDate: z.string().nullable(),
	expired: z.boolean(),
	lastUsedDate: z.string().nullable().meta({ description: 'To the hour; null: never used' }),
}
/** An API key as listed. */
export const ApiKeyResponse = z.strictObject(apiKeyFields).meta({ id: 'ApiKey', examples: [API_KEY] })
/** A created API key: the only response that holds it. */
export const NewApiKeyResponse = z
	.strictObject({ ...apiKeyFields, key: z.string() })
	.meta({ id: 'NewApiKey', examples: [NEW_API_KEY] })

const Moment = z.string().max(LIMITS.time.value, expectedAtMost('time')).optional()

/** Filters of the audit log. */
export const AuditQuery = z.object({
	from: Moment.meta({
		description: `Start, inclusive. ${TIME_FORMATS}`,
		examples: ['2026-01-31T12:00:00Z'],
	}),
	to: Moment.meta({ description: 'End, exclusive', examples: ['2026-06-01T12:00:00Z'] }),
	userId: WholeNumber.optional().meta({ description: 'User who did it', examples: [String(PERSON.id)] }),
	action: z
		.string()
		.max(LIMITS.auditAction.value, expectedAtMost('auditAction'))
		.optional()
		.meta({ description: 'For example `instance.create`', examples: ['user.invite'] }),
	objectType: z
		.enum(AUDIT_OBJECTS, `expected ${AUDIT_OBJECTS.join(', ')}`)
		.optional()
		.meta({ description: 'Kind of object' }),
	objectId: WholeNumber.optional().meta({ description: 'Id of the object', examples: [String(INSTANCE_ID)] }),
	pageSize: PageSize.optional(),
	nextPage: NextPage,
})

/** A row of the audit log. */
export const AuditResponse = z
	.strictObject({
		id: z.number(),
		date: z.string(),
		user: z.strictObject({ id: z.number(), email: z.string() }).nullable().meta({ description: 'null: the system' }),
		action: z.string(),
		object: z.strictObject({ type: z.enum(AUDIT_OBJECTS), id: z.number() }),
		detail: z
			.record(
				z.string(),
				z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))]),
			)
			.meta({ description: 'Names of changed fields, roles, scopes and numbers; never other values' }),
		requestId: z.string().nullable(),
	})
	.meta({ id: 'AuditEntry', examples: [AUDIT_ENTRY] })
