//! The operator's use cases and a workspace's administration, on both databases.

mod billing;
mod books;
mod first_run;
mod invitations;
mod keys;
mod numbers;
mod office;
mod operator;
mod operators;
mod quick_replies;
mod sessions;
mod users;
mod workflow_files;
mod workflows;
mod workspaces;
