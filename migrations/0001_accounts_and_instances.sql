-- What is small and asked for across instances (docs/storage.md, D1). Times are epoch milliseconds, UTC.

-- Customers. Everything else belongs to one of these, and every query names it.
CREATE TABLE organizations (
	id INTEGER PRIMARY KEY,          -- accountId and companyId of notifications
	name TEXT NOT NULL,              -- shown to people, at most 255 characters
	secret_hash TEXT NOT NULL,       -- SHA-256 (hex) of the organization secret, for look-up
	secret_sealed TEXT NOT NULL,     -- the secret, sealed under MASTER_KEYS; the contract gives it back
	created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX organizations_by_secret ON organizations (secret_hash);

-- People and programs that act for an organization.
CREATE TABLE users (
	id INTEGER PRIMARY KEY,          -- userId of notifications
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	email TEXT NOT NULL,
	first_name TEXT NOT NULL,
	last_name TEXT NOT NULL,
	secret_hash TEXT NOT NULL,       -- SHA-256 (hex) of the user secret, for look-up
	secret_sealed TEXT NOT NULL,     -- the secret, sealed
	created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_by_secret ON users (secret_hash);

-- Numbers that are handed out once and never again, also after a deletion.
CREATE TABLE sequences (
	name TEXT PRIMARY KEY,           -- instance or subscription
	value INTEGER NOT NULL           -- the last number handed out
) STRICT, WITHOUT ROWID;
INSERT INTO sequences (name, value) VALUES ('instance', 0), ('subscription', 0);

-- Connected stores.
CREATE TABLE instances (
	id INTEGER PRIMARY KEY,          -- from the sequence; also the name of its Durable Object
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	user_id INTEGER NOT NULL REFERENCES users (id), -- who made it
	state TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'deleted')), -- creating: not answered yet; deleted: dead to callers, being cleared away
	version INTEGER NOT NULL,        -- counts up with every change of this row
	enabled INTEGER NOT NULL,        -- 0: neither polls nor delivers, hub answers 403
	events_enabled INTEGER NOT NULL, -- 0: hub only
	element_key TEXT NOT NULL,       -- which vendor: woocommercerest
	name TEXT NOT NULL,              -- at most 255 characters, no HTML
	tags TEXT NOT NULL,              -- JSON array of at most 20 texts of at most 64 characters
	configuration TEXT NOT NULL,     -- JSON: flat map of dotted keys to text or null as kept for the customer; secrets sealed to this instance
	connection TEXT NOT NULL,        -- JSON: what was learned about the store when it was connected (elements, Connection)
	token_hash TEXT NOT NULL,        -- SHA-256 (hex) of the instance's token, for look-up
	token_sealed TEXT NOT NULL,      -- the token, sealed
	subscription_id INTEGER NOT NULL, -- from the sequence; the instance's callback is its first subscription
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX instances_by_token ON instances (token_hash);
CREATE INDEX instances_by_organization ON instances (organization_id, id);
-- What a cron has to finish; empty most of the time.
CREATE INDEX instances_unfinished ON instances (updated_ms) WHERE state <> 'ready';

-- One row an instance, written by its Durable Object: when its state changes, at its first event of an hour, otherwise at most hourly.
CREATE TABLE instance_status (
	instance_id INTEGER PRIMARY KEY,
	organization_id INTEGER NOT NULL, -- copied, so that lists by time need no join to isolate
	state TEXT NOT NULL,             -- a word of docs: Health
	reason TEXT NOT NULL,            -- a sentence with the fact
	since_ms INTEGER NOT NULL,       -- since when that state
	alive_at_ms INTEGER NOT NULL,    -- when the object last did something by itself
	last_event_at_ms INTEGER,        -- when its newest event was recorded; null: never
	interval_ms INTEGER NOT NULL,    -- between its polls
	events INTEGER NOT NULL,         -- recorded since the instance was made
	delivered INTEGER NOT NULL,      -- notifications accepted since then
	store_requests INTEGER NOT NULL, -- requests made to the store since then
	hours TEXT NOT NULL,             -- JSON array: events of each of the last 24 hours, oldest first
	woken_at_ms INTEGER              -- when the cron last woke it; null: never
) STRICT;
CREATE INDEX instance_status_by_event ON instance_status (organization_id, last_event_at_ms) WHERE last_event_at_ms IS NOT NULL;

-- Settings of an organization that its instances share; what is absent has its default.
CREATE TABLE account_settings (
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	key TEXT NOT NULL,               -- such as events.retention.days
	value TEXT NOT NULL,
	PRIMARY KEY (organization_id, key)
) STRICT, WITHOUT ROWID;

-- Every change that a caller made. Holds names of what changed, never values.
CREATE TABLE audit_log (
	id INTEGER PRIMARY KEY,
	organization_id INTEGER NOT NULL,
	user_id INTEGER,                 -- null: the system itself
	at_ms INTEGER NOT NULL,
	request_id TEXT,                 -- of the request that did it; null: the system itself
	action TEXT NOT NULL,            -- such as instance.create
	object_type TEXT NOT NULL,       -- organization or instance
	object_id INTEGER NOT NULL,
	detail TEXT NOT NULL             -- JSON object: names of changed keys, numbers
) STRICT;
CREATE INDEX audit_log_by_organization ON audit_log (organization_id, at_ms);
