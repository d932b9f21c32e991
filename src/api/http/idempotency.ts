/**
 * `Idempotency-Key`: a POST that is repeated with the same key gets the stored response and does not run again
 * (docs/architecture.md, Idempotency). Mounted after authentication, since keys belong to a caller, and before
 * validation.
 */
import type { Context } from 'hono'
import {
	claimRequest,
	storeResponse,
	MAX_STORED_RESPONSE_BYTES,
	REQUEST_LEASE_MS,
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
import { endedEarlyError } from './requests.ts'

export const IDEMPOTENCY_KEY_HEADER = 'Idempotency-Key'
/** Marks a stored response. */
const REPLAYED_HEADER = 'Idempotent-Replayed'

/** When to retry while the first request runs. */
const RETRY_AFTER_SECONDS = 5
/** Headers that are stored; those of every response are set again. */
const STORED_HEADERS = /^(content-type|content-disposition|location|allow|retry-after|elements-(?!request-id).*)$/

/**
 * The middleware. `secretOperationId`: the call's id when its responses hold secrets, since the audit log lists every
 * time that a secret is shown; null: they hold none.
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
		throw new BadRequest(`${IDEMPOTENCY_KEY_HEADER}: expected 1 to ${formatLimit('idempotencyKey')}, no whitespace`)
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
	// The work goes on when the caller disconnects, so that a retry finds the response.
	c.executionCtx.waitUntil(work.catch(() => {}))
	await work
	return undefined
}

const ERROR_BY_CLAIM = {
	other: () =>
		new HttpError(422, `${IDEMPOTENCY_KEY_HEADER}: already used for another request within 24 hours; use a new key`),
	running: () =>
		new Conflict(
			`${IDEMPOTENCY_KEY_HEADER}: the first request with this key is still running; try again soon. ` +
				`If it was interrupted, a retry runs ${REQUEST_LEASE_MS / 60_000} minutes after it began`,
			{ headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } },
		),
	lost: () =>
		new Conflict(`${IDEMPOTENCY_KEY_HEADER}: this request was made, but its response was not stored; check its result`),
} as const

/** The caller, and a hash of method, path, query, token instance and body. */
async function toKeyedRequest(c: Context<CallerEnv>, key: string): Promise<KeyedRequest> {
	const { user, credential, tokenInstance } = c.var
	const url = new URL(c.req.url)
	const bytes = await c.req.arrayBuffer().catch(() => {
		throw endedEarlyError()
	})
	const body = Buffer.from(bytes).toString('latin1')
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
	// Failures and refusals may be retried, but not what a store may have done.
	const outcomeUnknown = c.error instanceof HttpError && c.error.outcomeUnknown
	if (!outcomeUnknown && (status >= 500 || [401, 403, 429].includes(status))) {
		await releaseClaim(DB, request, claim)
		return
	}
	try {
		await storeResponse(DB, MASTER_KEYS, request, claim, await readStoredResponse(c))
	} catch (error) {
		// The request succeeded, so its response goes out; the claim stays until its lease ends.
		logError('idempotency.keep', error, { requestId: c.var.requestId })
	}
}

/** The response to store; null: it is too large. */
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

/** Throws when the audit row cannot be written, so that no secret is shown without one. */
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
