//! Two nodes, receipts of any try, replies and people, all at once on the same few contacts.
//!
//! The order of locks is what keeps them from waiting for each other in a circle; the books, and that each
//! enrollment ends once, are what they must leave behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use carrier::simulator::{Behaviour, Faults};
use carrier::{CarrierEvent, FailureClass, Inbound, Receipt, ReceiptState, Support};
use domain::ids::{ContactId, MessageId, PersonId, WorkflowId};
use domain::message::MessageKind;
use engine::Engine;
use engine::bulk::Selection;
use engine::doubts::{Doubts, Fate};
use jiff::SignedDuration;
use store::messages;

use crate::world::{Plan, World, on_both};

const CONTACTS: i64 = 24;
const WAVES: i64 = 6;

fn phone(n: i64) -> String {
    format!("+1212600{n:04}")
}

struct Crowd {
    world: World,
    engines: Vec<Engine>,
    workflow: WorkflowId,
    busy: AtomicBool,
    told: AtomicI64,
}

impl Crowd {
    async fn of(world: World) -> Self {
        let workflow = world.workflow(&[(0, "One"), (1, "Two"), (1, "Three")]).await;
        for n in 0..CONTACTS {
            world.contact_of(n, &phone(n), PersonId(100 + n / 2)).await;
        }
        let mut engines = vec![world.engine.clone()];
        let (store, clock, carriers) =
            (world.engine.store().clone(), world.engine.clock().clone(), world.engine.carriers().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        engines.push(opened.await.unwrap());
        Self { world, engines, workflow, busy: AtomicBool::new(true), told: AtomicI64::new(0) }
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    async fn rounds(&self, nth: usize) {
        while self.is_busy() {
            self.engines[nth].round().await.unwrap();
            self.engines[nth].deliver(&self.world.simulator).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    async fn time(&self) {
        for nth in 1.. {
            if !self.is_busy() {
                return;
            }
            let by = if nth % 8 == 0 { 31 } else { 7 };
            let engine = &self.world.engine;
            engine.clock().move_to(engine.now() + SignedDuration::from_secs(by));
            for engine in &self.engines {
                assert!(engine.keep_node().await.unwrap());
            }
        }
    }

    /// Receipts of the newest messages, of any try and kind.
    async fn receipts(&self, nth: i64) {
        let failures =
            [None, Some(FailureClass::BadNumber), Some(FailureClass::OptedOut), Some(FailureClass::SenderProblem)];
        let states = [ReceiptState::Sent, ReceiptState::Delivered, ReceiptState::Undelivered];
        let workspace = self.world.workspace();
        for turn in (0_usize..).take_while(|_| self.is_busy()) {
            let told = self.told.fetch_add(1, Ordering::SeqCst);
            let contact = ContactId(1_000 + (told * 7 + nth) % CONTACTS);
            let texts = self.engines[0].texts();
            let read = move |db: &store::Read<'_>| texts.thread(db, workspace, contact, MessageId(i64::MAX), 5);
            let thread = self.engines[0].store().read(read).await.unwrap();
            let Some(message) = thread.into_iter().find(|message| message.kind == MessageKind::Workflow) else {
                continue;
            };
            // A failure for good ends what runs: not too many of them.
            let failure = if turn % 9 == 0 { failures[turn / 9 % failures.len()] } else { None };
            let receipt = Receipt {
                event_id: format!("told-{told}"),
                carrier_id: format!("told-{}", told % 50),
                from: self.world.number.clone(),
                attempt: (told % 3 > 0).then(|| messages::attempt(message.id, 1 + told % 2)),
                state: states[turn % states.len()],
                code: None,
                failure,
                segments: None,
                cost: None,
                at: self.world.engine.now(),
            };
            let engine = &self.engines[turn % 2];
            engine.receive("simulator", CarrierEvent::Receipt(receipt)).await.unwrap();
        }
    }

    /// People: they reply, remove, pause the number's troubles away, settle what is in doubt, enroll again.
    async fn people(&self) {
        for wave in 0..WAVES {
            for n in 0..CONTACTS {
                let engine = &self.engines[usize::try_from(n % 2).unwrap()];
                if (n + wave) % 3 == 0 {
                    let event = CarrierEvent::Inbound(Inbound {
                        event_id: format!("reply-{wave}-{n}"),
                        from: phone(n),
                        to: self.world.number.clone(),
                        body: if wave % 2 == 0 { "STOP" } else { "START" }.to_owned(),
                        media: 0,
                        signal: None,
                        at: engine.now(),
                    });
                    engine.receive("simulator", event).await.unwrap();
                }
                for doubt in engine.doubts(&self.world.actor, Doubts::ForAPerson, None, 50).await.unwrap() {
                    // A receipt may be faster.
                    drop(engine.settle_by_hand(&self.world.actor, doubt.id, Fate::Sent).await);
                }
            }
            self.make_live().await;
            let engine = &self.engines[0];
            let job = engine.enroll_many(&self.world.actor, self.workflow, Selection::All, None).await.unwrap();
            engine.run_job(&self.world.actor, job.id, |_| {}).await.unwrap();
        }
    }

    async fn make_live(&self) {
        use engine::numbers::{NumberChange, NumberState};
        let live = NumberChange { state: Some(NumberState::Live), ..NumberChange::default() };
        self.engines[1].change_number(&self.world.actor, domain::ids::NumberId(5), live).await.unwrap();
    }
}

#[test]
fn a_crowd_leaves_the_books_clean() {
    let faults = Faults { temporary: 0.3, lost_after: 0.1, lost_before: 0.1, opted_out: 0.02, ..Faults::default() };
    let behaviour = Behaviour { faults, find: Support::Missing, ..Behaviour::default() };
    let plan = move || Plan { behaviour: behaviour.clone(), credits: 1_000, ..Plan::default() };
    on_both(plan, async |world| {
        let crowd = Arc::new(Crowd::of(world).await);
        let mut tasks = Vec::new();
        for nth in 0..2 {
            let crowd = Arc::clone(&crowd);
            tasks.push(tokio::spawn(async move { crowd.rounds(nth).await }));
        }
        for nth in 0..3 {
            let crowd = Arc::clone(&crowd);
            tasks.push(tokio::spawn(async move { crowd.receipts(nth).await }));
        }
        let ticking = Arc::clone(&crowd);
        tasks.push(tokio::spawn(async move { ticking.time().await }));
        crowd.people().await;
        crowd.busy.store(false, Ordering::SeqCst);
        for task in tasks {
            task.await.unwrap();
        }
        println!("{} receipts were told", crowd.told.load(Ordering::SeqCst));
        crowd.world.simulator.set_behaviour(Behaviour::default()).unwrap();
        crowd.make_live().await;
        for _ in 0..3 {
            crowd.world.play_days(3).await;
            for doubt in crowd.world.engine.doubts(&crowd.world.actor, Doubts::ForAPerson, None, 200).await.unwrap() {
                crowd.world.engine.settle_by_hand(&crowd.world.actor, doubt.id, Fate::NotSent).await.unwrap();
            }
        }
        let Crowd { world, .. } = Arc::into_inner(crowd).unwrap();
        let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
        assert!(report.is_clean(), "{:?}", report.faults);
        assert_eq!(world.balance("prepaid").await, (0, 0));
        world.end().await;
    });
}
