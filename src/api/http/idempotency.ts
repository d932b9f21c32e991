/**
 * `Idempotency-Key`: a POST that comes again with the same key has the same answer and is not made again (docs/architecture.md, Once and no more). Mounted
 * behind the guards, so that a key is its caller's own, and before anything of the request is looked at.
 */
import type { Context } from 'hono'
import {
	claimRequest,
	storeResponse,
	MAX_STORED_RESPONSE_BYTES,
	LEASE_MS,
	releaseClaim,
	type StoredResponse,
	type IdempotentRequest as KeyedRequest,
} from '../../accounts/idempotency.ts'
import { hashSecret } from '../../accounts/secrets.ts'
import { BadRequest, Conflict, HttpError } from '../../lib/errors.ts'
import { LIMITS, formatLimit } from '../../lib/limits.ts'
import { logError } from '../../lib/log.ts'
import { audit, toAuditObject } from './audit.ts'
import type { CallerEnv } from './environment.ts'

/** The header. */
export const IDEMPOTENCY_KEY_HEADER = 'Idempotency-Key'
/** Marks an answer that was given before. */
export const REPLAYED_HEADER = 'Idempotent-Replayed'

/** When to come back while the first one runs. */
const RETRY_AFTER_SECONDS = 5
/** Headers of an answer that belong to it; what every answer has is set anew. */
const STORED_HEADERS = /^(content-type|content-disposition|location|allow|retry-after|elements-(?!request-id).*)$/

/**
 * The middleware. Without the header it does nothing. `secretsOf`: the name of the call when its answers hold secrets,
 * of which the audit log has every showing; null: they hold none.
 */
export function idempotencyMiddleware(secretOperationId: string | null) {
	return async (c: Context<CallerEnv>, next: () => Promise<void>): Promise<Response | undefined> =>
		await handleIdempotent(c, next, secretOperationId)
}

async function handleIdempotent(
	c: Context<CallerEnv>,
	next: () => Promise<void>,
	secretOperationId: string | null,
): Promise<Response | undefined> {
	const key = c.req.header(IDEMPOTENCY_KEY_HEADER)
	if (key === undefined) {
		await next()
		return undefined
	}
	if (key.length > LIMITS.idempotencyKey.value || !/^[\x21-\x7e]+$/.test(key))
		throw new BadRequest(`${IDEMPOTENCY_KEY_HEADER}: expected 1 to ${formatLimit('idempotencyKey')} without blanks`)
	const { DB, MASTER_KEYS } = c.env
	const request = await toKeyedRequest(c, key)
	const claimed = await claimRequest(DB, MASTER_KEYS, request, c.var.services.now())
	if (claimed.kind === 'answer') {
		if (secretOperationId !== null && claimed.answer.status < 300)
			await auditReplayedSecret(c, secretOperationId, claimed.answer)
		return replayResponse(c, claimed.answer)
	}
	if (claimed.kind !== 'run') throw ERROR_BY_CLAIM[claimed.kind]()
	const work = runAndStore(c, request, claimed.claim, next)
	// A caller who goes away does not cut it off: their next attempt is to find the answer.
	c.executionCtx.waitUntil(work.catch(() => {}))
	await work
	return undefined
}

const ERROR_BY_CLAIM = {
	other: () =>
		new HttpError(
			422,
			`${IDEMPOTENCY_KEY_HEADER}: this key was used for another request within the last 24 hours; use a new one`,
		),
	running: () =>
		new Conflict(
			`${IDEMPOTENCY_KEY_HEADER}: the first request with this key has not ended; ask again soon. If it was cut off, it is made again ${LEASE_MS / 60_000} minutes after it began`,
			{ headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } },
		),
	lost: () =>
		new Conflict(
			`${IDEMPOTENCY_KEY_HEADER}: this request was made, but its answer is no longer here to be given again; look at what it made`,
		),
} as const

/** Who asks for what: method, path, query, the instance of the token, body. */
async function toKeyedRequest(c: Context<CallerEnv>, key: string): Promise<KeyedRequest> {
	const { user, credential, tokenInstance } = c.var
	const url = new URL(c.req.url)
	const body = Buffer.from(await c.req.arrayBuffer()).toString('latin1')
	return {
		organizationId: user.organizationId,
		caller: credential.kind === 'key' ? `key/${credential.id}` : `user/${user.id}`,
		key,
		hash: hashSecret(
			JSON.stringify([c.req.method, url.pathname, url.search, tokenInstance?.id ?? null, hashSecret(body)]),
		),
	}
}

async function runAndStore(
	c: Context<CallerEnv>,
	request: KeyedRequest,
	claim: string,
	next: () => Promise<void>,
): Promise<void> {
	const { DB, MASTER_KEYS } = c.env
	try {
		await next()
	} catch (error) {
		await releaseClaim(DB, request, claim)
		throw error
	}
	const { status } = c.res
	// What failed here or at the store, and what was refused for who asked or how often, may be tried again; what a store
	// may have done may not.
	const perhapsDone = c.error instanceof HttpError && c.error.outcomeUnknown
	if (!perhapsDone && (status >= 500 || [401, 403, 429].includes(status))) {
		await releaseClaim(DB, request, claim)
		return
	}
	try {
		await storeResponse(DB, MASTER_KEYS, request, claim, await readStoredResponse(c))
	} catch (error) {
		// It was made, and the answer goes out; the claim stays until its lease is over.
		logError('idempotency.keep', error, { requestId: c.var.requestId })
	}
}

/** The answer as it is kept; null when it is too large: what is beyond the limit is not even read. */
async function readStoredResponse(c: Context<CallerEnv>): Promise<StoredResponse | null> {
	const chunks: Uint8Array[] = []
	let size = 0
	for await (const chunk of c.res.clone().body ?? []) {
		size += chunk.byteLength
		if (size > MAX_STORED_RESPONSE_BYTES) return null
		chunks.push(chunk)
	}
	return {
		status: c.res.status,
		headers: [...c.res.headers].filter(([name]) => STORED_HEADERS.test(name)),
		body: Buffer.concat(chunks).toString(),
		instanceId: c.var.instanceId ?? null,
	}
}

/** Before the secret goes out: when it cannot be noted, it is not shown. */
async function auditReplayedSecret(
	c: Context<CallerEnv>,
	operationId: string,
	{ instanceId }: StoredResponse,
): Promise<void> {
	await audit(c, { action: 'secret.show-again', ...toAuditObject(c, instanceId), detail: { call: operationId } })
}

function replayResponse(c: Context<CallerEnv>, { status, headers, body, instanceId }: StoredResponse): Response {
	if (instanceId !== null) c.set('instanceId', instanceId)
	return new Response(body === '' ? null : body, { status, headers: [...headers, [REPLAYED_HEADER, 'true']] })
}
