//! The contact fields that a template may name: the standard ones and the workspace's own.
//!
//! Holds names only, never values.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

/// How many characters a field's name may have.
pub const MAX_FIELD_NAME: usize = 64;

/// The fields that every contact has.
pub const STANDARD_FIELDS: [&str; 10] =
    ["First Name", "Last Name", "Full Name", "Phone", "Email", "Address", "City", "State", "Zip", "Company"];

/// A field's name without what does not count: lower case, no spaces, underscores or hyphens (`First_name` → `firstname`).
#[must_use]
pub fn key(name: &str) -> String {
    let counts = |character: &char| !(character.is_whitespace() || matches!(character, '_' | '-'));
    name.nfkc().filter(counts).flat_map(char::to_lowercase).collect()
}

/// The names that a template may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    names: BTreeMap<String, String>,
}

impl Fields {
    /// The standard fields alone.
    #[must_use]
    pub fn standard() -> Self {
        Self { names: STANDARD_FIELDS.iter().map(|name| (key(name), (*name).to_owned())).collect() }
    }

    /// The standard fields and the workspace's own. A name that means a field already here is left out, and so
    /// is one that no template could write: without letter or digit, over `MAX_FIELD_NAME`, or with `{}<>|` or a
    /// control character in it.
    #[must_use]
    pub fn with_custom<'n>(custom: impl IntoIterator<Item = &'n str>) -> Self {
        let mut fields = Self::standard();
        for name in custom {
            let name = name.trim();
            if is_writable(name) {
                fields.names.entry(key(name)).or_insert_with(|| name.to_owned());
            }
        }
        fields
    }

    /// All names as the workspace writes them: the standard ones in their order, then its own by name.
    #[must_use]
    pub fn all(&self) -> Vec<&str> {
        let own = self.names.values().map(String::as_str).filter(|name| !STANDARD_FIELDS.contains(name));
        STANDARD_FIELDS.into_iter().chain(own).collect()
    }

    /// The name as the workspace writes it, for a name as a template writes it.
    #[must_use]
    pub fn display(&self, name: &str) -> Option<&str> {
        self.names.get(&key(name)).map(String::as_str)
    }
}

/// Whether a field could have this name: letters or digits in it, and nothing that a template reads as a sign.
pub(super) fn is_writable(name: &str) -> bool {
    let sign = |character: char| character.is_control() || matches!(character, '{' | '}' | '<' | '>' | '|');
    name.chars().count() <= MAX_FIELD_NAME && name.chars().any(char::is_alphanumeric) && !name.contains(sign)
}
