//! Who may do what: one table.
//!
//! | permission | viewer | agent | admin | owner |
//! |---|---|---|---|---|
//! | `read` | ✓ | ✓ | ✓ | ✓ |
//! | `contacts:write` | | ✓ | ✓ | ✓ |
//! | `enroll` | | ✓ | ✓ | ✓ |
//! | `send` | | ✓ | ✓ | ✓ |
//! | `workflows:write` | | | ✓ | ✓ |
//! | `numbers:write` | | | ✓ | ✓ |
//! | `settings:write` | | | ✓ | ✓ |
//! | `contacts:erase` | | | ✓ | ✓ |
//! | `export` | | | ✓ | ✓ |
//! | `team:write` | | | ✓ | ✓ |
//! | `keys:write` | | | | ✓ |
//! | `billing:write` | | | | ✓ |
//!
//! An API key has the permissions that were chosen for it, never more than its maker's. The
//! operator at the command line has all of them, and is the only one to post money by hand.

/// A role of a user in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Works with contacts and conversations.
    Agent,
    /// Also changes workflows, numbers, settings and the team.
    Admin,
    /// Everything.
    Owner,
}

/// Something that may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See everything in the workspace but secrets.
    Read,
    /// Create, change, import and delete contacts; put them on do-not-contact.
    ContactsWrite,
    /// Start enrollments and end them.
    Enroll,
    /// Write manual messages.
    Send,
    /// Create, change, order, pause and delete workflows.
    WorkflowsWrite,
    /// Add and change sending numbers.
    NumbersWrite,
    /// Change the workspace's settings.
    SettingsWrite,
    /// Erase what is known of a person, for good.
    ContactsErase,
    /// Take data out in bulk.
    Export,
    /// Invite and remove users.
    TeamWrite,
    /// Make and revoke API keys.
    KeysWrite,
    /// Pay and change the plan.
    BillingWrite,
}

/// The table: each permission, its word, and the least role that has it.
const TABLE: [(Permission, &str, Role); 12] = [
    (Permission::Read, "read", Role::Viewer),
    (Permission::ContactsWrite, "contacts:write", Role::Agent),
    (Permission::Enroll, "enroll", Role::Agent),
    (Permission::Send, "send", Role::Agent),
    (Permission::WorkflowsWrite, "workflows:write", Role::Admin),
    (Permission::NumbersWrite, "numbers:write", Role::Admin),
    (Permission::SettingsWrite, "settings:write", Role::Admin),
    (Permission::ContactsErase, "contacts:erase", Role::Admin),
    (Permission::Export, "export", Role::Admin),
    (Permission::TeamWrite, "team:write", Role::Admin),
    (Permission::KeysWrite, "keys:write", Role::Owner),
    (Permission::BillingWrite, "billing:write", Role::Owner),
];

impl Role {
    /// All roles, least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Agent, Self::Admin, Self::Owner];

    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What the role may do.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        TABLE.iter().filter(|row| self >= row.2).map(|row| row.0).collect()
    }
}

impl Permission {
    /// The word that keys and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self).expect("every permission is in the table").1
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == word).map(|row| row.0)
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u16);

impl Permissions {
    /// Every permission.
    #[must_use]
    pub fn all() -> Self {
        Role::Owner.permissions()
    }

    /// Whether this one is in the set.
    #[must_use]
    pub fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }

    /// Whether every permission of the other set is in this one.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The permissions in the set, in the table's order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        TABLE.iter().map(|row| row.0).filter(move |permission| self.has(*permission))
    }

    /// The words of the set, separated by spaces, as the database holds them.
    #[must_use]
    pub fn words(self) -> String {
        self.iter().map(Permission::word).collect::<Vec<_>>().join(" ")
    }

    /// Reads the words back; an unknown word is the error.
    pub fn from_words(words: &str) -> Result<Self, String> {
        words.split_whitespace().map(|word| Permission::from_word(word).ok_or_else(|| word.to_owned())).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | (1 << permission as u16)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_all_that_the_one_below_has_and_more() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[1].permissions().covers(pair[0].permissions()));
            assert_ne!(pair[1].permissions(), pair[0].permissions());
        }
    }

    #[test]
    fn a_viewer_only_reads_and_only_an_owner_moves_money() {
        assert_eq!(Role::Viewer.permissions().words(), "read");
        assert!(!Role::Admin.permissions().has(Permission::BillingWrite));
        assert!(Role::Owner.permissions().has(Permission::BillingWrite));
        assert!(!Role::Agent.permissions().has(Permission::WorkflowsWrite));
    }

    #[test]
    fn words_read_back_and_an_unknown_one_is_named() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
            assert_eq!(Permissions::from_words(&role.permissions().words()), Ok(role.permissions()));
        }
        assert_eq!(Permissions::from_words("read fly"), Err("fly".to_owned()));
    }
}
