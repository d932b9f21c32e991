/** The backup calls of a running Shopbell, for `npm run backup` and `npm run restore` (docs/operations.md, Backups). */
import type { BackupCursor, BackupPage, StoredRow } from '../../src/rpc/backup.ts'
import { ActionableError } from './local-worker.ts'

const CALL_TIMEOUT_MS = 60_000

/** The object is complete in this deployment, so nothing was written. */
export class ExistingObject extends ActionableError {}

/** Calls one deployment. Throws ActionableError. */
export class BackupClient {
	readonly #url: string
	readonly #token: string

	constructor(url: string, token: string) {
		this.#url = url.replace(/\/+$/, '')
		this.#token = token
	}

	/** The objects of all instances and organizations. */
	async listObjects(): Promise<string[]> {
		return ((await this.#call('GET', 'objects')) as { objects: string[] }).objects
	}

	/** Every page of D1 (null) or of an object. */
	async *readPages(object: string | null): AsyncGenerator<BackupPage> {
		for (let cursor: BackupCursor | null = null; ;) {
			const page = (await this.#call('POST', 'read', { object, cursor })) as BackupPage
			yield page
			if (page.next === null) return
			cursor = page.next
		}
	}

	/** Throws ExistingObject if the object is complete. */
	async write(object: string | null, table: string, rows: readonly StoredRow[]): Promise<void> {
		await this.#call('POST', 'write', { object, table, rows }, object)
	}

	/** Ends the restore of D1 (null), or of an object with its rows of `instance`. Throws as `write`. */
	async complete(object: string | null, rows: readonly StoredRow[] = []): Promise<void> {
		await this.#call('POST', 'complete', { object, rows }, object)
	}

	/** Makes an object read its row again. */
	async wake(object: string): Promise<void> {
		await this.#call('POST', 'wake', { object })
	}

	async #call(method: string, path: string, body?: unknown, object: string | null = null): Promise<unknown> {
		const url = `${this.#url}/backup/${path}`
		let response: Response
		try {
			response = await fetch(url, {
				method,
				headers: { Authorization: `Bearer ${this.#token}`, 'Content-Type': 'application/json' },
				signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			})
		} catch (error) {
			throw new ActionableError(`${url} does not answer: ${error instanceof Error ? error.message : String(error)}`)
		}
		const text = await response.text()
		if (response.ok) return JSON.parse(text)
		if (response.status === 404 && path === 'objects')
			throw new ActionableError(
				`${url} answered 404. Set the secret BACKUP_TOKEN of the deployment (at least 32 characters), and pass the same one.`,
			)
		const message = `${url} answered ${response.status}: ${getMessage(text)}`
		throw response.status === 409 && object !== null ? new ExistingObject(message) : new ActionableError(message)
	}
}

function getMessage(text: string): string {
	try {
		return String((JSON.parse(text) as { message?: unknown }).message ?? text).slice(0, 500)
	} catch {
		return text.slice(0, 500)
	}
}
