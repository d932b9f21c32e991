-- Further subscriptions. Times are epoch milliseconds, UTC.

-- Where notifications go besides an instance's own callback, which is its first subscription and stands in its configuration.
CREATE TABLE subscriptions (
	id INTEGER PRIMARY KEY,          -- from the sequence
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	user_id INTEGER NOT NULL REFERENCES users (id), -- who made it
	owner_id INTEGER NOT NULL,       -- the instance whose object sends to it
	url TEXT NOT NULL,
	topics TEXT NOT NULL,            -- JSON array: what it hears of its owner
	created_ms INTEGER NOT NULL
) STRICT;
-- An address is told of a thing once.
CREATE UNIQUE INDEX subscriptions_by_owner ON subscriptions (owner_id, url);
CREATE INDEX subscriptions_by_organization ON subscriptions (organization_id, id);
