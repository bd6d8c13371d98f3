//! The list of contacts: filtered, sorted, page by page, however many there are.
//!
//! A page looks along the index that holds the fewest of those that fit (`way`) and costs a bounded number of lookups: where none holds
//! few and yet few fit, the page may be short and says where to go on. A field that made it so is one that contacts are kept by from
//! then on. Words fit at most [`MOST_FOUND`] contacts.

mod at;
mod way;

use std::collections::HashSet;

use domain::access::Permission;
use domain::ids::{ContactId, ImportId, LabelId, WorkflowId, WorkspaceId};
use domain::search::Asked;
use domain::suppression::Suppression;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::contacts::list::{self, Must, Place};
use store::{DbError, Read};

use self::at::{At, BEYOND};
use self::way::{Chosen, Way};
use super::wish::FieldWish;
use super::{Contact, ContactError, MAX_PAGE};
use crate::actor::Actor;
use crate::engine::Engine;

/// Most contacts that words are found for.
pub const MOST_FOUND: usize = 2_000;
/// Most contacts that one page looks at.
const MOST_LOOKED_AT: usize = 5_000;
/// How many are looked at in one go.
const CHUNK: i64 = 500;
/// Counting ends here: beyond it a count says "more than".
const MOST_COUNTED: usize = 20_000;
/// It ends as well after so many pages of [`MOST_LOOKED_AT`], where few of very many fit.
const MOST_PAGES: usize = 40;

/// What a contact is, to the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A workflow runs.
    InWorkflow,
    /// Nothing was ever sent.
    NeverTexted,
    /// On the list.
    OptedOut,
    /// On the list.
    DoNotContact,
    /// On the list.
    ComplianceBlocked,
    /// On the list.
    Undeliverable,
}

impl Standing {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 6] = [
        Self::InWorkflow,
        Self::NeverTexted,
        Self::OptedOut,
        Self::DoNotContact,
        Self::Undeliverable,
        Self::ComplianceBlocked,
    ];

    /// The word for it in addresses and documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::InWorkflow => "in_workflow",
            Self::NeverTexted => "never_texted",
            Self::OptedOut => Suppression::OptedOut.word(),
            Self::DoNotContact => Suppression::DoNotContact.word(),
            Self::ComplianceBlocked => Suppression::ComplianceBlocked.word(),
            Self::Undeliverable => Suppression::Undeliverable.word(),
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// What a contact has had to do with a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// It runs.
    Running(WorkflowId),
    /// It runs, or ran.
    Been(WorkflowId),
    /// It never did.
    Never(WorkflowId),
}

/// When its conversation moved last, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Since then.
    Since(Timestamp),
    /// Not since then, or never.
    NotSince(Timestamp),
}

/// Which contacts. Whatever is asked has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Words or a phone, as they were typed; empty asks nothing.
    #[serde(default)]
    pub search: String,
    /// What they are.
    #[serde(default)]
    pub standing: Option<Standing>,
    /// The import that made them.
    #[serde(default)]
    pub import: Option<ImportId>,
    /// The label that they have.
    #[serde(default)]
    pub label: Option<LabelId>,
    /// The list that they are on.
    #[serde(default)]
    pub list: Option<LabelId>,
    /// What they have had to do with a workflow.
    #[serde(default)]
    pub history: Option<History>,
    /// When their conversations moved last.
    #[serde(default)]
    pub activity: Option<Activity>,
    /// What a field of theirs holds.
    #[serde(default)]
    pub field: Option<FieldWish>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// By name.
    Name,
    /// The one whose conversation moved last first.
    Activity,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listed {
    /// At most as many as were asked for; fewer do not mean that it is the last page.
    pub contacts: Vec<Contact>,
    /// Where to go on; nothing at the end.
    pub next: Option<String>,
    /// Whether more contacts fit the words than are listed.
    pub too_many_found: bool,
    /// Whether contacts of a large import may be missing, which are not found by words or sorted in by name yet (`store::search::due`).
    pub arriving: bool,
}

/// How many contacts fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Exactly so many.
    Exactly(u64),
    /// More than so many.
    MoreThan(u64),
}

impl Filter {
    /// Whether it asks nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { search: self.search.clone(), ..Self::default() } && self.asked().is_none()
    }

    fn asked(&self) -> Option<Asked> {
        Some(Asked::read(&self.search)).filter(|asked| !asked.is_empty())
    }

    /// Those of these contacts that are all that it asks, beside its words.
    fn fitting(&self, db: &Read<'_>, workspace: WorkspaceId, ids: &[ContactId]) -> Result<Vec<Place>, DbError> {
        let fulfills = self.field.as_ref().map(|wish| |fields: &[(String, String)]| wish.is_fulfilled(fields));
        list::fitting(db, workspace, ids, self.must(), fulfills.as_ref().map(|keep| keep as list::Keep<'_>))
    }
}

/// A page of identifiers, and where to go on.
struct Ids {
    ids: Vec<ContactId>,
    next: Option<At>,
    /// Whether looking ended before the page was full.
    broken_off: bool,
}

fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    filter: &Filter,
    (way, sort): (&Way, Sort),
    from: &At,
    limit: usize,
) -> Result<Ids, DbError> {
    if sort != Sort::Newest
        && let Some(ids) = way.few(db, workspace)?
    {
        let places = filter.fitting(db, workspace, &ids)?;
        let mut all: Vec<(ContactId, At)> = places.iter().map(|place| (place.id, At::of(sort, place))).collect();
        let start = At::start(sort);
        all.retain(|(_, at)| *from == start || at.rank() > from.rank());
        all.sort_unstable_by(|(_, one), (_, other)| one.rank().cmp(&other.rank()));
        return Ok(cut(all, limit, None));
    }
    let checked = !filter.is_empty() || sort == Sort::Activity;
    let first = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let (mut kept, mut at, mut looked_at) = (Vec::new(), from.clone(), 0);
    while kept.len() <= limit {
        let chunk = at.next(db, workspace, way, if looked_at == 0 { first } else { CHUNK })?;
        let Some((_, last)) = chunk.last() else { return Ok(cut(kept, limit, None)) };
        at = last.clone();
        if filter.is_behind(&at) {
            let before = chunk.into_iter().filter(|(_, place)| !filter.is_behind(place)).collect::<Vec<_>>();
            let fits = fitting(db, workspace, filter, &before)?;
            kept.extend(before.into_iter().filter(|(id, _)| fits.contains(id)));
            return Ok(cut(kept, limit, None));
        }
        looked_at += chunk.len();
        let fits = checked.then(|| fitting(db, workspace, filter, &chunk)).transpose()?;
        kept.extend(chunk.into_iter().filter(|(id, _)| fits.as_ref().is_none_or(|fits| fits.contains(id))));
        if looked_at >= MOST_LOOKED_AT {
            return Ok(cut(kept, limit, Some(at)));
        }
    }
    Ok(cut(kept, limit, None))
}

fn fitting(
    db: &Read<'_>,
    workspace: WorkspaceId,
    filter: &Filter,
    chunk: &[(ContactId, At)],
) -> Result<HashSet<ContactId>, DbError> {
    let ids: Vec<ContactId> = chunk.iter().map(|(id, _)| *id).collect();
    Ok(filter.fitting(db, workspace, &ids)?.into_iter().map(|place| place.id).collect())
}

/// The first of them; where to go on is behind the last of these, or where looking was broken off.
fn cut(mut all: Vec<(ContactId, At)>, limit: usize, broken_off: Option<At>) -> Ids {
    let more = all.len() > limit;
    let behind = all.get(limit.saturating_sub(1)).filter(|_| more).map(|(_, at)| at.clone());
    all.truncate(limit);
    let ids = all.into_iter().map(|(id, _)| id).collect();
    Ids { ids, broken_off: !more && broken_off.is_some(), next: behind.or(broken_off) }
}

impl Filter {
    /// All that it asks of one contact.
    fn must(&self) -> Must {
        let must = Must {
            state: self.standing.map_or("", Standing::word),
            import: self.import.map_or(0, |id| id.0),
            label: self.label.map_or(0, |id| id.0),
            list: self.list.map_or(0, |id| id.0),
            ..Must::default()
        };
        let must = match self.history {
            None => must,
            Some(History::Running(workflow)) => Must { been_in: workflow.0, still: true, ..must },
            Some(History::Been(workflow)) => Must { been_in: workflow.0, ..must },
            Some(History::Never(workflow)) => Must { never_in: workflow.0, ..must },
        };
        match self.activity {
            None => must,
            Some(Activity::Since(at)) => Must { moved_since: at.as_microsecond(), ..must },
            Some(Activity::NotSince(at)) => Must { quiet_since: at.as_microsecond(), ..must },
        }
    }

    /// Whether nobody from this place on fits: by activity, those who moved before the time that is asked for come behind all others.
    fn is_behind(&self, place: &At) -> bool {
        let Some(Activity::Since(since)) = self.activity else { return false };
        match place {
            At::Active(at, _) => *at < since,
            At::Silent(_) => true,
            At::Newest(_) | At::Name(..) => false,
        }
    }
}

/// The contacts that fit and are older than the given one, the newest first, some hundred at a time; and the one to go on
/// before, nothing at the end. What comes meanwhile is newer than all of them.
pub(crate) fn matching(
    db: &Read<'_>,
    workspace: WorkspaceId,
    filter: &Filter,
    before: ContactId,
    limit: usize,
) -> Result<(Vec<ContactId>, Option<ContactId>), DbError> {
    let chosen = Chosen::of(db, workspace, filter)?;
    let found = page(db, workspace, filter, (&chosen.way, Sort::Newest), &At::Newest(before), limit)?;
    let next = found.next.and_then(|at| if let At::Newest(id) = at { Some(id) } else { None });
    Ok((found.ids, next))
}

/// Whether the words of a filter find more contacts than are looked among.
pub(crate) fn finds_too_many(db: &Read<'_>, workspace: WorkspaceId, filter: &Filter) -> Result<bool, DbError> {
    Ok(Chosen::of(db, workspace, filter)?.too_many_found)
}

pub(crate) fn count(db: &Read<'_>, workspace: WorkspaceId, filter: &Filter) -> Result<Counted, DbError> {
    if filter.is_empty() {
        let all = store::contacts::count(db, workspace)?;
        return Ok(Counted::Exactly(u64::try_from(all).unwrap_or(0)));
    }
    let chosen = Chosen::of(db, workspace, filter)?;
    let (mut counted, mut before) = (0, BEYOND);
    for _ in 0..MOST_PAGES {
        let newest = (&chosen.way, Sort::Newest);
        let found = page(db, workspace, filter, newest, &At::Newest(before), MOST_LOOKED_AT)?;
        counted += found.ids.len();
        if chosen.too_many_found || counted > MOST_COUNTED {
            return Ok(Counted::MoreThan(counted.min(MOST_COUNTED) as u64));
        }
        match found.next {
            Some(At::Newest(next)) => before = next,
            _ => return Ok(Counted::Exactly(counted as u64)),
        }
    }
    Ok(Counted::MoreThan(counted as u64))
}

impl Engine {
    /// A page of the contacts that fit. A limit over [`MAX_PAGE`] is lowered to it; a cursor that is none is the start.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn list_contacts(
        &self,
        actor: &Actor,
        filter: &Filter,
        sort: Sort,
        cursor: &str,
        limit: u32,
    ) -> Result<Listed, ContactError> {
        actor.need(Permission::Read)?;
        let (workspace, filter) = (actor.workspace(), filter.clone());
        let (from, limit) = (At::read(sort, cursor), limit.clamp(1, MAX_PAGE) as usize);
        let key = filter.field.as_ref().map(|wish| wish.key.clone());
        let (listed, field, broken_off) = self
            .read(move |db| {
                let Chosen { way, too_many_found, field } = Chosen::of(db, workspace, &filter)?;
                let Ids { ids, next, broken_off } = page(db, workspace, &filter, (&way, sort), &from, limit)?;
                let mut contacts = store::contacts::some(db, workspace, &ids)?;
                contacts.sort_by_key(|contact| ids.iter().position(|id| *id == contact.id));
                let by_keys = filter.asked().is_some() || sort == Sort::Name;
                let due = by_keys && store::search::due::last(db, workspace)?.is_some();
                // A list by name of few is sorted from their rows.
                let arriving = due && (filter.asked().is_some() || way.few(db, workspace)?.is_none());
                let listed = Listed { contacts, next: next.map(|at| at.to_string()), too_many_found, arriving };
                Ok::<_, ContactError>((listed, field, broken_off))
            })
            .await?;
        if let Some(key) = key {
            self.keep_by(workspace, key, field, broken_off).await;
        }
        Ok(listed)
    }

    /// How many contacts fit. Exact for all of them, and for up to 20,000 of the 200,000 that are looked at.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn count_contacts(&self, actor: &Actor, filter: &Filter) -> Result<Counted, ContactError> {
        actor.need(Permission::Read)?;
        let (workspace, filter) = (actor.workspace(), filter.clone());
        self.read(move |db| Ok(count(db, workspace, &filter)?)).await
    }

    /// The contacts that fit and are older than the given one (nothing: all), the newest first; and the one to go on
    /// before, nothing at the end. For work on all of them, in portions.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn matching_contacts(
        &self,
        actor: &Actor,
        filter: &Filter,
        before: Option<ContactId>,
        limit: u32,
    ) -> Result<(Vec<ContactId>, Option<ContactId>), ContactError> {
        actor.need(Permission::Read)?;
        let (workspace, filter) = (actor.workspace(), filter.clone());
        let (before, limit) = (before.unwrap_or(BEYOND), limit.clamp(1, 5_000) as usize);
        self.read(move |db| Ok(matching(db, workspace, &filter, before, limit)?)).await
    }
}
