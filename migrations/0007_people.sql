-- Who may what: roles, passwords, sessions, one-time links, API keys. Times are epoch milliseconds, UTC.

-- Those who are there already keep what they may: everything.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'developer', 'viewer'));
ALTER TABLE users ADD COLUMN login TEXT;                         -- the e-mail address in lower case: the name to sign in with, one person's only; null: a second one of the same address, or deleted
ALTER TABLE users ADD COLUMN password TEXT;                      -- scrypt, with its parameters and salt; null: none was set yet
ALTER TABLE users ADD COLUMN previous_secret_hash TEXT;          -- SHA-256 (hex) of the secret before this one; null: there is none
ALTER TABLE users ADD COLUMN previous_secret_until_ms INTEGER;   -- until when that one still opens
ALTER TABLE users ADD COLUMN deleted_ms INTEGER;                 -- a deleted user's row stays, since what they made shows their name; null: not deleted
UPDATE users SET login = lower(email) WHERE id IN (SELECT min(id) FROM users GROUP BY lower(email));
CREATE UNIQUE INDEX users_by_login ON users (login) WHERE login IS NOT NULL;
CREATE UNIQUE INDEX users_by_previous_secret ON users (previous_secret_hash) WHERE previous_secret_hash IS NOT NULL;
CREATE INDEX users_by_organization ON users (organization_id, id);

ALTER TABLE organizations ADD COLUMN previous_secret_hash TEXT;        -- as of users
ALTER TABLE organizations ADD COLUMN previous_secret_until_ms INTEGER;

-- People who are signed in. A row a token.
CREATE TABLE sessions (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	token_hash TEXT NOT NULL,        -- SHA-256 (hex) of the token, for look-up
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	user_id INTEGER NOT NULL REFERENCES users (id),
	agent TEXT NOT NULL,             -- what the browser or program called itself when it signed in, at most 200 characters
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_ms);

-- Links with which somebody sets their password, once. A new one takes the place of the user's last.
CREATE TABLE links (
	user_id INTEGER PRIMARY KEY REFERENCES users (id),
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	token_hash TEXT NOT NULL,        -- SHA-256 (hex) of the token in the link
	purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'reset')),
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX links_by_token ON links (token_hash);
CREATE INDEX links_by_expiry ON links (expires_ms);

-- Keys of programs: they may what their scopes name, and never more than their maker.
CREATE TABLE api_keys (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	user_id INTEGER NOT NULL REFERENCES users (id), -- who made it
	name TEXT NOT NULL,
	key_hash TEXT NOT NULL,          -- SHA-256 (hex) of the key, for look-up; the key itself is kept nowhere
	hint TEXT NOT NULL,              -- its last 4 characters, to tell keys apart
	scopes TEXT NOT NULL,            -- JSON array such as ["instances:read"]
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER,              -- null: never
	last_used_ms INTEGER             -- to the hour; null: never
) STRICT;
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash);
CREATE INDEX api_keys_by_organization ON api_keys (organization_id, id);
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- Attempts to sign in, counted by user name and by address, so that all isolates count together.
CREATE TABLE sign_in_attempts (
	subject TEXT PRIMARY KEY,        -- SHA-256 (hex) of the user name or of the address
	attempts INTEGER NOT NULL,       -- since then, those that succeeded taken away
	since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (since_ms);

-- The audit log is read by who did something and by what it was done to.
CREATE INDEX audit_log_by_user ON audit_log (organization_id, user_id, at_ms);
CREATE INDEX audit_log_by_object ON audit_log (organization_id, object_type, object_id, at_ms);
