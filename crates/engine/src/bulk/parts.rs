//! The parts of a job that starts a quote: some in a transaction, each decided while the one before is written.
//!
//! Deciding needs the workspace's numbers and balances, which each decision changes, and nothing that is written; writing needs the
//! database. So what all of a transaction's parts need is read at first, and from then on a thread decides while this one waits.

use std::collections::HashMap;
use std::ops::Range;

use domain::ids::{ContactId, JobId};
use domain::ledger::{Amounts, Transfer};
use domain::refusal::Refusal;
use store::bulk_quotes::{self, BulkQuote, Part};
use store::contacts::{self, Contact};
use store::jobs::{self, Item, Job};
use store::{Tx, numbers, workflows};

use super::waves::Waves;
use super::{BulkError, payload_of, quote_of};
use crate::batch::{Around, Batch, Bound, Course, Decision, Shown, Starts};
use crate::beat::Beat;
use crate::facts::Steps;
use crate::failure::Failure;
use crate::meanwhile::meanwhile;

/// Most parts in a transaction, of five hundred contacts each: so long whoever writes waits on SQLite, and whoever needs the workspace's
/// numbers on PostgreSQL.
const PARTS: i64 = 2;
/// From how many contacts on they are decided on a thread: so few that whatever starts some comes this way, tests with few contacts too.
const WORTH_A_THREAD: usize = 4;

/// Some parts of a job: decided, charged, started and counted in one transaction, which ends after any of them if something inbound waits
/// for it.
pub(super) fn work(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, id: JobId) -> Result<Job, BulkError> {
    let mut job = jobs::lock(tx, beat.workspace, id)?.ok_or(BulkError::JobUnknown)?;
    if job.state != "running" {
        return Ok(job);
    }
    let beat = &Beat { actor: job.actor.clone(), ..beat.clone() };
    let quote = quote_of(tx, beat.workspace, payload_of(&job)?.quote)?;
    job.updated_at = beat.now;
    let parts = bulk_quotes::parts(tx, beat.workspace, quote.id, job.cursor, PARTS)?;
    let parts: Vec<Part> = parts.into_iter().map(|(part, _)| part).collect();
    if parts.is_empty() || !start_parts(tx, beat, steps, &quote, &parts, &mut job)? {
        "done".clone_into(&mut job.state);
    }
    jobs::save(tx, beat.workspace, &job)?;
    Ok(job)
}

/// Starts whom the parts name, as far as that may be; `false` if the workflow is not the one that was shown.
fn start_parts(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    quote: &BulkQuote,
    parts: &[Part],
    job: &mut Job,
) -> Result<bool, BulkError> {
    let ids: Vec<ContactId> = parts.iter().flat_map(|part| &part.contacts).map(|shown| shown.contact).collect();
    let rows = contacts::lock(tx, beat.workspace, &ids)?;
    let kept = workflows::keep(tx, beat.workspace, quote.workflow)?;
    if kept.is_none_or(|kept| kept.version != quote.version) {
        // Edited before this job reached anybody, or between two of its transactions: nobody was shown that text and price.
        return Ok(false);
    }
    let all_numbers = numbers::lock(tx, beat.workspace)?;
    let budget = Budget::of(quote, store::ledger::read_available(tx, beat.workspace)?);
    let batch = Batch::load(tx, beat, steps, Course::whole(quote.workflow), budget.available, all_numbers)?;
    // A workflow that is put away has none, and nobody is started.
    let terms = batch.start_terms(beat);
    let waves = Waves::of(&batch.known, quote.per_day, quote.shown_at)?;
    let asked = parts.iter().flat_map(|part| bounds(quote, part, &waves)).collect();
    let around = batch.around(tx, beat, &rows)?;
    let found = rows.iter().map(|row| (row.id, row)).collect();
    let mut decider = Decider { beat, budget, batch, asked, around, found };
    let pieces = pieces(parts);
    let (mut done, mut begun) = (Done::default(), Vec::new());
    let mut decided = pieces.first().map(|piece| decider.decide(piece)).transpose()?;
    for (place, piece) in pieces.iter().enumerate() {
        let Some(one) = decided.take() else { break };
        let mut write = || terms.as_ref().map_or(Ok(()), |terms| one.starts.insert(tx, beat, terms));
        let (written, following) = match pieces.get(place + 1) {
            Some(next) if next.asked.len() >= WORTH_A_THREAD => meanwhile(|| decider.decide(next).map(Some), write),
            next => (write(), next.map(|next| decider.decide(next)).transpose()),
        };
        written?;
        decided = following?;
        begun.extend(one.starts.begun().map(|(_, enrollment)| enrollment));
        done.add(one);
        if let Some(part) = piece.ends {
            bulk_quotes::started(tx, beat.workspace, (quote.id, part), &std::mem::take(&mut begun))?;
            job.cursor = part;
            if tx.is_awaited() {
                break;
            }
        }
    }
    done.save(tx, beat, quote, job)?;
    Ok(true)
}

/// Contacts that are decided, and then written, at a time.
struct Piece {
    /// Which of those who are asked for.
    asked: Range<usize>,
    /// The part that is done with them.
    ends: Option<i64>,
}

/// Each part is a piece, but for the first, a quarter of which is one: nothing is written while that is decided.
fn pieces(parts: &[Part]) -> Vec<Piece> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for part in parts {
        let to = from + part.contacts.len();
        let first = to / 4;
        if from == 0 && to - first >= WORTH_A_THREAD {
            pieces.push(Piece { asked: 0..first, ends: None });
            from = first;
        }
        pieces.push(Piece { asked: from..to, ends: Some(part.part) });
        from = to;
    }
    pieces
}

/// What the contacts of a part are held to.
fn bounds(quote: &BulkQuote, part: &Part, waves: &Waves) -> impl Iterator<Item = (ContactId, Bound)> {
    // How many before were shown as starting: the days of those who come do not hang on who is refused by now.
    let mut starts = part.before;
    part.contacts.iter().map(move |one| {
        if !quote.shown {
            return (one.contact, Bound::FREE);
        }
        let shown = one.mark.map_or(Shown::Refusal, Shown::Start);
        let bound = Bound { not_before: waves.start(starts), shown };
        starts += i64::from(one.mark.is_some());
        (one.contact, bound)
    })
}

/// Decides about piece after piece, and needs no database for it.
struct Decider<'a> {
    beat: &'a Beat,
    budget: Budget,
    batch: Batch,
    asked: Vec<(ContactId, Bound)>,
    around: Around,
    found: HashMap<ContactId, &'a Contact>,
}

struct Decided<'a> {
    decisions: Vec<Decision>,
    starts: Starts<'a>,
}

impl<'a> Decider<'a> {
    fn decide(&mut self, piece: &Piece) -> Result<Decided<'a>, Failure> {
        let mut decisions = Vec::with_capacity(piece.asked.len());
        for (id, bound) in &self.asked[piece.asked.clone()] {
            let mut decision = self.batch.decide_asked(&self.around, &self.found, *id, *bound)?;
            self.budget.tell(&mut decision);
            decisions.push(decision);
        }
        let starts = self.batch.starts(self.beat, &self.found, &decisions);
        Ok(Decided { decisions, starts })
    }
}

/// What a transaction's parts come to.
#[derive(Default)]
struct Done {
    taken: Amounts,
    transfers: Vec<Transfer>,
    started: i64,
    refused: Vec<Item>,
}

impl Done {
    fn add(&mut self, decided: Decided<'_>) {
        self.transfers.extend(decided.starts.transfers);
        for decision in &decided.decisions {
            match &decision.result {
                Ok(quote) => {
                    self.started += 1;
                    self.taken = self.taken.plus(quote.amounts);
                }
                Err(refusals) => {
                    let (contact, outcome) = (decision.contact.0, Some(reasons(refusals)));
                    self.refused.push(Item { item: contact, contact: Some(contact), outcome });
                }
            }
        }
    }

    /// Charges for all of them at once: nobody waits longer for the workspace's accounts than that takes.
    fn save(&self, tx: &mut Tx<'_>, beat: &Beat, quote: &BulkQuote, job: &mut Job) -> Result<(), BulkError> {
        store::ledger::post(tx, beat.workspace, &self.transfers, beat.now).map_err(Failure::from)?;
        bulk_quotes::spend(tx, beat.workspace, quote.id, self.taken)?;
        jobs::add_items(tx, beat.workspace, job.id, &self.refused)?;
        job.started += self.started;
        job.refused += i64::try_from(self.refused.len()).unwrap_or(i64::MAX);
        Ok(())
    }
}

/// What the parts may take: what there is, and no more than the quote has left.
struct Budget {
    available: (i64, i64),
    /// What the workspace has beyond that.
    wallet: i64,
}

impl Budget {
    fn of(quote: &BulkQuote, (credits, wallet): (i64, i64)) -> Self {
        if !quote.shown {
            return Self { available: (credits, wallet), wallet };
        }
        let left = quote.amounts.less(quote.spent);
        Self { available: (credits.min(left.credits), wallet.min(left.micros.0)), wallet }
    }

    /// Money that the workspace has and the quote does not is not missing: it was not shown.
    fn tell(&self, decision: &mut Decision) {
        let Err(refusals) = &mut decision.result else { return };
        for refusal in refusals {
            if matches!(refusal, Refusal::InsufficientFunds { .. }) && self.available.1 < self.wallet {
                *refusal = Refusal::QuoteChanged;
            }
        }
    }
}

/// Refusals as the job keeps them: a list of code, sentence and fix.
fn reasons(refusals: &[Refusal]) -> String {
    let reason = |refusal: &Refusal| serde_json::json!({ "code": refusal.code(), "message": refusal.to_string(), "fix": refusal.fix() });
    serde_json::Value::Array(refusals.iter().map(reason).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(part: i64, contacts: i64) -> Part {
        let shown = |id| bulk_quotes::Shown { contact: ContactId(id), mark: None };
        Part { part, before: 0, contacts: (0..contacts).map(shown).collect() }
    }

    fn split(parts: &[Part]) -> Vec<(Range<usize>, Option<i64>)> {
        pieces(parts).into_iter().map(|piece| (piece.asked, piece.ends)).collect()
    }

    #[test]
    fn every_contact_is_in_one_piece_and_every_part_ends_once() {
        assert_eq!(split(&[part(4, 500), part(5, 500)]), [(0..125, None), (125..500, Some(4)), (500..1_000, Some(5))]);
        assert_eq!(split(&[part(0, 5)]), [(0..1, None), (1..5, Some(0))]);
        assert_eq!(split(&[part(0, 4)]), [(0..4, Some(0))], "few are not split");
        assert_eq!(split(&[]), []);
    }
}
