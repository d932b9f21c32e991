-- What people look at across instances: changes and deliveries of 24 hours, what waits, what is held, progress.

-- JSON (ActivityReport of src/rpc/watcher.ts), hours by their own number; null: written by an object of an earlier version.
ALTER TABLE instance_status ADD COLUMN activity TEXT;
