//! Fields that contacts are kept by, so that a list filtered by one looks along an index (`list`, `store::contacts::values`).
//!
//! Nobody chooses them: a field becomes one when somebody filters by it and few of many fit, and is let go when nobody has for 90 days.
//! At most 20 of a workspace; others stay looked up on the way.

use domain::ids::WorkspaceId;
use jiff::{SignedDuration, Timestamp};
use store::contacts::custom_fields;
use store::contacts::values::{self, Field, State};
use store::{Lane, Tx};

use super::is_standard;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;

/// For how long contacts are kept by a field after somebody asked for it.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How exactly it is known when that was.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Contacts of one transaction: some milliseconds.
const CONTACTS: i64 = 250;
/// Rows that are let go in one transaction.
const ROWS: u64 = 1_000;
/// Most transactions for one field in one look, so that what upkeep does beside does not wait long.
const PORTIONS: usize = 400;
/// Most fields of one look.
const FIELDS: i64 = 100;

impl Engine {
    /// Has contacts kept by a field whose filter made a page short, and notes once a day that it is asked for. The list is
    /// there without it, so what fails is only told to the log.
    pub(super) async fn keep_by(&self, workspace: WorkspaceId, key: String, field: Option<Field>, was_short: bool) {
        let now = self.now();
        if field.map_or(!was_short, |field| now < later(field.asked_at, DAY)) {
            return;
        }
        let want = move |tx: &mut Tx<'_>| {
            let known = is_standard(&key) || custom_fields(tx, workspace)?.iter().any(|(known, _)| *known == key);
            Ok::<_, Failure>(known && values::want(tx, workspace, &key, now)?)
        };
        if let Err(error) = self.write(Lane::Bulk, want).await {
            tracing::warn!(%error, cause = error.causes(), "that a field was filtered by was not noted");
        }
    }

    /// Goes on keeping contacts by fields that are new, and lets go of those that nobody has asked for long. For upkeep. Says how
    /// many fields are done with.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tend_fields(&self) -> Result<usize, Failure> {
        let unasked = self.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let fields = self.read(move |db| Ok::<_, Failure>(values::unfinished(db, unasked, FIELDS)?)).await?;
        let mut done = 0;
        for Field { workspace, key, state, asked_at, .. } in fields {
            let goes = state == State::Going || asked_at < unasked;
            for _ in 0..PORTIONS {
                let key = key.clone();
                let tend = move |tx: &mut Tx<'_>| {
                    Ok::<_, Failure>(if goes {
                        values::let_go(tx, workspace, &key, ROWS)?
                    } else {
                        values::build(tx, workspace, &key, CONTACTS)?
                    })
                };
                if self.write(Lane::Bulk, tend).await? {
                    done += 1;
                    break;
                }
            }
        }
        Ok(done)
    }
}
