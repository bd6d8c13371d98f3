//! Who is selected: each once and not too many, and by a filter those whom it fits, by name, so that a quote and its start mean the same people.

use domain::access::Permission;
use domain::ids::ContactId;

use super::{BulkError, MAX_NAMED, Selection};
use crate::actor::Actor;
use crate::contacts::list::{self, Filter};
use crate::engine::Engine;

/// How many are looked for at a time.
const PORTION: usize = 5_000;

impl Engine {
    /// Everybody whom a filter fits now; where it asks nothing, everybody.
    ///
    /// # Errors
    /// [`BulkError::NobodyFits`], [`BulkError::TooManyFit`], [`BulkError::TooManyFound`]; forbidden, or the database failed.
    pub async fn whom_it_fits(&self, actor: &Actor, filter: &Filter) -> Result<Selection, BulkError> {
        actor.need(Permission::Read)?;
        if filter.is_empty() {
            return Ok(Selection::All);
        }
        let (workspace, mut ids, mut before) = (actor.workspace(), Vec::new(), Some(ContactId(i64::MAX)));
        let words = filter.clone();
        if self.read(move |db| Ok::<_, BulkError>(list::finds_too_many(db, workspace, &words)?)).await? {
            return Err(BulkError::TooManyFound);
        }
        while let Some(from) = before {
            let filter = filter.clone();
            let looked = move |db: &store::Read<'_>| list::matching(db, workspace, &filter, from, PORTION);
            let (found, next) = self.read(move |db| Ok::<_, BulkError>(looked(db)?)).await?;
            ids.extend(found);
            before = next;
            if ids.len() > MAX_NAMED {
                return Err(BulkError::TooManyFit);
            }
        }
        if ids.is_empty() { Err(BulkError::NobodyFits) } else { Ok(Selection::These(ids)) }
    }
}

/// What was selected, each contact once.
pub(super) fn checked(selection: Selection) -> Result<Selection, BulkError> {
    let Selection::These(mut ids) = selection else { return Ok(selection) };
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        0 => Err(BulkError::Empty),
        count if count > MAX_NAMED => Err(BulkError::TooMany { count }),
        _ => Ok(Selection::These(ids)),
    }
}
