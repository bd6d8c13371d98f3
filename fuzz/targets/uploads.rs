//! Files of contacts: encoding, separator, columns and the first rows, as the page shows them before an import.
#![no_main]

use std::io::Cursor;
use std::sync::LazyLock;

use domain::money::Micros;
use engine::import::ImportOptions;
use engine::workspaces::NewWorkspace;
use engine::{Actor, Carriers, Clock, Engine};
use libfuzzer_sys::fuzz_target;
use store::{Address, Store};
use tokio::runtime::Runtime;

static HOUSE: LazyLock<(Runtime, Engine, Actor)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    let store = Store::open(&Address::memory()).expect("a database in memory opens");
    let clock = Clock::manual(jiff::Timestamp::from_second(1_800_000_000).expect("it is a time"));
    let engine = Engine::open(store, clock, Carriers::new()).expect("an engine opens");
    let (name, zone) = ("Acme".to_owned(), "America/New_York".to_owned());
    let new = NewWorkspace { name, zone, rate: Micros(15_000), plan_credits: 0 };
    let made = runtime.block_on(engine.create_workspace(new)).expect("a workspace is made");
    (runtime, engine, Actor::operator(made.workspace.id))
});

fuzz_target!(|file: &[u8]| {
    let (runtime, engine, actor) = &*HOUSE;
    let _ = runtime.block_on(engine.import_headers(actor, Cursor::new(file.to_vec())));
    let _ = runtime.block_on(engine.preview_import(actor, Cursor::new(file.to_vec()), ImportOptions::default()));
});
