/**
 * Requests with an Idempotency-Key (docs/architecture.md, Idempotency), in D1, so that all isolates share them: a
 * claim while the request runs, its sealed response for a day afterwards. One statement decides which request runs.
 */
import { DAY_MS } from '../lib/time.ts'
import { openSecret, sealSecret } from '../lib/sealing.ts'
import { hashSecret } from './secrets.ts'

/** How long a response is repeated, counted from the first request, ms. */
export const IDEMPOTENCY_TTL_MS = DAY_MS
/**
 * How long a claim is valid, ms. No request takes longer: a store has 15 s to answer, and the longest call requests 20
 * pages. After an interrupted run, the request can be made again when the claim expires.
 */
export const REQUEST_LEASE_MS = 10 * 60_000
/** Maximum size of a stored response in bytes: sealed, it must fit into a D1 value (2 MB). */
export const MAX_STORED_RESPONSE_BYTES = 1024 * 1024

/** Identifies a request. */
export interface IdempotentRequest {
	organizationId: number
	/** `user/<id>` or `key/<id>`. */
	caller: string
	/** The key as it was sent. */
	key: string
	/** SHA-256 of the request. */
	hash: string
}

/** A stored response. */
export interface StoredResponse {
	status: number
	headers: [string, string][]
	/** Text: responses of the API are JSON or empty. */
	body: string
	/** The instance that the response is about. */
	instanceId: number | null
}

/**
 * The result of a claim. `run`: the request may run; `other`: the key was used for another request; `running`: the
 * first request has not ended; `answer`: its response; `lost`: it has ended, and its response cannot be repeated.
 */
type ClaimResult =
	| { kind: 'run'; claim: string }
	| { kind: 'other' | 'running' | 'lost' }
	| { kind: 'answer'; answer: StoredResponse }

interface Row {
	request_hash: string
	claim: string
	answer: string | null
}

/**
 * Claims a request, or returns the outcome of an earlier one. Only the same request can take over an expired claim.
 */
export async function claimRequest(
	db: D1Database,
	keyRing: string,
	request: IdempotentRequest,
	nowMs: number,
): Promise<ClaimResult> {
	const claim = crypto.randomUUID()
	const { organizationId, caller, key, hash } = request
	const keyHash = hashSecret(key)
	const [, found] = await db.batch<Row>([
		db
			.prepare(
				`INSERT INTO idempotency (organization_id, caller, key_hash, request_hash, claim, lease_ms, answer,
					expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7)
				ON CONFLICT (organization_id, caller, key_hash) DO UPDATE SET
					request_hash = excluded.request_hash, claim = excluded.claim, lease_ms = excluded.lease_ms, answer = NULL,
					expires_ms = excluded.expires_ms
				WHERE idempotency.expires_ms <= ?8 OR (idempotency.answer IS NULL AND idempotency.lease_ms <= ?8
				AND idempotency.request_hash = ?4)`,
			)
			.bind(organizationId, caller, keyHash, hash, claim, nowMs + REQUEST_LEASE_MS, nowMs + IDEMPOTENCY_TTL_MS, nowMs),
		db
			.prepare(
				'SELECT request_hash, claim, answer FROM idempotency WHERE organization_id = ? AND caller = ? AND key_hash = ?',
			)
			.bind(organizationId, caller, keyHash),
	])
	const row = found!.results[0]!
	if (row.claim === claim) return { kind: 'run', claim }
	if (row.request_hash !== hash) return { kind: 'other' }
	if (row.answer === null) return { kind: 'running' }
	if (row.answer === '') return { kind: 'lost' }
	try {
		return {
			kind: 'answer',
			answer: JSON.parse(await openSecret(keyRing, row.answer, getSealingContext(request))) as StoredResponse,
		}
	} catch {
		// The response was sealed under a key that is no longer in the ring; the request has run all the same.
		return { kind: 'lost' }
	}
}

/**
 * Stores the response of a run, unless another run has taken over its claim; null: the response is too large, so only
 * the fact that the request has ended is stored.
 */
export async function storeResponse(
	db: D1Database,
	keyRing: string,
	request: IdempotentRequest,
	claim: string,
	response: StoredResponse | null,
): Promise<void> {
	const sealed =
		response === null ? '' : await sealSecret(keyRing, JSON.stringify(response), getSealingContext(request))
	await db
		.prepare(
			`UPDATE idempotency SET answer = ? WHERE organization_id = ? AND caller = ? AND key_hash = ? AND claim = ?
				AND answer IS NULL`,
		)
		.bind(sealed, request.organizationId, request.caller, hashSecret(request.key), claim)
		.run()
}

/** Releases a claim: the request may be made again. */
export async function releaseClaim(db: D1Database, request: IdempotentRequest, claim: string): Promise<void> {
	await db
		.prepare(
			'DELETE FROM idempotency WHERE organization_id = ? AND caller = ? AND key_hash = ? AND claim = ? AND answer IS NULL',
		)
		.bind(request.organizationId, request.caller, hashSecret(request.key), claim)
		.run()
}

function getSealingContext(request: IdempotentRequest): string {
	return `idempotency/${request.organizationId}/${request.caller}/${hashSecret(request.key)}`
}
