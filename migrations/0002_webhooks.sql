-- Webhooks at the store, and keys that are handed over by the store itself. Times are epoch milliseconds, UTC.

ALTER TABLE instances ADD COLUMN hook_version INTEGER NOT NULL DEFAULT 1; -- of the derived secrets; rotating counts it up
ALTER TABLE instances ADD COLUMN hook_previous_until_ms INTEGER;          -- until when the version before it is still accepted; null: it is not
ALTER TABLE instances ADD COLUMN hook_key TEXT;                           -- id of the master key that the secrets at the store are derived from; null: none of our webhooks is there
ALTER TABLE instances ADD COLUMN hook_work TEXT CHECK (hook_work IN ('ensure', 'pause', 'remove')); -- what is still to be done at the store; null: nothing
ALTER TABLE instances ADD COLUMN hook_work_ms INTEGER;                    -- since when
ALTER TABLE instances ADD COLUMN hook_tried_ms INTEGER;                   -- when it was last tried
-- What a cron has to do at stores; empty most of the time.
CREATE INDEX instances_hook_work ON instances (hook_tried_ms) WHERE hook_work IS NOT NULL;
CREATE INDEX instances_by_hook_key ON instances (hook_key) WHERE hook_key IS NOT NULL;

-- Instances that wait for a merchant's approval (connect without keys). A row is used once.
CREATE TABLE drafts (
	state_hash TEXT PRIMARY KEY,     -- SHA-256 (hex) of the state that stands in addresses
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	user_id INTEGER NOT NULL REFERENCES users (id), -- who asked, and who will have made the instance
	element_key TEXT NOT NULL,
	sealed TEXT NOT NULL,            -- what POST /instances was given, and where the browser goes, sealed to this row; empty once it was used
	status TEXT NOT NULL CHECK (status IN ('waiting', 'working', 'denied', 'failed', 'created')),
	reason TEXT,                     -- of a failure, a sentence
	instance_id INTEGER,             -- once created
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL      -- no keys are taken after this
) STRICT, WITHOUT ROWID;
CREATE INDEX drafts_by_expiry ON drafts (expires_ms);
