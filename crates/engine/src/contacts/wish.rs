//! What a field of a contact is asked to hold, as the list of contacts filters by it.
//!
//! It is held against each contact on the way; where few of many fulfill it, contacts are soon kept by the field (`kept`), and the way is
//! short. Letters count without case and accents, as in every search.

use domain::search::fold;
use serde::{Deserialize, Serialize};

/// Most characters of what is asked for.
pub const MAX_VALUE: usize = 200;

/// What is asked of the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It is this.
    Is(String),
    /// It has these words in it, the last of them perhaps as a beginning.
    Has(String),
    /// There is none.
    Empty,
    /// There is any.
    Filled,
}

/// A field, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldWish {
    /// The field's key.
    pub key: String,
    /// What is asked.
    pub wish: Wish,
}

impl FieldWish {
    /// Whether these fields of a contact fulfill it.
    #[must_use]
    pub fn is_fulfilled(&self, fields: &[(String, String)]) -> bool {
        let found = fields.iter().find(|(key, _)| *key == self.key).map_or("", |(_, value)| value.trim());
        match &self.wish {
            Wish::Empty => found.is_empty(),
            Wish::Filled => !found.is_empty(),
            Wish::Is(asked) => is_same(found, asked.trim()),
            Wish::Has(asked) => has(found, asked.trim()),
        }
    }
}

/// What has neither letter nor digit is compared as it is written.
fn is_same(found: &str, asked: &str) -> bool {
    let (plain, wanted) = (fold(found), fold(asked));
    if wanted.is_empty() { found == asked } else { plain == wanted }
}

fn has(found: &str, asked: &str) -> bool {
    let wanted = fold(asked);
    if wanted.is_empty() { found.contains(asked) } else { format!(" {}", fold(found)).contains(&format!(" {wanted}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_without_case_and_accents_and_words_from_their_beginning() {
        let fields = [("city", "São Paulo"), ("stage", " "), ("stars", "***")];
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let text = str::to_owned;
        let cases = [
            ("city", Wish::Is(text("sao paulo")), true),
            ("city", Wish::Is(text(" SÃO PAULO ")), true),
            ("city", Wish::Is(text("Paulo")), false),
            ("city", Wish::Has(text("pau")), true),
            ("city", Wish::Has(text("aulo")), false),
            ("city", Wish::Has(text("sao p")), true),
            ("city", Wish::Filled, true),
            ("city", Wish::Empty, false),
            ("stage", Wish::Empty, true),
            ("stage", Wish::Filled, false),
            ("stars", Wish::Is(text("***")), true),
            ("stars", Wish::Is(text("**")), false),
            ("stars", Wish::Has(text("**")), true),
            ("unknown", Wish::Empty, true),
            ("unknown", Wish::Is(text("x")), false),
        ];
        for (key, wish, fits) in cases {
            let asked = FieldWish { key: text(key), wish };
            assert_eq!(asked.is_fulfilled(&fields), fits, "{asked:?}");
        }
    }
}
