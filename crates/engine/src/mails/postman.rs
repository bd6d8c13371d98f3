//! The postman: takes up the mails that are due and hands them to the mail server. It runs on every node that serves.
//!
//! | step | what is durable then |
//! |---|---|
//! | the mail is taken up, under the lock of its row | a try with its number, and until when it may last |
//! | it is handed over, with no transaction open | |
//! | the answer is settled, where it is that very try's still | sent, put off, or over |
//!
//! At least once: a node that dies between the second and the third leaves the mail to the others after [`LEASE`], and whoever gets
//! it twice sees one `Message-ID`. Waits here are the machine's own, as the courier's.

use carrier::mail::{Letter, Unsent};
use domain::mail::{self, MailState, Reply, Verdict};
use jiff::SignedDuration;
use store::mails::{self, Key, Taken};
use store::{Lane, Tx, users};
use tokio::sync::watch;

use super::Postbox;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::live::real;
use crate::low_balance::leads;

/// How long a try may last: the mail server has 45 seconds. Then its node counts as dead.
pub const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// How often it is looked for what is due.
const LOOK: SignedDuration = SignedDuration::from_secs(5);
/// Most mails of one look.
const FOUND: i64 = 50;

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// It was made.
    Made,
    /// It was made, and the server takes nothing now.
    Down,
    /// The mail was another's, or is for nobody any more.
    Not,
}

impl Engine {
    /// Sends mails until told to stop; one that is on its way then is waited for, up to the grace.
    pub async fn send_mails(&self, mut stop: watch::Receiver<bool>, grace: SignedDuration) {
        if !self.sends_mails() {
            let _ = stop.wait_for(|stop| *stop).await;
            return;
        }
        let mut told = stop.clone();
        let rounds = async {
            while !*stop.borrow() {
                if let Err(error) = self.send_due_mails_until(&stop).await {
                    tracing::error!(%error, cause = error.causes(), "mails that are due were not sent");
                }
                tokio::select! {
                    () = real(LOOK) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
        };
        let given_up = async {
            let _ = told.wait_for(|stop| *stop).await;
            real(grace).await;
        };
        tokio::select! {
            () = rounds => {}
            () = given_up => {}
        }
    }

    /// Sends what is due now; says how many mails were tried.
    ///
    /// # Errors
    /// The database fails.
    pub async fn send_due_mails(&self) -> Result<usize, Failure> {
        self.send_due_mails_until(&watch::channel(false).1).await
    }

    async fn send_due_mails_until(&self, stop: &watch::Receiver<bool>) -> Result<usize, Failure> {
        let Some(postbox) = self.postbox() else { return Ok(0) };
        let now = self.now();
        let due = self.read(move |db| Ok::<_, Failure>(mails::due(db, now, FOUND)?)).await?;
        let mut tried = 0;
        for key in due {
            if *stop.borrow() {
                break;
            }
            match self.send_mail(postbox, key).await? {
                Tried::Made => tried += 1,
                Tried::Not => {}
                // The rest would hear the same; it stays due.
                Tried::Down => return Ok(tried + 1),
            }
        }
        Ok(tried)
    }

    async fn send_mail(&self, postbox: &Postbox, key: Key) -> Result<Tried, Failure> {
        let now = self.now();
        let (taken, to) = match self.write(Lane::Normal, move |tx| take(tx, key, now)).await? {
            Claim::Ours(taken, to) => (taken, to),
            Claim::NotOurs => return Ok(Tried::Not),
            Claim::Nobodys => {
                self.counters().mailed(Verdict::Over(MailState::Dropped));
                return Ok(Tried::Not);
            }
        };
        let letter = Letter {
            id: format!("{}.{}", key.event, key.user),
            to,
            subject: taken.subject,
            text: taken.body,
            at: taken.queued_at,
        };
        let answer = postbox.mailer.send(&letter).await;
        let reply = match &answer {
            Ok(()) => Reply::Taken,
            Err(Unsent::Refused(_)) => Reply::Refused,
            Err(Unsent::NotNow(_) | Unsent::Down(_)) => Reply::NotNow,
        };
        let verdict = mail::verdict(reply, taken.tries, taken.queued_at, self.now(), luck(key));
        let (said, tries) = (answer.as_ref().err().map(ToString::to_string), taken.tries);
        let settled = self.write(Lane::Normal, move |tx| settle(tx, key, tries, verdict, said.as_deref())).await?;
        if settled {
            self.counters().mailed(verdict);
            log(key, tries, verdict, answer.as_ref().err());
        }
        Ok(if matches!(answer, Err(Unsent::Down(_))) { Tried::Down } else { Tried::Made })
    }
}

/// What taking a mail up showed.
enum Claim {
    /// It is ours for this try, and goes to this address.
    Ours(Taken, String),
    /// It is not due any more.
    NotOurs,
    /// Whom it was for leads the workspace no more.
    Nobodys,
}

fn take(tx: &mut Tx<'_>, key: Key, now: jiff::Timestamp) -> Result<Claim, Failure> {
    let Some(taken) = mails::take(tx, key, now, later(now, LEASE))? else { return Ok(Claim::NotOurs) };
    let person = users::find(tx, key.workspace, key.user)?.map(|(user, _)| user);
    match person.filter(|user| leads(&user.role)) {
        Some(user) => Ok(Claim::Ours(taken, user.email)),
        None => {
            mails::settle(tx, key, taken.tries, MailState::Dropped, None, None)?;
            Ok(Claim::Nobodys)
        }
    }
}

fn settle(tx: &mut Tx<'_>, key: Key, tries: i64, verdict: Verdict, said: Option<&str>) -> Result<bool, Failure> {
    let (state, due_at) = match verdict {
        Verdict::Over(state) => (state, None),
        Verdict::Again(at) => (MailState::Pending, Some(at)),
    };
    Ok(mails::settle(tx, key, tries, state, due_at, said)?)
}

/// Spreads the retries of what failed together, without chance.
fn luck(key: Key) -> u64 {
    let mixed = key.event.0.cast_unsigned() ^ key.user.0.cast_unsigned().rotate_left(32);
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
}

/// What an operator has to know. What a server says of a recipient may hold the address, and stays in the row.
fn log(key: Key, tries: i64, verdict: Verdict, unsent: Option<&Unsent>) {
    let Key { workspace, event, user } = key;
    match (verdict, unsent) {
        (Verdict::Over(MailState::GivenUp), _) => {
            tracing::error!(%workspace, %event, %user, tries, "a mail was tried for a day and is given up");
        }
        (Verdict::Over(MailState::Refused), _) => {
            tracing::warn!(%workspace, %event, %user, "the mail server refuses a recipient or a mail for good");
        }
        (Verdict::Again(until), Some(Unsent::Down(said))) => {
            tracing::warn!(%workspace, %event, %user, tries, %until, said, "the mail server cannot be used; a mail waits");
        }
        (Verdict::Again(until), _) => {
            tracing::info!(%workspace, %event, %user, tries, %until, "a mail waits to be sent again")
        }
        (Verdict::Over(_), _) => tracing::debug!(%workspace, %event, %user, tries, "a mail was sent"),
    }
}
