/** `GET /healthz`: whether this Worker can do its work, for operators. */
import { keysInUse } from '../../instances/reseal.ts'
import { masterKeys } from '../../lib/sealing.ts'
import { logError } from '../../lib/log.ts'
import { VERSION } from '../../lib/version.ts'
import type { AnswerOf } from '../http/contract.ts'
import type { PublicContext } from '../http/environment.ts'
import type { serviceOperations } from './operations.ts'

/** The answer; 503 when D1 does not answer or the ring cannot be read. */
export async function healthz(c: PublicContext): Promise<AnswerOf<typeof serviceOperations.healthz>> {
	const database = await reachable(c.env.DB)
	const keys = keyIds(c.env.MASTER_KEYS)
	const ok = database && keys.length > 0
	const used = ok ? await inUse(c.env.DB, c.env.MASTER_KEYS, c.var.services.now()) : []
	if (!ok) c.status(503)
	return { status: ok ? 'ok' : 'failing', version: VERSION, database, keys, keysInUse: used }
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
