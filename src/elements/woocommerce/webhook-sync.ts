/**
 * Keeps our webhooks at a store: finds them, makes the missing ones, mends what was disabled, moved or doubled, and
 * never touches others (docs/woocommerce.md §6). Ours are those with our name whose address has our receiver's path;
 * the host does not count, since the public address may have moved.
 */
import type { DesiredWebhooks, WebhookSyncResult, StoreWebhook } from '../webhooks.ts'
import { toUnexpectedFailure } from './failures.ts'
import { toObjectId } from './parse-record.ts'
import type { Failure, StoreClient, VendorRecord } from '../store.ts'

/** Rows a page, and pages at most: nobody has two thousand webhooks. */
const PAGE_SIZE = 100
const MAX_PAGES = 20
/** Changes of one batch at most (docs/woocommerce.md 2.4). */
const MAX_BATCH_CHANGES = 100

type WebhookIdentity = Pick<DesiredWebhooks, 'name' | 'deliveryUrl'>

/** One change, with the words for it. `topic` is for messages. */
type WebhookChange = { topic: string; what: string } & (
	| { create: Record<string, string> }
	| { update: Record<string, string | number> }
	| { delete: number }
)

/** Makes the store's webhooks as desired. One list, then one batch, and nothing at all when everything is right. */
export async function ensureWebhooks(client: StoreClient, desired: DesiredWebhooks): Promise<WebhookSyncResult> {
	const found = await listWebhooks(client, desired)
	if (!Array.isArray(found)) return toFailedSync(found, false)
	const kept = new Map<string, StoreWebhook>()
	const surplus: StoreWebhook[] = []
	for (const webhook of found.filter((candidate) => candidate.ours)) {
		const keptWebhook = kept.get(webhook.topic)
		if (!Object.hasOwn(desired.secrets, webhook.topic)) surplus.push(webhook)
		else if (keptWebhook === undefined) kept.set(webhook.topic, webhook)
		else if (rankWebhook(webhook, desired) > rankWebhook(keptWebhook, desired)) {
			surplus.push(keptWebhook)
			kept.set(webhook.topic, webhook)
		} else surplus.push(webhook)
	}
	const changes: WebhookChange[] = surplus.map((webhook) => ({
		topic: webhook.topic,
		what: `deleted a surplus webhook for ${webhook.topic === '' ? 'no topic' : webhook.topic}`,
		delete: webhook.id ?? 0,
	}))
	for (const [topic, secret] of Object.entries(desired.secrets)) {
		const webhook = kept.get(topic)
		if (webhook === undefined)
			changes.push({
				topic,
				what: `created ${topic}`,
				create: { name: desired.name, topic, delivery_url: desired.deliveryUrl, secret },
			})
		else changes.push(...planRepairs(webhook, secret, desired))
	}
	return await applyChanges(client, found, changes, desired)
}

/** Stops ours; nothing missed while they are paused comes later (docs/woocommerce.md 6.5). */
export async function pauseWebhooks(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult> {
	const found = await listWebhooks(client, identity)
	if (!Array.isArray(found)) return toFailedSync(found, false)
	const changes = found
		.filter((webhook) => webhook.ours && webhook.status === 'active')
		.map((webhook): WebhookChange => ({
			topic: webhook.topic,
			what: `paused ${webhook.topic}`,
			update: { id: webhook.id ?? 0, status: 'paused' },
		}))
	return await applyChanges(client, found, changes, identity)
}

/** Deletes ours. */
export async function removeWebhooks(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult> {
	const found = await listWebhooks(client, identity)
	if (!Array.isArray(found)) return toFailedSync(found, false)
	const changes = found
		.filter((webhook) => webhook.ours)
		.map((webhook): WebhookChange => ({
			topic: webhook.topic,
			what: `deleted ${webhook.topic}`,
			delete: webhook.id ?? 0,
		}))
	return await applyChanges(client, found, changes, identity)
}

/**
 * Of two of ours for one topic the one stays that needs the least: active, at the right address, then the older one.
 */
function rankWebhook(webhook: StoreWebhook, desired: DesiredWebhooks): number {
	return (webhook.status === 'active' ? 2 : 0) + (webhook.url === desired.deliveryUrl ? 1 : 0)
}

/** What is wrong with one of ours; the secret goes along with every change, since nobody can see it. */
function planRepairs(webhook: StoreWebhook, secret: string, desired: DesiredWebhooks): WebhookChange[] {
	const fixes: string[] = []
	const update: Record<string, string | number> = { id: webhook.id ?? 0, secret }
	if (webhook.status !== 'active') {
		fixes.push(`re-enabled (it was ${webhook.status})`)
		update['status'] = 'active'
	}
	if (webhook.url !== desired.deliveryUrl) {
		fixes.push('moved to the present address')
		// Only where it differs: writing it makes the store probe the address (docs/woocommerce.md 6.4).
		update['delivery_url'] = desired.deliveryUrl
	}
	if (desired.rewriteSecrets) fixes.push('given its secret')
	return fixes.length === 0 ? [] : [{ topic: webhook.topic, what: `${webhook.topic} ${fixes.join(', ')}`, update }]
}

/**
 * All webhooks, in every status: a duplicate is accepted, so that those of ours that sleep must be found
 * (docs/woocommerce.md 6.1).
 */
async function listWebhooks(client: StoreClient, identity: WebhookIdentity): Promise<StoreWebhook[] | Failure> {
	const path = toComparablePath(identity.deliveryUrl)
	const found = new Map<number, StoreWebhook>()
	for (let page = 1; page <= MAX_PAGES; page++) {
		const answer = await client.call('GET', 'webhooks', {
			status: 'all',
			per_page: String(PAGE_SIZE),
			page: String(page),
			orderby: 'id',
			order: 'asc',
		})
		if (!answer.ok) return answer
		if (!Array.isArray(answer.body)) return toUnexpectedFailure('The store did not answer with a list of its webhooks.')
		for (const row of answer.body as unknown[]) {
			const webhook = toStoreWebhook(row, identity.name, path)
			if (webhook !== null && webhook.id !== null) found.set(webhook.id, webhook)
		}
		if (answer.body.length < PAGE_SIZE) break
	}
	return [...found.values()]
}

/** One row; null for what is none. Rows with empty names may be listed (docs/woocommerce.md 6.5). */
function toStoreWebhook(row: unknown, name: string, path: string | null): StoreWebhook | null {
	if (typeof row !== 'object' || row === null) return null
	const record = row as VendorRecord
	const id = toObjectId(record['id'])
	if (typeof id !== 'number' || id === 0) return null
	const url = toText(record['delivery_url'])
	return {
		id,
		topic: toText(record['topic']),
		status: toText(record['status']),
		url,
		ours: record['name'] === name && path !== null && toComparablePath(url) === path,
	}
}

/** An address's path in one spelling: the id's padding may be written, escaped or left out. */
function toComparablePath(url: string): string | null {
	// A store in a language with entities may give `&amp;` back; the path has none.
	if (!URL.canParse(url)) return null
	return new URL(url).pathname.replace(/(?<!=|%3d)(=|%3d)+$/i, '').replace(/(?<!\/)\/+$/, '')
}

/** Sends the changes and reads what became of each. */
async function applyChanges(
	client: StoreClient,
	found: StoreWebhook[],
	changes: WebhookChange[],
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
	const path = toComparablePath(identity.deliveryUrl)
	const current = new Map(found.map((webhook) => [webhook.id, webhook]))
	for (let start = 0; start < changes.length; start += MAX_BATCH_CHANGES) {
		const batch = changes.slice(start, start + MAX_BATCH_CHANGES)
		const creates = batch.filter((change) => 'create' in change)
		const updates = batch.filter((change) => 'update' in change)
		const deletes = batch.filter((change) => 'delete' in change)
		const body = {
			...(creates.length === 0 ? {} : { create: creates.map((change) => change.create) }),
			...(updates.length === 0 ? {} : { update: updates.map((change) => change.update) }),
			...(deletes.length === 0 ? {} : { delete: deletes.map((change) => change.delete) }),
		}
		const answer = await client.call('POST', 'webhooks/batch', {}, JSON.stringify(body))
		if (!answer.ok) return { ...toFailedSync(answer, true), webhooks: [...current.values()], changes: result.changes }
		result.mayHaveChanged = true
		const items =
			typeof answer.body === 'object' && answer.body !== null ? (answer.body as Record<string, unknown>) : {}
		for (const [kind, list] of [
			['create', creates],
			['update', updates],
			['delete', deletes],
		] as const) {
			const rows = Array.isArray(items[kind]) ? (items[kind] as unknown[]) : []
			for (const [index, change] of list.entries())
				recordOutcome(result, current, change, kind, rows[index], identity.name, path)
		}
	}
	result.webhooks = [...current.values()]
	result.ok = result.errors.length === 0
	return result
}

/** One item of a batch's answer: the row as it is now, or `{id, error: {code, message, data}}`. */
function recordOutcome(
	result: WebhookSyncResult,
	current: Map<number | null, StoreWebhook>,
	change: WebhookChange,
	kind: 'create' | 'update' | 'delete',
	row: unknown,
	name: string,
	path: string | null,
): void {
	const error =
		typeof row === 'object' && row !== null
			? (row as { error?: { code?: unknown; message?: unknown; data?: { status?: unknown } } }).error
			: undefined
	const code = toText(error?.code)
	if (
		kind === 'delete' &&
		'delete' in change &&
		(error === undefined ? row !== undefined : code.endsWith('_invalid_id'))
	) {
		current.delete(change.delete)
		result.changes.push(change.what)
		return
	}
	if (error !== undefined) {
		// An older store without this topic: nothing is wrong with it.
		if (kind === 'create' && code.endsWith('_invalid_topic')) {
			result.unsupported.push(change.topic)
			return
		}
		result.missingPermission ??= /_cannot_[a-z]+$/.test(code) ? NO_WEBHOOK_PERMISSION : null
		result.errors.push(
			`${change.topic}: ${
				toText(error.message)
					.slice(0, 4_096)
					.replace(/<[^>]*>/g, '')
					.slice(0, 200) ||
				code ||
				'the store refused it without a reason'
			}`,
		)
		return
	}
	const webhook = toStoreWebhook(row, name, path)
	if (webhook === null) {
		result.errors.push(`${change.topic}: the store did not say what became of it`)
		return
	}
	current.set(webhook.id, webhook)
	const expectedStatus = 'update' in change ? (change.update['status'] ?? webhook.status) : 'active'
	if (webhook.status === expectedStatus) result.changes.push(change.what)
	else
		result.errors.push(
			`${change.topic}: the store left it ${webhook.status === '' ? 'without a status' : webhook.status}`,
		)
}

const NO_WEBHOOK_PERMISSION =
	"The API key's user may not manage WooCommerce, which webhooks need. Give the key to a user with the role Shop manager or Administrator."

/** A call without a usable answer; where it is the key's fault, the right that is missing. */
function toFailedSync(failure: Failure, wasSent: boolean): WebhookSyncResult {
	const missingPermission = findMissingPermission(failure)
	// After a refusal nothing was done; after a lost answer anything may have been.
	const mayHaveChanged =
		wasSent &&
		missingPermission === null &&
		failure.kind !== 'rejected' &&
		failure.kind !== 'no-route' &&
		failure.kind !== 'throttled'
	return {
		ok: false,
		webhooks: [],
		changes: [],
		unsupported: [],
		errors: [missingPermission ?? failure.message],
		missingPermission: missingPermission,
		failure,
		mayHaveChanged,
	}
}

/**
 * docs/woocommerce.md 1.6: a read key that writes is a 401 of its own; a user without the right a 403, or a 401 where
 * the key was not seen.
 */
function findMissingPermission(failure: Failure): string | null {
	if (failure.kind === 'auth' && /write permission/i.test(failure.providerMessage ?? '')) {
		return 'The API key may only read, and webhooks are made by writing. Set its permissions to "Read/Write" under WooCommerce → Settings → Advanced → REST API.'
	}
	if (failure.kind === 'forbidden' || /_cannot_(view|create|edit|delete|batch)$/.test(failure.code ?? ''))
		return NO_WEBHOOK_PERMISSION
	return null
}

function toText(value: unknown): string {
	return typeof value === 'string' ? value : ''
}
