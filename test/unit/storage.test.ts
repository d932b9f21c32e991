/** docs/storage.md says what every table and column is: it is held against the tables themselves. */
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { admit } from '../../src/delivery/circuit-breaker.ts'
import { initialState, toStoredCore, toStoredWaiting } from '../../src/delivery/circuit-breaker-state.ts'
import { migrate } from '../../src/watcher/core/tables.ts'
import { MemorySql } from '../support/world.ts'

const WHOLE = readFileSync('docs/storage.md', 'utf8')
const CALLBACK = WHOLE.indexOf('## The object of a callback')
const DOCS = WHOLE.slice(0, CALLBACK)

/** Tables of the object as the docs describe them: name → columns. */
function described(): Record<string, string[]> {
	const tables: Record<string, string[]> = {}
	for (const section of DOCS.split(/^### /m).slice(1)) {
		const name = /^`(\w+)`/.exec(section)?.[1]
		if (name !== undefined) tables[name] = [...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]!)
	}
	return tables
}

function tablesOf(db: DatabaseSync): Record<string, string[]> {
	const names = db
		.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
		.all() as {
		name: string
	}[]
	return Object.fromEntries(
		names.map(({ name }) => [
			name,
			(db.prepare(`SELECT name FROM pragma_table_info(?)`).all(name) as { name: string }[]).map(
				(column) => column.name,
			),
		]),
	)
}

test('every table and column of the object has its line, and every line its column', () => {
	const sql = new MemorySql()
	migrate(sql)
	expect(described()).toEqual(tablesOf(sql.db))
})

test('what the object of a callback keeps has its lines, and no others', () => {
	const [core, waiting] = WHOLE.slice(CALLBACK)
		.split('Keys `waiter')
		.map((text) => [...text.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]!))
	const state = initialState()
	const oldest = { notificationId: 1, createdMs: 1, dueMs: 1 }
	const ask = {
		subscription: 1,
		organizationId: 1,
		url: 'https://callback.example/',
		rate: 0.01,
		oldest,
		wanted: 1,
		incarnation: 'i',
	}
	for (const instance of [1, 2]) admit(state, instance, ask, 6, 1, 0)
	expect(core).toEqual(Object.keys(toStoredCore(state.core)))
	expect(waiting).toEqual(Object.keys(toStoredWaiting(state.waiting['2 1']!)))
})

test('every table of D1 has its line, and every column its comment beside it', () => {
	const db = new DatabaseSync(':memory:')
	const migrations = readdirSync('migrations')
		.sort()
		.map((file) => readFileSync(`migrations/${file}`, 'utf8'))
	for (const migration of migrations) db.exec(migration)
	const d1 = DOCS.slice(DOCS.indexOf('## D1'), DOCS.indexOf('## The object of an instance'))
	const lines = [...d1.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]!)
	expect(lines.sort()).toEqual(Object.keys(tablesOf(db)).sort())
})

test('people of before roles and passwords may what they could, and sign in by their address, the first of those who share one', () => {
	const db = new DatabaseSync(':memory:')
	const files = readdirSync('migrations').sort()
	const run = (from: number, to?: number) => {
		for (const file of files.slice(from, to)) db.exec(readFileSync(`migrations/${file}`, 'utf8'))
	}
	const people = files.findIndex((file) => file.startsWith('0007'))
	run(0, people)
	db.exec(`INSERT INTO organizations (id, name, secret_hash, secret_sealed, created_ms) VALUES (1, 'A', 'o', '', 0);
		INSERT INTO users (id, organization_id, email, first_name, last_name, secret_hash, secret_sealed, created_ms)
		VALUES (1, 1, 'Ann@Example.com', 'A', 'L', 'a', '', 0), (2, 1, 'ann@example.com', 'A', 'L', 'b', '', 0), (3, 1, 'bo@example.com', 'B', 'O', 'c', '', 0)`)
	run(people)
	expect(
		db
			.prepare('SELECT id, role, login, password FROM users')
			.all()
			.map((row) => ({ ...row })),
	).toEqual([
		{ id: 1, role: 'admin', login: 'ann@example.com', password: null },
		{ id: 2, role: 'admin', login: null, password: null },
		{ id: 3, role: 'admin', login: 'bo@example.com', password: null },
	])
})

test('steps that have run are not run again, and a step that was changed is noticed', () => {
	const sql = new MemorySql()
	migrate(sql)
	const before = tablesOf(sql.db)
	migrate(sql)
	expect(tablesOf(sql.db)).toEqual(before)
	sql.run(`UPDATE steps SET fingerprint = fingerprint + 1 WHERE number = 0`)
	expect(() => migrate(sql)).toThrow('step 0 was changed')
})
