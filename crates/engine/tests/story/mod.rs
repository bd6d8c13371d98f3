//! The story of a year: two customers, a thousand contacts, every fault of the simulator, on both databases; and the same over the APIs
//! of the five carriers and of Kannel and over SMPP, by real connections, with every fault of a line besides.
//!
//! | file | owns |
//! |---|---|
//! | `cast` | who takes part: customers, their people and numbers, how the handsets behave |
//! | `texts` | what our side writes, and how a text tells at the receiving end which one it is |
//! | `office` | what the customers' people and the contacts do by themselves |
//! | `way` | the simulator itself, or a carrier's API before it, served by `../exchange` |
//! | `play` | how time passes; every callback is written down beside what had arrived by then |
//! | `log` | what was done, in the order of what arrived at the handsets |
//! | `check` | what must hold afterwards, from the database and the handsets' journal alone |
//!
//! One seed gives one story; on PostgreSQL, what happens at one instant may come in another order the next time.
//! The checker asks the engine for nothing but its own audit of the books.

mod cast;
mod check;
pub(crate) mod dice;
mod log;
mod office;
mod play;
mod texts;
mod way;

use carrier::account::Kind;
use cast::Story;
use jiff::SignedDuration;
use store::{Address, Store};

/// Another seed, another story.
const SEED: u64 = 7;
/// For how many days there is something new; then the last messages go out.
const DAYS: i64 = 365;
/// How many more days the last messages may take.
const TAIL_DAYS: i64 = 60;

fn live_through(store: &Store, kind: Option<Kind>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _hurry = (kind == Some(Kind::Smpp)).then(crate::exchange::smpp::hurry);
        let mut story = Story::begin(store, kind, SEED).await;
        let start = story.engine.now();
        for day in 0..DAYS + TAIL_DAYS {
            for visit in 0..2 {
                let at = start + SignedDuration::from_hours(24 * day + 12 * visit);
                story.play_until(at, day).await;
                story.visit(day, visit, DAYS).await;
            }
            if day % 30 == 29 {
                check::meanwhile(&story).await;
            }
            if day >= DAYS && check::active(&story).await == 0 {
                break;
            }
        }
        // Receipts may still be under way, and an answer to HELP.
        let end = story.engine.now() + SignedDuration::from_hours(24 * 10);
        story.play_until(end, DAYS).await;
        for customer in 0..story.customers.len() {
            story.settle_doubts(customer).await;
        }
        check::at_the_end(&story).await;
        story.engine.close_links().await;
    });
}

#[test]
fn heavy_a_year_of_every_fault_texts_nobody_twice_or_after_a_reply_and_loses_nothing_on_sqlite() {
    live_through(&store::testing::sqlite().store, None);
}

#[test]
fn heavy_a_year_of_every_fault_texts_nobody_twice_or_after_a_reply_and_loses_nothing_on_postgres() {
    live_through(&store::testing::postgres().store, None);
}

/// On SQLite in memory: the story above has seen that the file loses nothing.
fn over(kind: Kind) {
    live_through(&Store::open(&Address::memory()).unwrap(), Some(kind));
}

#[test]
fn the_year_over_the_api_of_bandwidth_on_sqlite() {
    over(Kind::Bandwidth);
}

#[test]
fn the_year_over_the_api_of_plivo_on_sqlite() {
    over(Kind::Plivo);
}

#[test]
fn the_year_over_the_api_of_telnyx_on_sqlite() {
    over(Kind::Telnyx);
}

#[test]
fn the_year_over_the_api_of_twilio_on_sqlite() {
    over(Kind::Twilio);
}

#[test]
fn the_year_over_the_api_of_vonage_on_sqlite() {
    over(Kind::Vonage);
}

#[test]
fn the_year_over_a_gateway_on_sqlite() {
    over(Kind::Gateway);
}

#[test]
fn the_year_over_smpp_on_sqlite() {
    over(Kind::Smpp);
}

#[test]
fn heavy_the_year_over_smpp_on_postgres() {
    live_through(&store::testing::postgres().store, Some(Kind::Smpp));
}

#[test]
fn heavy_the_year_over_the_api_of_bandwidth_on_postgres() {
    live_through(&store::testing::postgres().store, Some(Kind::Bandwidth));
}

#[test]
fn heavy_the_year_over_the_api_of_twilio_on_postgres() {
    live_through(&store::testing::postgres().store, Some(Kind::Twilio));
}
