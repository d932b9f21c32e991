/** The shapes of accounts (contract, section 5). */
import * as z from 'zod'
import { SETTING_NAMES } from '../../accounts/settings.ts'

/** Checked name by name, so that a refusal names the setting. */
export const SettingsBody = z
	.record(z.string(), z.unknown(), `expected an object of settings: ${SETTING_NAMES.join(', ')}`)
	.meta({ description: `Texts, numbers or null by the name of the setting: ${SETTING_NAMES.join(', ')}` })

/** Every setting as text, with its default where it is not set; null: there is none. Secrets `********`. */
export const SettingsAnswer = z
	.strictObject(Object.fromEntries(SETTING_NAMES.map((name) => [name, z.string().nullable()])))
	.meta({ id: 'Settings' })
