/** `GET /healthz`: whether this deployment works, for operators. */
import { findKeysInUse } from '../../instances/reseal.ts'
import { parseMasterKeys } from '../../lib/sealing.ts'
import { parseResolverUrl } from '../../lib/dns.ts'
import { logError } from '../../lib/log.ts'
import { VERSION } from '../../lib/version.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { PublicContext } from '../http/environment.ts'
import type { serviceOperations } from './operations.ts'

/** 503 when D1 does not respond, or MASTER_KEYS or DNS_RESOLVER_URL cannot be parsed. */
export async function checkHealth(c: PublicContext): Promise<OperationResponse<typeof serviceOperations.healthz>> {
	const { database, setUp } = await checkDatabase(c.env.DB)
	const keys = getKeyIds(c.env.MASTER_KEYS)
	const resolver = parseResolverUrl(c.env.DNS_RESOLVER_URL)
	const ok = database && keys.length > 0 && resolver.ok
	const usedKeys = ok ? await getKeysInUse(c.env.DB, c.env.MASTER_KEYS, c.var.services.now()) : []
	const dnsResolver = resolver.ok && resolver.url !== null
	if (!ok) c.status(503)
	return { status: ok ? 'ok' : 'failing', version: VERSION, database, setUp, dnsResolver, keys, keysInUse: usedKeys }
}

/** The call is public, and with several keys it searches tables, so its result is cached. */
const CACHE_TTL_MS = 60_000
let cache: { ring: string; atMs: number; used: string[] } | null = null

async function getKeysInUse(db: D1Database, keyRing: string, nowMs: number): Promise<string[]> {
	if (cache !== null && cache.ring === keyRing && nowMs - cache.atMs < CACHE_TTL_MS) return cache.used
	const used = await findKeysInUse(db, keyRing)
	cache = { ring: keyRing, atMs: nowMs, used }
	return used
}

/** Whether D1 responds, and whether the first organization exists. */
async function checkDatabase(db: D1Database): Promise<{ database: boolean; setUp: boolean }> {
	try {
		const row = await db
			.prepare('SELECT EXISTS (SELECT 1 FROM organizations) AS setUp FROM sequences LIMIT 1')
			.first<{ setUp: number }>()
		return { database: true, setUp: row?.setUp === 1 }
	} catch (error) {
		logError('healthz.database', error)
		return { database: false, setUp: false }
	}
}

function getKeyIds(keyRing: string): string[] {
	try {
		return parseMasterKeys(keyRing).map((key) => key.id)
	} catch {
		return []
	}
}
