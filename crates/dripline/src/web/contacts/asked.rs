//! What the list of contacts is asked for: by an address, by a saved view, by the forms that act on everybody who is shown.
//!
//! A form carries the whole filter as one query. So no form can leave a part of it out, and change more people than are shown.

use axum::extract::Query;
use axum::http::Uri;
use domain::ids::WorkflowId;
use engine::contacts::list::{Activity, Filter, History, Sort, Standing};
use engine::contacts::wish::{FieldWish, MAX_VALUE, Wish};
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use super::{Pick, escaped};
use crate::problem::{Code, Problem};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;

/// What a contact may have had to do with a workflow: the word of an address, and what it reads before the name.
pub(super) const HISTORIES: [(&str, &str); 3] = [("in", "In"), ("been", "In now or before:"), ("never", "Never in")];
/// When a conversation moved last: the word of an address, and what it reads.
pub(super) const ACTIVITIES: [(&str, &str); 7] = [
    ("active-7", "In the last 7 days"),
    ("active-30", "In the last 30 days"),
    ("active-90", "In the last 90 days"),
    ("quiet-7", "Not for 7 days"),
    ("quiet-30", "Not for 30 days"),
    ("quiet-90", "Not for 90 days"),
    ("quiet-365", "Not for a year"),
];

/// What can be asked of a field: the word of an address, and what it reads.
const HOWS: [(&str, &str); 4] = [("is", "is"), ("has", "has"), ("empty", "is empty"), ("filled", "is filled")];

/// What the address asks for.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) q: String,
    pub(super) state: String,
    pub(super) import: String,
    pub(super) label: String,
    /// A list of the workspace.
    pub(super) list: String,
    /// `in`, `been` or `never`, a dash and a workflow.
    pub(super) workflow: String,
    /// `active` or `quiet`, a dash and a number of days.
    pub(super) activity: String,
    /// The key of a field.
    pub(super) field: String,
    /// `is`, `has`, `empty` or `filled`.
    pub(super) how: String,
    pub(super) value: String,
    pub(super) sort: String,
    pub(super) cursor: String,
}

impl Asked {
    /// Reads what a form carries of the list that it stands in.
    pub(super) fn read(query: &str) -> Result<Self, Wrong> {
        let wrong = || Problem::new(Code::Selection, "the filter of the list cannot be read: load the list again");
        let uri: Uri = format!("/?{query}").parse().map_err(|_| wrong())?;
        let read = Query::<Self>::try_from_uri(&uri).map_err(|_| wrong())?;
        Ok(read.0)
    }

    /// The filter that these words ask for, as of today. A word that is none asks nothing.
    pub(super) fn filter(&self, viewer: &Viewer) -> Filter {
        Filter {
            search: self.q.trim().chars().take(200).collect(),
            standing: Standing::from_word(&self.state),
            import: self.import.parse().ok(),
            label: self.label.parse().ok(),
            list: self.list.parse().ok(),
            history: history(&self.workflow),
            activity: self.activity.split_once('-').and_then(|(word, days)| activity(word, days.parse().ok()?, viewer)),
            field: self.wish(),
        }
    }

    /// What is asked of a field; nothing while nothing is typed.
    fn wish(&self) -> Option<FieldWish> {
        let value: String = self.value.trim().chars().take(MAX_VALUE).collect();
        let typed = (!value.is_empty()).then_some(value);
        let wish = match self.how.as_str() {
            "empty" => Wish::Empty,
            "filled" => Wish::Filled,
            "has" => Wish::Has(typed?),
            _ => Wish::Is(typed?),
        };
        (!self.field.is_empty()).then(|| FieldWish { key: self.field.clone(), wish })
    }

    /// What can be asked of a field.
    pub(super) fn hows(&self) -> Vec<Pick> {
        HOWS.map(|one| Pick::of(one, &self.how)).into()
    }

    /// Whether what is asked of the field needs a value beside it.
    pub(super) fn needs_value(&self) -> bool {
        !["empty", "filled"].contains(&self.how.as_str())
    }

    pub(super) fn order(&self) -> Sort {
        match self.sort.as_str() {
            "name" => Sort::Name,
            "activity" => Sort::Activity,
            _ => Sort::Newest,
        }
    }

    /// The parts that choose contacts.
    fn chosen(&self) -> [(&'static str, &str); 10] {
        [
            ("q", &self.q),
            ("state", &self.state),
            ("import", &self.import),
            ("label", &self.label),
            ("list", &self.list),
            ("workflow", &self.workflow),
            ("activity", &self.activity),
            ("field", &self.field),
            ("how", &self.how),
            ("value", &self.value),
        ]
    }

    /// The filter as a query; empty if it asks nothing.
    pub(super) fn query(&self) -> String {
        joined(self.chosen().into_iter())
    }

    /// The address of the list with something else in it.
    pub(super) fn address(&self, changes: &[(&str, &str)]) -> String {
        let own = self.chosen().into_iter().chain([("sort", self.sort.as_str()), ("cursor", "")]);
        let changed = |(name, own)| (name, changes.iter().find(|(other, _)| *other == name).map_or(own, |(_, to)| *to));
        let query = joined(own.map(changed));
        if query.is_empty() { "/contacts".to_owned() } else { format!("/contacts?{query}") }
    }
}

fn joined<'a>(pairs: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let pair = |(name, value): (&str, &str)| format!("{name}={}", escaped(value));
    pairs.filter(|(_, value)| !value.is_empty()).map(pair).collect::<Vec<_>>().join("&")
}

fn history(text: &str) -> Option<History> {
    let (word, workflow) = text.split_once('-')?;
    let workflow: WorkflowId = workflow.parse().ok()?;
    match word {
        "in" => Some(History::Running(workflow)),
        "been" => Some(History::Been(workflow)),
        "never" => Some(History::Never(workflow)),
        _ => None,
    }
}

/// From the beginning of a day of the workspace's, so that it means the same people until the day is over.
fn activity(word: &str, days: i32, viewer: &Viewer) -> Option<Activity> {
    let today = viewer.now.to_zoned_datetime(viewer.home.clock().clone()).start_of_day().ok()?;
    let at: Timestamp = today.checked_sub(days.checked_abs()?.days()).ok()?.timestamp();
    match word {
        "active" => Some(Activity::Since(at)),
        "quiet" => Some(Activity::NotSince(at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_holds_all_that_chooses_contacts_and_reads_back() {
        let query = "q=Ann%20%26%20Co&state=opted_out&import=imp_1&label=lbl_1&list=lbl_2&workflow=never-wfl_1&activity=quiet-30\
            &field=city&how=is&value=S%C3%A3o%20Paulo";
        let asked = Asked::read(&format!("{query}&sort=name&cursor=x")).unwrap();
        assert_eq!((asked.q.as_str(), asked.sort.as_str()), ("Ann & Co", "name"));
        assert_eq!(asked.query(), query);
        let rest = query.split_once('&').unwrap().1;
        let changed = asked.address(&[("q", ""), ("cursor", "7")]);
        assert_eq!(changed, format!("/contacts?{rest}&sort=name&cursor=7"));
        assert!(Asked::read("q=a b").is_err(), "no query has a space");
        assert_eq!(Asked::default().address(&[]), "/contacts");
    }
}
