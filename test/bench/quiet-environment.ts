/**
 * Imported before everything else: the local runtime reads its environment when it is loaded. One folder for all that it writes, gone when the
 * process ends; no questions and no network of its own accord.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quietEnvironment } from '../../scripts/local/local-worker.ts'

const dir = mkdtempSync(join(tmpdir(), 'shopbell-bench-'))

const {
	XDG_CONFIG_HOME,
	WRANGLER_LOG_PATH,
	WRANGLER_REGISTRY_PATH,
	WRANGLER_SEND_METRICS,
	CLOUDFLARE_CF_FETCH_ENABLED,
} = quietEnvironment(dir)
Object.assign(process.env, {
	XDG_CONFIG_HOME,
	WRANGLER_LOG_PATH,
	WRANGLER_REGISTRY_PATH,
	WRANGLER_SEND_METRICS,
	CLOUDFLARE_CF_FETCH_ENABLED,
	WRANGLER_LOG: 'none',
})

process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
