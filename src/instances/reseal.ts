/**
 * Seals stored secrets anew under the first master key and in the present form, so that an older key can be removed
 * (docs/operations.md, Rotating MASTER_KEYS). The cron walks through each table in order of ids, some rows in each run,
 * and begins again at the end: a row that cannot be opened delays no other, and one that changes at the same time is
 * left to the next walk. Owns the table `reseal_positions`.
 */
import { OPERATOR_KEY } from '../accounts/settings.ts'
import { toIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { log } from '../lib/log.ts'
import {
	instanceSecret,
	isStale,
	openSecret,
	operatorKeyPlace,
	parseMasterKeys,
	sealSecret,
	type SecretPlace,
	UnreadableSecret,
} from '../lib/sealing.ts'
import { listSecretKeys } from './configuration-keys.ts'
import { SIGNATURE_KEY } from './signature.ts'

/** Rows of each table that one run reads, and how many it writes at most. */
const MAX_READ_ROWS = 500
const MAX_WRITTEN_ROWS = 50

/** A row with one sealed value. */
interface SealedRow {
	id: number
	sealed: string
}

interface SealedInstanceRow {
	id: number
	incarnation: string
	token: string
	configuration: string
	next: string | null
}

/** What became of a row: `unreadable` if one of its secrets cannot be opened. */
type Outcome = 'current' | 'written' | 'unreadable'

/** A table whose rows are sealed anew. */
interface Source<Row extends { id: number }> {
	name: string
	/** The rows with an id above `?1`, in order of ids, at most `?2`. */
	select: string
	reseal(db: D1Database, ring: string, row: Row): Promise<Outcome>
}

const ORGANIZATIONS: Source<SealedRow> = {
	name: 'organizations',
	select: 'SELECT id, secret_sealed AS sealed FROM organizations WHERE id > ?1 ORDER BY id LIMIT ?2',
	reseal: (db, ring, row) =>
		resealValue(ring, row, `organization/${row.id}`, (sealed) =>
			db
				.prepare('UPDATE organizations SET secret_sealed = ? WHERE id = ? AND secret_sealed = ?')
				.bind(sealed, row.id, row.sealed),
		),
}

const USERS: Source<SealedRow> = {
	name: 'users',
	select: 'SELECT id, secret_sealed AS sealed FROM users WHERE id > ?1 ORDER BY id LIMIT ?2',
	reseal: (db, ring, row) =>
		resealValue(ring, row, `user/${row.id}`, (sealed) =>
			db
				.prepare('UPDATE users SET secret_sealed = ? WHERE id = ? AND secret_sealed = ?')
				.bind(sealed, row.id, row.sealed),
		),
}

/** The one secret setting of an account. */
const SETTINGS: Source<SealedRow> = {
	name: 'account_settings',
	select: `SELECT organization_id AS id, value AS sealed FROM account_settings
		WHERE organization_id > ?1 AND key = '${OPERATOR_KEY}' ORDER BY organization_id LIMIT ?2`,
	reseal: (db, ring, row) =>
		resealValue(ring, row, operatorKeyPlace(row.id), (sealed) =>
			db
				.prepare('UPDATE account_settings SET value = ? WHERE organization_id = ? AND key = ? AND value = ?')
				.bind(sealed, row.id, OPERATOR_KEY, row.sealed),
		),
}

const INSTANCES: Source<SealedInstanceRow> = {
	name: 'instances',
	select: `SELECT id, incarnation, token_sealed AS token, configuration, signature_next AS next FROM instances
		WHERE id > ?1 ORDER BY id LIMIT ?2`,
	reseal: resealInstance,
}

/** Whether a sealed text in SQL was sealed by the key `?1`, in the form of any version. */
const isSealedBySql = (column: string): string => `instr(${column}, '.' || ?1 || '.') = 3`

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
				OR EXISTS (SELECT 1 FROM instances WHERE ${isSealedBySql('token_sealed')}
					OR ${isSealedBySql('signature_next')})
				OR EXISTS (SELECT 1 FROM instances, json_each(instances.configuration) AS entry
					WHERE entry.key IN (SELECT value FROM json_each(?2)) AND ${isSealedBySql('entry.value')})
				OR EXISTS (SELECT 1 FROM organizations WHERE ${isSealedBySql('secret_sealed')})
				OR EXISTS (SELECT 1 FROM users WHERE ${isSealedBySql('secret_sealed')})
				OR EXISTS (SELECT 1 FROM account_settings WHERE key = ?3 AND ${isSealedBySql('value')})
				OR EXISTS (SELECT 1 FROM drafts WHERE ${isSealedBySql('sealed')})
				OR EXISTS (SELECT 1 FROM idempotency WHERE ${isSealedBySql('answer')}) AS used`,
			)
			.bind(id, JSON.stringify(listSecretKeys()), OPERATOR_KEY)
			.first<{ used: number }>()
		if (row?.used === 1) usedIds.push(id)
	}
	return usedIds
}

/** One run: the next rows of each table. A secret that cannot be opened stays unchanged. */
export async function resealSecrets(db: D1Database, ring: string): Promise<void> {
	await walk(db, ring, ORGANIZATIONS)
	await walk(db, ring, USERS)
	await walk(db, ring, SETTINGS)
	await walk(db, ring, INSTANCES)
}

async function walk<Row extends { id: number }>(db: D1Database, ring: string, source: Source<Row>): Promise<void> {
	const stored = await db
		.prepare('SELECT position FROM reseal_positions WHERE source = ?')
		.bind(source.name)
		.first<{ position: number }>()
	const from = stored?.position ?? 0
	const { results } = await db.prepare(source.select).bind(from, MAX_READ_ROWS).all<Row>()
	let position = 0
	const counts = { current: 0, written: 0, unreadable: 0 }
	for (const row of results) {
		counts[await source.reseal(db, ring, row)]++
		position = row.id
		if (counts.written === MAX_WRITTEN_ROWS) break
	}
	if (counts.unreadable > 0) log('reseal.unreadable', { source: source.name, rows: counts.unreadable })
	const isAtEnd = position === (results.at(-1)?.id ?? 0) && results.length < MAX_READ_ROWS
	if (isAtEnd) position = 0
	if (position === from) return
	await db
		.prepare(
			`INSERT INTO reseal_positions (source, position) VALUES (?, ?)
			ON CONFLICT (source) DO UPDATE SET position = excluded.position`,
		)
		.bind(source.name, position)
		.run()
}

async function resealValue(
	ring: string,
	row: SealedRow,
	place: string,
	update: (sealed: string) => D1PreparedStatement,
): Promise<Outcome> {
	const sealed = await reseal(ring, row.sealed, place)
	if (isStale(ring, sealed)) return 'unreadable'
	if (sealed === row.sealed) return 'current'
	await update(sealed).run()
	return 'written'
}

async function resealInstance(db: D1Database, ring: string, row: SealedInstanceRow): Promise<Outcome> {
	const ref: ObjectRef = { id: row.id, incarnation: toIncarnation(row.incarnation, row.id) }
	const configuration = JSON.parse(row.configuration) as Record<string, string | null>
	for (const key of listSecretKeys()) {
		const value = configuration[key]
		if (typeof value === 'string') configuration[key] = await reseal(ring, value, instanceSecret(ref, key))
	}
	const token = await reseal(ring, row.token, instanceSecret(ref, 'token'))
	const next = row.next === null ? null : await reseal(ring, row.next, instanceSecret(ref, SIGNATURE_KEY))
	const text = JSON.stringify(configuration)
	const values = [token, next, ...listSecretKeys().map((key) => configuration[key])]
	const isUnreadable = values.some((value) => typeof value === 'string' && isStale(ring, value))
	if (text === row.configuration && token === row.token && next === row.next)
		return isUnreadable ? 'unreadable' : 'current'
	// Increments the version, so that the instance's object reads its secrets again before the older key is removed.
	await db
		.prepare(
			`UPDATE instances SET token_sealed = ?, configuration = ?, signature_next = ?, version = version + 1
				WHERE id = ? AND token_sealed = ? AND configuration = ? AND signature_next IS ?`,
		)
		.bind(token, text, next, row.id, row.token, row.configuration, row.next)
		.run()
	return isUnreadable ? 'unreadable' : 'written'
}

/** The text sealed anew; unchanged if it is not stale or cannot be opened. */
async function reseal(ring: string, sealed: string, place: SecretPlace | string): Promise<string> {
	if (!isStale(ring, sealed)) return sealed
	try {
		return await sealSecret(ring, await openSecret(ring, sealed, place), place)
	} catch (error) {
		if (!(error instanceof UnreadableSecret)) throw error
		return sealed
	}
}
