//! What carriers take for a workspace's texts: counted by country and account, made money of by the operator's rates. On both databases.

use domain::ids::{CarrierId, MessageId, NumberId};
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use domain::tariff::{Country, Price, Rate, Way};
use engine::Operator;
use engine::erasing::{Erasure, Person};
use engine::tariffs::{Cost, RateError};
use store::messages::Message;
use store::numbers::Number;
use store::{DbError, Lane, tallies};

use crate::world::{Plan, World, on_both};

const US: &str = "+12125550111";
const CANADA: &str = "+14165550112";

fn operator() -> Operator {
    Operator::at_command_line()
}

fn today(world: &World) -> i64 {
    tallies::number_of(jiff::tz::TimeZone::UTC.to_datetime(world.engine.now()).date())
}

fn rate(carrier: &str, country: &str, since: i64, sent: i64, heard: i64) -> Rate {
    let price = Price { sent: Micros(sent), heard: Micros(heard) };
    Rate { carrier: carrier.to_owned(), country: Country::read(country), since, price }
}

/// Carrier, country, way, texts, segments, micro-dollars, segments without a rate.
type Line = (String, String, Way, i64, i64, i64, i64);

async fn carried(world: &World) -> Vec<Line> {
    let rows = world.engine.carried(&operator(), world.workspace()).await.unwrap().into_iter();
    let line = |row: engine::tariffs::Carried| {
        let Cost { micros, unpriced } = row.cost;
        let (count, segments) = (row.count.count, row.count.segments);
        (row.carrier, row.country.to_string(), row.way, count, segments, micros.0, unpriced)
    };
    let mut lines: Vec<Line> = rows.map(line).collect();
    lines.sort();
    lines
}

fn line(of: (&str, &str, Way), count: (i64, i64), cost: (i64, i64)) -> Line {
    (of.0.to_owned(), of.1.to_owned(), of.2, count.0, count.1, cost.0, cost.1)
}

async fn set(world: &World, rate: Rate) {
    world.engine.set_rate(&operator(), rate).await.unwrap();
}

/// What the last month and the current one cost, as the console's pages say.
async fn costs(world: &World) -> Cost {
    let listed = world.engine.customers(&operator(), "", None).await.unwrap().lines;
    let months = world.engine.brought(&operator(), world.workspace()).await.unwrap();
    let mut sum = Cost::default();
    for (_, brought) in months {
        sum.micros.0 += brought.cost.micros.0;
        sum.unpriced += brought.cost.unpriced;
    }
    assert_eq!(listed[0].brought.cost, sum, "the list and the months say the same");
    sum
}

#[test]
fn texts_cost_what_the_rate_of_their_day_and_country_says_whenever_it_is_set() {
    on_both(Plan::default, async |world| {
        let (ann, bob) = (world.contact(1, US, &[]).await, world.contact(2, CANADA, &[]).await);
        let send = async |contact, text: &str| {
            world.engine.send_message(&world.actor, contact, text).await.unwrap();
            world.engine.round().await.unwrap();
        };
        send(ann, "Hello").await;
        send(bob, &"Hello there. ".repeat(20)).await;
        world.reply(US, "Hi").await;
        let (out, back) = (Way::Out, Way::In);
        let own = |country, way| ("simulator", country, way);
        let before = |us, us_unpriced, ca, ca_unpriced, heard, unheard| {
            vec![
                line(own("CA", out), (1, 2), (ca, ca_unpriced)),
                line(own("US", out), (1, 1), (us, us_unpriced)),
                line(own("US", back), (1, 1), (heard, unheard)),
            ]
        };
        assert_eq!(carried(&world).await, before(0, 1, 0, 2, 0, 1), "nobody has said what they cost");
        assert_eq!(costs(&world).await, Cost { micros: Micros::ZERO, unpriced: 4 });

        let first = today(&world);
        set(&world, rate("simulator", "US", first - 3, 7_900, 2_000)).await;
        set(&world, rate("twilio", "", first - 3, 500_000, 500_000)).await;
        assert_eq!(carried(&world).await, before(7_900, 0, 0, 2, 2_000, 0));
        set(&world, rate("simulator", "", first - 3, 20_000, 9_000)).await;
        assert_eq!(carried(&world).await, before(7_900, 0, 40_000, 0, 2_000, 0), "every other country");
        assert_eq!(costs(&world).await, Cost { micros: Micros(49_900), unpriced: 0 });

        // A rate of tomorrow is tomorrow's; what went before keeps its own.
        set(&world, rate("simulator", "US", first + 1, 10_000, 2_000)).await;
        assert_eq!(costs(&world).await.micros, Micros(49_900));
        world.play_days(2).await;
        send(ann, "Hello again").await;
        assert_eq!(costs(&world).await.micros, Micros(59_900));
        // The same day again is a correction.
        set(&world, rate("simulator", "US", first + 1, 11_000, 2_000)).await;
        assert_eq!(costs(&world).await.micros, Micros(60_900));
        let gone = async |since| {
            let country = Country::read("US");
            world.engine.remove_rate(&operator(), "simulator", country, since).await.unwrap()
        };
        assert!(gone(first + 1).await);
        assert!(!gone(first + 1).await, "it is gone already");
        assert_eq!(costs(&world).await.micros, Micros(57_800), "the one before it holds again");
        let stored = world.engine.rates(&operator()).await.unwrap();
        assert!(stored.iter().all(|entry| entry.set_by == "operator") && stored.len() == 3, "{stored:?}");

        // Whoever is erased leaves no gap in what was paid.
        let erasure = Erasure { person: Person::Contact(ann), do_not_contact: false };
        let job = world.engine.erase(&world.actor, erasure, None).await.unwrap();
        world.engine.run_erasure(&world.actor, job.id).await.unwrap();
        assert_eq!(costs(&world).await.micros, Micros(57_800));
        assert_eq!(world.engine.verify_ledger(world.workspace()).await.unwrap().faults, []);
        world.end().await;
    });
}

#[test]
fn a_text_counts_for_the_account_that_carried_it_even_when_that_is_removed() {
    on_both(Plan::default, async |mut world| {
        let contact = world.contact(1, CANADA, &[]).await;
        let (workspace, now, account) = (world.workspace(), world.engine.now(), CarrierId(4_242));
        let make = move |tx: &mut store::Tx<'_>| {
            let row = store::carriers::Carrier {
                workspace,
                id: account,
                kind: "telnyx".to_owned(),
                name: "Ours".to_owned(),
                sealed: vec![1],
                hook_key: "key".to_owned(),
                hook_key_before: None,
                created_at: now,
                changed_at: now,
            };
            store::carriers::insert(tx, &row)?;
            store::numbers::insert(tx, workspace, &number(account, now))?;
            let text = |id, kind| Message {
                state: if kind == MessageKind::Inbound { MessageState::Received } else { MessageState::Sent },
                sent_at: (kind != MessageKind::Inbound).then_some(now),
                country: Some(Country::of_stored(CANADA)),
                ..Message::new(MessageId(id), contact, kind, NumberId(88), "Hi".to_owned(), 3, now)
            };
            let before = Message { country: None, ..text(128, MessageKind::Manual) };
            let rows = [text(64, MessageKind::Manual), text(96, MessageKind::Inbound), before];
            store::messages::insert(tx, workspace, &rows, now)
        };
        world.engine.store().write::<_, DbError, _>(Lane::Normal, make).await.unwrap();
        set(&world, rate("telnyx", "CA", today(&world), 4_000, 1_000)).await;
        let all = vec![
            line(("telnyx", "CA", Way::Out), (1, 3), (12_000, 0)),
            line(("telnyx", "CA", Way::In), (1, 3), (3_000, 0)),
        ];
        assert_eq!(carried(&world).await, all, "a text from before its country was kept costs nothing that is known");
        let remove = move |tx: &mut store::Tx<'_>| store::carriers::remove(tx, workspace, account, now);
        world.engine.store().write::<_, DbError, _>(Lane::Normal, remove).await.unwrap();
        assert_eq!(carried(&world).await, all);
        let report = world.engine.verify_ledger(workspace).await.unwrap();
        let of_tallies: Vec<_> = report.faults.iter().filter(|fault| fault.word() == "tally").collect();
        assert!(of_tallies.is_empty(), "{of_tallies:?}");
        // Rows that were put there by hand are no story.
        world.ended = true;
    });
}

fn number(account: CarrierId, now: jiff::Timestamp) -> Number {
    Number {
        id: NumberId(88),
        phone: "+14165550188".to_owned(),
        carrier: account.to_string(),
        state: "live".to_owned(),
        area: Some(416),
        region: "CA-ON".to_owned(),
        messages_per_minute: 0,
        messages_per_day: 0,
        paced_until: now,
        day_start: now,
        day_count: 0,
        contacts: 0,
        created_at: now,
        used_at: None,
        campaign: None,
        registration: "draft".to_owned(),
        campaign_state: None,
        brand_state: None,
    }
}

#[test]
fn a_rate_that_cannot_be_meant_is_refused() {
    on_both(Plan::default, async |world| {
        let day = today(&world);
        let refused = async |rate| world.engine.set_rate(&operator(), rate).await.unwrap_err();
        assert!(matches!(refused(rate("pigeon", "US", day, 1, 1)).await, RateError::Carrier(_)));
        assert!(matches!(refused(rate("twilio", "UK", day, 1, 1)).await, RateError::Country(_)));
        assert!(matches!(refused(rate("twilio", "US", day, -1, 1)).await, RateError::Price(Micros(-1))));
        assert!(matches!(refused(rate("twilio", "US", day, 1, 1_000_001)).await, RateError::Price(_)));
        for far in [-1_101, 1_101] {
            assert!(matches!(refused(rate("twilio", "US", day + far, 1, 1)).await, RateError::Since));
        }
        assert!(world.engine.rates(&operator()).await.unwrap().is_empty());
        world.end().await;
    });
}
