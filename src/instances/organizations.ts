/**
 * An organization's own object: a watcher without a store, which delivers operator events and messages posted to the
 * organization's own topics. Its id comes from the sequence of instances, so that its notifications and events have
 * ids of the same form.
 */
import { NEVER_MS } from '../lib/time.ts'
import { readAccountSettings } from '../accounts/settings.ts'
import { type Env, getWatcher } from '../context.ts'
import { NO_KEY_ROTATION } from '../delivery/sign.ts'
import { OPERATOR_TOPICS } from '../events/topics.ts'
import { newIncarnation, toIncarnation, withIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import type { Notice } from '../rpc/delivery.ts'
import type { WatcherRpc } from '../rpc/watcher.ts'
import { nextInstanceId, requireInstanceId } from './rows.ts'
import { listOrganizationSubscriptions, type SubscriptionScope } from './subscriptions.ts'
import { getDefaultDelivery, type WatcherConfig } from '../rpc/config.ts'

/** The operator webhook among the subscriptions of the object; D1 uses no such number. */
export const OPERATOR_SUBSCRIPTION_ID = 0
const NO_CONNECTION: WatcherConfig['connection'] = {
	home: '',
	root: '',
	auth: 'basic',
	name: '',
	timeZone: '',
	gmtOffset: 0,
	version: '',
	hpos: null,
	storeNowMs: 0,
	collections: {},
}

/** An organization's object; null: it has not been created, because it was never needed. */
export async function findOwner(db: D1Database, organizationId: number): Promise<ObjectRef | null> {
	const row = await db
		.prepare('SELECT owner_id AS id, owner_incarnation AS incarnation FROM organizations WHERE id = ?')
		.bind(organizationId)
		.first<{ id: number | null; incarnation: string | null }>()
	return row === null || row.id === null ? null : withIncarnation({ id: row.id, incarnation: row.incarnation })
}

/**
 * An organization's object for lists across objects; null also if none of its subscriptions match. The
 * operator webhook is one of its subscriptions; its address is in the settings.
 */
export async function findOwnerInScope(
	db: D1Database,
	organizationId: number,
	scope: Pick<SubscriptionScope, 'subscriptionIds' | 'urls'>,
): Promise<ObjectRef | null> {
	const toJson = (list: readonly unknown[] | null): string | null => (list === null ? null : JSON.stringify(list))
	const row = await db
		.prepare(
			`SELECT owner_id AS id, owner_incarnation AS incarnation FROM organizations AS o
			WHERE id = ?1 AND owner_id IS NOT NULL
			AND (?2 IS NULL OR EXISTS (SELECT 1 FROM subscriptions WHERE owner_id = o.owner_id AND id IN (SELECT value
			FROM json_each(?2))))
			AND (?3 IS NULL OR EXISTS (SELECT 1 FROM subscriptions WHERE owner_id = o.owner_id AND url IN (SELECT value
			FROM json_each(?3)))
				OR EXISTS (SELECT 1 FROM account_settings WHERE organization_id = ?1 AND key = 'operator.webhook.url'
				AND value IN (SELECT value FROM json_each(?3))))`,
		)
		.bind(organizationId, toJson(scope.subscriptionIds), toJson(scope.urls))
		.first<{ id: number; incarnation: string | null }>()
	return row === null ? null : withIncarnation(row)
}

/**
 * An organization's object, which is created if there is none. Safe to repeat. Throws a Conflict when no id is left.
 */
export async function ensureOwner(
	env: Pick<Env, 'DB' | 'WATCHER'>,
	organizationId: number,
	watcher: (ref: ObjectRef) => WatcherRpc = (ref) => getWatcher(env, ref),
): Promise<ObjectRef> {
	const existing = await findOwner(env.DB, organizationId)
	const owner = existing ?? (await assignOwner(env.DB, organizationId))
	await watcher(owner).create(owner.id, owner.incarnation, { again: existing !== null })
	return owner
}

/**
 * Passes notices to an organization's object. Throws if it cannot be reached, or if the id is another organization's;
 * the caller repeats the call.
 */
export async function publishToOrganization(
	env: Pick<Env, 'DB' | 'WATCHER'>,
	organization: ObjectRef,
	notices: Notice[],
): Promise<void> {
	if ((await findOrganizationIncarnation(env.DB, organization.id)) !== organization.incarnation)
		throw new Error('no such organization')
	const owner = await ensureOwner(env, organization.id)
	if ((await getWatcher(env, owner).publish(notices)) === 'unknown')
		throw new Error("the organization's Durable Object does not exist")
}

/** The incarnation of an organization; null: there is no such organization. */
export async function findOrganizationIncarnation(db: D1Database, organizationId: number): Promise<string | null> {
	const row = await db
		.prepare('SELECT incarnation FROM organizations WHERE id = ?')
		.bind(organizationId)
		.first<{ incarnation: string }>()
	return row === null ? null : toIncarnation(row.incarnation, organizationId)
}

/** The configuration of an organization's object; null: this id is not one. */
export async function loadOrganizationConfig(env: Pick<Env, 'DB'>, ownerId: number): Promise<WatcherConfig | null> {
	const organization = await env.DB.prepare(
		'SELECT id, incarnation, name, owner_incarnation AS ownerIncarnation FROM organizations WHERE owner_id = ?',
	)
		.bind(ownerId)
		.first<{ id: number; incarnation: string; name: string; ownerIncarnation: string | null }>()
	if (organization === null) return null
	const [account, ownSubscriptions] = await Promise.all([
		readAccountSettings(env.DB, organization.id),
		listOrganizationSubscriptions(env.DB, ownerId),
	])
	const { url, sealedKey } = account.operator
	return {
		instanceId: ownerId,
		incarnation: toIncarnation(organization.ownerIncarnation, ownerId),
		organizationId: organization.id,
		organizationIncarnation: toIncarnation(organization.incarnation, organization.id),
		userId: 0,
		name: organization.name,
		tags: [],
		elementKey: '',
		version: 1,
		enabled: true,
		eventsEnabled: true,
		vendorType: 'polling',
		connection: NO_CONNECTION,
		configuration: sealedKey === null ? {} : { 'event.notification.signature.key': sealedKey },
		signature: NO_KEY_ROTATION,
		callbackUrl: null,
		pollIntervalMs: NEVER_MS,
		rereadHours: 0,
		backfill: 'none',
		scanBudget: 1,
		massChanges: 'emit',
		retentionDays: account.retentionDays,
		hooks: null,
		// One notice per notification, because its topic is in the envelope.
		delivery: {
			...getDefaultDelivery('polling'),
			schedule: account.schedule,
			failurePolicy: account.failurePolicy,
			batch: 1,
		},
		subscriptionId: 0,
		others: [
			...(url === null ? [] : [{ number: OPERATOR_SUBSCRIPTION_ID, url, topics: [...OPERATOR_TOPICS] }]),
			...ownSubscriptions,
		],
		announces: false,
		storeless: true,
	}
}

async function assignOwner(db: D1Database, organizationId: number): Promise<ObjectRef> {
	const id = requireInstanceId(await nextInstanceId(db))
	await db
		.prepare('UPDATE organizations SET owner_id = ?, owner_incarnation = ? WHERE id = ? AND owner_id IS NULL')
		.bind(id, newIncarnation(), organizationId)
		.run()
	// Of two concurrent calls, the first one's number is used.
	const owner = await findOwner(db, organizationId)
	if (owner === null) throw new Error('no such organization')
	return owner
}
