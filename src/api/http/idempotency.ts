/**
 * `Idempotency-Key`: a POST that comes again with the same key has the same answer and is not made again (docs: architecture, Once and no more). Mounted
 * behind the guards, so that a key is its caller's own, and before anything of the request is looked at.
 */
import type { Context } from 'hono'
import {
	claimRequest,
	keepAnswer,
	LARGEST_ANSWER,
	LEASE_MS,
	releaseClaim,
	type Kept,
	type Request as Keyed,
} from '../../accounts/idempotency.ts'
import { type AuditEntry, auditStatement } from '../../accounts/audit.ts'
import { hashSecret } from '../../accounts/secrets.ts'
import { BadRequest, Conflict, HttpError } from '../../lib/errors.ts'
import { LIMITS, shown } from '../../lib/limits.ts'
import { logError } from '../../lib/log.ts'
import { actorOf } from './access.ts'
import type { CallerEnv } from './environment.ts'

/** The header. */
export const HEADER = 'Idempotency-Key'
/** Marks an answer that was given before. */
export const REPLAYED = 'Idempotent-Replayed'

/** When to come back while the first one runs. */
const RETRY_SECONDS = 5
/** Headers of an answer that belong to it; what every answer has is set anew. */
const KEPT_HEADERS = /^(content-type|content-disposition|location|allow|retry-after|elements-(?!request-id).*)$/

/** The middleware. Without the header it does nothing. `secretsOf`: the name of the call when its answers hold secrets, of which the audit log has every showing; null: they hold none. */
export function idempotent(secretsOf: string | null) {
	return async (c: Context<CallerEnv>, next: () => Promise<void>): Promise<Response | undefined> => await once(c, next, secretsOf)
}

async function once(c: Context<CallerEnv>, next: () => Promise<void>, secretsOf: string | null): Promise<Response | undefined> {
	const key = c.req.header(HEADER)
	if (key === undefined) {
		await next()
		return undefined
	}
	if (key.length > LIMITS.idempotencyKey.value || !/^[\x21-\x7e]+$/.test(key))
		throw new BadRequest(`${HEADER}: expected 1 to ${shown('idempotencyKey')} without blanks`)
	const { DB, MASTER_KEYS } = c.env
	const request = await requestOf(c, key)
	const found = await claimRequest(DB, MASTER_KEYS, request, c.var.services.now())
	if (found.kind === 'answer') {
		if (secretsOf !== null && found.answer.status < 300) await noteShown(c, secretsOf, found.answer)
		return replay(c, found.answer)
	}
	if (found.kind !== 'run') throw REFUSALS[found.kind]()
	const work = run(c, request, found.claim, next)
	// A caller who goes away does not cut it off: their next attempt is to find the answer.
	c.executionCtx.waitUntil(work.catch(() => {}))
	await work
	return undefined
}

const REFUSALS = {
	other: () => new HttpError(422, `${HEADER}: this key was used for another request within the last 24 hours; use a new one`),
	running: () =>
		new Conflict(
			`${HEADER}: the first request with this key has not ended; ask again soon. If it was cut off, it is made again ${LEASE_MS / 60_000} minutes after it began`,
			{ headers: { 'Retry-After': String(RETRY_SECONDS) } },
		),
	lost: () => new Conflict(`${HEADER}: this request was made, but its answer is no longer here to be given again; look at what it made`),
} as const

/** Who asks for what: method, path, query, the instance of the token, body. */
async function requestOf(c: Context<CallerEnv>, key: string): Promise<Keyed> {
	const { user, credential, tokenInstance } = c.var
	const url = new URL(c.req.url)
	const body = Buffer.from(await c.req.arrayBuffer()).toString('latin1')
	return {
		organizationId: user.organizationId,
		caller: credential.kind === 'key' ? `key/${credential.id}` : `user/${user.id}`,
		key,
		hash: hashSecret(JSON.stringify([c.req.method, url.pathname, url.search, tokenInstance?.id ?? null, hashSecret(body)])),
	}
}

async function run(c: Context<CallerEnv>, request: Keyed, claim: string, next: () => Promise<void>): Promise<void> {
	const { DB, MASTER_KEYS } = c.env
	try {
		await next()
	} catch (error) {
		await releaseClaim(DB, request, claim)
		throw error
	}
	const { status } = c.res
	// What failed here or at the store, and what was refused for who asked or how often, may be tried again; what a store may have done may not.
	const perhapsDone = c.error instanceof HttpError && c.error.perhapsDone
	if (!perhapsDone && (status >= 500 || [401, 403, 429].includes(status))) {
		await releaseClaim(DB, request, claim)
		return
	}
	try {
		await keepAnswer(DB, MASTER_KEYS, request, claim, await answerOf(c))
	} catch (error) {
		// It was made, and the answer goes out; the claim stays until its lease is over.
		logError('idempotency.keep', error, { requestId: c.var.requestId })
	}
}

/** The answer as it is kept; null when it is too large: what is beyond the limit is not even read. */
async function answerOf(c: Context<CallerEnv>): Promise<Kept | null> {
	const chunks: Uint8Array[] = []
	let size = 0
	for await (const chunk of c.res.clone().body ?? []) {
		size += chunk.byteLength
		if (size > LARGEST_ANSWER) return null
		chunks.push(chunk)
	}
	return {
		status: c.res.status,
		headers: [...c.res.headers].filter(([name]) => KEPT_HEADERS.test(name)),
		body: Buffer.concat(chunks).toString(),
		instanceId: c.var.instanceId ?? null,
	}
}

/** Before the secret goes out: when it cannot be noted, it is not shown. */
async function noteShown(c: Context<CallerEnv>, call: string, { instanceId }: Kept): Promise<void> {
	const { DB } = c.env
	const what =
		instanceId === null
			? { objectType: 'organization', objectId: c.var.user.organizationId }
			: { objectType: 'instance', objectId: instanceId }
	await DB.batch([
		auditStatement(DB, actorOf(c), { action: 'secret.show-again', ...what, detail: { call } } as AuditEntry, c.var.services.now()),
	])
}

function replay(c: Context<CallerEnv>, { status, headers, body, instanceId }: Kept): Response {
	if (instanceId !== null) c.set('instanceId', instanceId)
	return new Response(body === '' ? null : body, { status, headers: [...headers, [REPLAYED, 'true']] })
}
