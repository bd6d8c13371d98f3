//! The daily self-check: once a day for each workspace, by one node, and what it finds.

use std::time::Duration;

use domain::ids::EventId;
use engine::checks::Found;
use engine::seals::OPEN;
use engine::{Carriers, Engine};
use jiff::SignedDuration;
use store::checks::Checked;
use store::{DbError, Lane, Read, Sql};

use crate::world::{Plan, World, on_both};

const STEAL: Sql =
    Sql::Same("UPDATE accounts SET balance = balance + 5 WHERE account = 'available' AND unit = 'micros'");
const GIVE_BACK: Sql =
    Sql::Same("UPDATE accounts SET balance = balance - 5 WHERE account = 'available' AND unit = 'micros'");
const CHANGE: Sql = Sql::Same("UPDATE events SET actor = 'nobody' WHERE event_id = $1");
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn wait(world: &World, span: SignedDuration) {
    assert!(world.engine.clock().move_to(world.engine.now() + span));
}

async fn execute(world: &World, sql: &'static Sql, params: Vec<store::Value>) {
    let done = world.engine.store().write(Lane::Normal, move |tx| tx.execute(sql, &params)).await;
    assert_eq!(done.map_err(|error: DbError| error.to_string()), Ok(1));
}

fn found(world: &World, ledger: usize, history: usize) -> Vec<Found> {
    vec![Found { workspace: world.workspace(), ledger, history }]
}

async fn checked(world: &World) -> Checked {
    world.engine.checked().await.unwrap()
}

#[test]
fn a_workspace_is_checked_once_a_day_and_what_is_wrong_is_counted() {
    on_both(Plan::default, async |world| {
        let planned = world.engine.now();
        assert_eq!(world.engine.check_due().await.unwrap(), [], "its first check is planned");
        assert_eq!(checked(&world).await, Checked { oldest: Some(planned), ledger_faults: 0, history_faults: 0 });
        world.engine.create_label(&world.actor, "One", "blue").await.unwrap();
        wait(&world, DAY);
        world.engine.seal_all().await.unwrap();
        assert_eq!(world.engine.check_due().await.unwrap(), found(&world, 0, 0));
        assert_eq!(world.engine.check_due().await.unwrap(), [], "once a day");
        let first = world.engine.now();
        assert_eq!(checked(&world).await.oldest, Some(first));

        let workspace = world.workspace();
        let newest = move |db: &Read<'_>| store::events::backwards(db, workspace, EventId(i64::MAX), 1);
        let event = world.engine.store().read::<_, DbError, _>(newest).await.unwrap().remove(0).id;
        execute(&world, &CHANGE, vec![event.0.into()]).await;
        execute(&world, &STEAL, vec![]).await;
        assert_eq!(checked(&world).await.ledger_faults, 0, "nobody has looked yet");
        wait(&world, DAY);
        // The balance is not the sum of its transfers, and all balances together are not zero.
        assert_eq!(world.engine.check_due().await.unwrap(), found(&world, 2, 1));
        assert_eq!((checked(&world).await.ledger_faults, checked(&world).await.history_faults), (2, 1));
        execute(&world, &GIVE_BACK, vec![]).await;
        wait(&world, DAY);
        assert_eq!(world.engine.check_due().await.unwrap(), found(&world, 0, 1));
        assert_eq!((checked(&world).await.ledger_faults, checked(&world).await.history_faults), (0, 1));
        world.end().await;
    });
}

#[test]
fn of_several_nodes_one_checks_and_a_check_that_was_broken_off_is_made_by_another() {
    on_both(Plan::default, async |world| {
        let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, Carriers::new()).unwrap());
        let other = opened.await.unwrap();
        assert_eq!(world.engine.check_due().await.unwrap(), []);
        wait(&world, DAY);
        let (one, two) = tokio::join!(world.engine.check_due(), other.check_due());
        assert_eq!(one.unwrap().len() + two.unwrap().len(), 1);

        wait(&world, DAY);
        // A node takes it and dies.
        let (workspace, now) = (world.workspace(), world.engine.now());
        let again = now + SignedDuration::from_hours(1);
        let take = move |tx: &mut store::Tx<'_>| store::checks::take(tx, workspace, now, again);
        assert!(world.engine.store().write::<_, DbError, _>(Lane::Bulk, take).await.unwrap());
        assert_eq!(other.check_due().await.unwrap(), []);
        wait(&world, OPEN);
        assert_eq!(other.check_due().await.unwrap().len(), 1);
        world.end().await;
    });
}

#[test]
fn a_serving_node_checks_as_time_goes_by_until_it_is_told_to_stop() {
    on_both(Plan::default, async |world| {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let checking = tokio::spawn({
            let engine = world.engine.clone();
            async move { engine.keep_checking(stopped).await }
        });
        let planned = async {
            loop {
                if let Some(oldest) = checked(&world).await.oldest {
                    break oldest;
                }
                tokio::task::yield_now().await;
            }
        };
        let planned = tokio::time::timeout(Duration::from_secs(60), planned).await.expect("it is planned");
        let made = async {
            while checked(&world).await.oldest == Some(planned) {
                wait(&world, SignedDuration::from_mins(5));
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), made).await.expect("it is made");
        stop.send_replace(true);
        checking.await.unwrap();
        world.end().await;
    });
}
