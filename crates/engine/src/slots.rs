//! Slots: how many texts a node may have with carriers at once, and who holds them.
//!
//! A carrier that takes calls and never answers keeps each of its slots until the time-out. So nobody is given the last ones:
//!
//! | who | may hold |
//! |---|---|
//! | a workspace | no more than it leaves free for the others: some 352, less where others hold some |
//! | an account | three quarters of what its workspace may hold: some 264 |
//! | whoever holds none | one of the last 64, which nobody else gets |
//!
//! A claim asks when it runs and takes no more than it is told, so nothing that is claimed waits for a slot: while it waited, a reply
//! could come. It asks no sooner, because slots come back while it waits for its turn to write. Who is refused is looked at again when
//! a slot of his comes back. Who has many texts on their way is looked at again when a number of slots has come back, or a moment has
//! passed: claims of a few texts cost nearly as much as claims of many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::ids::WorkspaceId;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::clock;

/// Most texts with carriers at once, on one node: each may be a connection, and a process may have 1,024 files open where nobody says
/// otherwise.
pub(crate) const CARRIER_SLOTS: u32 = 768;
/// The last of them are for workspaces that hold none, one for each.
const LAST: i64 = 64;
/// So many slots that came back to a workspace which holds as many are worth a claim at once.
const WORTH_A_CLAIM: i64 = 64;
/// Longest time that they are gathered for it.
const GATHERS_FOR: SignedDuration = SignedDuration::from_millis(1);

/// All slots of a dispatcher. Clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    held: Arc<Mutex<Held>>,
    back: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Held {
    by_workspace: HashMap<WorkspaceId, Holding>,
    by_account: HashMap<String, i64>,
    /// Workspaces that need not be looked at.
    refused: HashMap<WorkspaceId, Refusal>,
    /// How often a workspace began to gather slots.
    gathered: u64,
}

/// Until when a workspace need not be looked at.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    until: Timestamp,
    /// How many slots it has to give back before that.
    back: i64,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// There was no slot for its due work: somebody else's may do too.
    NoRoom,
    /// It has many on their way: those that come back are better filled together. Which gathering it is.
    Gathers(u64),
}

/// What one workspace holds, and how many slots it has given back meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Holding {
    held: i64,
    returned: u64,
}

/// How many slots one claim may take, when it asked.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    claim: i64,
    workspace: i64,
    held: HashMap<String, i64>,
    /// How many slots the workspace had given back; nothing if it held none.
    returned: Option<u64>,
}

impl Room {
    /// How many may still go, by all accounts together.
    pub(crate) fn workspace(&self) -> i64 {
        self.claim.min(self.workspace)
    }

    /// How many may still go by an account.
    pub(crate) fn left(&self, account: &str) -> i64 {
        let held = self.held.get(account).copied().unwrap_or(0);
        // What is taken counts on both sides: 3 * (workspace - taken) = held + taken.
        rounded_up(3 * self.workspace - held, 4).min(self.workspace()).max(0)
    }

    /// Takes slots of an account.
    pub(crate) fn take(&mut self, account: &str, count: i64) {
        self.claim -= count;
        self.workspace -= count;
        *self.held.entry(account.to_owned()).or_default() += count;
    }
}

/// A slot; free again when it is dropped.
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
    slots: Slots,
    workspace: WorkspaceId,
    account: String,
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(CARRIER_SLOTS as usize)), held: Arc::default(), back: Arc::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("nothing fails while it is held")
    }

    /// Waits until there is any.
    pub(crate) async fn any(&self) {
        drop(self.all.acquire().await);
    }

    /// Waits until nobody holds one.
    pub(crate) async fn none_held(&self) {
        drop(self.all.acquire_many(CARRIER_SLOTS).await);
    }

    /// How many slots a workspace may take now, in a claim of so many at most.
    pub(crate) fn room(&self, workspace: WorkspaceId, claim: i64) -> Room {
        let free = i64::try_from(self.all.available_permits()).unwrap_or(i64::MAX);
        let held = self.held();
        let holding = held.by_workspace.get(&workspace).copied();
        let room = match holding {
            None if free <= LAST => i64::from(free > 0),
            // What is taken counts on both sides: free - taken = held + taken.
            _ => rounded_up(free - LAST - holding.map_or(0, |holding| holding.held), 2).max(0),
        };
        let returned = holding.map(|holding| holding.returned);
        Room { claim, workspace: room, held: held.by_account.clone(), returned }
    }

    /// Takes a slot of a room that was given; nothing if there is none, which a claimer that is alone never sees.
    pub(crate) fn take(&self, workspace: WorkspaceId, account: &str) -> Option<Slot> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let mut held = self.held();
        held.by_workspace.entry(workspace).or_default().held += 1;
        *held.by_account.entry(account.to_owned()).or_default() += 1;
        Some(Slot { _permit: permit, slots: self.clone(), workspace, account: account.to_owned() })
    }

    /// A workspace has due work for which this room had no slot: it is looked at again at this time, or when it gives one back. False
    /// if it has given some back since: then it is looked at again at once.
    pub(crate) fn refuse(&self, workspace: WorkspaceId, room: &Room, until: Timestamp) -> bool {
        let mut held = self.held();
        let stands = held.by_workspace.get(&workspace).map(|holding| holding.returned) == room.returned;
        if stands {
            held.refused.insert(workspace, Refusal { until, back: 1, why: Why::NoRoom });
        }
        stands
    }

    /// A workspace was given slots. If it holds many, it is looked at again when it has given back enough for another claim, or a moment
    /// later: each claim has a cost of its own, whatever it takes. Says whether it holds many.
    pub(crate) fn gather(&self, workspace: WorkspaceId) -> bool {
        let mut held = self.held();
        if held.by_workspace.get(&workspace).is_none_or(|holding| holding.held < WORTH_A_CLAIM) {
            return false;
        }
        held.gathered += 1;
        let why = Why::Gathers(held.gathered);
        held.refused.insert(workspace, Refusal { until: Timestamp::MAX, back: WORTH_A_CLAIM, why });
        let slots = self.clone();
        // By the machine's clock: the engine's may stand still.
        tokio::spawn(async move {
            clock::breathe(GATHERS_FOR).await;
            let mut held = slots.held();
            if held.refused.get(&workspace).is_some_and(|refusal| refusal.why == why) {
                held.refused.remove(&workspace);
                slots.back.notify_one();
            }
        });
        true
    }

    /// Waits until a workspace that was refused is to be looked at again.
    pub(crate) async fn come_back(&self) {
        self.back.notified().await;
    }

    /// How many workspaces need not be looked at now.
    pub(crate) fn refused(&self, now: Timestamp) -> usize {
        let mut held = self.held();
        held.refused.retain(|_, refusal| refusal.until > now);
        held.refused.len()
    }

    /// Something new is due somewhere: everybody is looked at.
    pub(crate) fn forget_refusals(&self) {
        self.held().refused.clear();
    }

    /// Whether a workspace need not be looked at.
    pub(crate) fn is_refused(&self, workspace: WorkspaceId) -> bool {
        self.held().refused.contains_key(&workspace)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.slots.held();
        let Held { by_workspace, by_account, refused, .. } = &mut *held;
        if let Entry::Occupied(mut entry) = by_workspace.entry(self.workspace) {
            let holding = entry.get_mut();
            *holding = Holding { held: holding.held - 1, returned: holding.returned + 1 };
            if holding.held <= 0 {
                entry.remove();
            }
        }
        if let Some(count) = by_account.get_mut(&self.account) {
            *count -= 1;
            if *count <= 0 {
                by_account.remove(&self.account);
            }
        }
        if let Entry::Occupied(mut entry) = refused.entry(self.workspace) {
            entry.get_mut().back -= 1;
            if entry.get().back <= 0 {
                entry.remove();
                refused.retain(|_, refusal| refusal.why != Why::NoRoom);
                self.slots.back.notify_one();
            }
        }
    }
}

fn rounded_up(amount: i64, by: i64) -> i64 {
    amount.saturating_add(by - 1).div_euclid(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claims until nothing more is given, as an account that never answers does; says how many it got.
    fn fill(slots: &Slots, workspace: i64, account: &str, kept: &mut Vec<Slot>) -> usize {
        let before = kept.len();
        loop {
            let room = slots.room(WorkspaceId(workspace), 200).left(account);
            if room <= 0 {
                return kept.len() - before;
            }
            kept.extend((0..room).map(|_| slots.take(WorkspaceId(workspace), account).unwrap()));
        }
    }

    #[test]
    fn whoever_never_answers_leaves_most_of_the_slots_to_the_others() {
        let (slots, mut kept) = (Slots::new(), Vec::new());
        assert_eq!(fill(&slots, 1, "silent", &mut kept), 264);
        assert!(fill(&slots, 1, "good", &mut kept) >= 40, "the other account of the workspace");
        assert!(kept.len() <= 352, "one workspace holds {}", kept.len());
        assert!(slots.room(WorkspaceId(2), 200).left("another") >= 80);
    }

    #[test]
    fn seventy_silent_accounts_leave_one_for_whoever_comes_next() {
        let (slots, mut kept) = (Slots::new(), Vec::new());
        for workspace in 1..=70 {
            let got = fill(&slots, workspace, &format!("silent-{workspace}"), &mut kept);
            assert!(got >= 1, "workspace {workspace}");
        }
        assert!(slots.room(WorkspaceId(71), 200).left("another") >= 1);
    }

    #[tokio::test]
    async fn whoever_has_many_on_their_way_is_looked_at_when_enough_have_come_back() {
        let (slots, mut kept) = (Slots::new(), Vec::new());
        let workspace = WorkspaceId(1);
        kept.extend((1..WORTH_A_CLAIM).map(|_| slots.take(workspace, "quick").unwrap()));
        slots.gather(workspace);
        assert!(!slots.is_refused(workspace), "it holds few");
        fill(&slots, 1, "quick", &mut kept);
        slots.gather(workspace);
        kept.truncate(kept.len() + 1 - usize::try_from(WORTH_A_CLAIM).unwrap());
        assert!(slots.is_refused(workspace), "one is missing");
        assert!(slots.refuse(WorkspaceId(2), &slots.room(WorkspaceId(2), 0), Timestamp::MAX));
        kept.pop();
        assert!(!slots.is_refused(workspace));
        assert!(!slots.is_refused(WorkspaceId(2)), "there may be room for others too");
        slots.come_back().await;
    }

    #[tokio::test]
    async fn whoever_has_many_on_their_way_is_looked_at_a_moment_later_if_none_comes_back() {
        let (slots, mut kept) = (Slots::new(), Vec::new());
        fill(&slots, 1, "silent", &mut kept);
        slots.gather(WorkspaceId(1));
        assert!(slots.is_refused(WorkspaceId(1)));
        assert!(slots.refuse(WorkspaceId(2), &slots.room(WorkspaceId(2), 0), Timestamp::MAX));
        slots.come_back().await;
        assert!(!slots.is_refused(WorkspaceId(1)));
        assert!(slots.is_refused(WorkspaceId(2)), "nobody has given back a slot");
    }

    #[test]
    fn slots_that_come_back_are_counted_and_end_a_refusal() {
        let (slots, mut kept) = (Slots::new(), Vec::new());
        fill(&slots, 1, "silent", &mut kept);
        let (now, until) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let room = slots.room(WorkspaceId(1), 200);
        assert!(slots.refuse(WorkspaceId(1), &room, until));
        assert_eq!(slots.refused(now), 1);
        kept.pop();
        assert!(!slots.is_refused(WorkspaceId(1)));
        assert!(!slots.refuse(WorkspaceId(1), &room, until), "one came back since");
        kept.clear();
        assert!(slots.held().by_workspace.is_empty() && slots.held().by_account.is_empty());
        assert!(!slots.refuse(WorkspaceId(1), &room, until), "all came back since");
        assert_eq!(slots.room(WorkspaceId(1), 200).left("silent"), 200);
    }
}
