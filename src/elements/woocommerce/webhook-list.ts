/**
 * Reads the store's list of webhooks to its end, whatever its pages are: a list that ends too early would hide ours,
 * and they would be created again (docs/woocommerce.md 6.1).
 */
import type { Failure, StoreClient } from '../store.ts'
import type { StoreWebhook, WebhookIdentity } from '../webhooks.ts'
import { toUnexpectedFailure } from './failures.ts'
import { toStoreWebhook, toText } from './webhook-plan.ts'

/** Rows of a page, and requests at most: no store has two thousand webhooks. */
const PAGE_SIZE = 100
const MAX_REQUESTS = 20

/** How the rest is asked for, each way where the one before brings nothing new; the last shows at least ours. */
const WAYS = ['page', 'offset', 'exclude', 'search'] as const
type Way = (typeof WAYS)[number]

/** The webhooks of a store. `missing`: why there may be more of ours, the end of a sentence; null: there are none. */
export type WebhookList = { ok: true; webhooks: StoreWebhook[]; missing: string | null } | Failure

interface Progress {
	webhooks: Map<number, StoreWebhook>
	/** Rows by their id, others by their place. */
	rows: Set<string>
	/** Rows of the first page, which may be fewer than were asked for. */
	size: number
	way: Way
	page: number
}

/** All webhooks, in every status: those of ours that are paused or disabled must be found too. */
export async function listWebhooks(client: StoreClient, identity: WebhookIdentity): Promise<WebhookList> {
	const progress: Progress = { webhooks: new Map(), rows: new Set(), size: PAGE_SIZE, way: 'page', page: 1 }
	let total: number | null = null
	for (let request = 0; request < MAX_REQUESTS; request++) {
		const answer = await client.call('GET', 'webhooks', toQuery(progress, identity))
		if (!answer.ok) return answer
		if (!Array.isArray(answer.body))
			return toUnexpectedFailure('The store did not return a list of its webhooks. Check its error log.')
		const rows = answer.body as unknown[]
		const before = progress.rows.size
		addRows(progress, rows, identity)
		// One that its own rows contradict says nothing.
		const counted = answer.total === null || answer.total < rows.length ? null : answer.total
		if (progress.way === 'page' || progress.way === 'offset') total = counted ?? total
		if (isComplete(progress, rows, before, total, counted, identity))
			return { ok: true, webhooks: [...progress.webhooks.values()], missing: null }
		if (request === 0) progress.size = Math.min(PAGE_SIZE, Math.max(1, rows.length))
		if (progress.rows.size === before) {
			const next = WAYS[WAYS.indexOf(progress.way) + 1]
			if (next === undefined) break
			progress.way = next
		} else progress.page++
	}
	const known = progress.rows.size
	const missing =
		total === null ? `${known} could be read, and it gives no total` : `${known} of ${total} could be read`
	return { ok: true, webhooks: [...progress.webhooks.values()], missing }
}

function toQuery({ rows, size, way, page }: Progress, { name }: WebhookIdentity): Record<string, string> {
	const query = { status: 'all', per_page: String(size), orderby: 'id', order: 'asc' }
	switch (way) {
		case 'page':
			return { ...query, page: String(page) }
		case 'offset':
			return { ...query, offset: String(rows.size) }
		case 'exclude':
			return { ...query, exclude: [...rows].filter((row) => /^\d+$/.test(row)).join(',') }
		default:
			return { ...query, per_page: String(PAGE_SIZE), search: name }
	}
}

function addRows(progress: Progress, rows: readonly unknown[], identity: WebhookIdentity): void {
	for (const [index, row] of rows.entries()) {
		const webhook = toStoreWebhook(row, identity)
		progress.rows.add(webhook === null ? `row ${index}` : String(webhook.id))
		if (webhook !== null && webhook.id !== null) progress.webhooks.set(webhook.id, webhook)
	}
}

/** Whether an answer shows that no webhook of ours is left to read. */
function isComplete(
	{ rows: known, way }: Progress,
	rows: readonly unknown[],
	before: number,
	total: number | null,
	counted: number | null,
	{ name }: WebhookIdentity,
): boolean {
	switch (way) {
		case 'page':
		case 'offset':
			return total === null ? rows.length === 0 : known.size >= total
		case 'exclude':
			// A store that heeds it shows no row twice.
			return counted === null
				? rows.length === 0
				: before + counted <= known.size && known.size === before + rows.length
		default:
			return (
				(counted ?? rows.length) <= rows.length &&
				rows.length < PAGE_SIZE &&
				rows.every((row) => toText((row as { name?: unknown } | null)?.name).includes(name))
			)
	}
}
