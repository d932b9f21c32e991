-- Answers that are given again to a request that comes again with the same Idempotency-Key. Times are epoch milliseconds, UTC.

CREATE TABLE idempotency (
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	caller TEXT NOT NULL,            -- user/<id> or key/<id>: a key of one says nothing to another
	key_hash TEXT NOT NULL,          -- SHA-256 (hex) of the Idempotency-Key
	request_hash TEXT NOT NULL,      -- SHA-256 (hex) of method, path, query, instance and body
	claim TEXT NOT NULL,             -- which run this is: a later one may have taken over from one that was cut off
	lease_ms INTEGER NOT NULL,       -- until when that run is waited for
	answer TEXT,                     -- the answer, sealed to this row; null: the run has not ended; empty: it has, and its answer was too large to keep
	expires_ms INTEGER NOT NULL,     -- from then on the key means nothing
	PRIMARY KEY (organization_id, caller, key_hash)
) STRICT;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_ms);
