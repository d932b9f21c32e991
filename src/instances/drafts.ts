/**
 * Instances that wait for a merchant's approval (connecting without keys): the input of `POST /instances`, sealed
 * under a state that only appears in URLs; D1 stores its hash. A draft can be used once: later calls, and calls with
 * another state, get nothing.
 */
import { DAY_MS } from '../lib/time.ts'
import { isKeyUsable } from '../accounts/api-keys.ts'
import { hasRole } from '../accounts/roles.ts'
import { findActiveUser, type User } from '../accounts/setup.ts'
import { hashSecret } from '../accounts/secrets.ts'
import type { Element } from '../elements/element.ts'
import { Conflict, Forbidden, HttpError } from '../lib/errors.ts'
import { log, logError } from '../lib/log.ts'
import { findHttpsProblem, getPublicBase } from './addresses.ts'
import type { InstanceInput } from './checks.ts'
import { checkDraft, createInstance } from './create.ts'
import { deleteInstance } from './lifecycle.ts'
import { openSecret, sealSecret, UnreadableSecret } from '../lib/sealing.ts'
import type { Services } from './services.ts'

/** How long a merchant can approve, ms. */
const DRAFT_TTL_MS = 30 * 60_000
/** How long the outcome can be read, ms. */
const DRAFT_RETENTION_MS = DAY_MS

type DraftStatus = 'waiting' | 'working' | 'denied' | 'failed' | 'created'

interface DraftRow {
	state_hash: string
	organization_id: number
	user_id: number
	/** The API key that asked; null: none. */
	api_key_id: number | null
	element_key: string
	sealed: string
	status: DraftStatus
	reason: string | null
	instance_id: number | null
	expires_ms: number
}

/** The sealed content of a draft. */
interface DraftContent {
	input: InstanceInput
	callbackUrl: string | null
}

/** The outcome of a draft. */
interface DraftOutcome {
	status: 'waiting' | 'denied' | 'failed' | 'created'
	reason?: string
	id?: number
}

/** The page that the merchant's browser gets on return. */
export type ReturnView =
	/** `created-unreadable`: the instance was created, but the return URL cannot be decrypted. */
	| { kind: 'unknown' | 'expired' | 'waiting' | 'created-unreadable' }
	/** `callbackUrl`: when the merchant has just refused, since a draft that is over keeps nothing; null: not known. */
	| { kind: 'denied'; callbackUrl: string | null }
	| { kind: 'failed'; reason: string }
	| { kind: 'created'; id: number; callbackUrl: string | null }

/** Who asks for a hand-over. */
interface DraftCreator {
	user: User
	/** The API key of the request; null: none. */
	apiKeyId: number | null
}

/** Stores a draft and returns the URL where the merchant approves. Checks everything except the keys first. */
export async function createDraft(
	services: Services,
	{ user, apiKeyId }: DraftCreator,
	element: Element,
	input: InstanceInput,
	callbackUrl: string | null,
): Promise<{ oauthUrl: string; state: string }> {
	const { env } = services
	if (element.keyAuthorization === null) throw new Conflict('This element only accepts keys that are entered by hand')
	const problem = findHttpsProblem(env)
	if (problem !== null) throw new Conflict(problem)
	const storeUrl = checkDraft(services, element, input)
	const state = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
	const hash = hashSecret(state)
	const nowMs = services.now()
	const content: DraftContent = { input, callbackUrl }
	await env.DB.prepare(
		`INSERT INTO drafts (state_hash, organization_id, user_id, api_key_id, element_key, sealed, status, created_ms,
			expires_ms) VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?)`,
	)
		.bind(
			hash,
			user.organizationId,
			user.id,
			apiKeyId,
			element.key,
			await sealSecret(env.MASTER_KEYS, JSON.stringify(content), draftContext(hash)),
			nowMs,
			nowMs + DRAFT_TTL_MS,
		)
		.run()
	const base = `${getPublicBase(env)}/connect/woocommerce/${state}`
	return {
		oauthUrl: element.keyAuthorization.authorizeUrl({
			storeUrl,
			appName: 'Shopbell',
			state,
			returnUrl: `${base}/return`,
			callbackUrl: base,
		}),
		state,
	}
}

/**
 * Uses the keys that a store sends for a draft: checks them at the draft's store and creates the instance. Null if the
 * state is forged, expired or already used; a refusal has a sentence for people. `forbidden`: whoever asked may not
 * create instances any more.
 */
export async function claimDraft(
	services: Services,
	state: string,
	keys: { key: string; secret: string },
	element: Element,
	requestId: string,
): Promise<{ ok: true; id: number } | { ok: false; reason: string; forbidden: boolean } | null> {
	const { env } = services
	const nowMs = services.now()
	const row = await findDraft(env.DB, state)
	if (row === null || row.element_key !== element.key) return null
	// One statement decides which call uses it.
	const claimed = await env.DB.prepare(
		"UPDATE drafts SET status = 'working' WHERE state_hash = ? AND status = 'waiting' AND expires_ms > ?",
	)
		.bind(row.state_hash, nowMs)
		.run()
	if (claimed.meta.changes === 0) return null
	let rollback: (() => Promise<void>) | null = null
	try {
		const content = await openDraft(env.MASTER_KEYS, row).catch(ifUnreadable)
		if (content === null) throw new Conflict(UNREADABLE_MESSAGE)
		const user = await requireCreator(services, row)
		const configuration = { ...content.input.configuration, 'oauth.api.key': keys.key, 'oauth.api.secret': keys.secret }
		const instance = await createInstance(services, user, requestId, element, { ...content.input, configuration })
		// Without a 200 the store revokes the key, and its instance would not work.
		rollback = () => deleteInstance(services, instance, user, requestId)
		// Checking the store takes time in which a right can end.
		await requireCreator(services, row)
		await env.DB.prepare("UPDATE drafts SET status = 'created', instance_id = ?, sealed = ? WHERE state_hash = ?")
			// The return URL is still needed; the input of the instance is not.
			.bind(
				instance.id,
				await sealSecret(
					env.MASTER_KEYS,
					JSON.stringify({ input: {}, callbackUrl: content.callbackUrl }),
					draftContext(row.state_hash),
				),
				row.state_hash,
			)
			.run()
		return { ok: true, id: instance.id }
	} catch (error) {
		const reason = error instanceof HttpError ? error.message : 'Something went wrong here'
		if (!(error instanceof HttpError)) logError('draft.failed', error, { requestId })
		await rollback?.()
		await finishDraft(env.DB, row.state_hash, 'working', 'failed', reason)
		return { ok: false, reason, forbidden: error instanceof Forbidden }
	}
}

/** The user who asked for a hand-over; 403 if they, or the API key that they used, may create no more instances. */
async function requireCreator(services: Services, row: DraftRow): Promise<User> {
	const { env } = services
	const user = await findActiveUser(env.DB, row.organization_id, row.user_id)
	const keyMayCreate =
		row.api_key_id === null ||
		(await isKeyUsable(env.DB, row.organization_id, row.api_key_id, 'instances:write', services.now()))
	if (user === null || !hasRole(user.role, 'developer') || !keyMayCreate)
		throw new Forbidden('Whoever asked for this connection may not connect stores any more; ask for a new one')
	return user
}

/** The page for the merchant's browser when the store redirects it back. A refusal by the merchant ends the draft. */
export async function resolveReturn(services: Services, state: string, approved: boolean): Promise<ReturnView> {
	const { DB, MASTER_KEYS } = services.env
	const row = await findDraft(DB, state)
	if (row === null) return { kind: 'unknown' }
	if (row.status === 'created') {
		// The browser can return for as long as the draft was valid.
		if (row.expires_ms <= services.now() || row.instance_id === null) return { kind: 'expired' }
		const draft = await openDraft(MASTER_KEYS, row).catch(ifUnreadable)
		return draft === null
			? { kind: 'created-unreadable' }
			: { kind: 'created', id: row.instance_id, callbackUrl: draft.callbackUrl }
	}
	if (row.status === 'failed') return { kind: 'failed', reason: row.reason ?? '' }
	if (row.status === 'denied') return { kind: 'denied', callbackUrl: null }
	if (row.status === 'waiting') {
		if (row.expires_ms <= services.now()) return { kind: 'expired' }
		if (!approved) {
			const draft = await openDraft(MASTER_KEYS, row).catch(ifUnreadable)
			await finishDraft(DB, row.state_hash, 'waiting', 'denied', null)
			return { kind: 'denied', callbackUrl: draft?.callbackUrl ?? null }
		}
	}
	return { kind: 'waiting' }
}

/** The outcome of a draft of this organization; null: no draft has this state. */
export async function getDraftOutcome(
	services: Services,
	organizationId: number,
	state: string,
): Promise<DraftOutcome | null> {
	const row = await findDraft(services.env.DB, state)
	if (row === null || row.organization_id !== organizationId) return null
	if (row.status === 'created') return { status: 'created', id: row.instance_id ?? 0 }
	if (row.status === 'failed') return { status: 'failed', reason: row.reason ?? '' }
	if (row.status === 'denied') return { status: 'denied', reason: 'The merchant did not approve' }
	// A call that crashed while it created the instance never stores its outcome.
	const isExpired = row.expires_ms + (row.status === 'working' ? DRAFT_TTL_MS : 0) <= services.now()
	return isExpired
		? { status: 'failed', reason: 'The merchant did not approve within 30 minutes; request a new address' }
		: { status: 'waiting' }
}

/** Removes drafts a day after they have expired. */
export async function deleteExpiredDrafts(db: D1Database, nowMs: number): Promise<void> {
	await db.batch([
		// Unused input is removed when its draft expires.
		db.prepare("UPDATE drafts SET sealed = '' WHERE expires_ms < ? AND sealed <> ''").bind(nowMs),
		db.prepare('DELETE FROM drafts WHERE expires_ms < ?').bind(nowMs - DRAFT_RETENTION_MS),
	])
}

async function findDraft(db: D1Database, state: string): Promise<DraftRow | null> {
	if (!/^[\w-]{43}$/.test(state)) return null
	return await db.prepare('SELECT * FROM drafts WHERE state_hash = ?').bind(hashSecret(state)).first<DraftRow>()
}

async function finishDraft(
	db: D1Database,
	hash: string,
	from: DraftStatus,
	to: DraftStatus,
	reason: string | null,
): Promise<void> {
	await db
		.prepare("UPDATE drafts SET status = ?, reason = ?, sealed = '' WHERE state_hash = ? AND status = ?")
		.bind(to, reason, hash, from)
		.run()
}

async function openDraft(ring: string, row: DraftRow): Promise<DraftContent> {
	return JSON.parse(await openSecret(ring, row.sealed, draftContext(row.state_hash))) as DraftContent
}

/** For the merchant, who does not know of keys. */
const UNREADABLE_MESSAGE =
	'Shopbell can no longer read this request, because its operator has replaced the key that it was encrypted with. ' +
	'Go back to where you came from and start again.'

/** null where a draft cannot be decrypted; any other error is thrown. */
function ifUnreadable(error: unknown): null {
	if (!(error instanceof UnreadableSecret)) throw error
	log('draft.unreadable', { key: error.missingKeyId })
	return null
}

function draftContext(hash: string): string {
	return `draft/${hash}`
}
