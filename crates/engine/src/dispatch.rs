//! The dispatcher: finds due work, claims it, hands it to carriers, settles what they answer.
//!
//! | step | transaction | rule |
//! |---|---|---|
//! | find | a read | workspaces with due work, the one that waited longest first |
//! | claim | one | see `claim`: durable before the carrier is called; a workspace that another node claims for is passed over |
//! | submit | none open | concurrently, no more at once than there are slots for it: see `slots` |
//! | settle | one for whatever has answered, several where replies come in between | see `settle` |
//! | seek | none, then one | attempts in doubt are asked for at their carrier |
//!
//! [`Engine::round`] does all of it once and returns: tests, the simulation and a manual clock use
//! it. [`Engine::dispatch`] does it until it is told to stop, with the steps overlapping.

use std::pin::pin;
use std::sync::Arc;

use carrier::{Carrier, Finding, Outcome, Sought, Submission};
use domain::attempt::{ANSWER_WAIT, Answer, Found};
use domain::ids::WorkspaceId;
use domain::tariff::Country;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use jiff::SignedDuration;
use store::claims::{Backlog, Turn};
use store::{Lane, claims};
use tokio::sync::{Mutex, mpsc, watch};

use crate::claim::{self, Claim, Claimed, MESSAGES_PER_CLAIM, Work};
use crate::clock;
use crate::engine::{Engine, InHand};
use crate::failure::Failure;
use crate::on_the_way::{self, Text};
use crate::rehoming;
use crate::settle::{self, Answered, Said};
use crate::slots::{CARRIER_SLOTS, Slots};

/// Most answers that wait to be settled.
const ANSWERS_IN_WAIT: usize = 1024;
/// Most answers in one settling transaction.
const ANSWERS_PER_SETTLE: usize = 256;
/// How many settle at once: one waits for its answers, or for the disk, while the other's statements run.
const SETTLERS: usize = 2;
/// Most workspaces that one look finds.
const WORKSPACES_PER_LOOK: i64 = 256;
/// Longest time between two looks for due work.
const LONGEST_IDLE: SignedDuration = SignedDuration::from_secs(1);
/// So many answers are settled at once; fewer wait for others, because each settling has a cost of its own, whatever it takes.
const ANSWERS_WORTH_A_SETTLE: usize = 32;
/// Longest time that they wait.
const SETTLE_GATHERS: SignedDuration = SignedDuration::from_millis(1);
/// Time until the next look if all that was found was other nodes' turn: about as long as a claim takes.
const TURN_WAIT: SignedDuration = SignedDuration::from_millis(10);

/// Longest time that a look for due work waits for replies that are being taken on a server. Beside a thousand a second some always are, and a
/// quarter fewer texts go (`docs/decisions/0050`).
const CLAIMS_GIVE_WAY: SignedDuration = SignedDuration::from_millis(10);
/// Longest time that answers wait for them before they are settled.
const SETTLINGS_GIVE_WAY: SignedDuration = SignedDuration::from_millis(5);

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Messages handed to carriers.
    pub submitted: usize,
    /// Rows that were due: sent, held, ended or asked about.
    pub touched: usize,
}

/// An answer on its way to be settled, and what is in hand until it is.
struct Coming {
    workspace: WorkspaceId,
    answered: Answered,
    in_hand: Arc<InHand>,
}

type Answers = mpsc::Sender<Coming>;

impl Engine {
    /// Serves every workspace that has due work once: claims, submits, settles. One that fails holds up no
    /// other; the first failure of a claim or a settling is the answer when all have been served.
    pub async fn round(&self) -> Result<Round, Failure> {
        let mut round = Round::default();
        let mut failed = None;
        let _in_hand = self.take_in_hand().await;
        for turn in self.due_workspaces(0).await? {
            if let Err(error) = self.serve(turn, &mut round).await {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(round), Err)
    }

    async fn serve(&self, turn: Turn, round: &mut Round) -> Result<(), Failure> {
        let workspace = turn.workspace;
        let work = self.claim(turn, Slots::new()).await?;
        round.touched += work.touched;
        round.submitted += work.send.len();
        let sent = stream::iter(work.send).map(|claimed| self.submit(claimed));
        let sought = stream::iter(work.seek).map(|claimed| self.seek(claimed));
        let mut answers: Vec<Answered> = sent.buffered(CARRIER_SLOTS as usize).collect().await;
        answers.extend(sought.buffered(CARRIER_SLOTS as usize).collect::<Vec<_>>().await);
        let mut settled = Ok(());
        for chunk in answers.chunks(ANSWERS_PER_SETTLE) {
            settled = settled.and(self.settle_apart(workspace, chunk.to_vec()).await);
        }
        settled
    }

    /// When there is work again, as far as is known now.
    pub async fn next_due(&self) -> Result<Option<jiff::Timestamp>, Failure> {
        let (due, on_the_way) = self.read(|db| Ok::<_, Failure>(claims::next_due(db)?)).await?;
        Ok([due, on_the_way.map(on_the_way::overdue_at)].into_iter().flatten().min())
    }

    /// How much waits, over all workspaces: for the operator's graphs.
    pub async fn backlog(&self) -> Result<Backlog, Failure> {
        let now = self.now();
        self.read(move |db| Ok(claims::backlog(db, now, on_the_way::overdue(now), ANSWER_WAIT)?)).await
    }

    /// Workspaces with due work, and so many more as are passed over.
    async fn due_workspaces(&self, passed_over: usize) -> Result<Vec<Turn>, Failure> {
        let now = self.now();
        let limit = WORKSPACES_PER_LOOK.saturating_add(i64::try_from(passed_over).unwrap_or(i64::MAX));
        self.read(move |db| Ok(claims::due_workspaces(db, now, on_the_way::overdue(now), limit)?)).await
    }

    async fn claim(&self, turn: Turn, slots: Slots) -> Result<Work, Failure> {
        let (node, steps, workspace) = (self.node_owned(), self.steps(), turn.workspace);
        let claim = Claim { beat: self.beat_as(workspace, "dripline"), turn, node, slots, steps };
        let mut work = self.write(Lane::Claim, move |tx| claim::claim(tx, &claim)).await?;
        self.counters().claimed(work.send.len());
        if work.homeless {
            let beat = self.beat_as(workspace, "dripline");
            let moved = self.write(Lane::Normal, move |tx| rehoming::rehome(tx, &beat, MESSAGES_PER_CLAIM)).await;
            // What was claimed goes out all the same; what has no home is still due, and found the next time.
            match moved {
                Ok(moved) => work.touched += moved,
                Err(error) => {
                    tracing::error!(%workspace, %error, cause = error.causes(), "steps of a lost number found no other");
                }
            }
        }
        Ok(work)
    }

    /// Settles the first of these from a place on, in one transaction; says how many.
    async fn settle(&self, workspace: WorkspaceId, answers: Arc<[Answered]>, from: usize) -> Result<usize, Failure> {
        let (beat, steps, all) = (self.beat_as(workspace, "carrier"), self.steps(), Arc::clone(&answers));
        let settled = self.write(Lane::Normal, move |tx| settle::settle(tx, &beat, &steps, &all[from..])).await?;
        let said: Vec<Said> = answers[from..].iter().take(settled).map(|answered| answered.said).collect();
        self.counters().settled(&said);
        Ok(settled)
    }

    async fn submit(&self, claimed: Claimed) -> Answered {
        let Some(carrier) = self.carrier_or_look(&claimed.carrier).await else {
            let reason = format!("the carrier {} is not there, or its account cannot be opened", claimed.carrier);
            return answered(claimed, Outcome::SenderProblem { code: "no_carrier".to_owned(), reason });
        };
        if self.now() >= claim::later(claimed.claimed_at, ANSWER_WAIT).min(claimed.deliver_by) {
            // The machine slept, or was held up: by now another node may have given it up, and the contact may have
            // answered, or their window be closed. It surely was not sent by this try, so it is claimed anew, if it still may go.
            let reason = "the node was held up before it could hand it over".to_owned();
            return answered(claimed, Outcome::Temporary { code: "held_up".to_owned(), reason, retry_after: None });
        }
        let outcome = carrier.submit(&submission(&claimed), self.now()).await;
        answered(claimed, outcome)
    }

    /// A carrier by name; an account that another node has added a moment ago is looked for.
    async fn carrier_or_look(&self, name: &str) -> Option<Arc<dyn Carrier>> {
        if let Some(carrier) = self.carrier(name) {
            return Some(carrier);
        }
        if let Err(error) = self.refresh_carriers().await {
            tracing::error!(%error, "the accounts at carriers cannot be read");
        }
        self.carrier(name)
    }

    async fn seek(&self, claimed: Claimed) -> Answered {
        let sought = Sought { submission: submission(&claimed), submitted_at: claimed.claimed_at };
        let finding = match self.carrier_or_look(&claimed.carrier).await {
            Some(carrier) => carrier.find(&sought, self.now()).await,
            None => Finding::Unavailable { reason: format!("the carrier {} is not configured", claimed.carrier) },
        };
        found(claimed, finding)
    }

    /// Dispatches until told to stop. Then claims nothing more, waits for the carriers that have been
    /// called, and settles what they answered. What has no answer within the grace is left `sending`, and falls
    /// into doubt by its deadline.
    pub async fn dispatch(&self, stop: watch::Receiver<bool>, grace: SignedDuration) {
        let (answers, inbox) = mpsc::channel(ANSWERS_IN_WAIT);
        let inbox = Arc::new(Mutex::new(inbox));
        // Tasks that nobody ends: what answers late is settled as long as the process lives.
        let settlers = (0..SETTLERS).map(|_| tokio::spawn(self.clone().settle_all(Arc::clone(&inbox))));
        let settlers = settlers.collect::<Vec<_>>();
        drop(inbox);
        let slots = Slots::new();
        let _watched = self.watch_growth();
        self.claim_all(stop, &slots, &answers).await;
        drop(answers);
        let until = claim::later(self.now(), grace);
        tokio::select! {
            () = slots.none_held() => {}
            () = self.clock().sleep_until(until) => {}
        }
        tokio::select! {
            _ = join_all(settlers) => {}
            () = self.clock().sleep_until(claim::later(self.now(), LONGEST_IDLE)) => {}
        }
    }

    async fn claim_all(&self, mut stop: watch::Receiver<bool>, slots: &Slots, answers: &Answers) {
        while !*stop.borrow() {
            let looked = self.claim_some(slots, answers).await.unwrap_or_else(|error| {
                tracing::error!(%error, cause = error.causes(), "due work was not found");
                Looked::Idle
            });
            let wait = match looked {
                Looked::Worked => continue,
                Looked::Passed => TURN_WAIT,
                Looked::Idle => LONGEST_IDLE,
            };
            let idle = claim::later(self.now(), wait);
            tokio::select! {
                () = self.woken() => slots.forget_refusals(),
                () = slots.come_back() => {}
                () = self.clock().sleep_until(idle) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Claims for each workspace in turn as long as there are slots.
    async fn claim_some(&self, slots: &Slots, answers: &Answers) -> Result<Looked, Failure> {
        let (mut worked, mut passed) = (false, false);
        self.gathering().give_way(CLAIMS_GIVE_WAY).await;
        let turns = self.due_workspaces(slots.refused(self.now())).await?;
        let mut all_gather = turns.len() < WORKSPACES_PER_LOOK as usize;
        for turn in turns {
            let workspace = turn.workspace;
            if slots.is_refused(workspace) {
                continue;
            }
            // Waits for a slot, so that slow carriers hold the claims back and not the memory.
            slots.any().await;
            let in_hand = Arc::new(self.take_in_hand().await);
            let work = match self.claim(turn, slots.clone()).await {
                Ok(work) => work,
                Err(error) => {
                    // It comes first again the next time: whoever gave up here would serve nobody any more.
                    tracing::error!(%workspace, %error, cause = error.causes(), "a claim failed");
                    continue;
                }
            };
            worked |= work.touched > 0;
            passed |= work.passed;
            if let Some(room) = work.used_up.filter(|_| work.touched == 0) {
                worked |= !slots.refuse(workspace, &room, claim::later(self.now(), LONGEST_IDLE));
            }
            let any = !work.send.is_empty() || !work.seek.is_empty();
            let send = work.send.into_iter().map(|claimed| (claimed, Errand::Submit));
            let seek = work.seek.into_iter().map(|claimed| (claimed, Errand::Seek));
            for (claimed, errand) in send.chain(seek) {
                let slot = slots.take(workspace, &claimed.carrier);
                let (engine, answers, in_hand) = (self.clone(), answers.clone(), Arc::clone(&in_hand));
                tokio::spawn(async move {
                    let answered = match errand {
                        Errand::Submit => engine.submit(claimed).await,
                        Errand::Seek => engine.seek(claimed).await,
                    };
                    // The settler ends only after every sender is gone.
                    let _ = answers.send(Coming { workspace, answered, in_hand }).await;
                    drop(slot);
                });
            }
            all_gather &= any && slots.gather(workspace);
        }
        Ok(match (worked, passed) {
            // All that is due anywhere has slots to fill, which come back in a moment: till then a look would find nothing.
            (true, false) if all_gather => Looked::Idle,
            (true, _) => Looked::Worked,
            (false, true) => Looked::Passed,
            (false, false) => Looked::Idle,
        })
    }

    async fn settle_all(self, inbox: Arc<Mutex<mpsc::Receiver<Coming>>>) {
        let mut waiting = Vec::with_capacity(ANSWERS_PER_SETTLE);
        loop {
            gather(&mut *inbox.lock().await, &mut waiting).await;
            if waiting.is_empty() {
                return;
            }
            let mut by_workspace = std::collections::BTreeMap::<WorkspaceId, Vec<Answered>>::new();
            let mut in_hand = Vec::with_capacity(waiting.len());
            for coming in waiting.drain(..) {
                by_workspace.entry(coming.workspace).or_default().push(coming.answered);
                in_hand.push(coming.in_hand);
            }
            self.gathering().give_way(SETTLINGS_GIVE_WAY).await;
            for (workspace, answers) in by_workspace {
                // What failed was told, and is asked for later.
                let _ = self.settle_apart(workspace, answers).await;
            }
        }
    }

    /// Settles answers together, or as many at a time as replies let it; if that fails, each by itself, so that one keeps none of the
    /// others. The first of them that fails is the answer.
    async fn settle_apart(&self, workspace: WorkspaceId, mut answers: Vec<Answered>) -> Result<(), Failure> {
        // Whose identifier a search has found is known only when what was accepted is settled.
        answers.sort_by_key(|answered| !matches!(answered.said, Said::Submitted(Answer::Accepted)));
        let (answers, mut settled): (Arc<[Answered]>, usize) = (answers.into(), 0);
        while settled < answers.len() {
            match self.settle(workspace, Arc::clone(&answers), settled).await {
                Ok(more) => settled += more,
                Err(_) => break,
            }
        }
        let mut failed = None;
        for answered in &answers[settled..] {
            let attempt = answered.attempt;
            if let Err(error) = self.settle(workspace, [answered.clone()].into(), 0).await {
                // The message stays `sending`; past its deadline it falls into doubt and is asked for.
                tracing::error!(%workspace, %attempt, %error, cause = error.causes(), "an answer was not settled");
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Takes what has answered and, if that is little, what answers a moment later; nothing when there is nobody left to answer.
async fn gather(inbox: &mut mpsc::Receiver<Coming>, waiting: &mut Vec<Coming>) {
    inbox.recv_many(waiting, ANSWERS_PER_SETTLE).await;
    let mut over = pin!(clock::breathe(SETTLE_GATHERS));
    while (1..ANSWERS_WORTH_A_SETTLE).contains(&waiting.len()) {
        let left = ANSWERS_PER_SETTLE - waiting.len();
        tokio::select! {
            more = inbox.recv_many(waiting, left) => if more == 0 { return },
            () = &mut over => return,
        }
    }
}

/// What came of a look for due work.
enum Looked {
    /// Something was done.
    Worked,
    /// What was found is other nodes' turn: there may be more of it a moment later.
    Passed,
    /// There was nothing to do, or all that there is waits for slots to come back.
    Idle,
}

enum Errand {
    Submit,
    Seek,
}

fn submission(claimed: &Claimed) -> Submission {
    Submission {
        attempt: claimed.attempt,
        from: claimed.from.clone(),
        to: claimed.to.clone(),
        body: claimed.body.clone(),
        segments: claimed.segments,
        deliver_by: claimed.deliver_by,
    }
}

fn answered(claimed: Claimed, outcome: Outcome) -> Answered {
    let segments = i64::from(claimed.segments);
    let text = Text { body: claimed.body, segments, country: Country::of_stored(&claimed.to) };
    let base = Answered {
        attempt: claimed.attempt,
        text: Some(text),
        enrollment: claimed.enrollment,
        carrier: claimed.carrier,
        said: Said::Submitted(Answer::Unknown),
        carrier_id: None,
        segments: None,
        code: None,
        detail: None,
    };
    let failed = |answer, code, reason| Answered {
        said: Said::Submitted(answer),
        code: Some(code),
        detail: Some(reason),
        ..base.clone()
    };
    match outcome {
        Outcome::Accepted { carrier_id, segments } => {
            Answered { said: Said::Submitted(Answer::Accepted), carrier_id: Some(carrier_id), segments, ..base }
        }
        Outcome::Temporary { code, reason, retry_after } => failed(Answer::Temporary { retry_after }, code, reason),
        Outcome::Permanent { code, reason } => failed(Answer::Permanent, code, reason),
        Outcome::Rejected { code, reason } => failed(Answer::Rejected, code, reason),
        Outcome::OptedOut { code, reason } => failed(Answer::OptedOut, code, reason),
        Outcome::SenderProblem { code, reason } => failed(Answer::SenderProblem, code, reason),
        Outcome::InDoubt { reason } => Answered { detail: Some(reason), ..base },
    }
}

fn found(claimed: Claimed, finding: Finding) -> Answered {
    let (found, carrier_id, detail) = match finding {
        Finding::Sent { carrier_id } => (Found::Sent, Some(carrier_id), None),
        Finding::NotFound => (Found::NotFound, None, Some(settle::NOT_KNOWN.to_owned())),
        Finding::Unsupported => (Found::Unsupported, None, Some("the carrier cannot be asked".to_owned())),
        Finding::Unavailable { reason } => (Found::Unavailable, None, Some(reason)),
    };
    let code = (found == Found::NotFound).then(|| settle::LOST.to_owned());
    Answered {
        attempt: claimed.attempt,
        text: None,
        enrollment: claimed.enrollment,
        carrier: claimed.carrier,
        said: Said::Found { found, sought: claimed.sought },
        carrier_id,
        segments: None,
        code,
        detail,
    }
}
