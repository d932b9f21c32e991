/**
 * The local runtime, kept quiet: one folder for all that it writes, gone when the process ends; no questions and no network of its own accord.
 * It reads its environment when it is loaded, so it is loaded here.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quietEnvironment } from '../../scripts/local/bell.ts'

const dir = mkdtempSync(join(tmpdir(), 'shopbell-bench-'))

const { XDG_CONFIG_HOME, WRANGLER_LOG_PATH, WRANGLER_REGISTRY_PATH, WRANGLER_SEND_METRICS, CLOUDFLARE_CF_FETCH_ENABLED } =
	quietEnvironment(dir)
Object.assign(process.env, {
	XDG_CONFIG_HOME,
	WRANGLER_LOG_PATH,
	WRANGLER_REGISTRY_PATH,
	WRANGLER_SEND_METRICS,
	CLOUDFLARE_CF_FETCH_ENABLED,
	WRANGLER_LOG: 'none',
})

process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

const { unstable_splitSqlQuery, unstable_startWorker } = await import('wrangler')

/** Builds and runs a Worker. */
export const startWorker = unstable_startWorker
/** The statements of an SQL text. */
export const splitSql = unstable_splitSqlQuery
