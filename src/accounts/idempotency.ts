/**
 * What a request with an Idempotency-Key has led to (docs/architecture.md, Idempotency), in D1, so that all
 * isolates know it: a claim while it runs, its sealed answer for a day afterwards. One statement decides who runs.
 */
import { DAY_MS } from '../lib/time.ts'
import { openSecret, sealSecret } from '../lib/sealing.ts'
import { hashSecret } from './secrets.ts'

/** How long an answer is given again, from the moment that the request was first made. */
export const IDEMPOTENCY_TTL_MS = DAY_MS
/**
 * How long a run is waited for. Longer than any request takes: a store has 15 s to answer, and the longest call asks 20
 * pages. A run that was cut off leaves its claim until then, and may be made again afterwards.
 */
export const REQUEST_LEASE_MS = 10 * 60_000
/** Largest answer that is kept, bytes: sealed it must fit a value of D1 (2 MB). */
export const MAX_STORED_RESPONSE_BYTES = 1024 * 1024

/** Which request this is. */
export interface IdempotentRequest {
	organizationId: number
	/** `user/<id>` or `key/<id>`. */
	caller: string
	/** As it was sent. */
	key: string
	/** SHA-256 of what it asks for. */
	hash: string
}

/** An answer as kept. */
export interface StoredResponse {
	status: number
	headers: [string, string][]
	/** Text: answers of the platform API are JSON or empty. */
	body: string
	/** The instance that it was about. */
	instanceId: number | null
}

/**
 * What a request meets. `run`: nothing, it has the claim; `other`: the key was used for something else; `running`: the
 * first one has not ended;
 * `answer`: what it ended with; `lost`: it has ended, and its answer cannot be given again.
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

/** Claims a request, or says what became of it. A claim whose lease is over is taken over by the same request only. */
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
		// Sealed under a key that has left the ring: the request was made all the same.
		return { kind: 'lost' }
	}
}

/** Keeps the answer of a run, if nobody took over from it; null: that it ended, since its answer is too large. */
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

/** Gives a claim back: the request may be made again. */
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
