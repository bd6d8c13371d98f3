//! What was done, in the order of what arrived: every entry stands beside the count of texts in the journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use carrier::CarrierEvent;
use domain::ids::{ContactId, MessageId, WorkflowId, WorkspaceId};

/// How many texts had reached a handset.
pub(crate) type Count = u64;
/// A contact's phone, as one customer knows it.
pub(crate) type Line = (WorkspaceId, String);

/// A contact that was asked into a workflow. The number of a run is the value of the contact's field `Ref`.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) line: Line,
    pub(crate) contact: ContactId,
    pub(crate) workflow: WorkflowId,
    /// Its place in the order of all that was done.
    pub(crate) place: usize,
}

/// Whose runs were stopped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Whose {
    Line(Line),
    Workflow(WorkflowId),
    Workspace(WorkspaceId),
}

/// Why a line may not be texted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ban {
    OptedOut,
    DoNotContact,
}

/// A stop: its place in the order of all that was done, and what had arrived by then.
#[derive(Debug)]
pub(crate) struct Stop {
    place: usize,
    arrived: Count,
}

/// What had arrived when a ban began, and when it was lifted.
pub(crate) type Span = (Count, Option<Count>);

/// Everything that was done.
#[derive(Default)]
pub(crate) struct Log {
    places: usize,
    pub(crate) runs: Vec<Run>,
    pub(crate) stops: BTreeMap<Whose, Vec<Stop>>,
    pub(crate) bans: BTreeMap<(Line, Ban), Vec<Span>>,
    /// The messages that people wrote.
    pub(crate) manual: Vec<MessageId>,
    /// The identifiers of inbound texts that the carrier told, each of them at least once.
    pub(crate) heard: BTreeSet<String>,
    /// How many of its tellings were repeats.
    pub(crate) repeats: usize,
    /// What the receipts of each attempt said, for those that name their attempt.
    pub(crate) receipts: HashMap<i64, Vec<carrier::ReceiptState>>,
    /// How many messages in doubt a person had to settle.
    pub(crate) settled: usize,
    /// How many starts were refused, by code.
    pub(crate) refusals: BTreeMap<String, usize>,
}

impl Log {
    /// The next place in the order of all that is done.
    pub(crate) fn place(&mut self) -> usize {
        self.places += 1;
        self.places
    }

    pub(crate) fn stop(&mut self, whose: Whose, arrived: Count) {
        let place = self.place();
        self.stops.entry(whose).or_default().push(Stop { place, arrived });
    }

    pub(crate) fn ban(&mut self, line: &Line, ban: Ban, at: Count) {
        let spans = self.bans.entry((line.clone(), ban)).or_default();
        if spans.last().is_none_or(|(_, until)| until.is_some()) {
            spans.push((at, None));
        }
    }

    pub(crate) fn unban(&mut self, line: &Line, ban: Ban, at: Count) {
        if let Some((_, until @ None)) = self.bans.entry((line.clone(), ban)).or_default().last_mut() {
            *until = Some(at);
        }
    }

    pub(crate) fn is_banned(&self, line: &Line, ban: Ban) -> bool {
        let spans = self.bans.get(&(line.clone(), ban));
        spans.and_then(|spans| spans.last()).is_some_and(|(_, until)| until.is_none())
    }

    pub(crate) fn refuse(&mut self, code: &str) {
        *self.refusals.entry(code.to_owned()).or_default() += 1;
    }

    /// Keeps what a callback said.
    pub(crate) fn told(&mut self, event: &CarrierEvent) {
        match event {
            CarrierEvent::Inbound(inbound) => {
                if !self.heard.insert(inbound.event_id.clone()) {
                    self.repeats += 1;
                }
            }
            CarrierEvent::Receipt(receipt) => {
                if let Some(attempt) = receipt.attempt {
                    self.receipts.entry(attempt.0).or_default().push(receipt.state);
                }
            }
        }
    }

    /// Whether the text that arrived as this one came after a stop of its run.
    pub(crate) fn is_late(&self, run: &Run, nth: Count) -> bool {
        let (workspace, _) = run.line;
        let whose = [Whose::Line(run.line.clone()), Whose::Workflow(run.workflow), Whose::Workspace(workspace)];
        let mut stops = whose.iter().filter_map(|whose| self.stops.get(whose)).flatten();
        stops.any(|stop| run.place < stop.place && stop.arrived <= nth)
    }
}
