/**
 * Rows of instances in D1. Every query for a caller filters by organization, so that instances of other organizations
 * are not found; the two exceptions are for the instance's own object and for the cron.
 */
import { auditStatement, type Actor } from '../accounts/audit.ts'
import type { Connection } from '../elements/store.ts'
import { Conflict } from '../lib/errors.ts'
import { formatLimit, LIMITS } from '../lib/limits.ts'
import { refused, type Result } from '../lib/result.ts'
import { toIncarnation, type ObjectRef } from '../lib/incarnation.ts'

/** The state of an instance's row: being created, in use, or being deleted and no longer visible to callers. */
type InstanceRowState = 'creating' | 'ready' | 'deleted'

/** The creator of an instance as it is shown. */
interface InstanceCreator {
	email: string
	firstName: string
	lastName: string
}

/** An instance as stored. Times epoch ms; `configuration` as stored, with sealed secrets. */
export interface Instance {
	id: number
	/** Random, never reused; the id as text for instances of earlier versions. */
	incarnation: string
	organizationId: number
	/** The creator. */
	userId: number
	/** The creator's name; null: no such user. Read with the row, so that no second query is needed. */
	creator: InstanceCreator | null
	state: InstanceRowState
	/** Increases with every change. */
	version: number
	enabled: boolean
	eventsEnabled: boolean
	elementKey: string
	name: string
	tags: string[]
	configuration: Record<string, string | null>
	connection: Connection
	tokenSealed: string
	subscriptionId: number
	createdMs: number
	updatedMs: number
	/** Version of the secrets of its webhooks, and until when the previous one is accepted. */
	webhookVersion: number
	webhookPreviousUntilMs: number | null
	/** Id of the master key from which the secrets at the store are derived; null: the store has none of our webhooks. */
	webhookKeyId: string | null
	/** The task that remains at the store; the cron completes it. */
	webhookTask: WebhookTask | null
	/** The next signature key of a rotation, sealed, and from when it signs alone; null: no rotation. */
	signatureNext: string | null
	signatureFromMs: number | null
	/** Version at which a new silent baseline was last requested; 0: never. */
	baselineVersion: number
}

/** Create or repair the webhooks, pause them, delete them. */
export type WebhookTask = 'ensure' | 'pause' | 'remove'

/** Fields that a change can set. */
export type InstanceChange = Partial<
	Pick<
		Instance,
		| 'name'
		| 'tags'
		| 'configuration'
		| 'connection'
		| 'eventsEnabled'
		| 'enabled'
		| 'webhookVersion'
		| 'webhookPreviousUntilMs'
		| 'webhookKeyId'
		| 'webhookTask'
		| 'signatureNext'
		| 'signatureFromMs'
		| 'baselineVersion'
	>
>

/** A row of D1, joined with its creator. */
export interface InstanceTableRow {
	id: number
	incarnation: string
	organization_id: number
	user_id: number
	state: InstanceRowState
	version: number
	enabled: number
	events_enabled: number
	element_key: string
	name: string
	tags: string
	configuration: string
	connection: string
	token_sealed: string
	subscription_id: number
	created_ms: number
	updated_ms: number
	hook_version: number
	hook_previous_until_ms: number | null
	hook_key: string | null
	hook_work: WebhookTask | null
	signature_next: string | null
	signature_from_ms: number | null
	baseline_version: number
	maker_email: string | null
	maker_first_name: string | null
	maker_last_name: string | null
}

/** The columns that an insert sets, in the order of `insertInstance`. */
export const INSERT_COLUMNS =
	'id, incarnation, organization_id, user_id, state, version, enabled, events_enabled, element_key, name, ' +
	'tags, configuration, connection, token_sealed, subscription_id, created_ms, updated_ms, ' +
	'hook_version, hook_previous_until_ms, hook_key, hook_work, signature_next, signature_from_ms'

/**
 * The columns of a `Row` in a SELECT from `FROM`: those that an insert sets, those with defaults, and the creator's.
 */
export const SELECT_COLUMNS = `${`${INSERT_COLUMNS}, baseline_version`
	.split(', ')
	.map((column) => `i.${column}`)
	.join(', ')}, u.email AS maker_email, u.first_name AS maker_first_name, u.last_name AS maker_last_name`
export const FROM_INSTANCES =
	'instances AS i LEFT JOIN users AS u ON u.id = i.user_id AND u.organization_id = i.organization_id'

/** SQL: the last id that was given out, by the sequence or by the rows. */
const LAST_INSTANCE_ID_SQL =
	'max(value, coalesce((SELECT max(id) FROM instances), 0), coalesce((SELECT max(owner_id) FROM organizations), 0))'

/** Returns the next number of a sequence; no number is used twice. */
export async function nextSequenceNumber(db: D1Database, sequence: 'subscription' | 'replay'): Promise<number> {
	const row = await db
		.prepare('UPDATE sequences SET value = value + 1 WHERE name = ? RETURNING value')
		.bind(sequence)
		.first<{ value: number }>()
	if (row === null) throw new Error('a sequence is missing')
	return row.value
}

/**
 * The id of a new instance or of an organization's own object: never one for which there is a row. `exhausted`: all
 * ids are used, since notification ids of higher ones would not be safe integers (docs/contract.md §11).
 */
export async function nextInstanceId(db: D1Database): Promise<Result<{ id: number }, 'exhausted'>> {
	const row = await db
		.prepare(
			`UPDATE sequences SET value = ${LAST_INSTANCE_ID_SQL} + 1
			WHERE name = 'instance' AND ${LAST_INSTANCE_ID_SQL} < ? RETURNING value`,
		)
		.bind(LIMITS.instanceId.value)
		.first<{ value: number }>()
	return row === null ? refused('exhausted') : { ok: true, id: row.value }
}

/** The id, or a 409 when none is left. */
export function requireInstanceId(next: Result<{ id: number }, 'exhausted'>): number {
	if (!next.ok)
		throw new Conflict(`id: all ${formatLimit('instanceId')} of this Shopbell are used, so nothing was created`)
	return next.id
}

/**
 * Raises the sequence of instance ids to an id that an object has, so that a restore of D1 does not lead to giving it
 * out again.
 */
export async function raiseInstanceSequence(db: D1Database, id: number): Promise<void> {
	await db.prepare("UPDATE sequences SET value = ?1 WHERE name = 'instance' AND value < ?1").bind(id).run()
}

/** A ready instance of this organization; null: there is none. */
export async function findInstance(db: D1Database, organizationId: number, id: number): Promise<Instance | null> {
	const row = await db
		.prepare(
			`SELECT ${SELECT_COLUMNS} FROM ${FROM_INSTANCES} WHERE i.organization_id = ? AND i.id = ? AND i.state = 'ready'`,
		)
		.bind(organizationId, id)
		.first<InstanceTableRow>()
	return row === null ? null : toInstance(row)
}

/** The ids that are ready instances of an organization. */
export async function filterOwnInstances(
	db: D1Database,
	organizationId: number,
	ids: readonly number[],
): Promise<number[]> {
	const { results } = await db
		.prepare(
			"SELECT id FROM instances WHERE organization_id = ? AND state = 'ready' AND id IN (SELECT value FROM json_each(?))",
		)
		.bind(organizationId, JSON.stringify(ids))
		.all<{ id: number }>()
	return results.map((row) => row.id)
}

/**
 * The statement that finds a ready instance by its id or its token's hash, if it belongs to the organization that
 * another SELECT returns, for a batch with that SELECT. Parse its row with `toFoundInstance`.
 */
export function findInstanceStatement(
	db: D1Database,
	by: 'id' | 'token_hash',
	value: number | string,
	organization: { sql: string; values: (string | number | null)[] },
): D1PreparedStatement {
	return db
		.prepare(
			`SELECT ${SELECT_COLUMNS} FROM ${FROM_INSTANCES} WHERE i.${by} = ?${organization.values.length + 1} AND
				i.organization_id = (${organization.sql}) AND i.state = 'ready'`,
		)
		.bind(...organization.values, value)
}

/** The instance of a row of `findInstanceStatement`. */
export function toFoundInstance(row: Record<string, unknown>): Instance {
	return toInstance(row as unknown as InstanceTableRow)
}

/** Whether an instance exists and is not deleted: this one, and not another one with its id. */
export async function instanceExists(db: D1Database, { id, incarnation }: ObjectRef): Promise<boolean> {
	const row = await db
		.prepare("SELECT incarnation FROM instances WHERE id = ? AND state <> 'deleted'")
		.bind(id)
		.first<{ incarnation: string }>()
	return row !== null && toIncarnation(row.incarnation, id) === incarnation
}

/** An instance for its own Durable Object, of any organization; null if it does not exist or is deleted. */
export async function findInstanceById(db: D1Database, id: number): Promise<Instance | null> {
	const row = await db
		.prepare(`SELECT ${SELECT_COLUMNS} FROM ${FROM_INSTANCES} WHERE i.id = ? AND i.state <> 'deleted'`)
		.bind(id)
		.first<InstanceTableRow>()
	return row === null ? null : toInstance(row)
}

/**
 * Updates a row with its audit row if it still has the version that the change is based on, and increments the
 * version. Returns the changed instance; null: another request was first.
 */
export async function changeInstance(
	db: D1Database,
	instance: Instance,
	change: InstanceChange,
	actor: Actor,
	audit: { action: string; detail: Record<string, unknown> },
	nowMs: number,
): Promise<Instance | null> {
	const changed: Instance = { ...instance, ...change, version: instance.version + 1, updatedMs: nowMs }
	const webhookColumns = getOptionalColumns(change, nowMs)
	const [update] = await db.batch([
		db
			.prepare(
				`UPDATE instances SET version = ?, enabled = ?, events_enabled = ?, name = ?, tags = ?, configuration = ?,
					connection = ?, signature_next = ?, signature_from_ms = ?,
					updated_ms = ?${webhookColumns.map(([column]) => `, ${column} = ?`).join('')}
				 WHERE id = ? AND organization_id = ? AND state = 'ready' AND version = ?`,
			)
			.bind(
				changed.version,
				Number(changed.enabled),
				Number(changed.eventsEnabled),
				changed.name,
				JSON.stringify(changed.tags),
				JSON.stringify(changed.configuration),
				JSON.stringify(changed.connection),
				changed.signatureNext,
				changed.signatureFromMs,
				nowMs,
				...webhookColumns.map(([, value]) => value),
				instance.id,
				instance.organizationId,
				instance.version,
			),
		// Only if the previous update of this transaction took effect.
		auditStatement(
			db,
			actor,
			{ action: audit.action, objectType: 'instance', objectId: instance.id, detail: audit.detail },
			nowMs,
			'changes() > 0',
		),
	])
	return update!.meta.changes > 0 ? changed : null
}

/**
 * Columns that only some changes set. Webhook columns that a change does not name keep their value, since the cron may
 * have changed them meanwhile.
 */
function getOptionalColumns(change: InstanceChange, nowMs: number): [string, string | number | null][] {
	const columns: [string, string | number | null][] = []
	if (change.webhookVersion !== undefined) columns.push(['hook_version', change.webhookVersion])
	if (change.webhookPreviousUntilMs !== undefined)
		columns.push(['hook_previous_until_ms', change.webhookPreviousUntilMs])
	if (change.webhookKeyId !== undefined) columns.push(['hook_key', change.webhookKeyId])
	if (change.webhookTask !== undefined) {
		const sinceMs = change.webhookTask === null ? null : nowMs
		columns.push(['hook_work', change.webhookTask], ['hook_work_ms', sinceMs], ['hook_tried_ms', sinceMs])
	}
	if (change.baselineVersion !== undefined) columns.push(['baseline_version', change.baselineVersion])
	return columns
}

/** An instance in any state, for the cron and for deletions; null: its row is gone. */
export async function findInstanceRow(db: D1Database, id: number): Promise<Instance | null> {
	const row = await db
		.prepare(`SELECT ${SELECT_COLUMNS} FROM ${FROM_INSTANCES} WHERE i.id = ?`)
		.bind(id)
		.first<InstanceTableRow>()
	return row === null ? null : toInstance(row)
}

/** Parses the row of an instance. */
export function toInstance(row: InstanceTableRow): Instance {
	return {
		id: row.id,
		incarnation: toIncarnation(row.incarnation, row.id),
		organizationId: row.organization_id,
		userId: row.user_id,
		state: row.state,
		version: row.version,
		enabled: row.enabled === 1,
		eventsEnabled: row.events_enabled === 1,
		elementKey: row.element_key,
		name: row.name,
		tags: JSON.parse(row.tags) as string[],
		configuration: JSON.parse(row.configuration) as Record<string, string | null>,
		connection: JSON.parse(row.connection) as Connection,
		tokenSealed: row.token_sealed,
		subscriptionId: row.subscription_id,
		createdMs: row.created_ms,
		updatedMs: row.updated_ms,
		webhookVersion: row.hook_version,
		webhookPreviousUntilMs: row.hook_previous_until_ms,
		webhookKeyId: row.hook_key,
		webhookTask: row.hook_work,
		signatureNext: row.signature_next,
		signatureFromMs: row.signature_from_ms,
		baselineVersion: row.baseline_version,
		creator:
			row.maker_email === null
				? null
				: { email: row.maker_email, firstName: row.maker_first_name ?? '', lastName: row.maker_last_name ?? '' },
	}
}
