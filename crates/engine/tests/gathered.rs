//! Texts that come to one number at once, on both databases: taken together on PostgreSQL, and with what would have come of them one by one.
//!
//! Somebody holds the first contact's row, so that the texts behind it wait, and lets it go when all have come.

use std::sync::{Arc, Mutex, mpsc};

use carrier::{CarrierEvent, Inbound};
use domain::enrollment::StopReason;
use domain::ids::{ContactId, MessageId, PersonId};
use domain::message::MessageKind;
use domain::money::Micros;
use domain::suppression::Suppression;
use engine::Engine;
use engine::bulk::Selection;
use engine::failure::Failure;
use engine::receive::Received;
use futures_util::future::join_all;
use store::{DbError, Lane, Sql, Tx, contacts, messages, suppressions};

use crate::world::{Plan, World, on_both};

const RATE: i64 = 15_000;
const STEPS: [(i64, &str); 3] = [(0, "One"), (1, "Two"), (1, "Three")];

/// Contacts from 0 on, the last two of them one person's, all in a workflow.
async fn found(world: &World, contacts: i64) {
    let workflow = world.workflow(&STEPS).await;
    for n in 0..contacts {
        if n + 2 < contacts {
            world.contact(n, &phone(n), &[]).await;
        } else {
            world.contact_of(n, &phone(n), PersonId(7)).await;
        }
    }
    let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
    assert_eq!(world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap().started, contacts);
}

fn phone(n: i64) -> String {
    format!("+1212600{n:04}")
}

fn text(world: &World, event: &str, from: &str, body: &str) -> Inbound {
    let (event_id, from, to) = (event.to_owned(), from.to_owned(), world.number.clone());
    Inbound { event_id, from, to, body: body.to_owned(), media: 0, signal: None, at: world.engine.now() }
}

/// Brings these texts in this order, all before the first can be taken.
async fn bring(world: &World, texts: &[Inbound]) -> Vec<Result<Received, Failure>> {
    let (has, held) = tokio::sync::oneshot::channel();
    let (free, freed) = mpsc::channel();
    let (has, freed) = (Mutex::new(Some(has)), Mutex::new(freed));
    let workspace = world.workspace();
    let hold = move |tx: &mut Tx<'_>| {
        contacts::lock(tx, workspace, &[ContactId(1_000)])?;
        has.lock().unwrap().take().unwrap().send(()).unwrap();
        freed.lock().unwrap().recv().unwrap();
        Ok::<_, DbError>(())
    };
    let holder = tokio::spawn({
        let store = world.engine.store().clone();
        async move { store.write(Lane::Normal, hold).await.unwrap() }
    });
    held.await.unwrap();
    let engine = &world.engine;
    let all = join_all(texts.iter().map(|text| engine.receive("simulator", CarrierEvent::Inbound(text.clone()))));
    // Asked after them, so they wait by then.
    let free = async { free.send(()).unwrap() };
    let (received, ()) = tokio::join!(all, free);
    holder.await.unwrap();
    received
}

/// Whom a text ended, by number, each with the steps that came back.
fn ended(received: &Result<Received, Failure>) -> Vec<(i64, i64)> {
    let Ok(Received::Stored { ended, .. }) = received else { panic!("not stored: {received:?}") };
    ended.iter().map(|ended| (ended.contact.0 - 1_000, ended.refunded.micros.0 / RATE)).collect()
}

/// How many transactions stored what came in; nothing where the database does not say.
async fn transactions(engine: &Engine) -> Option<i64> {
    const COUNT: Sql = Sql::Same("SELECT COUNT(DISTINCT CAST(xmin AS TEXT)) FROM messages WHERE kind = 'inbound'");
    if !engine.store().address().is_server() {
        return None;
    }
    let read = |db: &store::Read<'_>| db.query_one(&COUNT, &[])?.int(0);
    Some(engine.store().read::<_, DbError, _>(read).await.unwrap())
}

/// Why what ran of a contact ended.
async fn reason(world: &World, n: i64) -> Option<String> {
    const REASON: Sql = Sql::Same("SELECT reason FROM enrollments WHERE workspace_id = $1 AND contact_id = $2");
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| {
        db.query_one(&REASON, &[workspace.0.into(), (1_000 + n).into()])?
            .opt_text(0)
            .map(|word| word.map(str::to_owned))
    };
    world.engine.store().read::<_, DbError, _>(read).await.unwrap()
}

async fn has_opted_out(world: &World, n: i64) -> bool {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| suppressions::since(db, workspace, 5_000 + n, Suppression::OptedOut);
    world.engine.store().read::<_, DbError, _>(read).await.unwrap().is_some()
}

/// Who wrote the product's own texts to these.
async fn answers(world: &World, numbers: &[i64]) -> Vec<Vec<String>> {
    let workspace = world.workspace();
    let mut all = Vec::new();
    for n in numbers {
        let contact = ContactId(1_000 + n);
        let read = move |db: &store::Read<'_>| messages::thread(db, workspace, contact, MessageId(i64::MAX), 100);
        let mut thread = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
        thread.retain(|message| message.kind == MessageKind::System);
        thread.sort_by_key(|message| message.id);
        all.push(thread.into_iter().map(|message| message.author).collect());
    }
    all
}

fn plan() -> Plan {
    Plan { credits: 0, wallet: Micros(100_000_000), rate: Micros(RATE), ..Plan::default() }
}

#[test]
fn of_texts_that_are_taken_together_each_does_what_it_would_alone() {
    on_both(plan, async |world| {
        found(&world, 8).await;
        let t = |event: &str, from: &str, body: &str| text(&world, event, from, body);
        let texts = [
            t("e0", &phone(0), "Who is this?"),
            t("e1", &phone(1), "STOP"),
            t("e2", &phone(2), "Hello"),
            t("e0", &phone(4), "A repeat, as its carrier says"),
            t("e3", "junk", "From nobody"),
            t("e4", "+12126009999", "A stranger"),
            t("e5", &phone(6), "Yes?"),
            t("e6", &phone(7), "STOP"),
            // Behind what came from the same phone.
            t("e7", &phone(2), "STOP"),
            t("e2", &phone(2), "Hello"),
            t("e8", &phone(1), "START"),
            t("e9", &phone(3), "HELP"),
        ];
        let received = bring(&world, &texts).await;
        assert_eq!(ended(&received[0]), [(0, 3)]);
        assert_eq!(ended(&received[1]), [(1, 3)]);
        assert_eq!(ended(&received[2]), [(2, 3)]);
        assert!(matches!(received[3], Ok(Received::Repeat)), "{:?}", received[3]);
        assert!(matches!(received[4], Ok(Received::Stray)), "{:?}", received[4]);
        assert_eq!(ended(&received[5]), []);
        // The person's other phone ends with the first of the two.
        assert_eq!(ended(&received[6]), [(6, 3), (7, 3)]);
        assert_eq!(ended(&received[7]), []);
        assert_eq!(ended(&received[8]), []);
        assert!(matches!(received[9], Ok(Received::Repeat)), "{:?}", received[9]);
        assert_eq!(ended(&received[10]), []);
        assert_eq!(ended(&received[11]), [(3, 3)]);
        let mut reasons = Vec::new();
        for n in 0..8 {
            reasons.push(reason(&world, n).await);
        }
        let reasons: Vec<_> = reasons.iter().map(Option::as_deref).collect();
        let [replied, opted_out, person] =
            [StopReason::Replied, StopReason::OptedOut, StopReason::PersonReplied].map(|reason| Some(reason.word()));
        assert_eq!(reasons, [replied, opted_out, replied, replied, None, None, replied, person]);
        for (n, is_out) in [(0, false), (1, false), (2, true), (7, true)] {
            assert_eq!(has_opted_out(&world, n).await, is_out, "{n}");
        }
        // Who wishes something is answered, once each, in the order of their texts.
        assert_eq!(
            answers(&world, &[1, 7, 2, 3]).await,
            [vec!["opt-out", "opt-in"], vec!["opt-out"], vec!["opt-out"], vec!["help"]]
        );
        // Two that still run, three steps each.
        assert_eq!(world.balance("prepaid").await, (0, 6 * RATE));
        // The first may go alone, and a phone's second text waits for the next; one by one they would be nine.
        if let Some(transactions) = transactions(&world.engine).await {
            assert!((2..=4).contains(&transactions), "{transactions} transactions");
        }
        world.end().await;
    });
}

#[test]
fn what_is_wrong_with_one_text_is_not_the_others_matter() {
    on_both(plan, async |world| {
        found(&world, 5).await;
        let texts = [0, 1, 2].map(|n| {
            // A NUL is in no text that a database keeps.
            let event = if n == 1 { "e\u{0}1".to_owned() } else { format!("e{n}") };
            text(&world, &event, &phone(n), "Who is this?")
        });
        let received = bring(&world, &texts).await;
        assert_eq!((ended(&received[0]), ended(&received[2])), (vec![(0, 3)], vec![(2, 3)]));
        assert!(matches!(received[1], Err(Failure::Db(DbError::Nul { .. }))), "{:?}", received[1]);
        assert_eq!(reason(&world, 1).await, None);
        world.end().await;
    });
}

#[test]
fn credits_and_money_that_come_back_together_go_where_they_came_from() {
    // Enough for two contacts and one text of a third.
    let plan = || Plan { credits: 7, ..plan() };
    on_both(plan, async |world| {
        found(&world, 6).await;
        let before = (world.balance("available").await, world.balance("prepaid").await);
        assert_eq!(before.1, (7, 11 * RATE));
        let bodies = ["STOP", "Hello", "STOP", "Hello", "STOP"];
        let texts = (0i64..).zip(bodies).map(|(n, body)| text(&world, &format!("e{n}"), &phone(n), body));
        let received = bring(&world, &texts.collect::<Vec<_>>()).await;
        let back: Vec<_> = received
            .iter()
            .flat_map(|received| match received {
                Ok(Received::Stored { ended, .. }) => ended.as_slice(),
                other => panic!("not stored: {other:?}"),
            })
            .map(|ended| (ended.contact.0 - 1_000, ended.refunded.credits, ended.refunded.micros.0 / RATE))
            .collect();
        // The last is a person's, whose other phone ends with it.
        assert_eq!(back, [(0, 3, 0), (1, 3, 0), (2, 1, 2), (3, 0, 3), (4, 0, 3), (5, 0, 3)]);
        assert_eq!(world.balance("prepaid").await, (0, 0));
        let (credits, micros) = before.0;
        assert_eq!(world.balance("available").await, (credits + 7, micros + 11 * RATE));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn what_runs_of_a_person_is_locked_in_the_order_of_its_keys_whichever_phone_writes() {
    const ROW: Sql = Sql::Same(
        "SELECT enrollment_id FROM enrollments WHERE workspace_id = $1 AND contact_id = $2 FOR UPDATE SKIP LOCKED",
    );
    const WAIT: Sql = Sql::Same(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
    );
    on_both(plan, async |world| {
        found(&world, 4).await;
        if !world.engine.store().address().is_server() {
            return world.end().await;
        }
        let (has, held) = mpsc::channel();
        let (free, freed) = mpsc::channel::<()>();
        let (freed, workspace) = (Arc::new(Mutex::new(freed)), world.workspace());
        // Locks a row of the person's, and the other once the reply waits for the first; whether that was free.
        let hold = move |tx: &mut Tx<'_>| {
            let row = |contact: i64| [workspace.0.into(), (1_000 + contact).into()];
            assert_eq!(tx.query_write(&ROW, &row(2))?.len(), 1);
            // Heard once, if this is run again.
            let _ = has.send(());
            let _ = freed.lock().unwrap().recv();
            Ok::<_, DbError>(tx.query_write(&ROW, &row(3))?.len() == 1)
        };
        let holder = tokio::spawn({
            let store = world.engine.store().clone();
            async move { store.write(Lane::Normal, hold).await.unwrap() }
        });
        let held = tokio::task::spawn_blocking(move || held.recv().unwrap());
        held.await.unwrap();
        let mut reply = tokio::spawn({
            let (engine, text) = (world.engine.clone(), text(&world, "e", &phone(3), "Hello"));
            async move { engine.receive("simulator", CarrierEvent::Inbound(text)).await }
        });
        let waits = async {
            let count = |db: &store::Read<'_>| db.query_one(&WAIT, &[])?.int(0);
            while world.engine.store().read::<_, DbError, _>(count).await.unwrap() == 0 {}
        };
        tokio::select! {
            () = waits => {}
            received = &mut reply => panic!("the reply did not wait: {received:?}"),
        }
        drop(free);
        let received = reply.await.unwrap();
        assert!(holder.await.unwrap(), "the reply has locked the later row and waits for the earlier");
        let mut ended = ended(&received);
        ended.sort_unstable();
        assert_eq!(ended, [(2, 3), (3, 3)]);
        world.end().await;
    });
}
