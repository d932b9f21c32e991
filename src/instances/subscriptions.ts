/**
 * Subscriptions in D1 (docs/contract.md §5). An instance's callback is its first subscription and is part of its
 * configuration; further ones are rows of a table. Each has one owner, whose object forms, orders and counts its
 * notifications: an instance, or the organization for its own topics (organizations.ts).
 */
import { refused, type Refused } from '../lib/result.ts'
import { auditStatement, type Actor, type AuditEntry } from '../accounts/audit.ts'
import { overlapsOperatorTopics } from '../events/topics.ts'
import { findSameAddress, toCanonicalUrl } from '../lib/canonical-url.ts'
import { toIncarnation, withIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { LIMITS } from '../lib/limits.ts'
import { nextSequenceNumber, type Instance } from './rows.ts'
import { isLogOnlyUrl } from '../lib/urls.ts'
import type { WatcherConfig } from '../rpc/config.ts'

/** A subscription as D1 stores it. Times epoch ms. */
export interface SubscriptionRow {
	id: number
	/** The instance or the organization whose object sends to it. */
	ownerId: number
	ownerIncarnation: string
	/** null: its owner is the organization. */
	elementKey: string | null
	url: string
	/** null: all of its owner. */
	topics: string[] | null
	createdMs: number
	/** The callback of its instance's configuration. */
	callback: boolean
}

/** Filters of subscriptions: above an id, of one owner, or these ids. */
interface SubscriptionFilter {
	afterId?: number
	ownerId?: number | null
	ids?: readonly number[]
}

/** Columns whose types differ from those of their fields. */
interface StoredTypes {
	ownerIncarnation: string | null
	topics: string | null
	callback: number
}

const CALLBACK_URL_PATH = '$."event.notification.callback.url"'

/**
 * Subscriptions of an organization by ascending id. `next`: the id after which the next page begins; null: there are
 * no more.
 */
export async function listSubscriptions(
	db: D1Database,
	publicUrl: string,
	organizationId: number,
	filter: SubscriptionFilter,
	pageSize: number,
): Promise<{ subscriptions: SubscriptionRow[]; next: number | null }> {
	const { results } = await db
		.prepare(
			`SELECT * FROM (
				SELECT subscription_id AS id, id AS ownerId, incarnation AS ownerIncarnation, element_key AS elementKey,
				json_extract(configuration, ?1) AS url,
				NULL AS topics, created_ms AS createdMs, 1 AS callback
				FROM instances WHERE organization_id = ?2 AND state = 'ready' AND events_enabled = 1
				AND json_extract(configuration, ?1) IS NOT NULL
				UNION ALL
				SELECT s.id, s.owner_id, i.incarnation, i.element_key, s.url, s.topics, s.created_ms, 0
				FROM subscriptions AS s JOIN instances AS i ON i.id = s.owner_id AND i.state = 'ready' WHERE s.organization_id = ?2
				UNION ALL
				SELECT s.id, s.owner_id, o.owner_incarnation, NULL, s.url, s.topics, s.created_ms, 0
				FROM organizations AS o JOIN subscriptions AS s ON s.owner_id = o.owner_id WHERE o.id = ?2
			) WHERE id > ?3 AND (?4 IS NULL OR ownerId = ?4) AND (?5 IS NULL OR id IN (SELECT value FROM json_each(?5)))
			ORDER BY id LIMIT ?6`,
		)
		.bind(
			CALLBACK_URL_PATH,
			organizationId,
			filter.afterId ?? 0,
			filter.ownerId ?? null,
			filter.ids === undefined ? null : JSON.stringify(filter.ids),
			pageSize,
		)
		.all<Omit<SubscriptionRow, keyof StoredTypes> & StoredTypes>()
	const last = results.length === pageSize ? results.at(-1) : undefined
	return {
		subscriptions: results
			// A callback that means "log only" receives nothing.
			.filter((row) => row.callback === 0 || (URL.canParse(row.url) && !isLogOnlyUrl(new URL(row.url), publicUrl)))
			.map(({ topics, callback, ...row }) => ({
				...row,
				ownerIncarnation: toIncarnation(row.ownerIncarnation, row.ownerId),
				topics: topics === null ? null : (JSON.parse(topics) as string[]),
				callback: callback === 1,
			})),
		next: last?.id ?? null,
	}
}

/** Further subscriptions of an instance for its object: each receives all of its events. */
export async function listFurtherSubscriptions(db: D1Database, ownerId: number): Promise<WatcherConfig['others']> {
	const { results } = await db
		.prepare('SELECT id AS number, url FROM subscriptions WHERE owner_id = ? ORDER BY id')
		.bind(ownerId)
		.all<{ number: number; url: string }>()
	return results.map((row) => ({ ...row, topics: null }))
}

/** Subscriptions of an organization's object, for that object. */
export async function listOrganizationSubscriptions(db: D1Database, ownerId: number): Promise<WatcherConfig['others']> {
	const { results } = await db
		.prepare('SELECT id AS number, url, topics FROM subscriptions WHERE owner_id = ? ORDER BY id')
		.bind(ownerId)
		.all<{ number: number; url: string; topics: string }>()
	return results.map((row) => ({ ...row, topics: JSON.parse(row.topics) as string[] }))
}

/** Whether an organization has a subscription to operator events. */
export async function notifiesOperator(db: D1Database, organizationId: number): Promise<boolean> {
	const { results } = await db
		.prepare(
			'SELECT s.topics FROM organizations AS o JOIN subscriptions AS s ON s.owner_id = o.owner_id WHERE o.id = ?',
		)
		.bind(organizationId)
		.all<{ topics: string }>()
	return results.some((row) => (JSON.parse(row.topics) as string[]).some(overlapsOperatorTopics))
}

/**
 * Why a subscription was not created: `duplicate`, the one with the same address; `operator-webhook`, the setting with
 * the same address; there are too many; or a checked address changed meanwhile (`raced`).
 */
type SubscriptionRefusal =
	| { ok: false; reason: 'duplicate'; duplicateId: number }
	| Refused<'operator-webhook'>
	| Refused<'too-many'>
	| Refused<'raced'>

/** A subscription to create. */
interface NewSubscription {
	url: string
	topics: string[]
}

/** Creates a further subscription of an instance, whose version is incremented. Its callback is already checked. */
export async function addSubscription(
	db: D1Database,
	actor: Actor,
	instance: Instance,
	input: NewSubscription,
	nowMs: number,
): Promise<{ ok: true; id: number } | SubscriptionRefusal> {
	const refusal = await findRefusal(db, instance.id, input, null)
	if (refusal !== null) return refusal
	const id = await nextSequenceNumber(db, 'subscription')
	const [inserted] = await db.batch([
		insertStatement(db, actor, { id, ownerId: instance.id, canonicalTopics: '', ...input }, nowMs, {
			sql: `EXISTS (SELECT 1 FROM instances WHERE id = ?4 AND organization_id = ?2 AND state = 'ready'
				AND json_extract(configuration, '${CALLBACK_URL_PATH}') IS ?10)`,
			value: instance.configuration['event.notification.callback.url'] ?? null,
		}),
		incrementVersionStatement(db, instance.id, nowMs),
		auditStatement(
			db,
			actor,
			{ action: 'subscription.create', objectType: 'instance', objectId: instance.id, detail: { subscription: id } },
			nowMs,
			'changes() > 0',
		),
	])
	if (inserted!.meta.changes > 0) return { ok: true, id }
	return (await findRefusal(db, instance.id, input, null)) ?? refused('raced')
}

/** Creates a subscription of an organization's own object. `operatorUrl`: the operator webhook's address, or null. */
export async function addOrganizationSubscription(
	db: D1Database,
	actor: Actor,
	ownerId: number,
	input: NewSubscription,
	operatorUrl: string | null,
	nowMs: number,
): Promise<{ ok: true; id: number } | SubscriptionRefusal> {
	if (operatorUrl !== null && findSameAddress([{ url: operatorUrl }], input.url) !== null)
		return refused('operator-webhook')
	const canonicalTopics = toCanonicalTopics(input.topics)
	const refusal = await findRefusal(db, ownerId, input, canonicalTopics)
	if (refusal !== null) return refusal
	const id = await nextSequenceNumber(db, 'subscription')
	const { organizationId } = actor
	const [inserted] = await db.batch([
		insertStatement(db, actor, { id, ownerId, canonicalTopics, ...input }, nowMs, {
			sql: `EXISTS (SELECT 1 FROM organizations WHERE id = ?2 AND owner_id = ?4) AND (SELECT value FROM
				account_settings WHERE organization_id = ?2 AND key = 'operator.webhook.url') IS ?10`,
			value: operatorUrl,
		}),
		auditStatement(
			db,
			actor,
			{
				action: 'subscription.create',
				objectType: 'organization',
				objectId: organizationId,
				detail: { subscription: id },
			},
			nowMs,
			'changes() > 0',
		),
	])
	if (inserted!.meta.changes > 0) return { ok: true, id }
	return (await findRefusal(db, ownerId, input, canonicalTopics)) ?? refused('raced')
}

/** Topics in one form for all orders. */
function toCanonicalTopics(topics: readonly string[]): string {
	return JSON.stringify([...new Set(topics)].sort())
}

/** The further subscription of an owner that reaches the same address; null: none does. */
export async function findSubscriptionTo(db: D1Database, ownerId: number, url: string): Promise<number | null> {
	return findSameAddress(await listFurtherSubscriptions(db, ownerId), url)?.number ?? null
}

/** An SQL condition: an organization has no subscription to an address that was created after it was checked. */
export function notSubscribedCondition(organizationId: number, url: string): { sql: string; values: [number, string] } {
	return {
		sql: `NOT EXISTS (SELECT 1 FROM organizations AS o JOIN subscriptions AS s ON s.owner_id = o.owner_id
			WHERE o.id = ? AND s.canonical_url = ?)`,
		values: [organizationId, toCanonicalUrl(url)],
	}
}

/**
 * Why an owner cannot have a further subscription; null: it can. `canonicalTopics`: others may have its address if
 * their topics differ; null: none may.
 */
async function findRefusal(
	db: D1Database,
	ownerId: number,
	input: NewSubscription,
	canonicalTopics: string | null,
): Promise<SubscriptionRefusal | null> {
	const existing =
		canonicalTopics === null
			? await listFurtherSubscriptions(db, ownerId)
			: await listOrganizationSubscriptions(db, ownerId)
	const duplicate = findSameAddress(
		existing.filter(({ topics }) => canonicalTopics === null || toCanonicalTopics(topics ?? []) === canonicalTopics),
		input.url,
	)
	if (duplicate !== null) return { ok: false, reason: 'duplicate', duplicateId: duplicate.number }
	return existing.length >= LIMITS.subscriptions.value ? refused('too-many') : null
}

/**
 * Inserts a subscription only if the checked conditions still hold, since another request may have been as fast: the
 * number of subscriptions, an index for their addresses, and `condition`, whose value is ?10.
 */
function insertStatement(
	db: D1Database,
	actor: Actor,
	row: NewSubscription & { id: number; ownerId: number; canonicalTopics: string },
	nowMs: number,
	condition: { sql: string; value: string | null },
): D1PreparedStatement {
	return db
		.prepare(
			`INSERT OR IGNORE INTO subscriptions (id, organization_id, user_id, owner_id, url, canonical_url, topics,
				created_ms, canonical_topics) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?11
				WHERE (SELECT count(*) FROM subscriptions WHERE owner_id = ?4) < ?9 AND ${condition.sql}`,
		)
		.bind(
			row.id,
			actor.organizationId,
			actor.userId,
			row.ownerId,
			row.url,
			toCanonicalUrl(row.url),
			JSON.stringify(row.topics),
			nowMs,
			LIMITS.subscriptions.value,
			condition.value,
			row.canonicalTopics,
		)
}

/** Removes a further subscription and increments its instance's version. False: another request was first. */
export async function removeSubscription(
	db: D1Database,
	actor: Actor,
	row: SubscriptionRow,
	nowMs: number,
): Promise<boolean> {
	const auditTarget: Pick<AuditEntry, 'objectType' | 'objectId'> =
		row.elementKey === null
			? { objectType: 'organization', objectId: actor.organizationId }
			: { objectType: 'instance', objectId: row.ownerId }
	const [removed] = await db.batch([
		db.prepare('DELETE FROM subscriptions WHERE id = ? AND organization_id = ?').bind(row.id, actor.organizationId),
		...(row.elementKey === null ? [] : [incrementVersionStatement(db, row.ownerId, nowMs)]),
		auditStatement(
			db,
			actor,
			{ action: 'subscription.delete', ...auditTarget, detail: { subscription: row.id } },
			nowMs,
			'changes() > 0',
		),
	])
	return removed!.meta.changes > 0
}

/** An SQL condition: the previous statement of this transaction changed the instance. */
function incrementVersionStatement(db: D1Database, instanceId: number, nowMs: number): D1PreparedStatement {
	return db
		.prepare('UPDATE instances SET version = version + 1, updated_ms = ? WHERE id = ? AND changes() > 0')
		.bind(nowMs, instanceId)
}

/** Filters of a call across instances; null: any. */
export interface SubscriptionScope {
	instanceIds: number[] | null
	/** Numbers of subscriptions. */
	subscriptionIds: number[] | null
	/** Their URLs. */
	urls: string[] | null
	/** Instances with all of these tags; empty: any. */
	tags: string[]
}

/** An instance as a call across instances needs it, or the organization's own object, which has no element. */
export interface ScopedInstance extends ObjectRef {
	elementKey: string | null
}

/** Ready instances of an organization that match and whose subscriptions match, at most `limit`. */
export async function listInstancesInSubscriptionScope(
	db: D1Database,
	organizationId: number,
	scope: SubscriptionScope,
	limit: number,
): Promise<ScopedInstance[]> {
	const toJson = (list: readonly unknown[] | null): string | null => (list === null ? null : JSON.stringify(list))
	const { results } = await db
		.prepare(
			`SELECT id, incarnation, element_key AS elementKey FROM instances WHERE organization_id = ?1 AND state = 'ready'
			AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))
			AND (?3 IS NULL OR subscription_id IN (SELECT value FROM json_each(?3))
				OR id IN (SELECT owner_id FROM subscriptions WHERE organization_id = ?1 AND id IN (SELECT value
				FROM json_each(?3))))
			AND (?4 IS NULL OR json_extract(configuration, ?5) IN (SELECT value FROM json_each(?4))
				OR id IN (SELECT owner_id FROM subscriptions WHERE organization_id = ?1 AND url IN (SELECT value
				FROM json_each(?4))))
			AND NOT EXISTS (SELECT 1 FROM json_each(?6) AS wanted WHERE wanted.value NOT IN (SELECT value
			FROM json_each(instances.tags)))
			ORDER BY id LIMIT ?7`,
		)
		.bind(
			organizationId,
			toJson(scope.instanceIds),
			toJson(scope.subscriptionIds),
			toJson(scope.urls),
			CALLBACK_URL_PATH,
			JSON.stringify(scope.tags),
			limit,
		)
		.all<ScopedInstance>()
	return results.map(withIncarnation)
}

/** URLs of an organization's subscriptions that agree with a masked one up to its query, each once. */
export async function listCallbackUrls(
	db: D1Database,
	organizationId: number,
	maskedUrls: readonly string[],
	limit: number,
): Promise<string[]> {
	const { results } = await db
		.prepare(
			`SELECT url FROM (
				SELECT json_extract(configuration, ?1) AS url FROM instances WHERE organization_id = ?2 AND state = 'ready'
				UNION SELECT url FROM subscriptions WHERE organization_id = ?2
				UNION SELECT value FROM account_settings WHERE organization_id = ?2 AND key = 'operator.webhook.url'
			) WHERE EXISTS (SELECT 1 FROM json_each(?3) WHERE substr(url, 1, length(value)) = value) LIMIT ?4`,
		)
		.bind(CALLBACK_URL_PATH, organizationId, JSON.stringify(maskedUrls.map((url) => url.split(/[?#]/, 1)[0])), limit)
		.all<{ url: string }>()
	return results.map(({ url }) => url)
}
