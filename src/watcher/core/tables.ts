/**
 * The tables of one instance's object: an append-only list of steps that checks itself. A step that was released is
 * never changed; storage that an earlier version left is opened by running the steps it lacks. docs/storage.md
 * describes every column.
 */
import type { Sql } from './ports.ts'

const MIGRATION_STEPS: string[][] = [
	[
		// One row: the instance's configuration as last read from D1.
		`CREATE TABLE instance (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, config TEXT NOT NULL,
			read_at INTEGER NOT NULL)`,
		// One row: cursors, scan positions, counters (see state.ts), written at most once a commit.
		`CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL)`,
		// Lists of field names that objects consist of, shared by all objects that have the same.
		`CREATE TABLE shapes (id INTEGER PRIMARY KEY, names TEXT NOT NULL)`,
		// The object index. id without a declared type: numbers stay numbers and sort before text.
		`CREATE TABLE objects (
			resource INTEGER NOT NULL, id NOT NULL, stamp INTEGER, created INTEGER, hash TEXT NOT NULL, shape INTEGER NOT NULL,
			fields TEXT NOT NULL, hash_version INTEGER NOT NULL, state TEXT NOT NULL, as_of INTEGER NOT NULL,
			sequence INTEGER NOT NULL, last_event INTEGER, PRIMARY KEY (resource, id)) WITHOUT ROWID`,
		// The few objects that exist without being listed, which every pass reads.
		`CREATE INDEX objects_unlisted ON objects (resource) WHERE state = 'unlisted'`,
		// Digests of id pages of collections without a modified filter: an unchanged page costs one row read.
		`CREATE TABLE pages (resource INTEGER NOT NULL, first NOT NULL, last NOT NULL, digest TEXT NOT NULL,
			PRIMARY KEY (resource, first)) WITHOUT ROWID`,
		// Objects to be read by id, and why.
		`CREATE TABLE lookups (resource INTEGER NOT NULL, id NOT NULL, due INTEGER NOT NULL, since INTEGER NOT NULL,
			doubt TEXT NOT NULL, PRIMARY KEY (resource, id)) WITHOUT ROWID`,
		// Objects whose deletion the mass-deletion guard holds.
		`CREATE TABLE held (resource INTEGER NOT NULL, id NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (resource,
			id)) WITHOUT ROWID`,
		// The event log: one row a change.
		`CREATE TABLE events (
			sequence INTEGER PRIMARY KEY, tag INTEGER NOT NULL, resource INTEGER NOT NULL, object_type TEXT NOT NULL,
			object_id NOT NULL, object_sequence INTEGER NOT NULL,
			previous INTEGER, previous_event INTEGER, type TEXT NOT NULL, date INTEGER NOT NULL, recorded INTEGER NOT NULL,
			source TEXT NOT NULL,
			changed TEXT, flags TEXT NOT NULL, record TEXT, notifications TEXT)`,
		// Where notifications go; row 1 is the instance's callback.
		`CREATE TABLE subscriptions (id INTEGER PRIMARY KEY, url TEXT NOT NULL, active INTEGER NOT NULL,
			created INTEGER NOT NULL, last_success INTEGER, failing_since INTEGER, last_status TEXT)`,
		// Events without a notification yet: one of their object is unsettled, or too many are.
		`CREATE TABLE waiting (subscription INTEGER NOT NULL, sequence INTEGER NOT NULL, resource INTEGER NOT NULL,
			object_id NOT NULL, PRIMARY KEY (subscription, sequence)) WITHOUT ROWID`,
		`CREATE TABLE notifications (
			id INTEGER PRIMARY KEY, subscription INTEGER NOT NULL, object_type TEXT NOT NULL, members TEXT NOT NULL,
			created INTEGER NOT NULL,
			context TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL, due INTEGER NOT NULL, lease INTEGER,
			first_try INTEGER, first_failure INTEGER, settled INTEGER, updated INTEGER NOT NULL, outcome TEXT)`,
		// Attempts from the second on; the first one's outcome stands on its notification.
		`CREATE TABLE attempts (notification INTEGER NOT NULL, number INTEGER NOT NULL, started INTEGER NOT NULL,
			outcome TEXT NOT NULL, PRIMARY KEY (notification, number)) WITHOUT ROWID`,
	],
	[
		// When the other source brought the same state: a poll after a webhook, or the reverse.
		`ALTER TABLE events ADD COLUMN confirmed INTEGER`,
		// Rejected webhook deliveries, as the edge reports them: one row.
		`CREATE TABLE rejections (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL)`,
	],
	[
		// Number in D1, its topics (null: the owner's), the log's sequence when it began, why it is not active.
		`ALTER TABLE subscriptions ADD COLUMN number INTEGER`,
		`ALTER TABLE subscriptions ADD COLUMN topics TEXT`,
		`ALTER TABLE subscriptions ADD COLUMN since INTEGER NOT NULL DEFAULT 0`,
		`ALTER TABLE subscriptions ADD COLUMN reason TEXT`,
		// Needs an admission of the callback's circuit breaker; no doorbell before then.
		`ALTER TABLE subscriptions ADD COLUMN guarded INTEGER NOT NULL DEFAULT 0`,
		`ALTER TABLE subscriptions ADD COLUMN parked INTEGER`,
		// When it was first accepted; attempts before its replay or release, and the resend that it belongs to.
		`ALTER TABLE notifications ADD COLUMN delivered INTEGER`,
		`ALTER TABLE notifications ADD COLUMN base INTEGER NOT NULL DEFAULT 0`,
		`ALTER TABLE notifications ADD COLUMN resend INTEGER`,
		`ALTER TABLE notifications ADD COLUMN acknowledged INTEGER`,
		// The few that wait for a release.
		`CREATE INDEX notifications_queued ON notifications (subscription) WHERE status = 'queued'`,
		// Objects whose last events a filter dropped: the `previousSequence` of their next event.
		`CREATE TABLE skipped (subscription INTEGER NOT NULL, resource INTEGER NOT NULL, object_id NOT NULL,
			previous INTEGER, PRIMARY KEY (subscription, resource, object_id)) WITHOUT ROWID`,
		// Replays and releases, and their unsettled notifications.
		`CREATE TABLE resends (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, total INTEGER NOT NULL,
			failed INTEGER NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL, ended INTEGER)`,
		`CREATE TABLE resend_items (notification INTEGER PRIMARY KEY, resend INTEGER NOT NULL,
			subscription INTEGER NOT NULL)`,
		`CREATE INDEX resend_items_by_subscription ON resend_items (subscription, notification)`,
		// Operator events, until the organization's object has them.
		`CREATE TABLE announcements (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL)`,
		// In an organization's object: the last operator event taken from each instance.
		`CREATE TABLE heard (origin INTEGER PRIMARY KEY, last INTEGER NOT NULL)`,
	],
	[
		// Events by hour, one row per day.
		`CREATE TABLE days (day INTEGER PRIMARY KEY, hours TEXT NOT NULL)`,
		// Events of before; unsettled notifications are counted when they settle.
		`INSERT INTO days (day, hours) SELECT day, json_group_array(json_array(hour, recorded, accepted)) FROM (
			SELECT e.recorded / 86400000 AS day, e.recorded / 3600000 % 24 AS hour, count(*) AS recorded, sum(EXISTS (
				SELECT 1 FROM json_each(e.notifications) AS j JOIN notifications AS n ON n.id = j.value
				WHERE (n.delivered IS NOT NULL OR n.status = 'delivered')
				AND n.id NOT IN (SELECT listed.value FROM state, json_each(state.body, '$.unsettled') AS listed))) AS accepted
			FROM events AS e GROUP BY 1, 2) GROUP BY day`,
		// The replay across instances that began it: a repeated call finds it.
		`ALTER TABLE resends ADD COLUMN job INTEGER`,
	],
	[
		// Statuses of settled notifications, 64 per row, for pages of the event log.
		`CREATE TABLE settled (block INTEGER PRIMARY KEY, body TEXT NOT NULL)`,
		`INSERT INTO settled SELECT id / 64, json_group_array(json_array(id, status, created, updated - created,
			delivered - created)) FROM notifications WHERE settled IS NOT NULL GROUP BY 1`,
	],
	[
		// Pages of the event log read `notifications` again. The table stays for a rollback, which then reads them too.
		`DELETE FROM settled`,
	],
	[
		// What tells an object from another one with its id, as a hash; null: not known.
		`ALTER TABLE objects ADD COLUMN identity TEXT`,
	],
	[
		// Objects of earlier versions that were indexed again in silence, until a person decides.
		`CREATE TABLE unchecked (resource INTEGER NOT NULL, id NOT NULL, PRIMARY KEY (resource, id)) WITHOUT ROWID`,
	],
	[
		// Why the last attempt sent nothing, as JSON; null: it sent.
		`ALTER TABLE subscriptions ADD COLUMN not_sent TEXT`,
		// From the change's date to its recording, ms; null: unknown, -1: recorded before there was this column.
		`ALTER TABLE events ADD COLUMN lag INTEGER DEFAULT -1`,
	],
	[
		// Lanes (lanes.ts): mass changes wait behind other events, or are held.
		`CREATE TABLE waiting_in_lanes (subscription INTEGER NOT NULL, lane INTEGER NOT NULL DEFAULT 0,
			sequence INTEGER NOT NULL, resource INTEGER NOT NULL, object_id NOT NULL, mass INTEGER NOT NULL DEFAULT 0,
			PRIMARY KEY (subscription, lane, sequence)) WITHOUT ROWID`,
		`INSERT INTO waiting_in_lanes (subscription, sequence, resource, object_id)
			SELECT subscription, sequence, resource, object_id FROM waiting`,
		`DROP TABLE waiting`,
		`ALTER TABLE waiting_in_lanes RENAME TO waiting`,
		// The few behind the first lane, which a later event of their object takes along.
		`CREATE INDEX waiting_behind ON waiting (resource, object_id) WHERE lane > 0`,
	],
	[
		// Objects that spoil each list that shows them.
		`CREATE TABLE unreadable (resource INTEGER NOT NULL, id NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL,
			tries INTEGER NOT NULL, reason TEXT NOT NULL, baseline INTEGER NOT NULL, cursor INTEGER NOT NULL,
			PRIMARY KEY (resource, id)) WITHOUT ROWID`,
	],
	[
		// Hash of the content before the last change, and how often the object went back to it: "3:hash".
		`ALTER TABLE objects ADD COLUMN earlier TEXT`,
	],
	[
		// What a scan in no order of ids has shown: the ids of each page.
		`CREATE TABLE scanned (resource INTEGER NOT NULL, page INTEGER NOT NULL, ids TEXT NOT NULL,
			PRIMARY KEY (resource, page)) WITHOUT ROWID`,
	],
	[
		// Variations of products, with their last accepted state, and the products that have some.
		`CREATE TABLE variations (
			resource INTEGER NOT NULL, owner NOT NULL, id NOT NULL, stamp INTEGER, hash TEXT NOT NULL, shape INTEGER NOT NULL,
			fields TEXT NOT NULL, hash_version INTEGER NOT NULL, state TEXT NOT NULL, as_of INTEGER NOT NULL,
			PRIMARY KEY (resource, owner, id)) WITHOUT ROWID`,
		`CREATE INDEX variations_by_id ON variations (resource, id)`,
		`CREATE TABLE variation_owners (
			resource INTEGER NOT NULL, id NOT NULL, read INTEGER, due INTEGER, since INTEGER NOT NULL, source TEXT NOT NULL,
			doubt TEXT NOT NULL, PRIMARY KEY (resource, id)) WITHOUT ROWID`,
		`CREATE INDEX variation_owners_due ON variation_owners (resource, due) WHERE due IS NOT NULL`,
		`CREATE INDEX variation_owners_read ON variation_owners (resource, read)`,
		// Records of the changed variations, as JSON; null: the event is of none.
		`ALTER TABLE events ADD COLUMN variations TEXT`,
	],
]

/** A short fingerprint of a step, so that a released step that was changed is noticed. */
function fingerprint(step: string[]): number {
	let sum = 0
	for (const char of step.join(';').replace(/\s+/g, ' ')) sum = (Math.imul(sum, 31) + char.codePointAt(0)!) | 0
	return sum
}

/** Whether this storage belongs to an instance: has its tables and its `instance` row. Reads only. */
export function hasInstance(sql: Sql): boolean {
	try {
		return sql.all(`SELECT id FROM instance`).length > 0
	} catch (error) {
		// A lookup in the schema would read a row per table at every start.
		if (error instanceof Error && error.message.includes('no such table')) return false
		throw error
	}
}

/** Brings the tables up to this version. Throws when a released step was changed. */
export function migrate(sql: Sql): void {
	sql.transaction(() => {
		sql.run(`CREATE TABLE IF NOT EXISTS steps (number INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL)`)
		const appliedSteps = sql.all<{ number: number; fingerprint: number }>(
			`SELECT number, fingerprint FROM steps ORDER BY number`,
		)
		MIGRATION_STEPS.forEach((step, number) => {
			const applied = appliedSteps[number]
			if (applied === undefined) {
				for (const statement of step) sql.run(statement)
				sql.run(`INSERT INTO steps (number, fingerprint) VALUES (?, ?)`, number, fingerprint(step))
			} else if (applied.fingerprint !== fingerprint(step)) {
				throw new Error(`storage step ${number} was changed after its release`)
			}
		})
	})
}

/** Whether the tables are older than this version. Reads only. */
export function needsMigration(sql: Sql): boolean {
	// Only the last number: rows read at every start cost.
	return (
		(sql.all<{ last: number | null }>(`SELECT max(number) AS last FROM steps`)[0]?.last ?? -1) <
		MIGRATION_STEPS.length - 1
	)
}
