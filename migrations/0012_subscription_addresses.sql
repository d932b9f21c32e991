-- One subscription for each address, however the address is written.

ALTER TABLE subscriptions ADD COLUMN canonical_url TEXT; -- the canonical form of url; null: made by an earlier version
-- Rows of earlier versions may share an address and stay as they are.
CREATE UNIQUE INDEX subscriptions_by_address ON subscriptions (owner_id, canonical_url) WHERE canonical_url IS NOT NULL;
