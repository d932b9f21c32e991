/**
 * Decides which webhooks of a store to create, repair, pause or delete (docs/woocommerce.md §6). Pure. Ours are those
 * with our name whose address has our receiver's path; the host does not count, since the public address may change.
 */
import { toObjectId } from '../values.ts'
import type { VendorRecord } from '../store.ts'
import type { DesiredWebhooks, StoreWebhook, WebhookChange, WebhookChangeKind, WebhookIdentity } from '../webhooks.ts'

/** One call of a batch, and its change. */
export interface PlannedChange {
	change: WebhookChange
	call:
		| { verb: 'create'; row: Record<string, string> }
		| { verb: 'update'; row: Record<string, string | number> }
		| { verb: 'delete'; id: number }
}

/** The calls that bring the store's webhooks to the required state; empty if they are. */
export function planEnsure(found: readonly StoreWebhook[], desired: DesiredWebhooks): PlannedChange[] {
	const kept = new Map<string, StoreWebhook>()
	const changes: PlannedChange[] = []
	for (const webhook of found.filter((candidate) => candidate.ours)) {
		const { topic } = webhook
		const keptWebhook = kept.get(topic)
		if (!Object.hasOwn(desired.secrets, topic)) changes.push(toDeletion(webhook, 'deleted'))
		else if (keptWebhook === undefined) kept.set(topic, webhook)
		else if (rankWebhook(webhook, desired) > rankWebhook(keptWebhook, desired)) {
			changes.push(toDeletion(keptWebhook, 'deleted-duplicate'))
			kept.set(topic, webhook)
		} else changes.push(toDeletion(webhook, 'deleted-duplicate'))
	}
	for (const [topic, secret] of Object.entries(desired.secrets)) {
		const webhook = kept.get(topic)
		const change = webhook === undefined ? toCreation(topic, secret, desired) : planRepair(webhook, secret, desired)
		if (change !== null) changes.push(change)
	}
	return changes
}

/** Pauses our active webhooks. */
export function planPause(found: readonly StoreWebhook[]): PlannedChange[] {
	return found
		.filter((webhook) => webhook.ours && webhook.status === 'active')
		.map((webhook) => ({
			change: { topic: webhook.topic, kinds: ['paused'], statusBefore: webhook.status },
			call: { verb: 'update', row: { id: webhook.id ?? 0, status: 'paused' } },
		}))
}

/** Deletes our webhooks. */
export function planRemoval(found: readonly StoreWebhook[]): PlannedChange[] {
	return found.filter((webhook) => webhook.ours).map((webhook) => toDeletion(webhook, 'deleted'))
}

/**
 * Parses a row of the store's list; null if it is not a webhook. Rows may have empty names (docs/woocommerce.md 6.5).
 */
export function toStoreWebhook(row: unknown, identity: WebhookIdentity): StoreWebhook | null {
	if (typeof row !== 'object' || row === null) return null
	const record = row as VendorRecord
	const id = toObjectId(record['id'])
	if (typeof id !== 'number' || id === 0) return null
	const url = toText(record['delivery_url'])
	const ownPath = toComparablePath(identity.deliveryUrl)
	return {
		id,
		topic: toText(record['topic']),
		status: toText(record['status']),
		url,
		ours: record['name'] === identity.name && ownPath !== null && toComparablePath(url) === ownPath,
	}
}

export function toText(value: unknown): string {
	return typeof value === 'string' ? value : ''
}

function toCreation(topic: string, secret: string, desired: DesiredWebhooks): PlannedChange {
	return {
		change: { topic, kinds: ['created'], statusBefore: '' },
		call: { verb: 'create', row: { name: desired.name, topic, delivery_url: desired.deliveryUrl, secret } },
	}
}

function toDeletion(webhook: StoreWebhook, kind: 'deleted' | 'deleted-duplicate'): PlannedChange {
	return {
		change: { topic: webhook.topic, kinds: [kind], statusBefore: webhook.status },
		call: { verb: 'delete', id: webhook.id ?? 0 },
	}
}

/**
 * Of two webhooks of ours for one topic, keeps the active one, then the one with the right URL, then the older one.
 */
function rankWebhook(webhook: StoreWebhook, desired: DesiredWebhooks): number {
	return (webhook.status === 'active' ? 2 : 0) + (webhook.url === desired.deliveryUrl ? 1 : 0)
}

/** Null if nothing is wrong. Every repair includes the secret, because stores never show it. */
function planRepair(webhook: StoreWebhook, secret: string, desired: DesiredWebhooks): PlannedChange | null {
	const kinds: WebhookChangeKind[] = []
	const row: Record<string, string | number> = { id: webhook.id ?? 0, secret }
	if (webhook.status !== 'active') {
		kinds.push('re-enabled')
		row['status'] = 'active'
	}
	if (webhook.url !== desired.deliveryUrl) {
		kinds.push('moved')
		// Only where it differs: writing it makes the store probe the address (docs/woocommerce.md 6.4).
		row['delivery_url'] = desired.deliveryUrl
	}
	if (desired.rewriteSecrets) kinds.push('secret-written')
	if (kinds.length === 0) return null
	return { change: { topic: webhook.topic, kinds, statusBefore: webhook.status }, call: { verb: 'update', row } }
}

/** A URL's path in one spelling: the id's padding may be written, escaped or left out. */
function toComparablePath(url: string): string | null {
	// A store in a language with entities may give `&amp;` back; the path has none.
	if (!URL.canParse(url)) return null
	return new URL(url).pathname.replace(/(?<!=|%3d)(=|%3d)+$/i, '').replace(/(?<!\/)\/+$/, '')
}
