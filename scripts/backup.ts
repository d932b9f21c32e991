/**
 * `npm run backup -- --url <url> --out <folder>`: copies D1 and the tables of every object into a folder, as NDJSON. The token is read from
 * BACKUP_TOKEN. Progress goes to stderr.
 */
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VERSION } from '../src/lib/version.ts'
import { BackupClient } from './local/backup-client.ts'
import { ActionableError } from './local/local-worker.ts'
import { readBackupOptions, runBackupCommand } from './local/backup-options.ts'

const USAGE = `Usage: BACKUP_TOKEN=… npm run backup -- --url <url> --out <folder>

  --url   the address of the deployment, such as https://shopbell.example.com
  --out   a new or empty folder
`

await runBackupCommand(USAGE, async (report) => {
	const { url, folder, token } = readBackupOptions('out', USAGE)
	if (existsSync(folder) && readdirSync(folder).length > 0)
		throw new ActionableError(`${folder} is not empty: choose a new folder for each backup.`)
	const client = new BackupClient(url, token)
	const startedAt = new Date().toISOString()
	const objects = await client.listObjects()
	await mkdir(join(folder, 'objects'), { recursive: true })
	let rows = 0
	for (const [index, object] of objects.entries()) {
		rows += await copy(client, object, join(folder, 'objects', `${object}.ndjson`))
		report(`object ${index + 1} of ${objects.length}, ${rows} rows`)
	}
	rows += await copy(client, null, join(folder, 'database.ndjson'))
	// Written last: without it, a backup is incomplete.
	const manifest = { version: VERSION, startedAt, endedAt: new Date().toISOString(), objects, rows }
	await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, '\t')}\n`)
	report(`${objects.length} objects and D1, ${rows} rows: ${folder}`)
})

/** Copies D1 (null) or an object into a file: one line per row, `{"table", "row"}`. Returns the number of rows. */
async function copy(client: BackupClient, object: string | null, path: string): Promise<number> {
	const file = await open(path, 'w', 0o600)
	let rows = 0
	try {
		for await (const page of client.readPages(object)) {
			rows += page.rows.length
			await file.write(page.rows.map((row) => `${JSON.stringify({ table: page.table, row })}\n`).join(''))
		}
	} finally {
		await file.close()
	}
	return rows
}
