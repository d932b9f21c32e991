/** The calls about an account (contract, section 5). */
import { operation } from '../contract.ts'
import { SettingsAnswer, SettingsBody } from './schema.ts'

const changeSettings = {
	tag: 'Accounts',
	summary: 'Change settings: those that are named; null for the default',
	access: 'account',
	role: 'admin',
	body: SettingsBody,
	example: { 'events.retention.days': 14 },
	answer: SettingsAnswer,
} as const

/** Paths with fixed words before those with `{id}` in the same place. */
export const accountOperations = {
	getSettings: operation({
		method: 'get',
		path: '/accounts/settings',
		tag: 'Accounts',
		summary: "The organization's settings",
		access: 'account',
		answer: SettingsAnswer,
	}),
	changeSettings: operation({ ...changeSettings, method: 'patch', path: '/accounts/settings' }),
	changeAccountSettings: operation({ ...changeSettings, method: 'patch', path: '/accounts/{id}/settings' }),
	postAccountSettings: operation({ ...changeSettings, method: 'post', path: '/accounts/{id}/settings' }),
}
