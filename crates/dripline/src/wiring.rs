//! Puts the parts together: the store, the clock, the carriers. The only file that names a store or a carrier.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checks::Checks;
use crate::proxies::Proxies;
use carrier::simulator::SimulatorError;
use carrier::simulator::behaviour::BehaviourError;
use carrier::{Carrier, Simulator};
use engine::first_run::SetupCode;
use engine::roll::Outfit;
use engine::{Carriers, Clock, Engine, OpenError};
use store::copies::{self, Copied, CopyError, Progress};
use store::{Address, DbError, Store};

pub use carrier::recorded;
pub use carrier::simulator::{Behaviour, HandsetText, Reaction};

/// The parts that run together.
#[derive(Clone)]
pub struct Parts {
    /// The use cases.
    pub engine: Engine,
    /// The handsets, whose texts and replies the demo shows.
    pub simulator: Arc<Simulator>,
    /// Where uploaded files lie until they are imported.
    pub uploads: PathBuf,
    /// What whoever makes the first account must know.
    pub setup_code: SetupCode,
    /// The proxies before the server.
    pub proxies: Proxies,
    /// The checks of uploaded files.
    pub checks: Checks,
}

/// Why the parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The data folder cannot be made.
    #[error("the data folder {} cannot be used: let this program's user write it, or name another with --data", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has the database file, which is one process's at a time.
    #[error(
        "the database {} is in use, most likely by `dripline serve`: stop that first, or ask it through its API (/api/v1)",
        path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The database cannot be opened.
    #[error("the database {address} cannot be opened")]
    Db {
        /// Its address, without secrets.
        address: String,
        /// Why.
        #[source]
        source: DbError,
    },
    /// The database is not copied.
    #[error("the database {address} is not copied")]
    Backup {
        /// Its address, without secrets.
        address: String,
        /// Why.
        #[source]
        source: DbError,
    },
    /// The database is not copied into another.
    #[error("the copy is not made")]
    Copy(#[from] CopyError),
    /// The node cannot start.
    #[error("the engine cannot start")]
    Open(#[from] OpenError),
    /// The simulator's journal cannot be used.
    #[error("the simulator cannot start; its journal is {}", path.display())]
    Simulator {
        /// The journal.
        path: PathBuf,
        /// Why.
        #[source]
        source: SimulatorError,
    },
    /// The simulator's behaviour is out of bounds.
    #[error("the simulator cannot start")]
    Behaviour(#[from] BehaviourError),
}

/// What to say of a database that does not open.
fn not_opened(address: &Address) -> impl FnOnce(DbError) -> WiringError {
    let address = address.to_string();
    move |source| match source {
        DbError::InUse { path } => WiringError::InUse { path },
        source => WiringError::Db { address, source },
    }
}

/// The database, to write; the data folder is made first, as the default database lies in it.
fn open_store(database: &Address, data: &Path) -> Result<Store, WiringError> {
    std::fs::create_dir_all(data).map_err(|source| WiringError::Folder { path: data.to_owned(), source })?;
    Store::open(database).map_err(not_opened(database))
}

/// Opens everything but accounts at carriers. Blocks.
pub fn open(database: &Address, data: &Path, clock: Clock, behaviour: Behaviour) -> Result<Parts, WiringError> {
    open_with(database, data, clock, behaviour, None)
}

/// Opens everything: the database with its migrations, the simulator with its journal in the data folder, and with an
/// outfit the accounts at carriers. Blocks.
pub fn open_with(
    database: &Address,
    data: &Path,
    clock: Clock,
    behaviour: Behaviour,
    outfit: Option<Outfit>,
) -> Result<Parts, WiringError> {
    let store = open_store(database, data)?;
    let path = data.join("simulator.jsonl");
    let simulator = Simulator::with_journal(behaviour, 1, &path);
    let simulator = Arc::new(simulator.map_err(|source| WiringError::Simulator { path, source })?);
    let engine = Engine::open_with(store, clock, carriers(Arc::clone(&simulator)), outfit)?;
    Ok(Parts {
        engine,
        simulator,
        uploads: data.join("uploads"),
        setup_code: SetupCode::draw(),
        proxies: Proxies::default(),
        checks: Checks::default(),
    })
}

fn carriers(simulator: Arc<Simulator>) -> Carriers {
    Carriers::from([("simulator".to_owned(), simulator as Arc<dyn Carrier>)])
}

/// An engine for a command that writes. It knows the carriers by name and never sends. Blocks.
pub fn open_to_write(
    database: &Address,
    data: &Path,
    clock: Clock,
    outfit: Option<Outfit>,
) -> Result<Engine, WiringError> {
    let store = open_store(database, data)?;
    let simulator = Arc::new(Simulator::new(quiet_behaviour(), 1)?);
    Ok(Engine::open_with(store, clock, carriers(simulator), outfit)?)
}

/// An engine for a command that only reads, beside the server that has the database. Blocks.
pub fn open_to_read(database: &Address, clock: Clock, outfit: Option<Outfit>) -> Result<Engine, WiringError> {
    let store = Store::open_to_read(database).map_err(not_opened(database))?;
    Ok(Engine::reader(store, clock, outfit))
}

/// How handsets behave in the demo: as lively as [`Behaviour::demo`], but nobody answers by themselves, so
/// that the reply which stops the workflow is the one that the newcomer writes.
#[must_use]
pub fn demo_behaviour() -> Behaviour {
    let mut behaviour = Behaviour::demo();
    behaviour.replies.rate = 0.0;
    behaviour
}

/// How handsets behave elsewhere: they take every text, and answer when a person makes them.
#[must_use]
pub fn quiet_behaviour() -> Behaviour {
    Behaviour::default()
}

/// Opens the database alone, which brings its schema up to date; answers the schema's version. Blocks.
pub fn migrate(database: &Address, data: &Path) -> Result<i64, WiringError> {
    Ok(open_store(database, data)?.schema_version())
}

/// Copies a whole database into a fresh one that nobody serves, or goes on with that. `progress` is told a table, how many of
/// its rows are there, and how many it has. Blocks.
pub fn copy(
    from: &Address,
    to: &Address,
    mut progress: impl FnMut(&str, u64, u64),
) -> Result<Vec<Copied>, WiringError> {
    // Opened for reading first: one that is not there is not made, and one of an older schema is left as it is.
    if from.to_string() == to.to_string() {
        return Err(CopyError::Same.into());
    }
    drop(Store::open_to_read(from).map_err(not_opened(from))?);
    let (source, target) = (Store::open(from).map_err(not_opened(from))?, Store::open(to).map_err(not_opened(to))?);
    let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
    let mut told = |at: &Progress<'_>| progress(at.table, count(at.rows), count(at.all));
    Ok(copies::copy(&source, &target, Clock::System.now(), &mut told)?)
}

/// Copies a database into a new file, while its server runs or not. `progress` is told how many pages of
/// how many are copied. Blocks.
pub fn backup(database: &Address, to: &Path, mut progress: impl FnMut(u64, u64)) -> Result<(), WiringError> {
    let address = database.to_string();
    if database.is_server() {
        return Err(WiringError::Backup { address, source: DbError::BackupUnsupported });
    }
    let store = Store::open_to_read(database).map_err(not_opened(database))?;
    let copied = store.backup(to, &mut |copied| progress(copied.pages, copied.all));
    copied.map_err(|source| WiringError::Backup { address, source })
}
