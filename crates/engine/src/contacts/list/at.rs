//! A place in one of the orders of the list of contacts: what a cursor says, and what comes behind it.

use std::cmp::Reverse;
use std::fmt;

use domain::ids::{ContactId, WorkspaceId};
use jiff::Timestamp;
use store::contacts::list::{self, Place};
use store::{DbError, Read};

use super::Sort;
use super::way::Way;

/// A place in one of the orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    Newest(ContactId),
    Name(String, ContactId),
    Active(Timestamp, ContactId),
    /// Behind all that have a conversation.
    Silent(ContactId),
}

pub(super) const BEYOND: ContactId = ContactId(i64::MAX);

impl At {
    pub(super) fn start(sort: Sort) -> Self {
        match sort {
            Sort::Newest => Self::Newest(BEYOND),
            Sort::Name => Self::Name(String::new(), ContactId(i64::MIN)),
            Sort::Activity => Self::Active(Timestamp::MAX, BEYOND),
        }
    }

    /// Reads a place; what is none is the start.
    pub(super) fn read(sort: Sort, cursor: &str) -> Self {
        Self::parse(sort, cursor).unwrap_or_else(|| Self::start(sort))
    }

    fn parse(sort: Sort, cursor: &str) -> Option<Self> {
        let (id, rest) = cursor.split_once('.').unwrap_or((cursor, ""));
        let id: ContactId = id.parse().ok()?;
        Some(match sort {
            Sort::Newest => Self::Newest(id),
            Sort::Name => Self::Name(rest.to_owned(), id),
            Sort::Activity if rest.is_empty() => Self::Silent(id),
            Sort::Activity => Self::Active(Timestamp::from_microsecond(rest.parse().ok()?).ok()?, id),
        })
    }

    pub(super) fn of(sort: Sort, place: &Place) -> Self {
        match (sort, place.active_at) {
            (Sort::Newest, _) => Self::Newest(place.id),
            (Sort::Name, _) => Self::Name(place.name_key.clone(), place.id),
            (Sort::Activity, Some(at)) => Self::Active(at, place.id),
            (Sort::Activity, None) => Self::Silent(place.id),
        }
    }

    /// Sorts as the list does.
    pub(super) fn rank(&self) -> (Option<&str>, Reverse<Option<Timestamp>>, Reverse<ContactId>) {
        match self {
            Self::Newest(id) | Self::Silent(id) => (None, Reverse(None), Reverse(*id)),
            Self::Active(at, id) => (None, Reverse(Some(*at)), Reverse(*id)),
            // By name the older of two goes first.
            Self::Name(name, id) => (Some(name), Reverse(None), Reverse(ContactId(id.0.wrapping_neg()))),
        }
    }

    /// Those behind this place in their order, at most so many.
    pub(super) fn next(
        &self,
        db: &Read<'_>,
        workspace: WorkspaceId,
        way: &Way,
        limit: i64,
    ) -> Result<Vec<(ContactId, Self)>, DbError> {
        let rows: Vec<(ContactId, Self)> = match self {
            Self::Newest(before) => {
                let ids = way.before(db, workspace, *before, limit)?;
                ids.into_iter().map(|id| (id, Self::Newest(id))).collect()
            }
            Self::Name(name, id) => {
                let rows = list::by_name(db, workspace, (name, *id), limit)?;
                rows.into_iter().map(|(id, name)| (id, Self::Name(name, id))).collect()
            }
            Self::Active(at, id) => {
                let rows = list::by_activity(db, workspace, (*at, *id), limit)?;
                if rows.is_empty() {
                    return Self::Silent(BEYOND).next(db, workspace, way, limit);
                }
                rows.into_iter().map(|(id, at)| (id, Self::Active(at, id))).collect()
            }
            Self::Silent(before) => {
                let ids = list::silent(db, workspace, *before, limit)?;
                ids.into_iter().map(|id| (id, Self::Silent(id))).collect()
            }
        };
        Ok(rows)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest(id) | Self::Silent(id) => write!(f, "{id}"),
            Self::Name(name, id) => write!(f, "{id}.{name}"),
            Self::Active(at, id) => write!(f, "{id}.{}", at.as_microsecond()),
        }
    }
}
