/** Fields of users in request bodies. */
import * as z from 'zod'
import { MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH } from '../../accounts/passwords.ts'
import { ROLES } from '../../accounts/roles.ts'
import { expectedAtMost, LIMITS, formatLimit } from '../../lib/limits.ts'
import { stripHtml } from '../../lib/values.ts'

const NAME_MESSAGE = `expected 1 to ${formatLimit('personName')}`

/** A name that is shown to people: no HTML, 1 to 255 characters. */
export const PersonName = z
	.string(NAME_MESSAGE)
	.transform(stripHtml)
	.refine((value) => value.length > 0 && value.length <= LIMITS.personName.value, NAME_MESSAGE)

/** An e-mail address. */
export const Email = z.email('expected an e-mail address').max(LIMITS.email.value, expectedAtMost('email'))

/** A new password. */
export const Password = z
	.string(`expected ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`)
	.min(MIN_PASSWORD_LENGTH, `expected ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`)
	.max(MAX_PASSWORD_LENGTH, `expected ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`)
	.meta({
		description: `${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`,
		examples: ['correct horse battery staple'],
	})

/** The role of a user. */
export const UserRole = z.enum(ROLES, `expected ${ROLES.join(', ')}`).meta({
	description: 'viewer: read, without secrets; developer: also write; admin: also manage users, API keys and settings',
})
