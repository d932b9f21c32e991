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
import { newIncarnation, toIncarnation } from '../lib/incarnation.ts'
import type { Notice } from '../rpc/delivery.ts'
import type { WatcherRpc } from '../rpc/watcher.ts'
import { nextSequenceNumber } from './rows.ts'
import { listOrganizationSubscriptions, type SubscriptionScope } from './subscriptions.ts'
import { getDefaultDelivery, type WatcherConfig } from '../rpc/config.ts'

/** The operator webhook among the subscriptions of the object; D1 uses no such number. */
const OPERATOR_SUBSCRIPTION_ID = 0
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

/** The id of an organization's object; null: it has not been created, because it was never needed. */
export async function findOwnerId(db: D1Database, organizationId: number): Promise<number | null> {
	const row = await db
		.prepare('SELECT owner_id AS ownerId FROM organizations WHERE id = ?')
		.bind(organizationId)
		.first<{ ownerId: number | null }>()
	return row?.ownerId ?? null
}

/**
 * The id of an organization's object for lists across objects; null also if none of its subscriptions match. The
 * operator webhook is one of its subscriptions; its address is in the settings.
 */
export async function findOwnerIdInScope(
	db: D1Database,
	organizationId: number,
	scope: Pick<SubscriptionScope, 'subscriptionIds' | 'urls'>,
): Promise<number | null> {
	const toJson = (list: readonly unknown[] | null): string | null => (list === null ? null : JSON.stringify(list))
	const row = await db
		.prepare(
			`SELECT owner_id AS ownerId FROM organizations AS o WHERE id = ?1 AND owner_id IS NOT NULL
			AND (?2 IS NULL OR EXISTS (SELECT 1 FROM subscriptions WHERE owner_id = o.owner_id AND id IN (SELECT value
			FROM json_each(?2))))
			AND (?3 IS NULL OR EXISTS (SELECT 1 FROM subscriptions WHERE owner_id = o.owner_id AND url IN (SELECT value
			FROM json_each(?3)))
				OR EXISTS (SELECT 1 FROM account_settings WHERE organization_id = ?1 AND key = 'operator.webhook.url'
				AND value IN (SELECT value FROM json_each(?3))))`,
		)
		.bind(organizationId, toJson(scope.subscriptionIds), toJson(scope.urls))
		.first<{ ownerId: number }>()
	return row?.ownerId ?? null
}

/** The id of an organization's object, which is created if there is none. Safe to repeat. */
export async function ensureOwnerId(
	env: Pick<Env, 'DB' | 'WATCHER'>,
	organizationId: number,
	watcher: (id: number) => WatcherRpc = (id) => getWatcher(env, id),
): Promise<number> {
	const existingId = await findOwnerId(env.DB, organizationId)
	const ownerId = existingId ?? (await assignOwnerId(env.DB, organizationId))
	await watcher(ownerId).create(ownerId)
	return ownerId
}

/** Passes notices to an organization's object. Throws if it cannot be reached; the caller repeats the call. */
export async function publishToOrganization(
	env: Pick<Env, 'DB' | 'WATCHER'>,
	organizationId: number,
	notices: Notice[],
): Promise<void> {
	const ownerId = await ensureOwnerId(env, organizationId)
	if ((await getWatcher(env, ownerId).publish(notices)) === 'unknown')
		throw new Error("the organization's Durable Object does not exist")
}

/** The configuration of an organization's object; null: this id is not one. */
export async function loadOrganizationConfig(env: Pick<Env, 'DB'>, ownerId: number): Promise<WatcherConfig | null> {
	const organization = await env.DB.prepare(
		'SELECT id, name, owner_incarnation AS incarnation FROM organizations WHERE owner_id = ?',
	)
		.bind(ownerId)
		.first<{ id: number; name: string; incarnation: string | null }>()
	if (organization === null) return null
	const [account, ownSubscriptions] = await Promise.all([
		readAccountSettings(env.DB, organization.id),
		listOrganizationSubscriptions(env.DB, ownerId),
	])
	const { url, sealedKey } = account.operator
	return {
		instanceId: ownerId,
		incarnation: toIncarnation(organization.incarnation, ownerId),
		organizationId: organization.id,
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

async function assignOwnerId(db: D1Database, organizationId: number): Promise<number> {
	const id = await nextSequenceNumber(db, 'instance')
	await db
		.prepare('UPDATE organizations SET owner_id = ?, owner_incarnation = ? WHERE id = ? AND owner_id IS NULL')
		.bind(id, newIncarnation(), organizationId)
		.run()
	// Of two concurrent calls, the first one's number is used.
	const ownerId = await findOwnerId(db, organizationId)
	if (ownerId === null) throw new Error('no such organization')
	return ownerId
}
