//! SMPP 3.4: one link of our own to an SMSC for each account, on every node that serves.
//!
//! Source: *Short Message Peer to Peer Protocol Specification v3.4*, issue 1.2.
//! - A text that was written and not answered when its link ends is in doubt and never written again; one that was not written was not sent.
//! - There is no search: `query_sm` needs the identifier that the lost answer would have named. A late answer proves the send, and so does a
//!   receipt that brings our reference back; else a person decides.
//! - The receipt is asked for with the last part of a long text. The parts go one after the other, so news of the last one says that the SMSC
//!   had them all; news of the first would call a text delivered of which the rest was refused.
//! - Each part says for how long the SMSC may try (`validity_period`, in its relative form, which needs no clocks that agree), counted when it is
//!   written. What was not delivered by then is told as `EXPIRED`.
//! - A delivery is confirmed once it is stored.
//!
//! | file | what |
//! |---|---|
//! | `line` | keeps the link: connects, binds, waits, tries again |
//! | `session` | one bound link: what is written, read, and what its end means |
//! | `desk` | what is remembered over links |
//! | `pdu`, `parts`, `alphabet` | bytes |
//! | `heard`, `receipt`, `pieces`, `repeats` | what deliveries mean |

pub mod alphabet;
pub mod codes;
mod desk;
pub mod heard;
mod line;
pub mod parts;
pub mod pdu;
mod pieces;
pub mod receipt;
mod repeats;
mod session;
mod submission;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::alphabet::Alphabet;
use self::heard::Ids;
use self::line::Line;
use crate::ear::{Ear, Link};
use crate::signed::Secret;
use crate::{Capabilities, Carrier, Checked, Finding, Outcome, Sought, StopAnswer, Submission, Support};

/// Texts that may wait for their answers at once, where the account does not say.
const WINDOW: usize = 10;
/// The port of SMPP.
pub(crate) const PORT: u16 = 2775;
/// Longest wait for a link to end in order.
const FAREWELL: Duration = Duration::from_secs(15);

/// An account at an SMSC, as it is typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The SMSC's host.
    pub host: String,
    /// Its port; 2775 if empty.
    pub port: String,
    /// `yes` for a connection under TLS.
    pub tls: String,
    /// The name of the account.
    pub system_id: String,
    /// Its password.
    pub password: Secret,
    /// What the SMSC wants to be called by, if anything.
    pub system_type: String,
    /// The kind of our numbers (TON); 1, international, if empty.
    pub source_ton: String,
    /// Their plan (NPI); 1, E.164, if empty.
    pub source_npi: String,
    /// Texts that may wait for their answers at once.
    pub window: String,
    /// Most texts in a second; no limit if empty.
    pub per_second: String,
    /// `gsm` or `latin1`: what data coding 0 means there.
    pub alphabet: String,
    /// `same`, `decimal` or `hexadecimal`: how receipts write identifiers.
    pub receipt_ids: String,
}

/// The same, understood. What is not a number there has its default: the form has checked it.
#[derive(Debug, Clone)]
struct Terms {
    host: String,
    port: u16,
    tls: bool,
    system_id: String,
    password: Secret,
    system_type: String,
    source: (u8, u8),
    window: usize,
    gap: Duration,
    alphabet: Alphabet,
    ids: Ids,
}

impl Terms {
    fn of(settings: Settings) -> Self {
        let per_second = settings.per_second.parse().ok().filter(|count| *count > 0);
        Self {
            host: settings.host,
            port: settings.port.parse().unwrap_or(PORT),
            tls: settings.tls == "yes",
            system_id: settings.system_id,
            password: settings.password,
            system_type: settings.system_type,
            source: (settings.source_ton.parse().unwrap_or(1), settings.source_npi.parse().unwrap_or(1)),
            window: settings.window.parse().ok().filter(|window| *window > 0).unwrap_or(WINDOW),
            gap: per_second.map_or(Duration::ZERO, |count: u32| Duration::from_secs(1) / count),
            alphabet: if settings.alphabet == "latin1" { Alphabet::Latin1 } else { Alphabet::Gsm },
            ids: match settings.receipt_ids.as_str() {
                "decimal" => Ids::Decimal,
                "hexadecimal" => Ids::Hexadecimal,
                _ => Ids::Same,
            },
        }
    }
}

/// One account at an SMSC, to send with and to hear.
pub struct Smpp {
    line: Arc<Line>,
    kept: Mutex<Option<Kept>>,
}

/// A line that is kept.
struct Kept {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Smpp {
    /// An account under a name of ours.
    #[must_use]
    pub fn new(name: String, settings: Settings) -> Self {
        Self { line: Arc::new(Line::new(name, Terms::of(settings))), kept: Mutex::default() }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Carrier for Smpp {
    fn name(&self) -> &str {
        self.line.name()
    }

    fn submit<'a>(&'a self, submission: &'a Submission, _now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(submission::submit(&self.line, submission))
    }

    fn find<'a>(&'a self, _sought: &'a Sought, _now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async { Finding::Unsupported })
    }

    fn check(&self) -> BoxFuture<'_, Checked> {
        Box::pin(self.line.check())
    }

    fn attach(&self, ear: Arc<dyn Ear>) {
        let mut kept = self.kept();
        if kept.is_none() {
            let (stop, stopped) = watch::channel(false);
            let task = tokio::spawn(line::keep(Arc::clone(&self.line), ear, stopped));
            *kept = Some(Kept { stop, task });
        }
    }

    fn detach(&self) -> BoxFuture<'_, ()> {
        let kept = self.kept().take();
        Box::pin(async move {
            let Some(Kept { stop, mut task }) = kept else { return };
            stop.send_replace(true);
            if timeout(FAREWELL, &mut task).await.is_err() {
                task.abort();
            }
        })
    }

    fn link(&self) -> Option<Link> {
        Some(self.line.link())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop_answer: StopAnswer::Ours,
            own_words: &[],
            idempotency: Support::Missing,
            find: Support::Missing,
            expiry: Support::Offered,
            echo: Support::Missing,
        }
    }
}

impl Drop for Smpp {
    fn drop(&mut self) {
        // The account was removed or changed: its link says farewell by itself.
        if let Some(Kept { stop, .. }) = self.kept().take() {
            stop.send_replace(true);
        }
    }
}
