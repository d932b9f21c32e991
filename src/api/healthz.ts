/** `GET /healthz`: whether this Worker can do its work, for operators. */
import * as z from 'zod'
import { keysInUse } from '../instances/reseal.ts'
import { masterKeys } from '../instances/sealing.ts'
import { logError } from '../log.ts'
import { VERSION } from '../version.ts'
import { declare, type Api } from './contract.ts'

const Answer = z.object({
	status: z.enum(['ok', 'failing']),
	version: z.string(),
	database: z.boolean().meta({ description: 'D1 answers and its tables are there' }),
	keys: z.array(z.string()).meta({ description: 'Ids of MASTER_KEYS, the one that seals first' }),
	keysInUse: z
		.array(z.string())
		.meta({ description: 'Those of them that something sealed or a webhook still depends on: another one may leave' }),
})

/** Declares the call. 503 when D1 does not answer or the ring cannot be read. */
export function declareHealthz(api: Api): void {
	declare(api, {
		method: 'get',
		path: '/healthz',
		summary: 'Whether this deployment works',
		access: 'public',
		answer: Answer,
		async handle(c) {
			const database = await reachable(c.env.DB)
			const keys = keyIds(c.env.MASTER_KEYS)
			const ok = database && keys.length > 0
			const used = ok ? await inUse(c.env.DB, c.env.MASTER_KEYS, c.var.services.now()) : []
			return c.json({ status: ok ? 'ok' : 'failing', version: VERSION, database, keys, keysInUse: used }, ok ? 200 : 503)
		},
	})
}

/** Anybody may ask, and with several keys the answer costs a look through the tables: it is kept for a minute. */
const KEPT_MS = 60_000
let kept: { ring: string; atMs: number; used: string[] } | null = null

async function inUse(db: D1Database, ring: string, nowMs: number): Promise<string[]> {
	if (kept !== null && kept.ring === ring && nowMs - kept.atMs < KEPT_MS) return kept.used
	const used = await keysInUse(db, ring)
	kept = { ring, atMs: nowMs, used }
	return used
}

async function reachable(db: D1Database): Promise<boolean> {
	try {
		await db.prepare('SELECT 1 FROM sequences LIMIT 1').first()
		return true
	} catch (error) {
		logError('healthz.database', error)
		return false
	}
}

function keyIds(ring: string): string[] {
	try {
		return masterKeys(ring).map((key) => key.id)
	} catch {
		return []
	}
}
