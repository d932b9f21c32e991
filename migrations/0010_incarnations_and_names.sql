-- What tells two objects of one id apart, which a restore of this database can hand out twice (docs/operations.md). Random, never reused, without dots.

-- Empty, or null where nothing was created: the id as text, as of rows that an earlier version writes.
ALTER TABLE instances ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';
ALTER TABLE organizations ADD COLUMN incarnation TEXT NOT NULL DEFAULT ''; -- of the objects of its callbacks
ALTER TABLE organizations ADD COLUMN owner_incarnation TEXT;               -- of its own object, as of owner_id
UPDATE instances SET incarnation = CAST(id AS TEXT);
UPDATE organizations SET incarnation = CAST(id AS TEXT), owner_incarnation = CAST(owner_id AS TEXT);
-- Rights that end elsewhere. Times are epoch milliseconds, UTC.

-- A name to sign in with is one person's in an organization, and may be another person's in another one.

DROP INDEX users_by_login;
-- By login first, since signing in names no organization.
CREATE UNIQUE INDEX users_by_login ON users (login, organization_id) WHERE login IS NOT NULL;
-- Users whose address another organization had first.
UPDATE users SET login = lower(email) WHERE id IN (
	SELECT min(u.id) FROM users AS u WHERE u.login IS NULL AND u.deleted_ms IS NULL AND NOT EXISTS (
		SELECT 1 FROM users AS o WHERE o.organization_id = u.organization_id AND o.login = lower(u.email))
	GROUP BY u.organization_id, lower(u.email)
);

-- A key that asked for a hand-over must still be there when it is completed.
ALTER TABLE drafts ADD COLUMN api_key_id INTEGER; -- null: none was used
-- One subscription for each address, however the address is written.

ALTER TABLE subscriptions ADD COLUMN canonical_url TEXT; -- the canonical form of url; null: made by an earlier version
-- Rows of earlier versions may share an address and stay as they are.
CREATE UNIQUE INDEX subscriptions_by_address ON subscriptions (owner_id, canonical_url) WHERE canonical_url IS NOT NULL;
-- How far the cron has walked through each table whose secrets it seals anew (docs/operations.md, Rotating MASTER_KEYS).
CREATE TABLE reseal_positions (
	source TEXT PRIMARY KEY,         -- organizations, users, account_settings or instances
	position INTEGER NOT NULL        -- the last id that was checked; the next walk begins at 0
) STRICT, WITHOUT ROWID;
