-- Since when a user runs the whole installation and not only the workspace; given at the command line alone.
ALTER TABLE users ADD COLUMN operator_at BIGINT;

-- Since when the operator has a workspace send nothing, and why.
ALTER TABLE workspaces ADD COLUMN suspended_at BIGINT;
ALTER TABLE workspaces ADD COLUMN suspended_because TEXT;
