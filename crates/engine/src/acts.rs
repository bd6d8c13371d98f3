//! What operators did to the installation itself: plans offered and withdrawn, carriers' rates set and removed. It is in no
//! workspace's activity, and is written in the transaction that does it.

use serde_json::Value;
pub use store::operator_acts::Act;
use store::{Tx, operator_acts};

use crate::actor::Operator;
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;

/// Most acts of one page.
pub const MAX_PAGE: i64 = 200;

/// Notes an act of whoever acts in this beat.
pub(crate) fn note(tx: &mut Tx<'_>, beat: &Beat, kind: &str, facts: &Value) -> Result<(), Failure> {
    let (actor, kind) = (beat.actor.clone(), kind.to_owned());
    let act = Act { id: beat.id(), at: beat.now, actor, kind, payload: facts.to_string() };
    Ok(operator_acts::insert(tx, &act)?)
}

impl Engine {
    /// What operators did before the given act (nothing: all), newest first. A limit over [`MAX_PAGE`] is lowered to it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn operator_acts(&self, _: &Operator, before: Option<i64>, limit: i64) -> Result<Vec<Act>, Failure> {
        let (before, limit) = (before.unwrap_or(i64::MAX), limit.clamp(1, MAX_PAGE));
        self.read(move |db| Ok::<_, Failure>(operator_acts::page(db, before, limit)?)).await
    }
}
