-- Replays across instances: a job walks them one by one. Times are epoch milliseconds, UTC.

INSERT INTO sequences (name, value) VALUES ('replay', 0);

CREATE TABLE replay_jobs (
	id INTEGER PRIMARY KEY,          -- from the sequence; instances' objects remember it, so that none begins twice
	organization_id INTEGER NOT NULL REFERENCES organizations (id),
	user_id INTEGER NOT NULL,        -- who asked for it
	state TEXT NOT NULL CHECK (state IN ('running', 'cancelling', 'done', 'cancelled')),
	query TEXT NOT NULL,             -- JSON: which notifications (ReplayQuery)
	reach TEXT NOT NULL,             -- JSON: of which instances (JobReach)
	after_id INTEGER NOT NULL,       -- instances up to this one were asked
	walked INTEGER NOT NULL,         -- 1: all of them were
	asked INTEGER NOT NULL,          -- how many
	lease_ms INTEGER NOT NULL,       -- until when somebody drives it
	created_ms INTEGER NOT NULL,
	ended_ms INTEGER                 -- null: it has not ended
) STRICT;
CREATE INDEX replay_jobs_by_organization ON replay_jobs (organization_id, id);
CREATE INDEX replay_jobs_open ON replay_jobs (lease_ms) WHERE ended_ms IS NULL;

-- Of each instance that has something to send, or could not be asked.
CREATE TABLE replay_parts (
	job_id INTEGER NOT NULL REFERENCES replay_jobs (id),
	instance_id INTEGER NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'cancelled', 'skipped')), -- waiting: is asked again
	replay_id INTEGER,               -- number of the replay in the instance's object; null: none was begun
	total INTEGER NOT NULL,          -- notifications
	left_over INTEGER NOT NULL,      -- of these not sent yet, as last seen
	failed INTEGER NOT NULL,         -- of these ended without having been accepted
	reason TEXT,                     -- why it waits or was passed over, a sentence
	PRIMARY KEY (job_id, instance_id)
) STRICT, WITHOUT ROWID;
