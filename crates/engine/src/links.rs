//! Links of accounts that keep one of their own (SMPP): made by a process that serves, heard here, ended with it.
//!
//! | when | what |
//! |---|---|
//! | a node begins to serve | each account that needs one has its link on this node |
//! | an account is added, changed or removed, on any node | its link is made, made anew or ended when the roll is taken |
//! | something is heard | taken as a call is ([`crate::hear`]); the carrier is told after the commit |
//! | the node ends | every link says farewell, after the dispatcher has its answers |
//!
//! A command beside the server makes none: it would take the SMSC's deliveries from whoever can store them.

use std::sync::Arc;

pub use carrier::Link;
use carrier::{Ear, Heard, NotTaken};
use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::engine::{Engine, Faint};
use crate::roll::Address;

impl Engine {
    /// Makes the links of all accounts, and from now on those of every account that is added. Within a runtime.
    pub fn open_links(&self) {
        let listener = Listener { engine: self.faint(), clock: self.clock().clone() };
        self.roll().listen(Arc::new(listener));
    }

    /// Ends all links in order.
    pub async fn close_links(&self) {
        let open = self.roll().listen_no_more();
        join_all(open.iter().map(|carrier| carrier.detach())).await;
    }
}

/// Hears for all links. It does not keep the engine alive, which holds the links.
struct Listener {
    engine: Faint,
    clock: Clock,
}

impl Ear for Listener {
    fn take<'a>(&'a self, carrier: &'a str, heard: Heard) -> BoxFuture<'a, Result<(), NotTaken>> {
        Box::pin(async move {
            let engine = self.engine.wake().ok_or_else(|| NotTaken("the server ends".to_owned()))?;
            if let Some(account) = engine.roll().account(carrier) {
                account.health.heard(self.now(), Address::Current);
            }
            let taken = engine.take_heard(carrier, heard, self.now()).await;
            taken.map(drop).map_err(|error| NotTaken(error.to_string()))
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
