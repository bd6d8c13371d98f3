//! Who writes an event queues it for the endpoints that want it, and for no other, in the same transaction.

use domain::ids::{ContactId, EventId, WebhookId, WorkspaceId};
use domain::webhook::{DeliveryState, EndpointState, Kinds};
use jiff::Timestamp;
use store::events::{self, Event};
use store::webhooks::deliveries::{self, Of, Settled};
use store::webhooks::{self, Webhook};
use store::{DbError, Lane, Store, Tx, testing};

const OURS: WorkspaceId = WorkspaceId(1);
const THEIRS: WorkspaceId = WorkspaceId(2);

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn write<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
) -> T {
    store.write_blocking(Lane::Normal, work).unwrap()
}

fn endpoint(store: &Store, workspace: WorkspaceId, id: i64, kinds: &[&str], state: EndpointState) -> Of {
    let webhook = Webhook {
        id: WebhookId(id),
        url: "https://example.com/".to_owned(),
        description: String::new(),
        kinds: Kinds::of(kinds).unwrap(),
        sealed: vec![1, 2, 3],
        old_until: None,
        state,
        stopped_at: None,
        stopped_because: None,
        failing_since: None,
        delivered_at: None,
        created_at: now(),
        changed_at: now(),
    };
    write(store, move |tx| webhooks::insert(tx, workspace, &webhook));
    (workspace, WebhookId(id))
}

fn event(id: i64, contact: Option<i64>, kind: &str) -> Event {
    Event {
        id: EventId(id),
        contact: contact.map(ContactId),
        kind: kind.to_owned(),
        actor: "operator".to_owned(),
        payload: "{}".to_owned(),
        at: now(),
    }
}

fn happen(store: &Store, workspace: WorkspaceId, all: Vec<Event>) {
    write(store, move |tx| events::insert(tx, workspace, &all));
}

fn queued(store: &Store, of: Of) -> Vec<i64> {
    let log = store.read_blocking(move |db| deliveries::log(db, of, None, EventId(i64::MAX), 100)).unwrap();
    log.iter().rev().map(|one| one.event.0).collect()
}

/// What is due, and whether each is the first of its lane.
fn due(store: &Store, of: Of) -> Vec<(i64, bool)> {
    let due = store.read_blocking(move |db| deliveries::due(db, of, now(), 100)).unwrap();
    due.iter().map(|one| (one.event.id.0, one.is_first)).collect()
}

#[test]
fn an_event_is_queued_for_each_endpoint_that_is_on_and_wants_it() {
    for db in testing::databases() {
        let store = &db.store;
        let all = endpoint(store, OURS, 1, &[], EndpointState::On);
        let some = endpoint(store, OURS, 2, &["message.sent", "message.in_doubt"], EndpointState::On);
        let off = endpoint(store, OURS, 3, &[], EndpointState::Off);
        let disabled = endpoint(store, OURS, 4, &[], EndpointState::Disabled);
        let other = endpoint(store, THEIRS, 5, &[], EndpointState::On);
        let kinds = ["message.sent", "message.received", "message.in_doubt"];
        happen(store, OURS, (10..).zip(kinds).map(|(id, kind)| event(id, Some(7), kind)).collect());
        happen(store, OURS, vec![event(13, None, "workflow.created")]);
        assert_eq!(queued(store, all), [10, 11, 12, 13], "{}", db.name);
        assert_eq!(queued(store, some), [10, 12], "{}", db.name);
        assert_eq!((queued(store, off), queued(store, disabled), queued(store, other)), (vec![], vec![], vec![]));
        // What is rolled back is not queued either.
        let failed = store.write_blocking(Lane::Normal, |tx| {
            events::insert(tx, OURS, &[event(20, None, "workflow.created")])?;
            Err::<(), _>(DbError::Rows { found: 0 })
        });
        assert!(failed.is_err());
        assert_eq!(queued(store, all), [10, 11, 12, 13], "{}", db.name);
        write(store, move |tx| webhooks::remove(tx, OURS, all.1, now()));
        happen(store, OURS, vec![event(30, None, "workflow.created")]);
        assert_eq!(queued(store, all), [10, 11, 12, 13], "{}", db.name);
    }
}

#[test]
fn one_of_a_lane_goes_at_a_time_and_lets_the_next_go() {
    for db in testing::databases() {
        let store = &db.store;
        let of = endpoint(store, OURS, 1, &[], EndpointState::On);
        let contacts = [Some(7), Some(7), Some(8), None, None, Some(7)];
        happen(store, OURS, (1..).zip(contacts).map(|(id, contact)| event(id, contact, "note.added")).collect());
        let first = [(1, true), (2, false), (3, true), (4, true), (5, true), (6, false)];
        assert_eq!(due(store, of), first, "{}", db.name);
        let until = now() + jiff::SignedDuration::from_secs(60);
        write(store, move |tx| {
            deliveries::take(tx, of, &[(EventId(1), 1)], until)?;
            deliveries::park(tx, of, &[EventId(2), EventId(6)])
        });
        assert_eq!(due(store, of), [(3, true), (4, true), (5, true)], "{}", db.name);
        let under_way = store.read_blocking(move |db| deliveries::under_way(db, of, now())).unwrap();
        assert_eq!(under_way, 1, "{}", db.name);
        let settle = |tries, state, due_at| {
            let one = Settled {
                event: EventId(1),
                tries,
                state,
                due_at,
                status: Some(200),
                said: "ok".to_owned(),
                took_millis: 3,
            };
            let settled = write(store, move |tx| {
                let settled = deliveries::settle(tx, of, std::slice::from_ref(&one), now())?;
                deliveries::let_next_go(tx, of, &[7], now())?;
                Ok(settled)
            });
            settled.len()
        };
        assert_eq!(settle(2, DeliveryState::Delivered, None), 0, "{}: it is another try's", db.name);
        // It failed and waits: so do those behind it.
        assert_eq!(settle(1, DeliveryState::Pending, Some(until)), 1, "{}", db.name);
        assert_eq!(due(store, of), [(3, true), (4, true), (5, true)], "{}", db.name);
        write(store, move |tx| deliveries::take(tx, of, &[(EventId(1), 2)], until));
        assert_eq!(settle(2, DeliveryState::Delivered, None), 1, "{}", db.name);
        let mut after = due(store, of);
        after.sort_unstable();
        assert_eq!(after, [(2, true), (3, true), (4, true), (5, true)], "{}", db.name);
    }
}

#[test]
fn an_earlier_event_that_commits_late_waits_for_what_is_under_way() {
    for db in testing::databases() {
        let store = &db.store;
        let of = endpoint(store, OURS, 1, &[], EndpointState::On);
        happen(store, OURS, vec![event(20, Some(7), "note.added")]);
        write(store, move |tx| {
            deliveries::take(tx, of, &[(EventId(20), 1)], now() + jiff::SignedDuration::from_secs(60))
        });
        happen(store, OURS, vec![event(10, Some(7), "note.added")]);
        assert_eq!(due(store, of), [(10, false)], "{}", db.name);
    }
}

/// SQLite's writer remembers whether anybody is told: it must not believe what was rolled back.
#[test]
fn nothing_is_forgotten_by_what_was_rolled_back_or_changed() {
    for db in testing::databases() {
        let store = &db.store;
        happen(store, OURS, vec![event(1, None, "workflow.created")]);
        let of = endpoint(store, OURS, 1, &[], EndpointState::On);
        happen(store, OURS, vec![event(2, None, "workflow.created")]);
        assert_eq!(queued(store, of), [2], "{}: it was asked before the endpoint was there", db.name);
        // Whoever removes it, writes an event and fails, has changed nothing.
        let failed = store.write_blocking(Lane::Normal, move |tx| {
            webhooks::remove(tx, OURS, of.1, now())?;
            events::insert(tx, OURS, &[event(3, None, "workflow.created")])?;
            Err::<(), _>(DbError::Rows { found: 0 })
        });
        assert!(failed.is_err());
        happen(store, OURS, vec![event(4, None, "workflow.created")]);
        assert_eq!(queued(store, of), [2, 4], "{}", db.name);
        let off = move |tx: &mut Tx<'_>| {
            let row = webhooks::find(tx, OURS, of.1)?.unwrap();
            webhooks::save(tx, OURS, &Webhook { state: EndpointState::Off, ..row })
        };
        write(store, off);
        happen(store, OURS, vec![event(5, None, "workflow.created")]);
        let on = move |tx: &mut Tx<'_>| {
            let row = webhooks::find(tx, OURS, of.1)?.unwrap();
            webhooks::save(tx, OURS, &Webhook { state: EndpointState::On, ..row })
        };
        write(store, on);
        happen(store, OURS, vec![event(6, None, "workflow.created")]);
        assert_eq!(queued(store, of), [2, 4, 6], "{}", db.name);
    }
}
