/**
 * After a rotation of master keys, seals the secrets in D1 that older keys sealed under the first key, a limited
 * number of rows at a time, so that an older key can be removed (docs/operations.md, Rotating MASTER_KEYS). A row that
 * changes at the same time is left to the next run.
 */
import { OPERATOR_KEY } from '../accounts/settings.ts'
import { logError } from '../lib/log.ts'
import {
	instanceContext,
	isSealed,
	parseMasterKeys,
	openSecret,
	operatorKeyContext,
	sealSecret,
} from '../lib/sealing.ts'

/** Rows per run. */
const MAX_ROWS_PER_ROUND = 50

interface SealedAccountRow {
	id: number
	sealed: string
}
interface SealedInstanceRow {
	id: number
	token: string
	configuration: string
	next: string | null
}

/**
 * Ids of the ring's keys that are still in use, in D1 or at a store; the first key always is. With one key nothing is
 * looked up.
 */
export async function findKeysInUse(db: D1Database, ring: string): Promise<string[]> {
	const [first, ...older] = parseMasterKeys(ring).map((key) => key.id)
	const usedIds = [first!]
	for (const id of older) {
		const row = await db
			.prepare(
				`SELECT EXISTS (SELECT 1 FROM instances WHERE hook_key = ?1 AND enabled = 1)
				OR EXISTS (SELECT 1 FROM instances WHERE instr(configuration, ?2) > 0 OR instr(token_sealed, ?3) = 1
				OR instr(signature_next, ?3) = 1)
				OR EXISTS (SELECT 1 FROM organizations WHERE instr(secret_sealed, ?3) = 1) OR EXISTS (SELECT 1 FROM users
				WHERE instr(secret_sealed, ?3) = 1)
				OR EXISTS (SELECT 1 FROM account_settings WHERE key = ?4 AND instr(value, ?3) = 1)
				OR EXISTS (SELECT 1 FROM drafts WHERE instr(sealed, ?3) = 1)
				OR EXISTS (SELECT 1 FROM idempotency WHERE instr(answer, ?3) = 1) AS used`,
			)
			.bind(id, `"v1.${id}.`, `v1.${id}.`, OPERATOR_KEY)
			.first<{ used: number }>()
		if (row?.used === 1) usedIds.push(id)
	}
	return usedIds
}

/** One run. A secret that cannot be opened because its key is missing stays unchanged. */
export async function resealSecrets(db: D1Database, ring: string): Promise<void> {
	for (const { id } of parseMasterKeys(ring).slice(1)) {
		for (const [table, context] of [
			['organizations', 'organization'],
			['users', 'user'],
		] as const) {
			const { results } = await db
				.prepare(`SELECT id, secret_sealed AS sealed FROM ${table} WHERE instr(secret_sealed, ?) = 1 LIMIT ?`)
				.bind(`v1.${id}.`, MAX_ROWS_PER_ROUND)
				.all<SealedAccountRow>()
			for (const row of results) {
				const sealed = await reseal(ring, row.sealed, `${context}/${row.id}`)
				if (sealed !== null)
					await db
						.prepare(`UPDATE ${table} SET secret_sealed = ? WHERE id = ? AND secret_sealed = ?`)
						.bind(sealed, row.id, row.sealed)
						.run()
			}
		}
		await resealSettings(db, ring, id)
		const { results } = await db
			.prepare(
				`SELECT id, token_sealed AS token, configuration, signature_next AS next FROM instances
					WHERE instr(configuration, ?1) > 0 OR instr(token_sealed, ?2) = 1 OR instr(signature_next, ?2) = 1 LIMIT ?3`,
			)
			.bind(`"v1.${id}.`, `v1.${id}.`, MAX_ROWS_PER_ROUND)
			.all<SealedInstanceRow>()
		for (const row of results) await resealInstance(db, ring, row)
	}
}

/** The one secret setting of an account. */
async function resealSettings(db: D1Database, ring: string, keyId: string): Promise<void> {
	const { results } = await db
		.prepare(
			'SELECT organization_id AS id, value AS sealed FROM account_settings WHERE key = ? AND instr(value, ?) = 1 LIMIT ?',
		)
		.bind(OPERATOR_KEY, `v1.${keyId}.`, MAX_ROWS_PER_ROUND)
		.all<SealedAccountRow>()
	for (const row of results) {
		const sealed = await reseal(ring, row.sealed, operatorKeyContext(row.id))
		if (sealed !== null)
			await db
				.prepare('UPDATE account_settings SET value = ? WHERE organization_id = ? AND key = ? AND value = ?')
				.bind(sealed, row.id, OPERATOR_KEY, row.sealed)
				.run()
	}
}

async function resealInstance(db: D1Database, ring: string, row: SealedInstanceRow): Promise<void> {
	const context = instanceContext(row.id)
	const configuration = JSON.parse(row.configuration) as Record<string, string | null>
	for (const [key, value] of Object.entries(configuration)) {
		if (value !== null && isSealed(value)) configuration[key] = (await reseal(ring, value, context)) ?? value
	}
	const token = (await reseal(ring, row.token, context)) ?? row.token
	const next = row.next === null ? null : ((await reseal(ring, row.next, context)) ?? row.next)
	const text = JSON.stringify(configuration)
	if (text === row.configuration && token === row.token && next === row.next) return
	// Increments the version, so that the instance's object reads its secrets again before the older key is removed.
	await db
		.prepare(
			`UPDATE instances SET token_sealed = ?, configuration = ?, signature_next = ?, version = version + 1
				WHERE id = ? AND token_sealed = ? AND configuration = ? AND signature_next IS ?`,
		)
		.bind(token, text, next, row.id, row.token, row.configuration, row.next)
		.run()
}

async function reseal(ring: string, sealed: string, context: string): Promise<string | null> {
	if (sealed.startsWith(`v1.${parseMasterKeys(ring)[0]!.id}.`)) return sealed
	try {
		return await sealSecret(ring, await openSecret(ring, sealed, context), context)
	} catch (error) {
		logError('reseal.failed', error)
		return null
	}
}
