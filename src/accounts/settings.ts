/**
 * Settings of an organization that apply to all its instances (docs/contract.md §5, §11): one table defines the name,
 * the schema and the default of each. Objects of instances read them together with the instance's row, within a minute
 * of their next work.
 */
import * as z from 'zod'
import { parseRetrySchedule } from '../delivery/schedule.ts'
import { signatureKeyText } from '../lib/signature-key.ts'
import { operatorKeyPlace, sealSecret } from '../lib/sealing.ts'
import { numberText, reachableUrl, toFieldProblems, wordText, type TextSchema } from '../lib/text-schemas.ts'
import { maskUrl, restoreMaskedUrl } from '../lib/url-masks.ts'
import { type FieldProblem, SECRET_MASK, parseNumber, toText } from '../lib/values.ts'
import { LIMITS, formatLimit } from '../lib/limits.ts'
import { auditStatement, type Actor } from './audit.ts'
import type { RetrySchedule } from '../rpc/config.ts'

/** Parsed settings. */
export interface AccountSettings {
	/** `notification.webhook.retry.schedule`: when a failed notification is tried again. */
	schedule: RetrySchedule
	/** `notification.webhook.failure.policy`: `queue` tries once and then keeps the notification until it is released. */
	failurePolicy: 'retry' | 'queue'
	/** `events.retention.days`: how long settled events are kept. */
	retentionDays: number
	/**
	 * `operator.webhook.url`: where operator events are sent. `operator.webhook.key` signs them and notifications to
	 * topics of the account; sealed (`operatorKeyPlace`), null: unsigned.
	 */
	operator: { url: string | null; sealedKey: string | null }
}

/** Default values. */
export const DEFAULT_SETTINGS: AccountSettings = {
	schedule: 'standard',
	failurePolicy: 'retry',
	retentionDays: 7,
	operator: { url: null, sealedKey: null },
}

/** Options that the schemas depend on. */
interface SettingsOptions {
	allowPrivateNetwork: boolean
	/** The stored operator webhook, which its masked form refers to. */
	operatorUrl?: string | null
}

interface Setting {
	/** Parses a text that is not blank into the text to store. */
	schema: (options: SettingsOptions) => TextSchema
	/** Shown if the setting is not set. */
	defaultValue: string | null
	/** Sealed at rest, masked in responses. */
	secret?: true
}

/** Every setting by its name. */
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
		schema: ({ allowPrivateNetwork, operatorUrl }) =>
			z
				.string()
				.transform((sent) => restoreMaskedUrl(sent, operatorUrl ?? null))
				.pipe(reachableUrl(allowPrivateNetwork)),
	},
	'operator.webhook.key': { defaultValue: null, schema: () => signatureKeyText, secret: true },
} as const satisfies Record<string, Setting>

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS

/** All names, in the order of responses. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[]

/** Settings to store, with secrets in the clear; null: reset to the default. */
type SettingsChange = Partial<Record<SettingName, string | null>>

/** Where operator events are sent. */
export const OPERATOR_URL = 'operator.webhook.url' satisfies SettingName

/** The secret setting. */
export const OPERATOR_KEY = 'operator.webhook.key' satisfies SettingName

/**
 * Parses the settings of a request: numbers and lists can be JSON or text, null and blank mean the default, `********`
 * leaves a secret unchanged. Returns every problem, including unknown names.
 */
export function parseSettings(
	input: Readonly<Record<string, unknown>>,
	options: SettingsOptions,
): { ok: true; change: SettingsChange } | { ok: false; problems: FieldProblem[] } {
	const change: SettingsChange = {}
	const problems: FieldProblem[] = []
	for (const [name, value] of Object.entries(input)) {
		if (!isSettingName(name)) {
			const field = name === '' ? '""' : name.slice(0, 64)
			problems.push({ field, message: `expected one of ${SETTING_NAMES.join(', ')}` })
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

/** Reads an organization's settings. A stored value that is no longer valid is replaced by its default. */
export async function readAccountSettings(db: D1Database, organizationId: number): Promise<AccountSettings> {
	const stored = await readSettingRows(db, organizationId)
	const days = parseNumber(stored.get('events.retention.days') ?? '')
	return {
		schedule: parseRetrySchedule(stored.get('notification.webhook.retry.schedule') ?? '') ?? DEFAULT_SETTINGS.schedule,
		failurePolicy: stored.get('notification.webhook.failure.policy') === 'queue' ? 'queue' : 'retry',
		retentionDays: days !== null && days > 0 ? days : DEFAULT_SETTINGS.retentionDays,
		operator: { url: stored.get(OPERATOR_URL) ?? null, sealedKey: stored.get(OPERATOR_KEY) ?? null },
	}
}

/**
 * An organization's settings for responses: every name, with its default if it is not set, secrets masked, and tokens
 * in the URL for callers who see no secrets.
 */
export async function getMaskedSettings(
	db: D1Database,
	organizationId: number,
	canSeeSecrets: boolean,
): Promise<Record<SettingName, string | null>> {
	const stored = await readSettingRows(db, organizationId)
	const entries = SETTING_NAMES.map((name) => {
		const setting: Setting = SETTINGS[name]
		const value = stored.get(name) ?? setting.defaultValue
		if (value === null) return [name, null]
		if (setting.secret) return [name, SECRET_MASK]
		return [name, canSeeSecrets || name !== OPERATOR_URL ? value : maskUrl(value)]
	})
	return Object.fromEntries(entries) as Record<SettingName, string | null>
}

/** An SQL condition without numbered parameters, and their values. */
interface WriteCondition {
	sql: string
	values: readonly (string | number)[]
}

/**
 * Writes settings, all or none, with an audit row that names them. Unchanged values are not written. False: `onlyIf`
 * did not hold, so nothing was written.
 */
export async function writeAccountSettings(
	db: D1Database,
	keyRing: string,
	actor: Actor,
	change: SettingsChange,
	nowMs: number,
	onlyIf: WriteCondition = { sql: 'true', values: [] },
): Promise<boolean> {
	const { organizationId } = actor
	const stored = await readSettingRows(db, organizationId)
	const names = SETTING_NAMES.filter((name) => {
		const value = change[name]
		return value !== undefined && (value ?? undefined) !== stored.get(name)
	})
	if (names.length === 0) return true
	const statements = await Promise.all(
		names.map(async (name) => {
			const value = change[name] ?? null
			if (value === null)
				return db
					.prepare(`DELETE FROM account_settings WHERE organization_id = ? AND key = ? AND ${onlyIf.sql}`)
					.bind(organizationId, name, ...onlyIf.values)
			const setting: Setting = SETTINGS[name]
			const stored = setting.secret ? await sealSecret(keyRing, value, operatorKeyPlace(organizationId)) : value
			return db
				.prepare(
					`INSERT INTO account_settings (organization_id, key, value) SELECT ?, ?, ? WHERE ${onlyIf.sql}
						ON CONFLICT (organization_id, key) DO UPDATE SET value = excluded.value`,
				)
				.bind(organizationId, name, stored, ...onlyIf.values)
		}),
	)
	const entry = {
		action: 'settings.update',
		objectType: 'organization' as const,
		objectId: organizationId,
		detail: { settings: names },
	}
	const results = await db.batch([...statements, auditStatement(db, actor, entry, nowMs, 'changes() > 0')])
	return results.at(-1)!.meta.changes > 0
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
