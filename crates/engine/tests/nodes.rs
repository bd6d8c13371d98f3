//! Nodes on one database take turns at a workspace's work, and none waits for another.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use carrier::Carrier;
use domain::money::Micros;
use engine::bulk::Selection;
use engine::contacts::NewContact;
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Carriers, Engine};
use jiff::SignedDuration;
use store::{DbError, Lane, Store, Tx};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::door::Door;
use crate::world::{Plan, World, on_both};

const PEOPLE: i64 = 600;
/// Most texts that one account of one workspace may have with its carrier on one node.
const SLOTS: i64 = 264;
/// The phone of the small workspace's contact.
const NEIGHBOUR: &str = "+13057000001";

fn phone(n: i64) -> String {
    format!("+12127{n:06}")
}

/// A node that dispatches.
struct Node {
    engine: Engine,
    door: Arc<Door>,
    stop: watch::Sender<bool>,
    dispatching: JoinHandle<()>,
}

impl Node {
    async fn start(world: &World, open: usize) -> Self {
        let door = Door::new("simulator", &world.simulator, open);
        let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&door) as Arc<dyn Carrier>)]);
        let engine = another(world, carriers).await;
        let (stop, stopped) = watch::channel(false);
        let dispatching = tokio::spawn({
            let engine = engine.clone();
            async move { engine.dispatch(stopped, SignedDuration::from_secs(10)).await }
        });
        Self { engine, door, stop, dispatching }
    }

    fn called(&self) -> i64 {
        self.door.called()
    }

    /// Waits until something is so; the clock goes a little at each look, because nodes that met look again a moment later.
    async fn until(&self, world: &World, what: &str, is_so: impl Fn() -> bool) {
        let so = async {
            while !is_so() {
                self.engine.numbers(&world.actor).await.unwrap();
                self.engine.clock().move_to(self.engine.now() + SignedDuration::from_millis(1));
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), so)
            .await
            .unwrap_or_else(|_| panic!("not so in a minute: {what}"));
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.engine.clock().move_to(self.engine.now() + SignedDuration::from_secs(30));
        tokio::time::timeout(Duration::from_secs(30), self.dispatching).await.unwrap().unwrap();
    }
}

/// Another node on the database of a world.
async fn another(world: &World, carriers: Carriers) -> Engine {
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap()).await.unwrap()
}

async fn start_all(engine: &Engine, actor: &Actor, name: &str) {
    let steps = vec![StepInput { gap_days: 0, text: "Hi".to_owned() }];
    let workflow = engine.create_workflow(actor, WorkflowInput { name: name.to_owned(), steps }).await.unwrap();
    let job = engine.enroll_many(actor, workflow.summary.workflow.id, Selection::All, None).await.unwrap();
    engine.run_job(actor, job.id, |_| {}).await.unwrap();
}

fn arrived(world: &World) -> i64 {
    (0..PEOPLE).map(|n| i64::try_from(world.texts(&phone(n)).len()).unwrap()).sum()
}

#[test]
fn a_node_whose_slots_are_taken_leaves_the_rest_of_a_workspace_to_another() {
    on_both(
        || Plan { credits: 10_000, ..Plan::default() },
        async |world| {
            for n in 0..PEOPLE {
                world.contact(n, &phone(n), &[]).await;
            }
            start_all(&world.engine, &world.actor, "All").await;
            let full = Node::start(&world, 0).await;
            full.until(&world, "its slots are taken", || full.called() == SLOTS).await;
            let free = Node::start(&world, 1).await;
            free.until(&world, "the other sends the rest", || arrived(&world) == PEOPLE - SLOTS).await;
            assert_eq!((full.called(), free.called()), (SLOTS, PEOPLE - SLOTS));
            full.door.open.add_permits(1);
            full.until(&world, "the first sends its own", || arrived(&world) == PEOPLE).await;
            assert!((0..PEOPLE).all(|n| world.texts(&phone(n)).len() == 1), "one came twice");
            free.end().await;
            full.end().await;
            world.end().await;
        },
    );
}

/// A workspace with one contact, which is due.
async fn neighbour(engine: &Engine) -> Actor {
    let new = NewWorkspace {
        name: "Neighbour".to_owned(),
        zone: "America/New_York".to_owned(),
        rate: Micros(0),
        plan_credits: 10,
    };
    let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
    let number =
        NewNumber { phone: "+13055550188".to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    engine.add_number(&actor, number).await.unwrap();
    let contact =
        NewContact { phone: NEIGHBOUR.to_owned(), region: None, name: None, fields: Vec::new(), person: None };
    engine.create_contact(&actor, contact).await.unwrap();
    start_all(engine, &actor, "One").await;
    actor
}

#[test]
fn a_node_that_stands_still_in_a_claim_holds_up_its_workspace_for_seconds_and_no_other() {
    let db = store::testing::postgres();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::new(db.store.clone(), Plan::default()).await;
        world.contact(0, &phone(0), &[]).await;
        start_all(&world.engine, &world.actor, "All").await;
        neighbour(&world.engine).await;
        let (still, workspace) = (Store::open(&db.address).unwrap(), world.workspace());
        let ((stands, standing), (go_on, on)) = (mpsc::channel(), mpsc::channel::<()>());
        let on = Mutex::new(on);
        // A process that has a workspace's row, as in a claim, and stands still: its connection stays open.
        let stopped = tokio::task::spawn_blocking(move || {
            still.write_blocking(Lane::Normal, move |tx: &mut Tx<'_>| {
                store::workspaces::lock(tx, workspace)?;
                let _ = stands.send(());
                let _ = on.lock().unwrap().recv();
                store::workspaces::lock(tx, workspace).map(drop)
            })
        });
        standing.recv().unwrap();
        assert_eq!(world.engine.round().await.unwrap().submitted, 1, "the neighbour's");
        assert_eq!((world.texts(NEIGHBOUR).len(), world.texts(&phone(0)).len()), (1, 0));
        // The server lets go of what it holds: whoever waits for the row gets it.
        let lock = move |tx: &mut Tx<'_>| store::workspaces::lock(tx, workspace).map(drop);
        let waited = world.engine.store().write::<_, DbError, _>(Lane::Normal, lock);
        tokio::time::timeout(Duration::from_secs(40), waited).await.expect("the row is free again").unwrap();
        assert_eq!(world.engine.round().await.unwrap().submitted, 1);
        drop(go_on);
        stopped.await.unwrap().expect("it runs once more, from the beginning");
        world.end().await;
    });
}
