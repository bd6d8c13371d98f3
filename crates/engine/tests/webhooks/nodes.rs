//! Two nodes, a node that dies, and an event that commits late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;

use domain::ids::{ContactId, EventId};
use domain::webhook::DeliveryState;
use store::events::{self, Event};
use store::{DbError, Lane};

use crate::webhooks::house::{House, on, on_both};

const NOTES: &[&str] = &["note.added"];

#[test]
fn two_nodes_share_the_work_and_keep_the_order_of_each_contact() {
    on_both(async |house| {
        let other = house.node().await;
        let mut contacts = Vec::new();
        for n in 0..10 {
            contacts.push(house.contact(n).await);
        }
        let (webhook, _) = house.endpoint(NOTES).await;
        let mut wanted = BTreeMap::<ContactId, Vec<String>>::new();
        for round in 0..12 {
            for contact in &contacts {
                let node = if round % 2 == 0 { &house.engine } else { &other };
                wanted.entry(*contact).or_default().push(house.happens_on(node, *contact).await);
            }
        }
        let post = async |engine: &engine::Engine| engine.post_due_webhooks().await.unwrap();
        let (ours, theirs) = tokio::join!(post(&house.engine), post(&other));
        let rest = house.post().await;
        assert_eq!(ours + theirs + rest, 120, "each once: nothing failed");
        for (contact, mut events) in wanted {
            // Both nodes made identifiers within one instant: the history's order is theirs.
            events.sort();
            assert_eq!(house.sink.taken(contact), events);
        }
        assert_eq!(house.count(webhook, DeliveryState::Delivered).await, 120);
    });
}

#[test]
fn what_a_node_had_in_hand_when_it_died_is_delivered_by_another() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, _) = house.endpoint(NOTES).await;
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(house.happens(contact).await);
        }
        // The call arrives, and its node dies before it can note the answer.
        let (called, calls) = mpsc::channel();
        let (release, go) = mpsc::channel::<()>();
        let go = std::sync::Mutex::new(go);
        house.sink.answers(move |_| {
            called.send(()).ok();
            go.lock().unwrap().recv().ok();
            200
        });
        let dying = tokio::spawn({
            let node = house.node().await;
            async move { node.post_due_webhooks().await }
        });
        tokio::task::spawn_blocking(move || calls.recv().unwrap()).await.unwrap();
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        house.sink.answers(|_| 200);
        drop(release);
        while house.sink.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(house.delivery(webhook, &all[0]).await.state, DeliveryState::Sending);
        house.wait(59);
        assert_eq!(house.post().await, 0, "it may still be at it");
        house.wait(1);
        assert_eq!(house.post().await, 3);
        let taken = house.sink.taken(contact);
        assert_eq!(taken.iter().collect::<BTreeSet<_>>(), all.iter().collect(), "at least once: {taken:?}");
        assert_eq!(taken[taken.len() - 3..], all, "in order");
        assert_eq!(house.delivery(webhook, &all[0]).await.tries, 2);
    });
}

#[test]
fn an_answer_that_comes_after_its_try_is_over_changes_nothing() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, _) = house.endpoint(NOTES).await;
        let event = house.happens(contact).await;
        let engine = house.node().await;
        let clock = house.engine.clock().clone();
        // While the first node's call is under way its time is over, and the second one delivers.
        let (start, go) = mpsc::channel::<()>();
        let (called, calls) = mpsc::channel();
        let go = std::sync::Mutex::new(go);
        house.sink.answers(move |_| {
            called.send(()).ok();
            go.lock().unwrap().recv().ok();
            500
        });
        let slow = tokio::spawn(async move { engine.post_due_webhooks().await });
        tokio::task::spawn_blocking(move || calls.recv().unwrap()).await.unwrap();
        assert_eq!(house.delivery(webhook, &event).await.state, DeliveryState::Sending);
        assert!(clock.move_to(clock.now() + jiff::SignedDuration::from_secs(61)));
        house.sink.answers(|_| 200);
        house.post().await;
        assert_eq!(house.delivery(webhook, &event).await.state, DeliveryState::Delivered);
        start.send(()).unwrap();
        slow.await.unwrap().unwrap();
        let after = house.delivery(webhook, &event).await;
        assert_eq!((after.state, after.tries, after.status), (DeliveryState::Delivered, 2, Some(200)));
    });
}

fn event(house: &House, contact: ContactId, id: EventId) -> Event {
    Event {
        id,
        contact: Some(contact),
        kind: "note.added".to_owned(),
        actor: "operator".to_owned(),
        payload: "{}".to_owned(),
        at: house.engine.now(),
    }
}

/// SQLite has one writer: nothing there commits late.
#[test]
fn an_event_whose_transaction_commits_late_is_not_lost() {
    let database = store::testing::postgres();
    on(&database.store, async |house| {
        let contact = house.contact(1).await;
        let (webhook, _) = house.endpoint(NOTES).await;
        let (written, is_written) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let (early, workspace) = (event(&house, contact, EventId(1_000)), house.actor.workspace());
        let released = std::sync::Mutex::new(released);
        let slow = tokio::spawn({
            let store = house.store.clone();
            let id = early.id.to_string();
            async move {
                let write = move |tx: &mut store::Tx<'_>| {
                    events::insert(tx, workspace, std::slice::from_ref(&early))?;
                    written.send(()).ok();
                    released.lock().unwrap().recv().ok();
                    Ok::<_, DbError>(())
                };
                store.write(Lane::Normal, write).await.unwrap();
                id
            }
        });
        tokio::task::spawn_blocking(move || is_written.recv().unwrap()).await.unwrap();
        let later = house.happens(contact).await;
        assert_eq!(house.post().await, 1);
        assert_eq!(house.sink.taken(contact), std::slice::from_ref(&later), "what has committed goes");
        release.send(()).unwrap();
        let early = slow.await.unwrap();
        assert!(early < later, "it was made before");
        assert_eq!(house.post().await, 1);
        assert_eq!(house.sink.taken(contact), [later, early.clone()]);
        assert_eq!(house.delivery(webhook, &early).await.state, DeliveryState::Delivered);
    });
}

/// Nodes race with those who write: whatever was closed and whatever was parked, nothing stays behind.
#[test]
fn nothing_stays_behind_while_events_come_and_nodes_race() {
    on_both(async |house| {
        let nodes = [house.node().await, house.node().await];
        let contacts = [house.contact(1).await, house.contact(2).await];
        let (webhook, _) = house.endpoint(NOTES).await;
        let stop = tokio::sync::watch::Sender::new(false);
        let posting: Vec<_> = nodes
            .iter()
            .map(|node| {
                let (node, stop) = (node.clone(), stop.subscribe());
                tokio::spawn(async move {
                    while !*stop.borrow() {
                        node.post_due_webhooks().await.unwrap();
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for _ in 0..40 {
            for contact in contacts {
                house.happens(contact).await;
            }
        }
        stop.send_replace(true);
        for one in posting {
            one.await.unwrap();
        }
        house.post().await;
        assert_eq!(house.count(webhook, DeliveryState::Delivered).await, 80);
        for contact in contacts {
            let taken = house.sink.taken(contact);
            assert!(taken.is_sorted() && taken.len() == 40, "{taken:?}");
        }
    });
}
