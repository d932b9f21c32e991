/**
 * The calls of `npm run backup` and `npm run restore` (docs/operations.md, Backups). They are for the operator alone:
 * they need BACKUP_TOKEN, and answer 404 without it. The API's document does not list them.
 */
import * as z from 'zod'
import { secretsEqual } from '../../accounts/secrets.ts'
import {
	completeDatabaseRestore,
	listBackupObjects,
	readDatabasePage,
	writeDatabaseRows,
} from '../../instances/database-backup.ts'
import { BadRequest, Conflict, NotFound } from '../../lib/errors.ts'
import { parseRefText, toIncarnation, toRefText, type ObjectRef } from '../../lib/incarnation.ts'
import type { PublicContext } from '../http/environment.ts'
import { toBadRequest, type Api } from '../http/serve.ts'

/** Shorter tokens are not accepted. */
const MIN_TOKEN_LENGTH = 32

const Value = z.union([z.string(), z.number(), z.null()])
const Rows = z.array(z.record(z.string(), Value)).max(1_000)
/** `object` null: D1. */
const Source = z.string().nullable()
const ReadBody = z.strictObject({
	object: Source,
	cursor: z.strictObject({ table: z.string(), after: z.array(Value).nullable() }).nullable(),
})
const WriteBody = z.strictObject({ object: Source, table: z.string(), rows: Rows })
const CompleteBody = z.strictObject({ object: Source, rows: Rows.default([]) })

/** Mounts the calls at the root. */
export function mountBackup(app: Api): void {
	app.use('/backup/*', async (c, next) => {
		requireBackupToken(c)
		await next()
	})
	app.get('/backup/objects', async (c) => {
		const objects = await listBackupObjects(c.env.DB)
		const toRef = ({ id, incarnation }: (typeof objects)[number]): ObjectRef => ({
			id,
			incarnation: toIncarnation(incarnation, id),
		})
		return c.json({ objects: objects.map((object) => toRefText(toRef(object))) })
	})
	app.post('/backup/read', async (c) => {
		const { object, cursor } = await parseBody(c, ReadBody)
		const page = object === null ? await readDatabasePage(c.env.DB, cursor) : await getObject(c, object).backup(cursor)
		if (page === null) throw new BadRequest('cursor.table: expected a table of this database')
		if (page === 'unknown') throw new NotFound(`object ${object} has no storage`)
		return c.json(page)
	})
	app.post('/backup/write', async (c) => {
		const { object, table, rows } = await parseBody(c, WriteBody)
		const result =
			object === null ? await writeDatabaseRows(c.env.DB, table, rows) : await getObject(c, object).restore(table, rows)
		if (result === null || result === 'unknown-table') throw new BadRequest('table: expected a table of this version')
		if (result === 'in-use')
			throw new Conflict('This deployment already has an organization; restore into a new, empty deployment')
		if (result === 'exists') throw new Conflict(`object ${object} exists; restore into a new, empty deployment`)
		return c.json({ written: rows.length })
	})
	app.post('/backup/complete', async (c) => {
		const { object, rows } = await parseBody(c, CompleteBody)
		if (object === null) await completeDatabaseRestore(c.env.DB, c.var.services.now())
		else if ((await getObject(c, object).completeRestore(rows)) === 'exists')
			throw new Conflict(`object ${object} exists; restore into a new, empty deployment`)
		return c.json({ completed: true })
	})
	app.post('/backup/wake', async (c) => {
		const { object } = await parseBody(c, z.strictObject({ object: z.string() }))
		return c.json({ known: (await getObject(c, object).wake()) !== 'unknown' })
	})
}

function requireBackupToken(c: PublicContext): void {
	const expected = c.env.BACKUP_TOKEN ?? ''
	const token = /^Bearer\s+(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1] ?? ''
	if (expected.length < MIN_TOKEN_LENGTH || !secretsEqual(token, expected)) throw new NotFound()
}

function getObject(c: PublicContext, text: string): ReturnType<PublicContext['var']['services']['watcher']> {
	const ref = parseRefText(text)
	if (ref === null) throw new BadRequest('object: expected an object of GET /backup/objects')
	return c.var.services.watcher(ref)
}

async function parseBody<Schema extends z.ZodType>(c: PublicContext, schema: Schema): Promise<z.output<Schema>> {
	let body: unknown
	try {
		body = await c.req.json()
	} catch {
		throw new BadRequest('body: expected well-formed JSON')
	}
	const parsed = schema.safeParse(body)
	if (!parsed.success) throw toBadRequest(parsed.error)
	return parsed.data
}
