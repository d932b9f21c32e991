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
