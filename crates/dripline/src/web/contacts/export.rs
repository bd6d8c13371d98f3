//! `/contacts/export`: contacts as CSV, row by row as they are read, however many.
//!
//! A cell that a spreadsheet would take for a formula is led by an apostrophe: what somebody typed into a field must not
//! run on the machine of whoever opens the file.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::access::Permission;
use domain::ids::ContactId;
use engine::Actor;
use engine::bulk::BulkError;
use engine::changes::Whom;
use engine::contacts::ContactError;
use engine::contacts::list::Sort;
use futures_util::stream;
use store::{DbError, Read, contacts};

use super::bulk::Selected;
use crate::problem::Problem;
use crate::web::csv;
use crate::web::form::Form;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// How many contacts are read at a time.
const CHUNK: u32 = 500;
/// The columns that come first: key and name.
const FIRST: [(&str, &str); 9] = [
    ("firstname", "First Name"),
    ("lastname", "Last Name"),
    ("fullname", "Full Name"),
    ("company", "Company"),
    ("email", "Email"),
    ("address", "Address"),
    ("city", "City"),
    ("state", "State"),
    ("zip", "Zip"),
];

/// Where the export is.
enum At {
    Start,
    /// These are left of a selection.
    These(Vec<ContactId>),
    /// Those before this one are left of a filter.
    Before(Option<ContactId>),
    End,
}

struct Export {
    parts: Parts,
    actor: Actor,
    whom: Whom,
    columns: Vec<(String, String)>,
    at: At,
}

pub(super) async fn file(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(form): Form<Selected>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Export)?;
    let whom = form.whom(&viewer)?;
    if let Whom::Matching(filter) = &whom
        && parts.engine.list_contacts(&viewer.actor, filter, Sort::Newest, "", 1).await?.too_many_found
    {
        return Err(Problem::from(BulkError::TooManyFound).into());
    }
    let workspace = viewer.actor.workspace();
    let own = parts.engine.read::<_, DbError, _>(move |db| contacts::custom_fields(db, workspace)).await?;
    let first = FIRST.map(|(key, name)| (key.to_owned(), name.to_owned()));
    let columns = first.into_iter().chain(own).chain([("timezone".to_owned(), "Time Zone".to_owned())]).collect();
    let export = Export { parts, actor: viewer.actor, whom, columns, at: At::Start };
    let body = Body::from_stream(stream::unfold(export, Export::next));
    Ok((csv::download_of("contacts.csv"), body).into_response())
}

impl Export {
    /// The next piece of the file. A failure breaks the transfer off, which the browser says.
    async fn next(mut self) -> Option<(Result<Bytes, ContactError>, Self)> {
        match self.rows().await {
            Ok(None) => None,
            Ok(Some(text)) => Some((Ok(text.into()), self)),
            Err(error) => {
                tracing::error!(%error, "an export broke off");
                self.at = At::End;
                Some((Err(error), self))
            }
        }
    }

    async fn rows(&mut self) -> Result<Option<String>, ContactError> {
        let ids = match std::mem::replace(&mut self.at, At::End) {
            At::Start => {
                self.at = match &self.whom {
                    Whom::These(ids) => At::These(ids.clone()),
                    Whom::Matching(_) => At::Before(None),
                };
                let names = ["Phone"].into_iter().chain(self.columns.iter().map(|(_, name)| name.as_str()));
                return Ok(Some(format!("\u{feff}{}", line(names))));
            }
            At::End => return Ok(None),
            At::These(mut ids) => {
                let rest = ids.split_off(ids.len().min(CHUNK as usize));
                if !rest.is_empty() {
                    self.at = At::These(rest);
                }
                ids
            }
            At::Before(before) => {
                let Whom::Matching(filter) = &self.whom else { return Ok(None) };
                let (ids, next) = self.parts.engine.matching_contacts(&self.actor, filter, before, CHUNK).await?;
                if next.is_some() {
                    self.at = At::Before(next);
                }
                ids
            }
        };
        let workspace = self.actor.workspace();
        let read = move |db: &Read<'_>| Ok::<_, ContactError>(contacts::some(db, workspace, &ids)?);
        let rows = self.parts.engine.read(read).await?;
        Ok(Some(rows.iter().rev().map(|row| self.line_of(row)).collect()))
    }

    fn line_of(&self, row: &contacts::Contact) -> String {
        let of = |key: &str| row.fields.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value.as_str());
        let cells = self.columns.iter().map(|(key, _)| of(key));
        format!("{},{}", row.phone, line(cells))
    }
}

fn line<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let cells: Vec<String> = cells.map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell between quotation marks where it needs them. The phone alone may begin with a plus: it holds digits only.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let led = if formula { format!("'{text}") } else { text.to_owned() };
    let needs = led.contains(['"', ',', '\n', '\r', ';']) || led.starts_with([' ', '\'']);
    if needs { format!("\"{}\"", led.replace('"', "\"\"")) } else { led }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text_and_quotes_are_doubled() {
        for (text, written) in [
            ("Ann", "Ann"),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("12 Oak \"St\", NY", "\"12 Oak \"\"St\"\", NY\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
