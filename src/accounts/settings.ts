/** Settings of an organization that all its instances share (contract, section 11); what is not set has its default. */

/** The settings, understood. */
export interface AccountSettings {
	/** `events.retention.days`: how long settled events are kept. */
	retentionDays: number
}

/** What holds when nothing is set. */
export const DEFAULT_SETTINGS: AccountSettings = { retentionDays: 7 }

/** Reads an organization's settings. */
export async function readAccountSettings(db: D1Database, organizationId: number): Promise<AccountSettings> {
	const { results } = await db
		.prepare('SELECT key, value FROM account_settings WHERE organization_id = ?')
		.bind(organizationId)
		.all<{ key: string; value: string }>()
	const settings = new Map(results.map((row) => [row.key, row.value]))
	const days = Number(settings.get('events.retention.days') ?? Number.NaN)
	return { retentionDays: Number.isFinite(days) && days > 0 ? days : DEFAULT_SETTINGS.retentionDays }
}
