//! The engine: a store, a clock, identifiers and the carriers. Cheap to clone; clones are one.

use std::collections::BTreeMap;
use std::sync::Arc;

use carrier::Carrier;
use domain::ids::WorkspaceId;
use jiff::{SignedDuration, Timestamp};
use store::{DbError, Lane, Store, workspaces};
use tokio::sync::Notify;

use crate::actor::Actor;
use crate::beat::Beat;
use crate::clock::Clock;
use crate::counts::{Counters, Counts};
use crate::facts::Steps;
use crate::failure::Failure;
use crate::ids::{Ids, secret};

/// How long a node keeps its number without renewing it.
pub(crate) const NODE_LEASE: SignedDuration = SignedDuration::from_mins(2);

/// The carriers by their names in the configuration.
pub type Carriers = BTreeMap<String, Arc<dyn Carrier>>;

/// All that use cases need.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    ids: Ids,
    node: i64,
    owner: String,
    carriers: Carriers,
    steps: Steps,
    wake: Notify,
    counters: Counters,
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// As many nodes as there are numbers serve the database.
    #[error("{} nodes serve this database already; wait two minutes for one that was killed", workspaces::MAX_NODES)]
    NoNodeFree,
    /// The database failed.
    #[error("the database cannot be used")]
    Db(#[from] DbError),
}

impl Engine {
    /// Takes a node number from the database and starts. Blocks.
    pub fn open(store: Store, clock: Clock, carriers: Carriers) -> Result<Self, OpenError> {
        let now = clock.now();
        let until = now.saturating_add(NODE_LEASE).unwrap_or(Timestamp::MAX);
        let owner = secret();
        let taken = {
            let owner = owner.clone();
            store.write_blocking(Lane::Normal, move |tx| workspaces::take_node(tx, &owner, until, now))?
        };
        let node = taken.ok_or(OpenError::NoNodeFree)?;
        let inner = Inner {
            store,
            clock,
            ids: Ids::new(node),
            node,
            owner,
            carriers,
            steps: Steps::default(),
            wake: Notify::new(),
            counters: Counters::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Renews the lease on the node number; false if another node has taken it, after which this one must stop.
    pub async fn keep_node(&self) -> Result<bool, Failure> {
        let (node, owner) = (self.0.node, self.0.owner.clone());
        let until = self.now().saturating_add(NODE_LEASE).unwrap_or(Timestamp::MAX);
        self.write(Lane::Inbound, move |tx| Ok(workspaces::keep_node(tx, node, &owner, until)?)).await
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The number of this node.
    #[must_use]
    pub fn node(&self) -> i64 {
        self.0.node
    }

    /// The carriers.
    #[must_use]
    pub fn carriers(&self) -> &Carriers {
        &self.0.carriers
    }

    /// The store, for reads that need no use case.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn steps(&self) -> Steps {
        self.0.steps.clone()
    }

    pub(crate) fn carrier(&self, name: &str) -> Option<Arc<dyn Carrier>> {
        self.0.carriers.get(name).cloned()
    }

    /// What this process has done since it began.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counters.now()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Tells the dispatcher that there may be work.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Waits until somebody says that there may be work.
    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// A beat of an actor.
    pub(crate) fn beat(&self, actor: &Actor) -> Beat {
        Beat { key: actor.idempotency_key().cloned(), ..self.beat_as(actor.workspace(), actor.name()) }
    }

    /// A beat of somebody who is no actor: the contact, the carrier, the product itself.
    pub(crate) fn beat_as(&self, workspace: WorkspaceId, actor: &str) -> Beat {
        Beat { workspace, now: self.now(), ids: self.0.ids.clone(), actor: actor.to_owned(), key: None }
    }

    /// One transaction.
    pub(crate) async fn write<T, E, F>(&self, lane: Lane, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut store::Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.0.store.write(lane, work).await
    }

    /// One consistent read.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&store::Read<'_>) -> Result<T, E> + Send + 'static,
    {
        self.0.store.read(work).await
    }
}
