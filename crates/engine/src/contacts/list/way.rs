//! Where the contacts that fit are looked for: along the index that holds the fewest of those that a filter's parts ask for.
//!
//! | part | index |
//! |---|---|
//! | words | `store::search` |
//! | import, label, list, *in a workflow* | its own, in the order of the contacts |
//! | a field that is, is empty, is filled | the field's keys, in that order, where contacts are kept by it |
//! | a field that has words | the same, if they are few |
//! | a workflow that runs or ran, moved since | enrollments, conversations, if they are few |
//! | never in a workflow, never texted, not moved since | none: mostly it fits most |
//!
//! What the others ask is looked up for each contact on the way.

use std::cmp::Reverse;

use domain::ids::{ContactId, WorkspaceId};
use domain::search::{EMPTY, FILLED, LONG, beginning_key, fold, whole_key};
use store::contacts::list::{self, Source};
use store::contacts::values::{self, Field, State};
use store::{DbError, Read};

use super::at::BEYOND;
use super::{Activity, Filter, History, MOST_FOUND, MOST_LOOKED_AT, Standing};
use crate::contacts::wish::{FieldWish, Wish};

/// Most contacts that are looked among, where their index has another order than the list.
const MOST_AMONG: usize = 20_000;

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Along an index, the newest first.
    Along(Source),
    /// Among these, which are all that can fit, the newest first.
    Among(Vec<ContactId>),
}

/// Where to look, and what was seen while it was chosen.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) way: Way,
    /// Whether words find more contacts than are looked among.
    pub(super) too_many_found: bool,
    /// The field that is asked for, where contacts are kept by it.
    pub(super) field: Option<Field>,
}

impl Way {
    /// Those before a contact, at most so many, the newest first.
    pub(super) fn before(
        &self,
        db: &Read<'_>,
        workspace: WorkspaceId,
        before: ContactId,
        limit: i64,
    ) -> Result<Vec<ContactId>, DbError> {
        match self {
            Self::Along(source) => list::ids(db, workspace, source, before, limit),
            Self::Among(ids) => {
                let from = ids.partition_point(|id| *id >= before);
                Ok(ids.iter().skip(from).take(usize::try_from(limit).unwrap_or(0)).copied().collect())
            }
        }
    }

    /// All of them, unless there are more than words are found for.
    pub(super) fn few(&self, db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<Vec<ContactId>>, DbError> {
        if *self == Self::Along(Source::All) {
            return Ok(None);
        }
        let ids = self.before(db, workspace, BEYOND, one_more_than(MOST_FOUND))?;
        Ok(Some(ids).filter(|ids| ids.len() <= MOST_FOUND))
    }
}

fn one_more_than(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1)
}

impl Chosen {
    pub(super) fn of(db: &Read<'_>, workspace: WorkspaceId, filter: &Filter) -> Result<Self, DbError> {
        // One that is deleted has its rows for a while yet.
        for label in filter.label.into_iter().chain(filter.list) {
            if store::labels::find(db, workspace, label)?.is_none() {
                return Ok(Self { way: Way::Among(Vec::new()), too_many_found: false, field: None });
            }
        }
        let wish = filter.field.as_ref();
        let field = wish.map(|wish| values::find(db, workspace, &wish.key)).transpose()?.flatten();
        if let Some(asked) = filter.asked() {
            let mut ids = store::search::contacts(db, workspace, &asked, one_more_than(MOST_FOUND))?;
            let too_many_found = ids.len() > MOST_FOUND;
            ids.truncate(MOST_FOUND);
            return Ok(Self { way: Way::Among(ids), too_many_found, field });
        }
        let kept = wish.filter(|_| field.as_ref().is_some_and(|field| field.state == State::Ready));
        let way = fewest(db, workspace, filter, kept)?;
        Ok(Self { way, too_many_found: false, field })
    }
}

fn fewest(db: &Read<'_>, workspace: WorkspaceId, filter: &Filter, kept: Option<&FieldWish>) -> Result<Way, DbError> {
    let mut sources = sources(filter, kept);
    if sources.len() > 1 || gathers(filter, kept) {
        let mut counted = Vec::with_capacity(sources.len());
        for source in sources {
            counted.push((list::ids(db, workspace, &source, BEYOND, one_more_than(MOST_LOOKED_AT))?.len(), source));
        }
        counted.sort_by_key(|(count, _)| *count);
        // Fewer than one page looks at.
        if counted.first().is_none_or(|(count, _)| *count > MOST_LOOKED_AT)
            && let Some(ids) = gathered(db, workspace, filter, kept)?
        {
            return Ok(Way::Among(ids));
        }
        sources = counted.into_iter().map(|(_, source)| source).collect();
    }
    Ok(Way::Along(sources.into_iter().next().unwrap_or(Source::All)))
}

/// The indexes that have the order of the list.
fn sources(filter: &Filter, kept: Option<&FieldWish>) -> Vec<Source> {
    let mut all: Vec<Source> = filter.import.map(Source::Imported).into_iter().collect();
    all.extend(filter.label.into_iter().chain(filter.list).map(Source::Labelled));
    all.extend(match filter.standing {
        None | Some(Standing::NeverTexted) => None,
        Some(Standing::InWorkflow) => Some(Source::Running),
        Some(listed) => Some(Source::Listed(listed.word())),
    });
    if matches!(filter.history, Some(History::Running(_))) && filter.standing != Some(Standing::InWorkflow) {
        all.push(Source::Running);
    }
    all.extend(kept.and_then(|FieldWish { key, wish }| {
        let key_of = |key: String, field: &String| Source::Kept { field: field.clone(), key };
        match wish {
            Wish::Is(asked) if asked.trim().is_empty() => Some(key_of(EMPTY.to_owned(), key)),
            Wish::Is(asked) => Some(key_of(whole_key(asked), key)),
            Wish::Empty => Some(key_of(EMPTY.to_owned(), key)),
            Wish::Filled => Some(key_of(FILLED.to_owned(), key)),
            Wish::Has(asked) => fold(asked).is_empty().then(|| key_of(FILLED.to_owned(), key)),
        }
    }));
    all
}

/// Whether there is an index in another order.
fn gathers(filter: &Filter, kept: Option<&FieldWish>) -> bool {
    matches!(filter.history, Some(History::Running(_) | History::Been(_)))
        || matches!(filter.activity, Some(Activity::Since(_)))
        || kept.is_some_and(|wish| matches!(wish.wish, Wish::Has(_)))
}

/// All that can fit by the index in another order that has the fewest, the newest first; nothing where each has too many.
fn gathered(
    db: &Read<'_>,
    workspace: WorkspaceId,
    filter: &Filter,
    kept: Option<&FieldWish>,
) -> Result<Option<Vec<ContactId>>, DbError> {
    let most = one_more_than(MOST_AMONG);
    let mut all = Vec::new();
    match filter.history {
        Some(History::Running(workflow)) => all.push(list::running_in(db, workspace, workflow, most)?),
        Some(History::Been(workflow)) => {
            let mut ids = list::running_in(db, workspace, workflow, most)?;
            ids.extend(list::ended_in(db, workspace, workflow, most)?);
            all.push(ids);
        }
        Some(History::Never(_)) | None => {}
    }
    if let Some(Activity::Since(since)) = filter.activity {
        all.push(list::moved(db, workspace, since, most)?);
    }
    if let Some(FieldWish { key, wish: Wish::Has(asked) }) = kept
        && let words = fold(asked)
        && !words.is_empty()
    {
        let mut ids = values::beginning(db, workspace, key, &beginning_key(&words), most)?;
        let long = Source::Kept { field: key.clone(), key: LONG.to_owned() };
        ids.extend(list::ids(db, workspace, &long, BEYOND, most)?);
        all.push(ids);
    }
    let fewest = all.into_iter().filter(|ids| ids.len() <= MOST_AMONG).min_by_key(Vec::len);
    Ok(fewest.map(|mut ids| {
        ids.sort_unstable_by_key(|id| Reverse(*id));
        ids.dedup();
        ids
    }))
}

#[cfg(test)]
mod tests {
    use domain::search::value_keys;
    use proptest::prelude::*;

    use super::*;

    fn kept_where_it_is_looked_for(value: &str, wish: Wish) -> bool {
        let (keys, field) = (value_keys(value), FieldWish { key: "city".to_owned(), wish });
        match (&field.wish, sources(&Filter::default(), Some(&field)).pop()) {
            (_, Some(Source::Kept { key, .. })) => keys.contains(&key),
            (Wish::Has(asked), None) => {
                let beginning = beginning_key(&fold(asked));
                keys.iter().any(|key| *key == LONG || key.starts_with(&beginning))
            }
            (_, source) => panic!("{source:?}"),
        }
    }

    proptest! {
        #[test]
        fn nobody_who_fits_is_kept_elsewhere(value in "[abAÉé '*-]{0,90}|([a-c]{1,3} ){0,16}", from in 0..90usize, to in 0..90usize) {
            // What is asked is mostly a part of what is there.
            let part: String = value.chars().skip(from.min(to)).take(from.abs_diff(to)).collect();
            for asked in [part, value.clone(), value.to_uppercase()] {
                for wish in [Wish::Is(asked.clone()), Wish::Has(asked.clone()), Wish::Empty, Wish::Filled] {
                    let field = FieldWish { key: "city".to_owned(), wish: wish.clone() };
                    let fits = field.is_fulfilled(&[("city".to_owned(), value.clone())]);
                    if fits && !matches!(&wish, Wish::Has(asked) if asked.trim().is_empty()) {
                        prop_assert!(kept_where_it_is_looked_for(&value, wish.clone()), "{value:?} {wish:?}");
                    }
                }
            }
        }
    }
}
