-- The zone in which a user is shown times; none is the workspace's.

ALTER TABLE users ADD COLUMN zone TEXT;
