//! Who acts, in which workspace, and with which permissions. The first beat of every use case.

use domain::access::{Permission, Permissions};
use domain::ids::{KeyId, UserId, WorkspaceId};

use crate::idempotency::IdempotencyKey;

/// Somebody who acts in one workspace.
#[derive(Debug, Clone)]
pub struct Actor {
    workspace: WorkspaceId,
    name: String,
    permissions: Permissions,
    idempotency_key: Option<IdempotencyKey>,
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
        Self { workspace, name: "operator".to_owned(), permissions: Permissions::all(), idempotency_key: None }
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

    /// The name under which events are written: an identifier, or `operator`.
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
    fn a_missing_permission_is_named() {
        let viewer = Actor::user(WorkspaceId(1), UserId(2), Role::Viewer.permissions());
        assert!(viewer.need(Permission::Read).is_ok());
        assert_eq!(viewer.need(Permission::Enroll).unwrap_err().permission, Permission::Enroll);
    }
}
