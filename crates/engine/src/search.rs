//! Searching a workspace: contacts by name, phone and what else names them, texts by their words.

use domain::access::Permission;
use domain::ids::{ContactId, MessageId};
use domain::search::Asked;
use jiff::Timestamp;
use store::contacts::list::{self, Must};

use crate::actor::Actor;
use crate::contacts::{Contact, ContactError, get};
use crate::engine::Engine;

/// Most hits of each kind.
pub const MAX_HITS: u32 = 50;
/// How many contacts are looked at for the best of them.
const LOOKED_AT: i64 = 200;
/// About how many characters a snippet has before and behind what was found.
const AROUND: usize = 40;

/// Why a contact was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// By its name.
    Name,
    /// By its phone.
    Phone,
    /// By a field: its key.
    Field(&'static str),
    /// By a text from or to it, which a person wrote.
    Message {
        /// Which.
        message: MessageId,
        /// When.
        at: Timestamp,
        /// What stands before the word that was found, cut.
        before: String,
        /// The word.
        word: String,
        /// What stands behind it, cut.
        after: String,
    },
}

/// A contact that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The contact.
    pub contact: Contact,
    /// Why.
    pub why: Why,
}

impl Engine {
    /// Searches contacts (those whose conversation moved last first), then texts (the newest first); at most so many of
    /// each. Words may be begun only; all of them must be there. A contact may be found by itself and by its texts.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn search(&self, actor: &Actor, text: &str, limit: u32) -> Result<Vec<Hit>, ContactError> {
        actor.need(Permission::Read)?;
        let (workspace, asked) = (actor.workspace(), Asked::read(text));
        let limit = limit.clamp(1, MAX_HITS) as usize;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        self.read(move |db| {
            let ids = store::search::contacts(db, workspace, &asked, LOOKED_AT)?;
            let mut places = list::fitting(db, workspace, &ids, Must::default(), None)?;
            places.sort_by(|one, other| (other.active_at, &one.name_key).cmp(&(one.active_at, &other.name_key)));
            places.truncate(limit);
            let texts = store::search::texts(db, workspace, &asked, limit)?;
            let mut all: Vec<ContactId> = places.iter().map(|place| place.id).collect();
            all.extend(texts.iter().map(|text| text.contact));
            let rows = store::contacts::some(db, workspace, &all)?;
            let of = |id: ContactId| rows.iter().find(|row| row.id == id).cloned();
            let contacts = places.iter().filter_map(|place| of(place.id));
            let mut hits: Vec<Hit> = contacts.map(|contact| Hit { why: why(&asked, &contact), contact }).collect();
            for text in texts {
                let why = quoted(&asked, text.message, text.at, &text.body);
                hits.extend(of(text.contact).map(|contact| Hit { contact, why }));
            }
            Ok(hits)
        })
        .await
    }
}

fn why(asked: &Asked, contact: &Contact) -> Why {
    if asked.is_in(&contact.name) && !asked.words.is_empty() {
        return Why::Name;
    }
    let fields = ["email", "company", "address"];
    let field = fields.into_iter().find(|key| get(&contact.fields, key).is_some_and(|value| asked.is_in(value)));
    field.filter(|_| asked.digits.is_none()).map_or(Why::Phone, Why::Field)
}

fn quoted(asked: &Asked, message: MessageId, at: Timestamp, body: &str) -> Why {
    let (from, to) = asked.place_in(body).unwrap_or((0, 0));
    let before: Vec<char> = body[..from].chars().collect();
    let mut before: String = before[before.len().saturating_sub(AROUND)..].iter().collect();
    if from > before.len() {
        before.insert(0, '…');
    }
    let mut after: String = body[to..].chars().take(AROUND).collect();
    if to + after.len() < body.len() {
        after.push('…');
    }
    Why::Message { message, at, before, word: body[from..to].to_owned(), after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_around_what_was_found() {
        let body = format!("{} the house 🎉 {}", "é".repeat(60), "x".repeat(60));
        let Why::Message { before, word, after, .. } = quoted(&Asked::read("hou"), MessageId(1), Timestamp::MIN, &body)
        else {
            panic!()
        };
        assert_eq!(word, "house");
        assert!(before.starts_with('…') && before.ends_with("é the "), "{before}");
        assert!(after.starts_with(" 🎉 x") && after.ends_with('…'), "{after}");
    }
}
