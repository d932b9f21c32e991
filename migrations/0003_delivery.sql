-- Delivery: signature keys that are being changed. Times are epoch milliseconds, UTC.

ALTER TABLE instances ADD COLUMN signature_next TEXT;             -- the signature key that takes over, sealed to this instance; null: none does
ALTER TABLE instances ADD COLUMN signature_from_ms INTEGER;       -- from when it signs alone; until then both do
-- Takeovers that a cron has to write down; empty most of the time.
CREATE INDEX instances_signature ON instances (signature_from_ms) WHERE signature_next IS NOT NULL;
