/**
 * Subscriptions in D1 (docs/contract.md §5). An instance's callback is its first subscription and is part of its
 * configuration; further ones are rows of a table. Each has one owner, whose object forms, orders and counts its
 * notifications: an instance, or the organization for its own topics (organizations.ts).
 */
import { refused, type Refused } from '../lib/result.ts'
import { auditStatement, type Actor, type AuditEntry } from '../accounts/audit.ts'
import { overlapsOperatorTopics } from '../events/topics.ts'
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

/** Filters of subscriptions: above an id, of one owner, or one id. */
interface SubscriptionFilter {
	afterId?: number
	ownerId?: number | null
	id?: number
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
			) WHERE id > ?3 AND (?4 IS NULL OR ownerId = ?4) AND (?5 IS NULL OR id = ?5) ORDER BY id LIMIT ?6`,
		)
		.bind(CALLBACK_URL_PATH, organizationId, filter.afterId ?? 0, filter.ownerId ?? null, filter.id ?? null, pageSize)
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

/** Why a subscription was not created: `duplicate`, the one with the same URL, or there are too many. */
type SubscriptionRefusal = { ok: false; reason: 'duplicate'; duplicateId: number } | Refused<'too-many'>

/**
 * Creates a further subscription of an instance, whose version is incremented. `raced`: the instance changed
 * meanwhile.
 */
export async function addSubscription(
	db: D1Database,
	actor: Actor,
	instance: Instance,
	input: { url: string; topics: string[] },
	nowMs: number,
): Promise<{ ok: true; id: number } | SubscriptionRefusal | Refused<'raced'>> {
	const existing = await listFurtherSubscriptions(db, instance.id)
	const duplicate = existing.find((subscription) => subscription.url === input.url)
	if (duplicate !== undefined) return { ok: false, reason: 'duplicate', duplicateId: duplicate.number }
	if (existing.length >= LIMITS.subscriptions.value) return refused('too-many')
	const id = await nextSequenceNumber(db, 'subscription')
	const [inserted] = await db.batch([
		// Only if the checked conditions still hold: another request may have been as fast.
		db
			.prepare(
				`INSERT OR IGNORE INTO subscriptions (id, organization_id, user_id, owner_id, url, topics, created_ms)
				SELECT ?1, ?2, ?3, id, ?5, ?6, ?7 FROM instances WHERE id = ?4 AND organization_id = ?2 AND state = 'ready'
				AND (SELECT count(*) FROM subscriptions WHERE owner_id = ?4) < ?8`,
			)
			.bind(
				id,
				instance.organizationId,
				actor.userId,
				instance.id,
				input.url,
				JSON.stringify(input.topics),
				nowMs,
				LIMITS.subscriptions.value,
			),
		incrementVersionStatement(db, instance.id, nowMs),
		auditStatement(
			db,
			actor,
			{ action: 'subscription.create', objectType: 'instance', objectId: instance.id, detail: { subscription: id } },
			nowMs,
			'changes() > 0',
		),
	])
	return inserted!.meta.changes > 0 ? { ok: true, id } : refused('raced')
}

/** Creates a subscription of an organization's own object. */
export async function addOrganizationSubscription(
	db: D1Database,
	actor: Actor,
	ownerId: number,
	input: { url: string; topics: string[] },
	nowMs: number,
): Promise<{ ok: true; id: number } | SubscriptionRefusal> {
	const id = await nextSequenceNumber(db, 'subscription')
	const { organizationId } = actor
	const [inserted] = await db.batch([
		db
			.prepare(
				`INSERT OR IGNORE INTO subscriptions (id, organization_id, user_id, owner_id, url, topics, created_ms)
				SELECT ?1, ?2, ?3, owner_id, ?5, ?6, ?7 FROM organizations WHERE id = ?2 AND owner_id = ?4
				AND (SELECT count(*) FROM subscriptions WHERE owner_id = ?4) < ?8`,
			)
			.bind(
				id,
				organizationId,
				actor.userId,
				ownerId,
				input.url,
				JSON.stringify(input.topics),
				nowMs,
				LIMITS.subscriptions.value,
			),
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
	const duplicate = (await listOrganizationSubscriptions(db, ownerId)).find(
		(subscription) => subscription.url === input.url,
	)
	return duplicate === undefined
		? refused('too-many')
		: { ok: false, reason: 'duplicate', duplicateId: duplicate.number }
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
