-- What tells two objects of one id apart, which a restore of this database can hand out twice (docs/operations.md). Random, never reused, without dots.

-- Empty, or null where nothing was created: the id as text, as of rows that an earlier version writes.
ALTER TABLE instances ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';
ALTER TABLE organizations ADD COLUMN incarnation TEXT NOT NULL DEFAULT ''; -- of the objects of its callbacks
ALTER TABLE organizations ADD COLUMN owner_incarnation TEXT;               -- of its own object, as of owner_id
UPDATE instances SET incarnation = CAST(id AS TEXT);
UPDATE organizations SET incarnation = CAST(id AS TEXT), owner_incarnation = CAST(owner_id AS TEXT);
