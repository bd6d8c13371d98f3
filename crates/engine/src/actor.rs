//! Who acts, in which workspace, and with which permissions. The first beat of every use case.

use domain::access::{Permission, Permissions};
use domain::ids::{KeyId, UserId, WorkspaceId};

use crate::idempotency::IdempotencyKey;

/// What the name of every operator begins with.
const OPERATOR: &str = "operator";

/// Somebody who acts in one workspace.
#[derive(Debug, Clone)]
pub struct Actor {
    workspace: WorkspaceId,
    name: String,
    permissions: Permissions,
    idempotency_key: Option<IdempotencyKey>,
}

/// Whoever runs the installation, in all workspaces. There is one only at the command line, and of a session whose user was
/// named there ([`operators`](crate::operators)): who has one has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    name: String,
}

impl Operator {
    /// Whoever sits at the command line of the machine.
    #[must_use]
    pub fn at_command_line() -> Self {
        Self { name: OPERATOR.to_owned() }
    }

    /// A person in the browser, as their session was read.
    pub(crate) fn person(name: &str) -> Self {
        Self { name: format!("{OPERATOR} {name}") }
    }

    /// Whether it is the command line, and no person who is known by name.
    pub(crate) fn is_at_command_line(&self) -> bool {
        self.name == OPERATOR
    }

    /// The name under which events are written: `operator`, and who of them, where that is known.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operator at work in one workspace: everything.
    #[must_use]
    pub fn within(&self, workspace: WorkspaceId) -> Actor {
        Actor { workspace, name: self.name.clone(), permissions: Permissions::all(), idempotency_key: None }
    }
}

/// The actor lacks a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{actor} lacks the permission {}", permission.word())]
pub struct Forbidden {
    /// Who.
    pub actor: String,
    /// Which permission.
    pub permission: Permission,
}

impl Actor {
    /// A user with the permissions of their role.
    #[must_use]
    pub fn user(workspace: WorkspaceId, user: UserId, permissions: Permissions) -> Self {
        Self { workspace, name: user.to_string(), permissions, idempotency_key: None }
    }

    /// An API key with its own permissions.
    #[must_use]
    pub fn key(workspace: WorkspaceId, key: KeyId, permissions: Permissions) -> Self {
        Self { workspace, name: key.to_string(), permissions, idempotency_key: None }
    }

    /// The operator at the command line: everything, in any workspace.
    #[must_use]
    pub fn operator(workspace: WorkspaceId) -> Self {
        Operator::at_command_line().within(workspace)
    }

    /// The same under the name of whoever began what is gone on with.
    #[must_use]
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// The actor with the key of one request: whatever makes something or spends does it once for that key.
    #[must_use]
    pub fn with_key(self, key: Option<IdempotencyKey>) -> Self {
        Self { idempotency_key: key, ..self }
    }

    /// The key of the request.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.as_ref()
    }

    /// In which workspace.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// The name under which events are written: an identifier, or `operator`, with the person's name where it is known.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the actor may do.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// Goes on only if the actor has the permission.
    pub fn need(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.permissions.has(permission) {
            return Ok(());
        }
        Err(Forbidden { actor: self.name.clone(), permission })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::access::Role;

    #[test]
    fn an_operator_may_do_everything_in_a_workspace_under_their_own_name() {
        let actor = Operator::person("Sam Rivera").within(WorkspaceId(1));
        assert_eq!((actor.name(), actor.permissions()), ("operator Sam Rivera", Permissions::all()));
        assert_eq!(Operator::at_command_line().within(WorkspaceId(1)).name(), "operator");
    }

    #[test]
    fn a_missing_permission_is_named() {
        let viewer = Actor::user(WorkspaceId(1), UserId(2), Role::Viewer.permissions());
        assert!(viewer.need(Permission::Read).is_ok());
        assert_eq!(viewer.need(Permission::Enroll).unwrap_err().permission, Permission::Enroll);
    }
}
