-- A workspace is no node's for a while any more: each claim takes its turn by the lock of the workspace's row.
ALTER TABLE workspaces DROP COLUMN lease_node;
ALTER TABLE workspaces DROP COLUMN lease_until;
