//! The operator's use cases and a workspace's administration, on both databases.

mod billing;
mod books;
mod keys;
mod numbers;
mod office;
mod workflow_files;
mod workflows;
mod workspaces;
