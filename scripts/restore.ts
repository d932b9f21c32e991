/**
 * `npm run restore -- --url <url> --from <folder>`: writes a backup into a new, empty deployment. With `--after-time-travel` instead of
 * `--from` it ends a restore of D1 that `wrangler d1 time-travel restore` has made. The token is read from BACKUP_TOKEN.
 */
import { createReadStream, existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { StoredRow } from '../src/rpc/backup.ts'
import { BackupClient, ExistingObject } from './local/backup-client.ts'
import { ActionableError } from './local/local-worker.ts'
import { hasFlag, readBackupOptions, runBackupCommand } from './local/backup-options.ts'

const USAGE = `Usage: BACKUP_TOKEN=… npm run restore -- --url <url> --from <folder>
       BACKUP_TOKEN=… npm run restore -- --url <url> --after-time-travel

  --url                 the address of the deployment, such as https://shopbell.example.com
  --from                the folder of a backup; the deployment must be new: migrated and without an organization.
                        If it is interrupted, run it again
  --after-time-travel   D1 was restored by \`wrangler d1 time-travel restore\`: skips ids that were given out since, ends
                        sessions and links, and makes every object read its row again
`

/** Rows and characters of a call. */
const MAX_CALL_ROWS = 200
const MAX_CALL_CHARACTERS = 2_000_000

type Report = (what: string) => void

await runBackupCommand(USAGE, async (report) => {
	if (hasFlag('after-time-travel')) {
		const { url, token } = readBackupOptions(null, USAGE)
		const client = new BackupClient(url, token)
		await client.complete(null)
		await wakeAll(client, await client.listObjects(), report)
		report('D1 is restored')
		return
	}
	const { url, folder, token } = readBackupOptions('from', USAGE)
	const manifest = join(folder, 'manifest.json')
	if (!existsSync(manifest)) throw new ActionableError(`${manifest} is missing: ${folder} is no complete backup.`)
	const { objects } = JSON.parse(await readFile(manifest, 'utf8')) as { objects: string[] }
	const client = new BackupClient(url, token)
	// Refused if the deployment is in use.
	await client.write(null, 'sequences', [])
	// Objects first: they begin to work when D1 has their rows.
	for (const [index, object] of objects.entries()) {
		const isNew = await restoreObject(client, object, join(folder, 'objects', `${object}.ndjson`))
		report(`object ${index + 1} of ${objects.length}${isNew ? '' : ' is complete already'}`)
	}
	await writeAll(client, null, join(folder, 'database.ndjson'))
	await client.complete(null)
	await wakeAll(client, objects, report)
	report(`${objects.length} objects and D1 are restored`)
})

/** False: an interrupted restore has completed it. */
async function restoreObject(client: BackupClient, object: string, path: string): Promise<boolean> {
	try {
		await client.complete(object, await writeAll(client, object, path))
		return true
	} catch (error) {
		if (error instanceof ExistingObject) return false
		throw error
	}
}

async function wakeAll(client: BackupClient, objects: readonly string[], report: Report): Promise<void> {
	for (const [index, object] of objects.entries()) {
		await client.wake(object)
		if ((index + 1) % 100 === 0) report(`${index + 1} of ${objects.length} objects read their rows`)
	}
}

/** Writes a file's rows; returns an object's rows of `instance`, which complete its restore. */
async function writeAll(client: BackupClient, object: string | null, path: string): Promise<StoredRow[]> {
	const instanceRows: StoredRow[] = []
	let batch: { table: string; rows: StoredRow[]; characters: number } | null = null
	const flush = async (): Promise<void> => {
		if (batch !== null && batch.rows.length > 0) await client.write(object, batch.table, batch.rows)
		batch = null
	}
	for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
		const { table, row } = JSON.parse(line) as { table: string; row: StoredRow }
		if (object !== null && table === 'instance') {
			instanceRows.push(row)
			continue
		}
		const isFull = batch !== null && (batch.rows.length >= MAX_CALL_ROWS || batch.characters >= MAX_CALL_CHARACTERS)
		if (batch === null || batch.table !== table || isFull) {
			await flush()
			batch = { table, rows: [], characters: 0 }
		}
		batch.rows.push(row)
		batch.characters += line.length
	}
	await flush()
	return instanceRows
}
