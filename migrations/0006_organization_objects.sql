-- An organization's own object, which delivers operator events and what is posted to topics of its own.

ALTER TABLE organizations ADD COLUMN owner_id INTEGER;           -- from the sequence of instances; null: nothing was ever told to it
CREATE UNIQUE INDEX organizations_by_owner ON organizations (owner_id) WHERE owner_id IS NOT NULL;
