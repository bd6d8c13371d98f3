//! How long each page takes on the server when a workspace is large: `bench/pages` runs it, in a release build.
//!
//! 1,000,000 contacts, 200,000 conversations, 5,000,000 messages, 100,000 enrollments of which 10,000 run, 50 workflows, a year
//! of figures and events, in one workspace on SQLite. `DRIPLINE_SCALE` divides all of it, for a quick look; `DRIPLINE_SCALE_DB`
//! keeps the database, and takes it again if it is there. It may be the address of a database on PostgreSQL that `dripline copy` has
//! filled from such a file.

#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first thing that is wrong")]
#![expect(clippy::disallowed_methods, reason = "it measures, and decides nothing by it")]

mod fill;
mod house;
mod indexes;
mod measure;
mod people;
mod runs;

use std::path::PathBuf;

use dripline::wiring::{self, Behaviour};
use engine::Clock;
use store::Address;

/// The instant at which the pages are looked at: a Tuesday at ten in New York.
const NOW: &str = "2026-11-24T15:00:00Z";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(time_pages());
}

async fn time_pages() {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var("DRIPLINE_SCALE_DB").ok();
    let copied = kept.as_deref().filter(|kept| kept.starts_with("postgres://"));
    let path = kept.as_ref().map_or_else(|| folder.path().join("scale.db"), PathBuf::from);
    let there = copied.is_some() || path.exists();
    let address = copied.map_or_else(|| Address::file(path.clone()), |address| address.parse().unwrap());
    let scale = std::env::var("DRIPLINE_SCALE").map_or(1, |text| text.parse().unwrap());
    let clock = Clock::manual(NOW.parse().unwrap());
    let parts = wiring::open(&address, folder.path(), clock, Behaviour::default()).unwrap();
    let house = house::house(&parts, there).await;
    let size = fill::Size::divided_by(scale);
    if !there {
        tokio::task::block_in_place(|| fill::fill(&parts, &house, size));
    }
    if let Ok(file) = std::fs::metadata(&path) {
        println!("the database has {} MB", file.len() / 1_000_000);
    }
    measure::measure(parts, &house, size).await;
}
