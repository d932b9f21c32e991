-- What an instance's object is asked for beside its configuration: kept with the row, so that a call that is lost is made good by reading it.

ALTER TABLE instances ADD COLUMN baseline_version INTEGER NOT NULL DEFAULT 0; -- version of this row at which a new silent baseline was last asked for; 0: never
