/**
 * Keeps our webhooks at a store: finds them, makes the missing ones, mends what was disabled, moved or doubled, and never touches
 * others (WooCommerce facts, section 6). Ours are those with our name whose address has our receiver's path; the host does not
 * count, since the public address may have moved.
 */
import type { DesiredHooks, Ensured, FoundHook } from '../webhooks.ts'
import { unexpected } from './failures.ts'
import { objectId } from './sight.ts'
import type { Failure, StoreClient, VendorRecord } from '../store.ts'

/** Rows a page, and pages at most: nobody has two thousand webhooks. */
const PAGE = 100
const MOST_PAGES = 20
/** Changes of one batch at most (facts 2.4). */
const MOST_CHANGES = 100

type Mark = Pick<DesiredHooks, 'name' | 'deliveryUrl'>

/** One change, with the words for it. `topic` is for messages. */
type Change = { topic: string; what: string } & (
	| { create: Record<string, string> }
	| { update: Record<string, string | number> }
	| { delete: number }
)

/** Makes the store's webhooks as desired. One list, then one batch, and nothing at all when everything is right. */
export async function ensureWebhooks(client: StoreClient, desired: DesiredHooks): Promise<Ensured> {
	const found = await listWebhooks(client, desired)
	if (!Array.isArray(found)) return unreachable(found, false)
	const kept = new Map<string, FoundHook>()
	const surplus: FoundHook[] = []
	for (const hook of found.filter((one) => one.ours)) {
		const other = kept.get(hook.topic)
		if (!Object.hasOwn(desired.secrets, hook.topic)) surplus.push(hook)
		else if (other === undefined) kept.set(hook.topic, hook)
		else if (worth(hook, desired) > worth(other, desired)) {
			surplus.push(other)
			kept.set(hook.topic, hook)
		} else surplus.push(hook)
	}
	const changes: Change[] = surplus.map((hook) => ({
		topic: hook.topic,
		what: `deleted a surplus webhook for ${hook.topic === '' ? 'no topic' : hook.topic}`,
		delete: hook.id ?? 0,
	}))
	for (const [topic, secret] of Object.entries(desired.secrets)) {
		const hook = kept.get(topic)
		if (hook === undefined)
			changes.push({ topic, what: `created ${topic}`, create: { name: desired.name, topic, delivery_url: desired.deliveryUrl, secret } })
		else changes.push(...repairs(hook, secret, desired))
	}
	return await apply(client, found, changes, desired)
}

/** Stops ours; nothing missed while they are paused comes later (facts 6.5). */
export async function pauseWebhooks(client: StoreClient, mark: Mark): Promise<Ensured> {
	const found = await listWebhooks(client, mark)
	if (!Array.isArray(found)) return unreachable(found, false)
	const changes = found
		.filter((hook) => hook.ours && hook.status === 'active')
		.map((hook): Change => ({ topic: hook.topic, what: `paused ${hook.topic}`, update: { id: hook.id ?? 0, status: 'paused' } }))
	return await apply(client, found, changes, mark)
}

/** Deletes ours. */
export async function removeWebhooks(client: StoreClient, mark: Mark): Promise<Ensured> {
	const found = await listWebhooks(client, mark)
	if (!Array.isArray(found)) return unreachable(found, false)
	const changes = found
		.filter((hook) => hook.ours)
		.map((hook): Change => ({ topic: hook.topic, what: `deleted ${hook.topic}`, delete: hook.id ?? 0 }))
	return await apply(client, found, changes, mark)
}

/** Of two of ours for one topic the one stays that needs the least: active, at the right address, then the older one. */
function worth(hook: FoundHook, desired: DesiredHooks): number {
	return (hook.status === 'active' ? 2 : 0) + (hook.url === desired.deliveryUrl ? 1 : 0)
}

/** What is wrong with one of ours; the secret goes along with every change, since nobody can see it. */
function repairs(hook: FoundHook, secret: string, desired: DesiredHooks): Change[] {
	const words: string[] = []
	const update: Record<string, string | number> = { id: hook.id ?? 0, secret }
	if (hook.status !== 'active') {
		words.push(`re-enabled (it was ${hook.status})`)
		update['status'] = 'active'
	}
	if (hook.url !== desired.deliveryUrl) {
		words.push('moved to the present address')
		// Only where it differs: writing it makes the store probe the address (facts 6.4).
		update['delivery_url'] = desired.deliveryUrl
	}
	if (desired.rekey) words.push('given its secret')
	return words.length === 0 ? [] : [{ topic: hook.topic, what: `${hook.topic} ${words.join(', ')}`, update }]
}

/** All webhooks, in every status: a duplicate is accepted, so that those of ours that sleep must be found (facts 6.1). */
async function listWebhooks(client: StoreClient, mark: Mark): Promise<FoundHook[] | Failure> {
	const path = pathOf(mark.deliveryUrl)
	const found = new Map<number, FoundHook>()
	for (let page = 1; page <= MOST_PAGES; page++) {
		const answer = await client.call('GET', 'webhooks', {
			status: 'all',
			per_page: String(PAGE),
			page: String(page),
			orderby: 'id',
			order: 'asc',
		})
		if (!answer.ok) return answer
		if (!Array.isArray(answer.body)) return unexpected('The store did not answer with a list of its webhooks.')
		for (const row of answer.body as unknown[]) {
			const hook = hookOf(row, mark.name, path)
			if (hook !== null && hook.id !== null) found.set(hook.id, hook)
		}
		if (answer.body.length < PAGE) break
	}
	return [...found.values()]
}

/** One row; null for what is none. Rows with empty names may be listed (facts 6.5). */
function hookOf(row: unknown, name: string, path: string | null): FoundHook | null {
	if (typeof row !== 'object' || row === null) return null
	const record = row as VendorRecord
	const id = objectId(record['id'])
	if (typeof id !== 'number' || id === 0) return null
	const url = text(record['delivery_url'])
	return {
		id,
		topic: text(record['topic']),
		status: text(record['status']),
		url,
		ours: record['name'] === name && path !== null && pathOf(url) === path,
	}
}

/** An address's path in one spelling: the id's padding may be written, escaped or left out. */
function pathOf(url: string): string | null {
	// A store in a language with entities may give `&amp;` back; the path has none.
	if (!URL.canParse(url)) return null
	return new URL(url).pathname.replace(/(?<!=|%3d)(=|%3d)+$/i, '').replace(/(?<!\/)\/+$/, '')
}

/** Sends the changes and reads what became of each. */
async function apply(client: StoreClient, found: FoundHook[], changes: Change[], mark: Mark): Promise<Ensured> {
	const result: Ensured = {
		ok: true,
		webhooks: found,
		done: [],
		unsupported: [],
		errors: [],
		missingRight: null,
		failure: null,
		touched: false,
	}
	const path = pathOf(mark.deliveryUrl)
	const now = new Map(found.map((hook) => [hook.id, hook]))
	for (let start = 0; start < changes.length; start += MOST_CHANGES) {
		const batch = changes.slice(start, start + MOST_CHANGES)
		const creates = batch.filter((change) => 'create' in change)
		const updates = batch.filter((change) => 'update' in change)
		const deletes = batch.filter((change) => 'delete' in change)
		const body = {
			...(creates.length === 0 ? {} : { create: creates.map((change) => change.create) }),
			...(updates.length === 0 ? {} : { update: updates.map((change) => change.update) }),
			...(deletes.length === 0 ? {} : { delete: deletes.map((change) => change.delete) }),
		}
		const answer = await client.call('POST', 'webhooks/batch', {}, JSON.stringify(body))
		if (!answer.ok) return { ...unreachable(answer, true), webhooks: [...now.values()], done: result.done }
		result.touched = true
		const items = typeof answer.body === 'object' && answer.body !== null ? (answer.body as Record<string, unknown>) : {}
		for (const [kind, list] of [
			['create', creates],
			['update', updates],
			['delete', deletes],
		] as const) {
			const rows = Array.isArray(items[kind]) ? (items[kind] as unknown[]) : []
			for (const [index, change] of list.entries()) settle(result, now, change, kind, rows[index], mark.name, path)
		}
	}
	result.webhooks = [...now.values()]
	result.ok = result.errors.length === 0
	return result
}

/** One item of a batch's answer: the row as it is now, or `{id, error: {code, message, data}}`. */
function settle(
	result: Ensured,
	now: Map<number | null, FoundHook>,
	change: Change,
	kind: 'create' | 'update' | 'delete',
	row: unknown,
	name: string,
	path: string | null,
): void {
	const error =
		typeof row === 'object' && row !== null
			? (row as { error?: { code?: unknown; message?: unknown; data?: { status?: unknown } } }).error
			: undefined
	const code = text(error?.code)
	if (kind === 'delete' && 'delete' in change && (error === undefined ? row !== undefined : code.endsWith('_invalid_id'))) {
		now.delete(change.delete)
		result.done.push(change.what)
		return
	}
	if (error !== undefined) {
		// An older store without this topic: nothing is wrong with it.
		if (kind === 'create' && code.endsWith('_invalid_topic')) {
			result.unsupported.push(change.topic)
			return
		}
		result.missingRight ??= /_cannot_[a-z]+$/.test(code) ? NO_RIGHT : null
		result.errors.push(
			`${change.topic}: ${
				text(error.message)
					.slice(0, 4_096)
					.replace(/<[^>]*>/g, '')
					.slice(0, 200) ||
				code ||
				'the store refused it without a reason'
			}`,
		)
		return
	}
	const hook = hookOf(row, name, path)
	if (hook === null) {
		result.errors.push(`${change.topic}: the store did not say what became of it`)
		return
	}
	now.set(hook.id, hook)
	const wanted = 'update' in change ? (change.update['status'] ?? hook.status) : 'active'
	if (hook.status === wanted) result.done.push(change.what)
	else result.errors.push(`${change.topic}: the store left it ${hook.status === '' ? 'without a status' : hook.status}`)
}

const NO_RIGHT =
	"The API key's user may not manage WooCommerce, which webhooks need. Give the key to a user with the role Shop manager or Administrator."

/** A call without a usable answer; where it is the key's fault, the right that is missing. */
function unreachable(failure: Failure, sent: boolean): Ensured {
	const right = rightOf(failure)
	// After a refusal nothing was done; after a lost answer anything may have been.
	const touched = sent && right === null && failure.kind !== 'rejected' && failure.kind !== 'no-route' && failure.kind !== 'throttled'
	return { ok: false, webhooks: [], done: [], unsupported: [], errors: [right ?? failure.message], missingRight: right, failure, touched }
}

/** Facts 1.6: a read key that writes is a 401 of its own; a user without the right a 403, or a 401 where the key was not seen. */
function rightOf(failure: Failure): string | null {
	if (failure.kind === 'auth' && /write permission/i.test(failure.providerMessage ?? '')) {
		return 'The API key may only read, and webhooks are made by writing. Set its permissions to "Read/Write" under WooCommerce → Settings → Advanced → REST API.'
	}
	if (failure.kind === 'forbidden' || /_cannot_(view|create|edit|delete|batch)$/.test(failure.code ?? '')) return NO_RIGHT
	return null
}

function text(value: unknown): string {
	return typeof value === 'string' ? value : ''
}
