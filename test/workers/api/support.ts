/** What some tests of the API share: an instance put straight into the tables, a count of what D1 is asked, an event of an object's log. */
import { refOf } from './harness.ts'
import { computeEventTag, formatEventId } from '../../../src/events/ids.ts'
import { hashSecret } from '../../../src/accounts/secrets.ts'
import { writeStatus } from '../../../src/instances/status.ts'
import { parseMasterKeys } from '../../../src/lib/sealing.ts'
import type { EventReport } from '../../../src/rpc/log.ts'
import type { ActivityReport, StatusReport } from '../../../src/rpc/watcher.ts'
import { countingDatabase, type QueryCounts } from '../../support/counting-database.ts'
import { env, type ApiClient } from './harness.ts'

/** A ready instance of the first organization, without a store that answers. */
export async function insertInstance(
	client: ApiClient,
	id: number,
	columns: Record<string, string | number | null> = {},
): Promise<void> {
	const row: Record<string, string | number | null> = {
		id,
		organization_id: 1,
		user_id: 1,
		state: 'ready',
		version: 1,
		enabled: 1,
		events_enabled: 1,
		element_key: 'woocommercerest',
		name: 'Shop',
		tags: '["Shop"]',
		configuration: JSON.stringify({ 'store.url': 'https://shop.example.com', 'event.vendor.type': 'webhook' }),
		connection: JSON.stringify({
			home: 'https://shop.example.com',
			root: 'https://shop.example.com/wp-json/',
			auth: 'basic',
			name: 'Shop',
			timeZone: 'UTC',
			gmtOffset: 0,
			version: '11.0.1',
			hpos: true,
			storeNowMs: 0,
			collections: {},
		}),
		token_hash: `token of ${id}`,
		token_sealed: '',
		subscription_id: id,
		created_ms: client.world.nowMs,
		updated_ms: client.world.nowMs,
		...columns,
	}
	const names = Object.keys(row)
	await env.DB.prepare(`INSERT INTO instances (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
		.bind(...Object.values(row))
		.run()
}

/** A status as the object of an instance reports it: healthy a minute ago, without anything that happened. */
export function statusReport(
	client: ApiClient,
	instanceId: number,
	overrides: Partial<StatusReport> = {},
	activity: Partial<ActivityReport> = {},
): StatusReport {
	const { nowMs } = client.world
	return {
		instanceId,
		incarnation: String(instanceId),
		state: 'healthy',
		reason: 'The last poll of every resource succeeded.',
		sinceMs: nowMs - 3_600_000,
		aliveAtMs: nowMs - 60_000,
		lastEventAtMs: nowMs - 120_000,
		intervalMs: 900_000,
		events: 10,
		delivered: 10,
		storeRequests: 10,
		hours: Array.from({ length: 24 }, (_, index) => (index === 23 ? 5 : 0)),
		activity: {
			hours: [],
			waiting: 0,
			waitingSinceMs: null,
			callbackWaiting: 0,
			failingSinceMs: null,
			held: [],
			progress: null,
			...activity,
		},
		...overrides,
	}
}

/** A ready instance whose object has reported. */
export async function insertReportingInstance(
	client: ApiClient,
	id: number,
	columns: Record<string, string | number | null> = {},
	overrides: Partial<StatusReport> = {},
	activity: Partial<ActivityReport> = {},
): Promise<void> {
	await insertInstance(client, id, columns)
	await writeStatus(env, statusReport(client, id, overrides, activity))
}

/** So many copies of the first instance, tagged `many`, each with an event; those of an earlier call are gone. */
export async function insertInstanceCopies(count: number): Promise<void> {
	await env.DB.batch([
		env.DB.prepare('DELETE FROM instance_status WHERE instance_id >= 1000'),
		env.DB.prepare('DELETE FROM instances WHERE id >= 1000'),
		env.DB.prepare(
			`WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 999 + ?)
			INSERT INTO instances (id, organization_id, user_id, state, version, enabled, events_enabled, element_key, name, tags, configuration, connection, token_hash, token_sealed, subscription_id, created_ms, updated_ms)
			SELECT i, organization_id, user_id, state, version, enabled, events_enabled, element_key, 'many', '["many"]', '{}', connection, 'h' || i, token_sealed, i + 10000, created_ms, updated_ms FROM instances, n WHERE id = 1`,
		).bind(count),
		env.DB.prepare(
			"INSERT INTO instance_status SELECT id, 1, 'healthy', '', 0, 0, 5, 60000, 0, 0, 0, '[]', NULL, NULL FROM instances WHERE id >= 1000",
		),
	])
}

/** Counts what a client's calls ask of D1 from here on. */
export function countQueries(client: ApiClient): QueryCounts {
	const counts = { trips: 0, statements: 0 }
	client.world.settings.DB = countingDatabase(env.DB, counts)
	return counts
}

/** An event as an instance's object answers with it: of order 17, delivered a second after it was recorded, but for `more`. */
export function sampleEventRow(
	instanceId: number,
	sequence: number,
	recordedMs: number,
	overrides: Partial<EventReport> = {},
): EventReport {
	const eventId = formatEventId(
		instanceId,
		sequence,
		computeEventTag(parseMasterKeys(env.MASTER_KEYS)[0]!.bytes, refOf(instanceId).incarnation, sequence),
	)
	return {
		eventId,
		sequence,
		objectType: 'orders',
		objectId: '17',
		eventType: 'UPDATED',
		objectSequence: sequence,
		dateMs: recordedMs - 5_000,
		recordedMs,
		status: 'NOTIFIED',
		source: 'poll',
		record: '{"id":17}',
		entry: JSON.stringify({
			date: '2026-06-01T12:00:00Z',
			elementKey: 'woocommercerest',
			eventType: 'UPDATED',
			hubKey: 'ecommerce',
			objectId: '17',
			objectType: 'orders',
			eventId,
			sequence,
			objectSequence: sequence,
			source: 'poll',
		}),
		notifications: [
			{ id: instanceId * 1e9 + sequence, status: 'delivered', createdMs: recordedMs, updatedMs: recordedMs + 1_000 },
		],
		...overrides,
	}
}

/** When the logs of `insertTwoLogs` begin. */
export const LOGS_START_MS = Date.parse('2026-06-01T12:00:00Z')

/**
 * Instances 7 and 8 (`Second`, tagged north and test) with five events each, a second apart and told by one notification, the newest without
 * success. Returns an Authorization with the token of instance 7.
 */
export async function insertTwoLogs(client: ApiClient): Promise<string> {
	for (const id of [7, 8]) {
		await insertInstance(client, id)
		client.world.watchers.events.set(
			id,
			Array.from({ length: 5 }, (_, n) =>
				sampleEventRow(id, n + 1, LOGS_START_MS + n * 1_000 + id, {
					objectId: String(n),
					notifications: [
						{ id: id * 1e9 + 1, status: 'delivered', createdMs: LOGS_START_MS, updatedMs: LOGS_START_MS + 1_000 },
					],
					...(n === 4 ? { status: 'CONSUMED' } : {}),
				}),
			),
		)
		await writeStatus(env, {
			instanceId: id,
			incarnation: refOf(id).incarnation,
			state: 'healthy',
			reason: '',
			sinceMs: 0,
			aliveAtMs: LOGS_START_MS,
			lastEventAtMs: LOGS_START_MS + 5_000,
			intervalMs: 60_000,
			events: 5,
			delivered: 5,
			storeRequests: 1,
			hours: [5],
		})
	}
	await env.DB.prepare('UPDATE instances SET name = \'Second\', tags = \'["north","test"]\' WHERE id = 8').run()
	await env.DB.prepare('UPDATE instances SET token_hash = ? WHERE id = 7').bind(hashSecret('of7')).run()
	return `User ${client.userSecret}, Element of7`
}
