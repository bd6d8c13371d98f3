//! A workspace with a large backlog, and a carrier that never answers, do not make the others wait.

use std::sync::Arc;
use std::time::Duration;

use carrier::Carrier;
use domain::ids::WorkflowId;
use domain::money::Micros;
use engine::Actor;
use engine::bulk::Selection;
use engine::contacts::NewContact;
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Carriers, Engine};
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::door::Door;
use crate::world::{Plan, World, on_both};

const BACKLOG: i64 = 600;
const FEW: i64 = 7;
const MANY: i64 = 300;
/// The number of the small workspace.
const OTHER: &str = "+13055550101";

fn phone(area: i64, n: i64) -> String {
    format!("+1{area}7{n:06}")
}

async fn start_all(world: &World, actor: &Actor, workflow: WorkflowId) {
    let job = world.engine.enroll_many(actor, workflow, Selection::All, None).await.unwrap();
    world.engine.run_job(actor, job.id, |_| {}).await.unwrap();
}

/// A second workspace with contacts, all of them started.
async fn second_workspace(world: &World, contacts: i64) -> Actor {
    let new = NewWorkspace {
        name: "Small".to_owned(),
        zone: "America/New_York".to_owned(),
        rate: Micros(15_000),
        plan_credits: 1_000,
    };
    let actor = Actor::operator(world.engine.create_workspace(new).await.unwrap().workspace.id);
    let number = NewNumber { phone: OTHER.to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    world.engine.add_number(&actor, number).await.unwrap();
    for n in 0..contacts {
        let new = NewContact { phone: phone(305, n), region: None, name: None, fields: Vec::new(), person: None };
        world.engine.create_contact(&actor, new).await.unwrap();
    }
    let steps = vec![StepInput { gap_days: 0, text: "Hi".to_owned() }];
    let workflow = world.engine.create_workflow(&actor, WorkflowInput { name: "Few".to_owned(), steps }).await.unwrap();
    start_all(world, &actor, workflow.summary.workflow.id).await;
    actor
}

fn arrived(world: &World, area: i64, contacts: i64) -> i64 {
    (0..contacts).map(|n| i64::from(!world.texts(&phone(area, n)).is_empty())).sum()
}

#[test]
fn a_large_backlog_does_not_starve_a_small_workspace() {
    on_both(Plan::default, async |world| {
        for n in 0..BACKLOG {
            world.contact(n, &phone(212, n), &[]).await;
        }
        let workflow = world.workflow(&[(0, "Hi")]).await;
        start_all(&world, &world.actor, workflow).await;
        second_workspace(&world, FEW).await;

        let round = world.engine.round().await.unwrap();
        let few = (0..FEW).filter(|n| world.texts(&phone(305, *n)).len() == 1).count();
        assert_eq!(few, usize::try_from(FEW).unwrap(), "the small workspace waited");
        let many = (0..BACKLOG).filter(|n| world.texts(&phone(212, *n)).len() == 1).count();
        assert_eq!(many + few, round.submitted);
        assert!((1..=BACKLOG / 2).contains(&i64::try_from(many).unwrap()), "{many} of the backlog went in one turn");
        world.play_days(1).await;
        assert!((0..BACKLOG).all(|n| world.texts(&phone(212, n)).len() == 1), "the backlog was not finished");
        world.end().await;
    });
}

/// A node that serves the world, with the silent carrier beside the simulator.
struct Served {
    engine: Engine,
    silent: Arc<Door>,
    stop: watch::Sender<bool>,
    dispatching: JoinHandle<()>,
}

impl Served {
    async fn by(world: &World) -> Self {
        let silent = Door::new("silent", &world.simulator, 0);
        let carriers = Carriers::from([
            ("simulator".to_owned(), Arc::clone(&world.simulator) as Arc<dyn Carrier>),
            ("silent".to_owned(), Arc::clone(&silent) as Arc<dyn Carrier>),
        ]);
        let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        let engine = opened.await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let dispatching = {
            let engine = engine.clone();
            tokio::spawn(async move { engine.dispatch(stopped, SignedDuration::from_secs(10)).await })
        };
        Self { engine, silent, stop, dispatching }
    }

    /// Waits until something is so, without waiting by the clock.
    async fn until(&self, actor: &Actor, what: &str, is_so: impl Fn() -> bool) {
        let so = async {
            while !is_so() {
                self.engine.numbers(actor).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), so)
            .await
            .unwrap_or_else(|_| panic!("not so in a minute: {what}"));
    }

    /// How many texts of a workspace are claimed.
    async fn sending(&self, actor: &Actor) -> i64 {
        let workspace = actor.workspace();
        let counts = move |db: &store::Read<'_>| store::messages::counted::counts(db, workspace);
        let counts = self.engine.store().read::<_, store::DbError, _>(counts).await.unwrap();
        counts.into_iter().find(|(state, _)| state == "sending").map_or(0, |(_, count)| count)
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.engine.clock().move_to(self.engine.now() + SignedDuration::from_secs(30));
        tokio::time::timeout(Duration::from_secs(30), self.dispatching).await.unwrap().unwrap();
    }
}

#[test]
fn a_carrier_that_never_answers_holds_up_no_other_workspace() {
    let plan = || Plan { carrier: "silent".to_owned(), credits: 10_000, ..Plan::default() };
    on_both(plan, async |world| {
        for n in 0..BACKLOG {
            world.contact(n, &phone(212, n), &[]).await;
        }
        let workflow = world.workflow(&[(0, "Hi")]).await;
        start_all(&world, &world.actor, workflow).await;
        let neighbour = second_workspace(&world, MANY).await;
        let served = Served::by(&world).await;

        served.until(&neighbour, "the neighbour is served", || arrived(&world, 305, MANY) == MANY).await;
        let called = served.silent.called();
        assert!((1..=352).contains(&called), "the silent carrier has {called}");
        assert_eq!(served.sending(&world.actor).await, called, "what is claimed is handed over, and nothing waits");
        served.silent.open.add_permits(1);
        served.until(&world.actor, "the backlog goes", || arrived(&world, 212, BACKLOG) == BACKLOG).await;
        served.end().await;
        world.end().await;
    });
}

#[test]
fn a_carrier_that_never_answers_holds_up_no_other_account_of_its_workspace() {
    let plan = || Plan { carrier: "silent".to_owned(), credits: 10_000, ..Plan::default() };
    on_both(plan, async |world| {
        let number = NewNumber { phone: OTHER.to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
        world.engine.add_number(&world.actor, number).await.unwrap();
        for n in 0..BACKLOG {
            world.contact(n, &phone(212, n), &[]).await;
        }
        for n in 0..MANY {
            world.contact(BACKLOG + n, &phone(305, n), &[]).await;
        }
        let workflow = world.workflow(&[(0, "Hi")]).await;
        start_all(&world, &world.actor, workflow).await;
        let served = Served::by(&world).await;

        served.until(&world.actor, "the other number sends", || arrived(&world, 305, MANY) == MANY).await;
        let called = served.silent.called();
        assert!((1..=264).contains(&called), "the silent account has {called}");
        // A text by hand goes too, though many by hand wait for the silent one.
        let served_now = served.engine.send_message(&world.actor, domain::ids::ContactId(1_000 + BACKLOG), "By hand");
        served_now.await.unwrap();
        served.until(&world.actor, "one by hand goes", || world.texts(&phone(305, 0)).len() == 2).await;
        served.silent.open.add_permits(1);
        served.until(&world.actor, "the backlog goes", || arrived(&world, 212, BACKLOG) == BACKLOG).await;
        served.end().await;
        world.end().await;
    });
}
