//! A workspace with a large backlog does not make the others wait.

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use domain::ids::WorkflowId;
use domain::money::Micros;
use engine::Actor;
use engine::bulk::Selection;
use engine::contacts::NewContact;
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use world::{Plan, World, on_both};

const BACKLOG: i64 = 500;
const FEW: i64 = 7;
/// The number of the small workspace.
const OTHER: &str = "+13055550101";

fn phone(area: i64, n: i64) -> String {
    format!("+1{area}7{n:06}")
}

async fn start_all(world: &World, actor: &Actor, workflow: WorkflowId) {
    let job = world.engine.enroll_many(actor, workflow, Selection::All, None).await.unwrap();
    world.engine.run_job(actor, job.id, |_| {}).await.unwrap();
}

/// A second workspace with few contacts, all of them started.
async fn small_workspace(world: &World) {
    let new = NewWorkspace {
        name: "Small".to_owned(),
        zone: "America/New_York".to_owned(),
        rate: Micros(15_000),
        plan_credits: 100,
    };
    let actor = Actor::operator(world.engine.create_workspace(new).await.unwrap().workspace.id);
    let number = NewNumber { phone: OTHER.to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    world.engine.add_number(&actor, number).await.unwrap();
    for n in 0..FEW {
        let new = NewContact { phone: phone(305, n), region: None, name: None, fields: Vec::new(), person: None };
        world.engine.create_contact(&actor, new).await.unwrap();
    }
    let steps = vec![StepInput { gap_days: 0, text: "Hi".to_owned() }];
    let workflow = world.engine.create_workflow(&actor, WorkflowInput { name: "Few".to_owned(), steps }).await.unwrap();
    start_all(world, &actor, workflow.summary.workflow.id).await;
}

#[test]
fn a_large_backlog_does_not_starve_a_small_workspace() {
    on_both(Plan::default, async |world| {
        for n in 0..BACKLOG {
            world.contact(n, &phone(212, n), &[]).await;
        }
        let workflow = world.workflow(&[(0, "Hi")]).await;
        start_all(&world, &world.actor, workflow).await;
        small_workspace(&world).await;

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
