//! Puts the parts together: the store, the clock, the carriers. The only file that names a store or a carrier.

use std::path::Path;
use std::sync::Arc;

use carrier::simulator::SimulatorError;
use carrier::simulator::behaviour::BehaviourError;
use carrier::{Carrier, Simulator};
use engine::{Carriers, Clock, Engine, OpenError};
use store::{Address, DbError, Store};

pub use carrier::simulator::{Behaviour, HandsetText, Reaction};

/// The parts that run together.
#[derive(Clone)]
pub struct Parts {
    /// The use cases.
    pub engine: Engine,
    /// The handsets, whose texts and replies the demo shows.
    pub simulator: Arc<Simulator>,
}

/// Why the parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The data folder cannot be made.
    #[error("the data folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// The database cannot be opened.
    #[error("the database cannot be opened")]
    Db(#[from] DbError),
    /// The node cannot start.
    #[error("the engine cannot start")]
    Open(#[from] OpenError),
    /// The simulator's journal cannot be used.
    #[error("the simulator cannot start")]
    Simulator(#[from] SimulatorError),
    /// The simulator's behaviour is out of bounds.
    #[error("the simulator cannot start")]
    Behaviour(#[from] BehaviourError),
}

/// Opens everything: the database with its migrations, the simulator with its journal in the data folder. Blocks.
pub fn open(database: &Address, data: &Path, clock: Clock, behaviour: Behaviour) -> Result<Parts, WiringError> {
    std::fs::create_dir_all(data).map_err(WiringError::Folder)?;
    let store = Store::open(database)?;
    let simulator = Arc::new(Simulator::with_journal(behaviour, 1, &data.join("simulator.jsonl"))?);
    let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&simulator) as Arc<dyn Carrier>)]);
    let engine = Engine::open(store, clock, carriers)?;
    Ok(Parts { engine, simulator })
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
pub fn migrate(database: &Address) -> Result<i64, WiringError> {
    Ok(Store::open(database)?.schema_version())
}

/// Copies a running engine's database into a new file. Blocks.
pub fn backup(engine: &Engine, to: &Path) -> Result<(), WiringError> {
    Ok(engine.store().backup(to)?)
}
