/** `GET /healthz`: whether this Worker can do its work, for operators. */
import * as z from 'zod'
import { masterKeys } from '../instances/sealing.ts'
import { logError } from '../log.ts'
import { VERSION } from '../version.ts'
import { declare, type Api } from './contract.ts'

const Answer = z.object({
	status: z.enum(['ok', 'failing']),
	version: z.string(),
	database: z.boolean().meta({ description: 'D1 answers and its tables are there' }),
	keys: z.array(z.string()).meta({ description: 'Ids of MASTER_KEYS, the one that seals first' }),
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
			return c.json({ status: ok ? 'ok' : 'failing', version: VERSION, database, keys }, ok ? 200 : 503)
		},
	})
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
