//! Who we talk to: the trait [`Carrier`], its vocabulary, and the carriers themselves.
//!
//! A carrier takes one text at a time and says what became of it; later it tells of receipts and
//! inbound texts as [`CarrierEvent`]s. Nothing here touches money, a database or a clock: time is
//! an argument, and a carrier's own codes and formats end at this crate's border.
//! The carrier that needs no network is [`simulator::Simulator`].

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

pub mod account;
mod adapter;
pub mod bandwidth;
pub mod callback;
pub mod capabilities;
pub mod codes;
pub mod ear;
pub mod gateway;
pub mod http;
pub mod mail;
pub mod payments;
pub mod plivo;
pub mod recorded;
pub mod signed;
pub mod simulator;
pub mod smpp;
pub mod stripe;
pub mod telnyx;
pub mod twilio;
pub mod vonage;
pub mod webhook;
pub mod wire;

pub use callback::{Callback, Heard, Strange, Unverified};
pub use capabilities::{Capabilities, StopAnswer, Support};
pub use ear::{Ear, Link, NotTaken};
pub use http::{Http, HttpError};
pub use signed::Secret;
pub use simulator::Simulator;
pub use wire::{
    CarrierEvent, Checked, Cost, E164, FailureClass, Finding, Held, Inbound, Outcome, Receipt, ReceiptState, Signal,
    Sought, Submission,
};

/// Somebody who carries our texts to handsets, chosen at run time for each number.
///
/// An adapter must hold to three rules, or texts are sent twice:
/// - after the request may have left, anything but a clear answer is [`Outcome::InDoubt`];
/// - it never repeats a submission by itself;
/// - it hands the attempt id on wherever the carrier echoes one (tag, reference, callback address).
pub trait Carrier: Send + Sync {
    /// The short name under which settings, events and unique keys know this carrier: `simulator`.
    fn name(&self) -> &str;

    /// Hands one text to the carrier. Called only after the claim of the attempt is durable, with
    /// no transaction open. Dropping the future leaves the outcome in doubt.
    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome>;

    /// Asks what became of an attempt in doubt. Never sends anything.
    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding>;

    /// Asks whether the account works. Never sends anything.
    fn check(&self) -> BoxFuture<'_, Checked> {
        Box::pin(async { Checked::Unsupported })
    }

    /// Asks which numbers the account has. Never changes anything.
    fn numbers(&self) -> BoxFuture<'_, Held> {
        Box::pin(async { Held::Unsupported })
    }

    /// Checks that the carrier itself made this call, on the raw request, and reads what it tells. A call that is not
    /// verified is not read.
    fn hear(&self, callback: &Callback<'_>) -> Result<Heard, Unverified> {
        let _ = callback;
        Err(Unverified::NoCallbacks(self.name().to_owned()))
    }

    /// Keeps a link of its own from now on, where it needs one to send and to hear, and tells the ear what comes. Only a process
    /// that serves calls this; within a runtime.
    fn attach(&self, ear: Arc<dyn Ear>) {
        drop(ear);
    }

    /// Ends that link in order.
    fn detach(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// How that link stands, where there is one to keep.
    fn link(&self) -> Option<Link> {
        None
    }

    /// What this carrier can do and what it does unasked.
    fn capabilities(&self) -> Capabilities;
}
