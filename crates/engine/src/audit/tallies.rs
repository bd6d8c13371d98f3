//! The figures, taken again from the rows and compared with what was counted as it happened.
//!
//! A workspace whose zone was changed has days that were counted on another clock: there only the sums over all days
//! can be compared, but for transfers, which carry their day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{WorkflowId, WorkspaceId};
use domain::tally::Count;
use store::tallies::{self, Key, recount};
use store::{DbError, Read};

use super::{Fault, LedgerReport};

pub(super) fn check(report: &mut LedgerReport, read: &Read<'_>, workspace: WorkspaceId) -> Result<(), DbError> {
    let (mut stored, mut computed) = (tallies::all(read, workspace)?, recount::recount(read, workspace)?);
    if !recount::has_one_zone(read, workspace)? {
        (stored, computed) = (without_days(stored), without_days(computed));
    }
    let keys: BTreeSet<&Key> = stored.keys().chain(computed.keys()).collect();
    for key in keys {
        let of = |rows: &HashMap<Key, Count>| rows.get(key).copied().unwrap_or_default();
        let (stored, computed) = (of(&stored), of(&computed));
        if stored != computed {
            report.add(fault(key, stored, computed));
        }
    }
    Ok(())
}

fn without_days(rows: HashMap<Key, Count>) -> HashMap<Key, Count> {
    let mut sums = BTreeMap::<Key, Count>::new();
    for (key, count) in rows {
        let day = if key.what.starts_with("money.") { key.day } else { 0 };
        let sum = sums.entry(Key { day, ..key }).or_default();
        *sum = sum.plus(count);
    }
    sums.into_iter().collect()
}

fn fault(key: &Key, stored: Count, computed: Count) -> Fault {
    let subject = match (key.workflow, key.day) {
        (0, 0) => "all days".to_owned(),
        (0, day) => tallies::date_of(day).to_string(),
        (workflow, _) => format!("{}, step {}", WorkflowId(workflow), key.step),
    };
    Fault::Tally { subject, what: key.what.clone(), stored: text(stored), computed: text(computed) }
}

fn text(count: Count) -> String {
    let Count { count, segments, amounts } = count;
    format!("{count} ({segments} segments, {} credits, {})", amounts.credits, amounts.micros)
}
