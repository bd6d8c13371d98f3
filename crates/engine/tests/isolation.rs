//! One bad row must not hold up what has nothing to do with it.

use std::time::Duration;

use domain::ids::WorkflowId;
use engine::bulk::Selection;
use engine::enrolling::EnrollRequest;
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Engine, contacts::NewContact};
use jiff::SignedDuration;
use store::{DbError, Lane, Tx};
use tokio::sync::watch;

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";
const NEIGHBOUR: &str = "+12125550122";

/// A workspace beside the one of the world, with a message that is due.
async fn neighbour(engine: &Engine) -> Actor {
    let new = NewWorkspace {
        name: "Neighbour".to_owned(),
        zone: "America/New_York".to_owned(),
        rate: domain::money::Micros(0),
        plan_credits: 10,
    };
    let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
    let number =
        NewNumber { phone: "+12125550188".to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    engine.add_number(&actor, number).await.unwrap();
    let contact =
        NewContact { phone: NEIGHBOUR.to_owned(), region: None, name: None, fields: Vec::new(), person: None };
    let contact = engine.create_contact(&actor, contact).await.unwrap().id;
    let steps = vec![StepInput { gap_days: 0, text: "One".to_owned() }];
    let workflow = WorkflowInput { name: "Leads".to_owned(), steps };
    let workflow = engine.create_workflow(&actor, workflow).await.unwrap().summary.workflow.id;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    engine.enroll(&actor, request).await.unwrap();
    actor
}

/// The world's own workspace has work that is due, and settings that nobody can read.
async fn broken(world: &World) {
    let contact = world.contact(1, PHONE, &[]).await;
    let workflow = world.workflow(&[(0, "One")]).await;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.unwrap();
    let workspace = world.workspace();
    let spoil = move |tx: &mut Tx<'_>| {
        let found = store::workspaces::find(tx, workspace)?.unwrap();
        store::workspaces::update(tx, &store::workspaces::Workspace { settings: "spoilt".to_owned(), ..found })
    };
    world.engine.store().write::<_, DbError, _>(Lane::Normal, spoil).await.unwrap();
}

#[test]
fn a_workspace_that_cannot_be_read_holds_up_no_other() {
    on_both(Plan::default, async |world| {
        broken(&world).await;
        neighbour(&world.engine).await;
        assert!(world.engine.round().await.is_err(), "the trouble is told");
        assert_eq!(world.texts(NEIGHBOUR), ["One"]);
        world.end().await;
    });
}

#[test]
fn a_job_that_cannot_be_resumed_holds_up_no_other() {
    on_both(Plan::default, async |world| {
        let job = |actor: Actor, workflow| {
            let engine = world.engine.clone();
            async move { engine.enroll_many(&actor, workflow, Selection::All, None).await.unwrap().id }
        };
        broken(&world).await;
        job(world.actor.clone(), WorkflowId(77)).await;
        let neighbour = neighbour(&world.engine).await;
        let workflow =
            WorkflowInput { name: "More".to_owned(), steps: vec![StepInput { gap_days: 1, text: "Two".to_owned() }] };
        let workflow = world.engine.create_workflow(&neighbour, workflow).await.unwrap().summary.workflow.id;
        let waiting = job(neighbour.clone(), workflow).await;
        assert!(world.engine.resume_jobs(SignedDuration::ZERO).await.is_err(), "the trouble is told");
        assert_eq!(world.engine.job(&neighbour, waiting).await.unwrap().state, "done");
        world.end().await;
    });
}

#[test]
fn the_dispatcher_goes_on_past_a_workspace_that_cannot_be_read() {
    on_both(Plan::default, async |world| {
        broken(&world).await;
        let neighbour = neighbour(&world.engine).await;
        let (stop, stopped) = watch::channel(false);
        let dispatching = {
            let engine = world.engine.clone();
            tokio::spawn(async move { engine.dispatch(stopped, SignedDuration::from_secs(10)).await })
        };
        let arrives = async {
            while world.texts(NEIGHBOUR).is_empty() {
                // A read, so that the dispatcher gets its turn without waiting by the clock.
                world.engine.numbers(&neighbour).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), arrives).await.expect("the neighbour is served");
        stop.send_replace(true);
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(30));
        tokio::time::timeout(Duration::from_secs(20), dispatching).await.unwrap().unwrap();
        world.end().await;
    });
}
