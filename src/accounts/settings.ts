/**
 * Settings of an organization that all its instances share (docs/contract.md §5, §11): one table says what each is
 * called, what it may be, and what holds when it is not set. An instance's object reads them with its row, at the
 * latest a minute after a change.
 */
import * as z from 'zod'
import { parseRetrySchedule } from '../delivery/schedule.ts'
import { operatorKeyContext, sealSecret } from '../lib/sealing.ts'
import {
	numberText,
	reachableUrl,
	toFieldProblems,
	verbatimText,
	wordText,
	type TextSchema,
} from '../lib/text-schemas.ts'
import { type FieldProblem, SECRET_MASK, parseNumber, toText } from '../lib/values.ts'
import { LIMITS, formatLimit } from '../lib/limits.ts'
import { auditStatement, type Actor } from './audit.ts'
import type { RetrySchedule } from '../rpc/config.ts'

/** The settings, understood. */
export interface AccountSettings {
	/** `notification.webhook.retry.schedule`: when a failed notification is tried again. */
	schedule: RetrySchedule
	/** `notification.webhook.failure.policy`: `queue` tries once, then keeps until it is released. */
	failurePolicy: 'retry' | 'queue'
	/** `events.retention.days`: how long settled events are kept. */
	retentionDays: number
	/**
	 * `operator.webhook.url`: where events about the account itself are sent. `operator.webhook.key` signs them, and
	 * notifications to topics of the account: sealed (`operatorKeyContext`), null: unsigned.
	 */
	operator: { url: string | null; sealedKey: string | null }
}

/** What holds when nothing is set. */
export const DEFAULT_SETTINGS: AccountSettings = {
	schedule: 'standard',
	failurePolicy: 'retry',
	retentionDays: 7,
	operator: { url: null, sealedKey: null },
}

/** What checking a setting needs to know. */
interface SettingsOptions {
	allowPrivateNetwork: boolean
}

interface Setting {
	/** Of a text that is not blank: what is kept. */
	schema: (options: SettingsOptions) => TextSchema
	/** Shown where it is not set. */
	defaultValue: string | null
	/** Sealed at rest, masked in answers. */
	secret?: true
}

/** Every setting, by its name. */
const SETTINGS = {
	'notification.webhook.retry.schedule': {
		defaultValue: 'standard',
		schema: () =>
			z
				.string()
				.trim()
				.refine(
					(text) => parseRetrySchedule(text) !== null,
					`expected standard, 8^n, 4^n, or at most ${formatLimit('scheduleSteps')} of seconds such as 5,60,3600, ` +
						'all positive, ' +
						`with a sum of at most ${formatLimit('scheduleDays')}`,
				),
	},
	'notification.webhook.failure.policy': { defaultValue: 'retry', schema: () => wordText('retry', 'queue') },
	'events.retention.days': {
		defaultValue: String(DEFAULT_SETTINGS.retentionDays),
		schema: () =>
			numberText(
				`a number of days above 0, at most ${LIMITS.retentionDays.value}`,
				(days) => days > 0 && days <= LIMITS.retentionDays.value,
			),
	},
	'operator.webhook.url': {
		defaultValue: null,
		schema: ({ allowPrivateNetwork }) => reachableUrl(allowPrivateNetwork),
	},
	'operator.webhook.key': { defaultValue: null, schema: () => verbatimText('signatureKey'), secret: true },
} as const satisfies Record<string, Setting>

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS

/** All names, in the order in which they are shown. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[]

/** Settings as they will be kept, secrets still in the clear; null: back to the default. */
type SettingsChange = Partial<Record<SettingName, string | null>>

/** The setting that is a secret. */
export const OPERATOR_KEY = 'operator.webhook.key' satisfies SettingName

/**
 * Understands settings as sent: numbers and lists may be themselves or text, null and blank mean the default,
 * `********` leaves a secret as it is. Answers with everything that is wrong with them, a name that is none included.
 */
export function parseSettings(
	input: Readonly<Record<string, unknown>>,
	options: SettingsOptions,
): { ok: true; change: SettingsChange } | { ok: false; problems: FieldProblem[] } {
	const change: SettingsChange = {}
	const problems: FieldProblem[] = []
	for (const [name, value] of Object.entries(input)) {
		if (!isSettingName(name)) {
			problems.push({ field: name.slice(0, 64), message: `expected one of ${SETTING_NAMES.join(', ')}` })
			continue
		}
		const setting: Setting = SETTINGS[name]
		if (setting.secret && value === SECRET_MASK) continue
		const text = toText(value)
		if (text === null || text.trim() === '') {
			change[name] = null
			continue
		}
		const parsed = setting.schema(options).safeParse(text)
		if (parsed.success) change[name] = parsed.data
		else problems.push(...toFieldProblems(name, parsed.error))
	}
	return problems.length > 0 ? { ok: false, problems } : { ok: true, change }
}

/** Reads an organization's settings. What a later version can no longer read has its default. */
export async function readAccountSettings(db: D1Database, organizationId: number): Promise<AccountSettings> {
	const stored = await readSettingRows(db, organizationId)
	const days = parseNumber(stored.get('events.retention.days') ?? '')
	return {
		schedule: parseRetrySchedule(stored.get('notification.webhook.retry.schedule') ?? '') ?? DEFAULT_SETTINGS.schedule,
		failurePolicy: stored.get('notification.webhook.failure.policy') === 'queue' ? 'queue' : 'retry',
		retentionDays: days !== null && days > 0 ? days : DEFAULT_SETTINGS.retentionDays,
		operator: { url: stored.get('operator.webhook.url') ?? null, sealedKey: stored.get(OPERATOR_KEY) ?? null },
	}
}

/** An organization's settings as answered: every name, with its default where it is not set, secrets masked. */
export async function getMaskedSettings(
	db: D1Database,
	organizationId: number,
): Promise<Record<SettingName, string | null>> {
	const stored = await readSettingRows(db, organizationId)
	const entries = SETTING_NAMES.map((name) => {
		const setting: Setting = SETTINGS[name]
		const value = stored.get(name) ?? setting.defaultValue
		return [name, value !== null && setting.secret ? SECRET_MASK : value]
	})
	return Object.fromEntries(entries) as Record<SettingName, string | null>
}

/** Writes settings, all or none, with a row in the audit log that names them. What is as it was is not written. */
export async function writeAccountSettings(
	db: D1Database,
	keyRing: string,
	actor: Actor,
	change: SettingsChange,
	nowMs: number,
): Promise<void> {
	const { organizationId } = actor
	const stored = await readSettingRows(db, organizationId)
	const names = SETTING_NAMES.filter((name) => {
		const value = change[name]
		return value !== undefined && (value ?? undefined) !== stored.get(name)
	})
	if (names.length === 0) return
	const statements = await Promise.all(
		names.map(async (name) => {
			const value = change[name] ?? null
			if (value === null)
				return db
					.prepare('DELETE FROM account_settings WHERE organization_id = ? AND key = ?')
					.bind(organizationId, name)
			const setting: Setting = SETTINGS[name]
			const stored = setting.secret ? await sealSecret(keyRing, value, operatorKeyContext(organizationId)) : value
			return db
				.prepare(
					`INSERT INTO account_settings (organization_id, key, value) VALUES (?, ?, ?)
						ON CONFLICT (organization_id, key) DO UPDATE SET value = excluded.value`,
				)
				.bind(organizationId, name, stored)
		}),
	)
	const entry = {
		action: 'settings.update',
		objectType: 'organization' as const,
		objectId: organizationId,
		detail: { settings: names },
	}
	await db.batch([...statements, auditStatement(db, actor, entry, nowMs)])
}

async function readSettingRows(db: D1Database, organizationId: number): Promise<Map<SettingName, string>> {
	const { results } = await db
		.prepare('SELECT key, value FROM account_settings WHERE organization_id = ?')
		.bind(organizationId)
		.all<{ key: string; value: string }>()
	return new Map(results.flatMap(({ key, value }) => (isSettingName(key) ? [[key, value] as const] : [])))
}

function isSettingName(name: string): name is SettingName {
	return Object.hasOwn(SETTINGS, name)
}
