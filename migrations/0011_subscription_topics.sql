-- An organization's subscriptions may share an address if their topics differ.

-- Its topics, sorted, as a JSON list; '' for an instance's, which has one topic, and for rows of earlier versions.
ALTER TABLE subscriptions ADD COLUMN canonical_topics TEXT NOT NULL DEFAULT '';
DROP INDEX subscriptions_by_address;
CREATE UNIQUE INDEX subscriptions_by_address ON subscriptions (owner_id, canonical_url, canonical_topics)
	WHERE canonical_url IS NOT NULL;
DROP INDEX subscriptions_by_owner;
CREATE INDEX subscriptions_by_owner ON subscriptions (owner_id, url);
