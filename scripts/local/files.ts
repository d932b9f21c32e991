/** The files that local runs keep under `.shopbell/`: secrets readable by their owner alone, and the place where they lie. */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The project's folder. */
export const PROJECT_DIR = join(import.meta.dirname, '..', '..')

/** Where everything local lies; git ignores it. */
export const LOCAL_DIR = join(PROJECT_DIR, '.shopbell')

/** Writes a text that only its owner may read, whatever stood there before. */
export function writePrivate(path: string, text: string): void {
	mkdirSync(dirname(path), { recursive: true })
	writeFileSync(path, text, { mode: 0o600 })
	// The mode above counts only for a file that is new.
	chmodSync(path, 0o600)
}

/** Writes JSON that only its owner may read. */
export function writePrivateJson(path: string, value: unknown): void {
	writePrivate(path, `${JSON.stringify(value, null, '\t')}\n`)
}

/** Reads a JSON object; null when there is none, or none that can be read. */
export function readJson(path: string): Record<string, unknown> | null {
	try {
		const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
		return typeof value === 'object' && value !== null && !Array.isArray(value)
			? (value as Record<string, unknown>)
			: null
	} catch {
		return null
	}
}

/** Whether a process of this number exists. */
export function isRunning(pid: number): boolean {
	try {
		process.kill(pid, 0)
		return true
	} catch {
		return false
	}
}

/** The Worker's own secrets of a local run. */
export interface WorkerSecrets {
	masterKeys: string
	setupToken: string
}

/** The secrets kept in an env file, made when there is none: what they sealed must stay readable after a restart. */
export function loadOrCreateSecrets(path: string): WorkerSecrets {
	let text = ''
	try {
		text = readFileSync(path, 'utf8')
	} catch {
		// The first run.
	}
	const readSecret = (name: string): string | undefined => new RegExp(`^${name}="?([^"\\n]+)"?$`, 'm').exec(text)?.[1]
	const masterKeys = readSecret('MASTER_KEYS') ?? `local:${randomBytes(32).toString('base64')}`
	const setupToken = readSecret('SETUP_TOKEN') ?? randomBytes(24).toString('base64url')
	writePrivate(path, `MASTER_KEYS="${masterKeys}"\nSETUP_TOKEN="${setupToken}"\n`)
	return { masterKeys, setupToken }
}
