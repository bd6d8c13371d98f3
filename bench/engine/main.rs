//! How fast the engine is, beside what the same work takes without it: `bench/speed` runs it, in a release build.
//!
//! | figure | file | what is timed |
//! |---|---|---|
//! | floor | `floor` | the same texts handed to the same adapter, with no database at all |
//! | dispatch | `dispatch` | a backlog that is due at once, until the last text is at the sink and settled |
//! | enroll | `enroll` | price, charge and schedule of everybody, in chunks as a bulk job does it |
//! | peers | `peers` | `bench/peers/run`: what others do with the same texts, the same sink and the same PostgreSQL |
//!
//! Each text is one POST over HTTP to a sink in another process (`sink`), through the adapter for Twilio: what a real carrier
//! gets. Each round measures every figure once, so that whatever else the machine does meets all of them alike.
//!
//! `DRIPLINE_SPEED_TEXTS` (100,000), `DRIPLINE_SPEED_ROUNDS` (5), `DRIPLINE_SPEED_FIGURES` (`floor,dispatch,enroll,peers`).

#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first thing that is wrong")]
#![expect(clippy::disallowed_methods, reason = "it measures, and decides nothing by it")]

#[path = "../common/customer.rs"]
mod customer;
mod dispatch;
mod drain;
mod enroll;
mod floor;
mod peers;
mod place;
mod sink;
mod table;

use crate::place::Place;
use crate::sink::Sink;
use crate::table::Table;

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some(sink::WORD) {
        return sink::serve();
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(measure());
}

async fn measure() {
    type Open = fn(&Sink) -> Option<Place>;
    let texts = setting("DRIPLINE_SPEED_TEXTS", 100_000);
    let figures = std::env::var("DRIPLINE_SPEED_FIGURES").unwrap_or_else(|_| "floor,dispatch,enroll,peers".to_owned());
    let wanted = |figure: &str| figures.split(',').any(|one| one == figure);
    let mut table = Table::default();
    for _ in 0..setting("DRIPLINE_SPEED_ROUNDS", 5) {
        let sink = Sink::start();
        if wanted("floor") {
            table.note("no database", "texts/s", floor::run(&sink, texts).await);
        }
        for open in [Place::sqlite as Open, Place::postgres] {
            if let Some(place) = open(&sink).filter(|_| wanted("enroll")) {
                table.note(&format!("enroll, {}", place.database), "contacts/s", enroll::run(&place, texts).await);
            }
            if let Some(place) = open(&sink).filter(|_| wanted("dispatch")) {
                let speed = dispatch::run(&place, &sink, texts).await;
                table.note(&format!("dispatch, {}", place.database), "texts/s", speed);
            }
        }
        if wanted("peers") {
            for (peer, speed) in peers::run(&sink, texts) {
                table.note(&peer, "texts/s", speed);
            }
        }
    }
    table.print("no database");
}
