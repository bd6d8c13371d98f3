//! A carrier that answers when it is let.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use carrier::{Capabilities, Carrier, Finding, Outcome, Simulator, Sought, Submission};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Semaphore;

/// The simulator behind a door: a text waits until it is let through.
pub(crate) struct Door {
    name: &'static str,
    inner: Arc<Simulator>,
    called: AtomicI64,
    /// How many are let through at a time.
    pub(crate) open: Semaphore,
}

impl Door {
    pub(crate) fn new(name: &'static str, inner: &Arc<Simulator>, open: usize) -> Arc<Self> {
        let (called, open) = (AtomicI64::new(0), Semaphore::new(open));
        Arc::new(Self { name, inner: Arc::clone(inner), called, open })
    }

    /// How many texts have come to it.
    pub(crate) fn called(&self) -> i64 {
        self.called.load(Ordering::SeqCst)
    }
}

impl Carrier for Door {
    fn name(&self) -> &str {
        self.name
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            self.called.fetch_add(1, Ordering::SeqCst);
            drop(self.open.acquire().await);
            self.inner.submit(submission, now).await
        })
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.inner.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
