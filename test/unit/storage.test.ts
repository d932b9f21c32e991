/** docs/storage.md says what every table and column is: it is held against the tables themselves. */
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { migrate } from '../../src/watcher/tables.ts'
import { MemorySql } from '../world.ts'

const DOCS = readFileSync('docs/storage.md', 'utf8')

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
	const names = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`).all() as {
		name: string
	}[]
	return Object.fromEntries(
		names.map(({ name }) => [
			name,
			(db.prepare(`SELECT name FROM pragma_table_info(?)`).all(name) as { name: string }[]).map((column) => column.name),
		]),
	)
}

test('every table and column of the object has its line, and every line its column', () => {
	const sql = new MemorySql()
	migrate(sql)
	expect(described()).toEqual(tablesOf(sql.db))
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

test('steps that have run are not run again, and a step that was changed is noticed', () => {
	const sql = new MemorySql()
	migrate(sql)
	const before = tablesOf(sql.db)
	migrate(sql)
	expect(tablesOf(sql.db)).toEqual(before)
	sql.run(`UPDATE steps SET fingerprint = fingerprint + 1 WHERE number = 0`)
	expect(() => migrate(sql)).toThrow('step 0 was changed')
})
