-- How far the cron has walked through each table whose secrets it seals anew (docs/operations.md, Rotating MASTER_KEYS).
CREATE TABLE reseal_positions (
	source TEXT PRIMARY KEY,         -- organizations, users, account_settings or instances
	position INTEGER NOT NULL        -- the last id that was checked; the next walk begins at 0
) STRICT, WITHOUT ROWID;
