//! A workspace on each database, an engine on a manual clock, and the actors.

use std::sync::{Arc, Mutex};

use domain::access::Role;
use domain::ids::{UserId, WorkspaceId};
use domain::money::Micros;
use engine::{Actor, Carriers, Clock, Engine, Settings};
use jiff::Timestamp;
use store::testing::TestDatabase;
use store::workspaces::Workspace;
use store::{DbError, Lane, Store};

/// The workspace of every test.
pub(crate) const WORKSPACE: WorkspaceId = WorkspaceId(7);

/// A database with an engine on it.
pub(crate) struct World {
    pub(crate) db: TestDatabase,
    pub(crate) engine: Engine,
}

/// One of each database.
pub(crate) fn worlds() -> Vec<World> {
    store::testing::databases().into_iter().map(World::new).collect()
}

pub(crate) fn start() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

pub(crate) fn actor(role: Role) -> Actor {
    Actor::user(WORKSPACE, UserId(1), role.permissions())
}

pub(crate) fn agent() -> Actor {
    actor(Role::Agent)
}

pub(crate) fn add_workspace(store: &Store, id: WorkspaceId) {
    let row = Workspace {
        id,
        name: format!("Workspace {}", id.0),
        zone: "America/New_York".to_owned(),
        plan: "active".to_owned(),
        rate: Micros(15_000),
        settings: Settings::default().document(),
        messages_per_minute: 0,
        paced_until: start(),
        created_at: start(),
        suspended: None,
    };
    let made = store.write_blocking(Lane::Normal, move |tx| -> Result<(), DbError> {
        store::workspaces::insert(tx, &row)?;
        store::ledger::open_accounts(tx, id)
    });
    made.unwrap();
}

impl World {
    fn new(db: TestDatabase) -> Self {
        add_workspace(&db.store, WORKSPACE);
        let engine = Engine::open(db.store.clone(), Clock::manual(start()), Carriers::new()).unwrap();
        Self { db, engine }
    }

    /// A future of the engine to its end.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::runtime::Runtime::new().unwrap().block_on(work)
    }

    /// The kinds of all events, in their order.
    pub(crate) fn events(&self) -> Vec<String> {
        const KINDS: store::Sql = store::Sql::Same("SELECT kind FROM events WHERE workspace_id = $1 ORDER BY event_id");
        let read = self.db.store.read_blocking(|db| -> Result<_, DbError> {
            db.query(&KINDS, &[WORKSPACE.0.into()])?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
        });
        read.unwrap()
    }
}

/// A file in memory that a test reads afterwards.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }
}
