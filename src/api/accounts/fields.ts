/** Fields that people are described with, wherever they are sent. */
import * as z from 'zod'
import { PASSWORD_LEAST, PASSWORD_MOST } from '../../accounts/passwords.ts'
import { ROLES } from '../../accounts/roles.ts'
import { atMost, LIMITS, shown } from '../../lib/limits.ts'
import { stripHtml } from '../../lib/values.ts'

const NAME = `expected 1 to ${shown('personName')}`

/** A name that is shown to people: no HTML, 1 to 255 characters. */
export const PersonName = z
	.string(NAME)
	.transform(stripHtml)
	.refine((value) => value.length > 0 && value.length <= LIMITS.personName.value, NAME)

/** An e-mail address. */
export const Email = z.email('expected an e-mail address').max(LIMITS.email.value, atMost('email'))

/** A password that is to be set. */
export const Password = z
	.string(`expected ${PASSWORD_LEAST} to ${PASSWORD_MOST} characters`)
	.min(PASSWORD_LEAST, `expected ${PASSWORD_LEAST} to ${PASSWORD_MOST} characters`)
	.max(PASSWORD_MOST, `expected ${PASSWORD_LEAST} to ${PASSWORD_MOST} characters`)
	.meta({ description: `${PASSWORD_LEAST} to ${PASSWORD_MOST} characters`, examples: ['correct horse battery staple'] })

/** What a user may do. */
export const RoleName = z
	.enum(ROLES, `expected ${ROLES.join(', ')}`)
	.meta({ description: 'viewer: reads, and sees no secret; developer: works; admin: also looks after people, keys and settings' })
