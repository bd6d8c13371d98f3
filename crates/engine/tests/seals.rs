//! The history is sealed as it grows older, and whatever is edited afterwards is named.

use std::collections::BTreeSet;

use domain::ids::{EventId, WorkspaceId};
use domain::seal::{Former, Hash, Seal, Sealing};
use engine::seals::{HistoryFault, HistoryReport, LATE, MOST_EVENTS, OPEN};
use engine::{Carriers, Engine};
use jiff::SignedDuration;
use store::events::{self, Event};
use store::{DbError, Lane, Read, Sql, Tx, Value};

use crate::world::{Plan, World, on_both};

const CHANGE: Sql = Sql::Same("UPDATE events SET payload = $2 WHERE event_id = $1");
const DELETE: Sql = Sql::Same("DELETE FROM events WHERE event_id = $1");
const EDIT_SEAL: Sql = Sql::Same("UPDATE event_seals SET events = events + 1 WHERE seal = $1");
const EDIT_MARKS: Sql = Sql::Same("UPDATE event_seals SET marks = $2 WHERE seal = $1");
const DROP_SEAL: Sql = Sql::Same("DELETE FROM event_seals WHERE seal = $1");
const DROP_SEALS: Sql = Sql::Same("DELETE FROM event_seals WHERE seal > $1");
const FORGE: Sql = Sql::Same("UPDATE event_seals SET digest = $2, hash = $3, marks = $4 WHERE seal = $1");

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// Lets time pass, on a clock that only moves ahead.
fn wait(world: &World, span: SignedDuration) {
    assert!(world.engine.clock().move_to(world.engine.now() + span));
}

async fn write<T: Send + 'static>(
    world: &World,
    work: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
) -> T {
    world.engine.store().write(Lane::Normal, work).await.unwrap()
}

async fn run(world: &World, sql: &'static Sql, params: Vec<Value>) {
    assert!(write(world, move |tx| tx.execute(sql, &params)).await > 0, "nothing was changed");
}

async fn history(world: &World) -> Vec<Event> {
    let workspace = world.workspace();
    let read = move |db: &Read<'_>| events::page(db, workspace, EventId(i64::MIN), 100_000);
    world.engine.store().read::<_, DbError, _>(read).await.unwrap()
}

async fn verify(world: &World) -> HistoryReport {
    world.engine.verify_history(world.workspace(), &BTreeSet::new()).await.unwrap()
}

/// Something that leaves one event.
async fn act(world: &World, n: i64) {
    world.engine.create_label(&world.actor, &format!("Label {n}"), "blue").await.unwrap();
}

/// A history with two seals of two events each, and one event that is not sealed.
async fn sealed_twice(world: &World) -> Vec<Event> {
    for n in [1, 2] {
        act(world, n).await;
    }
    wait(world, OPEN + minutes(1));
    assert_eq!(world.engine.seal_all().await.unwrap(), 1);
    for n in [3, 4] {
        act(world, n).await;
    }
    wait(world, OPEN + minutes(1));
    assert_eq!(world.engine.seal_all().await.unwrap(), 1);
    act(world, 5).await;
    let report = verify(world).await;
    assert!(report.is_clean(), "{:?}", report.faults);
    assert_eq!((report.seals, report.sealed, report.open), (2, 4, 1));
    let all = history(world).await;
    assert_eq!(all.len(), 5);
    all
}

#[test]
fn an_event_is_sealed_once_nothing_older_can_come() {
    on_both(Plan::default, async |world| {
        act(&world, 1).await;
        wait(&world, OPEN - minutes(1));
        assert_eq!(world.engine.seal_all().await.unwrap(), 0, "it is still young");
        act(&world, 2).await;
        wait(&world, minutes(2));
        assert_eq!(world.engine.seal_all().await.unwrap(), 1);
        assert_eq!(world.engine.seal_all().await.unwrap(), 0);
        let report = verify(&world).await;
        assert_eq!((report.sealed, report.open), (1, 1), "the second is younger than may come late");
        let first = history(&world).await[0].at;
        assert!(report.last.unwrap().until.duration_since(first).abs() < minutes(1));
        wait(&world, LATE);
        assert_eq!(world.engine.seal_all().await.unwrap(), 0, "it waits for others");
        wait(&world, OPEN - LATE);
        assert_eq!(world.engine.seal_all().await.unwrap(), 1);
        assert_eq!(verify(&world).await.open, 0);
        world.end().await;
    });
}

#[test]
fn every_edit_of_an_event_is_named() {
    on_both(Plan::default, async |world| {
        let all = sealed_twice(&world).await;
        let (workspace, third) = (world.workspace(), all[2].clone());
        let event = third.id;

        run(&world, &CHANGE, vec![event.0.into(), "{}".into()]).await;
        assert_eq!(verify(&world).await.faults, [HistoryFault::Changed { event, seal: 2 }]);
        run(&world, &CHANGE, vec![event.0.into(), third.payload.as_str().into()]).await;
        assert!(verify(&world).await.is_clean(), "it is what it was");

        run(&world, &DELETE, vec![event.0.into()]).await;
        assert_eq!(verify(&world).await.faults, [HistoryFault::Missing { event, seal: 2 }]);
        let back = third.clone();
        write(&world, move |tx| events::insert(tx, workspace, std::slice::from_ref(&back))).await;
        assert!(verify(&world).await.is_clean(), "it is what it was");

        let (early, between) = (EventId(all[0].id.0 - 1), EventId(all[3].id.0 - 1));
        let forged = [early, between].map(|id| Event { id, ..third.clone() });
        write(&world, move |tx| events::insert(tx, workspace, &forged)).await;
        let added = [(early, 1), (between, 2)].map(|(event, seal)| HistoryFault::Added { event, seal });
        assert_eq!(verify(&world).await.faults, added);
        world.end().await;
    });
}

#[test]
fn every_edit_of_a_seal_is_named() {
    on_both(Plan::default, async |world| {
        sealed_twice(&world).await;
        run(&world, &EDIT_MARKS, vec![1.into(), vec![0u8; 32].into()]).await;
        assert_eq!(verify(&world).await.faults, [HistoryFault::Marks { seal: 1 }]);
        run(&world, &EDIT_SEAL, vec![2.into()]).await;
        let faults = verify(&world).await.faults;
        assert_eq!(faults[..2], [HistoryFault::Marks { seal: 1 }, HistoryFault::Seal { seal: 2 }]);
        assert!(matches!(faults[2], HistoryFault::Unlike { seal: 2, sealed: 3, now: 2, .. }), "{faults:?}");
        run(&world, &DROP_SEAL, vec![1.into()]).await;
        assert_eq!(verify(&world).await.faults[1], HistoryFault::SealsMissing { seal: 2, count: 1 });
        world.end().await;
    });
}

/// Makes the first seal anew from what is there.
async fn forge_first(world: &World) -> Seal {
    let (workspace, sealed_at) = (world.workspace(), world.engine.now());
    write(world, move |tx| {
        let (stored, _) = store::seals::next(tx, workspace, 0)?.unwrap();
        let mut sealing = Sealing::default();
        let range = (stored.seal.after, stored.seal.until);
        store::seals::events(tx, workspace, range, 10_000, |entry| sealing.take(workspace, entry))?;
        let (seal, marks) = sealing.close(&Former::NONE, workspace, sealed_at).unwrap();
        let seal = Seal { sealed_at: stored.seal.sealed_at, ..seal };
        let params = [1.into(), seal.digest.0.as_slice().into(), seal.hash().0.as_slice().into(), marks.into()];
        tx.execute(&FORGE, &params)?;
        Ok(seal)
    })
    .await
}

#[test]
fn a_kept_hash_tells_of_a_history_that_was_rewritten_as_a_whole() {
    on_both(Plan::default, async |world| {
        let all = sealed_twice(&world).await;
        let kept = verify(&world).await.last.unwrap().hash;
        let expected = BTreeSet::from([kept, Hash([7; 32])]);
        let verify_kept = async || world.engine.verify_history(world.workspace(), &expected).await.unwrap();
        assert_eq!(verify_kept().await.kept, BTreeSet::from([kept]), "the other is nobody's");

        // An event is changed, and the seal over it made anew: the next one does not follow it.
        run(&world, &CHANGE, vec![all[0].id.0.into(), "{}".into()]).await;
        let forged = forge_first(&world).await;
        let report = verify_kept().await;
        assert_eq!(report.faults, [HistoryFault::Link { seal: 2 }]);
        // All that follow are made anew too: nothing is wrong any more but what was kept.
        run(&world, &DROP_SEALS, vec![1.into()]).await;
        assert_eq!(world.engine.seal_all().await.unwrap(), 1);
        let report = verify_kept().await;
        assert!(report.is_clean(), "{:?}", report.faults);
        assert_eq!((report.seals, report.kept.len()), (2, 0));
        assert_ne!(report.last.unwrap().hash, forged.hash());
        world.end().await;
    });
}

async fn another(world: &World) -> Engine {
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    tokio::task::spawn_blocking(move || Engine::open(store, clock, Carriers::new()).unwrap()).await.unwrap()
}

#[test]
fn nodes_that_seal_at_once_make_one_chain() {
    on_both(Plan::default, async |world| {
        let (workspace, now) = (world.workspace(), world.engine.now());
        let many = 3 * MOST_EVENTS + 5;
        write(&world, move |tx| {
            let event = |n: i64| Event {
                id: EventId(1_000 + n),
                contact: None,
                kind: "label.created".to_owned(),
                actor: "operator".to_owned(),
                payload: format!("{{\"n\":{n}}}"),
                at: now,
            };
            events::insert(tx, workspace, &(0..many).map(event).collect::<Vec<_>>())
        })
        .await;
        let others = [another(&world).await, another(&world).await, another(&world).await];
        let (first, second, third) = tokio::join!(others[0].seal_all(), others[1].seal_all(), others[2].seal_all());
        let made = [first, second, third].map(Result::unwrap);
        // Whoever found another's seal left the rest to it.
        let rest = world.engine.seal_all().await.unwrap();
        assert_eq!(made.iter().sum::<u64>() + rest, 4, "{made:?}");
        let report = verify(&world).await;
        assert!(report.is_clean(), "{:?}", report.faults);
        assert_eq!((report.seals, report.sealed, report.open), (4, many, 0));
        world.end().await;
    });
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_among_what_is_sealed() {
    on_both(Plan::default, async |world| {
        sealed_twice(&world).await;
        let back = engine::Clock::manual(Plan::default().start.parse().unwrap());
        let store = world.engine.store().clone();
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, back, Carriers::new()).unwrap());
        let node = opened.await.unwrap();
        node.create_label(&world.actor, "Set back", "blue").await.unwrap();
        assert!(verify(&world).await.is_clean(), "{:?}", verify(&world).await.faults);
        world.end().await;
    });
}

#[test]
fn another_workspaces_history_is_a_chain_of_its_own() {
    on_both(Plan::default, async |world| {
        sealed_twice(&world).await;
        let nobody = world.engine.verify_history(WorkspaceId(2), &BTreeSet::new()).await.unwrap();
        assert_eq!((nobody.seals, nobody.sealed, nobody.last), (0, 0, None));
        world.end().await;
    });
}
