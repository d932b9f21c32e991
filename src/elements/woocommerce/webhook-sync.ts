/**
 * Manages our webhooks at a store: lists them, sends the planned changes, and reads the result of each change. Never
 * changes webhooks of others (docs/woocommerce.md §6).
 */
import type { Failure, StoreClient, WriteAccess } from '../store.ts'
import type { DesiredWebhooks, StoreWebhook, WebhookIdentity, WebhookSyncResult } from '../webhooks.ts'
import { toList } from './answer-json.ts'
import { listWebhooks } from './webhook-list.ts'
import { planEnsure, planPause, planRemoval, toStoreWebhook, toText, type PlannedChange } from './webhook-plan.ts'

/** How often a list that is incomplete is read while webhooks are deleted. */
const MAX_REMOVAL_ROUNDS = 5
/** Changes of one batch at most (docs/woocommerce.md 2.4). */
const MAX_BATCH_CHANGES = 100

type Verb = PlannedChange['call']['verb']

/** Brings the store's webhooks to the required state: one list, then one batch, and no batch if nothing is wrong. */
export async function ensureWebhooks(client: StoreClient, desired: DesiredWebhooks): Promise<WebhookSyncResult> {
	return await syncWebhooks(client, desired, (found) => planEnsure(found, desired))
}

/** Pauses ours; changes during the pause are not delivered later (docs/woocommerce.md 6.5). */
export async function pauseWebhooks(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult> {
	return await syncWebhooks(client, identity, planPause)
}

/** Deletes ours. Where a list is incomplete, what is deleted makes room in it for others of ours. */
export async function removeWebhooks(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult> {
	let result = await syncWebhooks(client, identity, planRemoval)
	const changes = [...result.changes]
	for (let round = 1; round < MAX_REMOVAL_ROUNDS && result.isIncomplete === true; round++) {
		if (!result.ok || result.changes.length === 0) break
		result = await syncWebhooks(client, identity, planRemoval)
		changes.push(...result.changes)
	}
	return { ...result, changes, mayHaveChanged: result.mayHaveChanged || changes.length > 0 }
}

async function syncWebhooks(
	client: StoreClient,
	identity: WebhookIdentity,
	plan: (found: readonly StoreWebhook[]) => PlannedChange[],
): Promise<WebhookSyncResult> {
	const listed = await listWebhooks(client, identity)
	if (!listed.ok) return toFailedSync(listed, false)
	const planned = plan(listed.webhooks)
	if (listed.missing === null) return await applyChanges(client, listed.webhooks, planned, identity)
	const [created, others] = [true, false].map((isCreation) =>
		planned.filter(({ call }) => (call.verb === 'create') === isCreation),
	) as [PlannedChange[], PlannedChange[]]
	const result = await applyChanges(client, listed.webhooks, others, identity)
	if (created.length === 0) return { ...result, isIncomplete: true }
	const topics = created.map(({ change }) => change.topic).join(', ')
	// Those that cannot be seen would be there twice.
	const error =
		`The store's list of webhooks is incomplete: ${listed.missing}. ` +
		`Webhooks that it may hide are not created again (${topics}).`
	return { ...result, ok: false, errors: [error, ...result.errors], isIncomplete: true }
}

async function applyChanges(
	client: StoreClient,
	found: StoreWebhook[],
	changes: PlannedChange[],
	identity: WebhookIdentity,
): Promise<WebhookSyncResult> {
	const result: WebhookSyncResult = {
		ok: true,
		webhooks: found,
		changes: [],
		unsupported: [],
		errors: [],
		missingPermission: null,
		failure: null,
		mayHaveChanged: false,
	}
	const current = new Map(found.map((webhook) => [webhook.id, webhook]))
	for (let start = 0; start < changes.length; start += MAX_BATCH_CHANGES) {
		const batch = toBatch(changes.slice(start, start + MAX_BATCH_CHANGES))
		const body = Object.fromEntries(
			[...batch].map(([verb, planned]) => [
				verb,
				planned.map(({ call }) => (call.verb === 'delete' ? call.id : call.row)),
			]),
		)
		const answer = await client.call('POST', 'webhooks/batch', {}, JSON.stringify(body))
		if (!answer.ok) return { ...toFailedSync(answer, true), webhooks: [...current.values()], changes: result.changes }
		result.mayHaveChanged = true
		const items =
			typeof answer.body === 'object' && answer.body !== null ? (answer.body as Record<string, unknown>) : {}
		for (const [verb, planned] of batch) {
			const rows = toList(items[verb]) ?? []
			for (const [index, change] of planned.entries())
				applyOutcome(result, current, change, readOutcome(change, rows[index], identity))
		}
	}
	result.webhooks = [...current.values()]
	result.ok = result.errors.length === 0
	return result
}

/** Changes by verb, in the order in which WooCommerce applies them; verbs without changes are absent. */
function toBatch(changes: PlannedChange[]): Map<Verb, PlannedChange[]> {
	const verbs: Verb[] = ['create', 'update', 'delete']
	return new Map(
		verbs
			.map((verb) => [verb, changes.filter(({ call }) => call.verb === verb)] as const)
			.filter(([, planned]) => planned.length > 0),
	)
}

/** The result of one change. `error` is a sentence without its topic. */
type ChangeOutcome =
	| { kind: 'deleted'; id: number }
	| { kind: 'changed'; webhook: StoreWebhook }
	| { kind: 'unsupported' }
	| { kind: 'failed'; error: string; webhook: StoreWebhook | null; missingPermission: string | null }

/** Parses one item of a batch's response: the current row, or `{id, error: {code, message, data}}`. */
function readOutcome({ call }: PlannedChange, row: unknown, identity: WebhookIdentity): ChangeOutcome {
	const error =
		typeof row === 'object' && row !== null
			? (row as { error?: { code?: unknown; message?: unknown } }).error
			: undefined
	const code = toText(error?.code)
	if (call.verb === 'delete' && (error === undefined ? row !== undefined : code.endsWith('_invalid_id')))
		return { kind: 'deleted', id: call.id }
	if (error !== undefined) {
		// An older store does not know this topic; nothing is wrong with the store.
		if (call.verb === 'create' && code.endsWith('_invalid_topic')) return { kind: 'unsupported' }
		return {
			kind: 'failed',
			error: toErrorText(error.message) || code || 'the store refused it without a reason',
			webhook: null,
			missingPermission: /_cannot_[a-z]+$/.test(code) ? NO_WEBHOOK_PERMISSION : null,
		}
	}
	const webhook = toStoreWebhook(row, identity)
	if (webhook === null)
		return { kind: 'failed', error: 'the store did not confirm the change', webhook: null, missingPermission: null }
	const expectedStatus =
		call.verb === 'create' ? 'active' : call.verb === 'update' ? (call.row['status'] ?? webhook.status) : 'active'
	if (webhook.status === expectedStatus) return { kind: 'changed', webhook }
	const status = webhook.status === '' ? 'without a status' : webhook.status
	return { kind: 'failed', error: `the store left the webhook ${status}`, webhook, missingPermission: null }
}

function applyOutcome(
	result: WebhookSyncResult,
	current: Map<number | null, StoreWebhook>,
	{ change }: PlannedChange,
	outcome: ChangeOutcome,
): void {
	switch (outcome.kind) {
		case 'deleted':
			current.delete(outcome.id)
			result.changes.push(change)
			return
		case 'changed':
			current.set(outcome.webhook.id, outcome.webhook)
			result.changes.push(change)
			return
		case 'unsupported':
			result.unsupported.push(change.topic)
			return
		case 'failed':
			if (outcome.webhook !== null) current.set(outcome.webhook.id, outcome.webhook)
			result.missingPermission ??= outcome.missingPermission
			result.errors.push(`${change.topic}: ${outcome.error}`)
	}
}

/** The store's message without markup, at most 200 characters. */
function toErrorText(message: unknown): string {
	return toText(message)
		.slice(0, 4_096)
		.replace(/<[^>]*>/g, '')
		.slice(0, 200)
}

/**
 * Whether the key may manage webhooks: it asks to change the webhook 0, which no store has, so that the store checks
 * the key and its user and changes nothing (docs/woocommerce.md 1.12).
 */
export async function findWriteAccess(client: StoreClient): Promise<WriteAccess> {
	const answer = await client.call('PUT', 'webhooks/0', {}, '{}')
	if (answer.ok || answer.status === 404 || answer.status === 400) return { allowed: true, message: null }
	// The key has just read, so a store that refuses it now refuses the write, in whichever language it says so.
	const message = findMissingPermission(answer) ?? (answer.kind === 'auth' ? READ_ONLY_KEY : null)
	if (message !== null) return { allowed: false, message }
	return isKeptOut(answer) ? { allowed: false, message: toSentences(answer) } : { allowed: null, message: null }
}

/** Whether something in front of the shop refused the call, so that the shop did nothing. */
function isKeptOut({ cure }: Failure): boolean {
	return cure?.cause === 'bot-protection'
}

/** What happened and what to do. */
function toSentences({ message, cure }: Failure): string {
	return cure === undefined ? message : `${message} ${cure.action}`
}

const NO_WEBHOOK_PERMISSION =
	"The API key's user may not manage WooCommerce, which webhooks need. " +
	'Give the key to a user with the role Shop manager or Administrator.'

const READ_ONLY_KEY =
	'The API key may only read, but creating webhooks needs write access. ' +
	'Set its permissions to "Read/Write" under WooCommerce → Settings → Advanced → REST API.'

/** The result of a failed call; if the key is at fault, with the right that is missing. */
function toFailedSync(failure: Failure, wasSent: boolean): WebhookSyncResult {
	const missingPermission = findMissingPermission(failure)
	// A refused call did nothing; a call whose response was lost may have done anything.
	const mayHaveChanged =
		wasSent &&
		missingPermission === null &&
		!isKeptOut(failure) &&
		failure.kind !== 'rejected' &&
		failure.kind !== 'no-route' &&
		failure.kind !== 'throttled'
	return {
		ok: false,
		webhooks: [],
		changes: [],
		unsupported: [],
		errors: [missingPermission ?? (isKeptOut(failure) ? toSentences(failure) : failure.message)],
		missingPermission,
		failure,
		mayHaveChanged,
	}
}

/**
 * docs/woocommerce.md 1.6: a read key that writes is a 401 of its own; a user without the right a 403, or a 401 where
 * the key was not seen.
 */
function findMissingPermission(failure: Failure): string | null {
	if (failure.kind === 'auth' && /write permission/i.test(failure.providerMessage ?? '')) return READ_ONLY_KEY
	if (failure.kind === 'forbidden' || /_cannot_(view|create|edit|delete|batch)$/.test(failure.code ?? ''))
		return NO_WEBHOOK_PERMISSION
	return null
}
