//! The workspace that is filled: what the engine makes of it, and the one enrollment that all others copy.

use domain::access::Role;
use domain::ids::{EnrollmentId, NumberId, WorkflowId, WorkspaceId};
use domain::money::Micros;
use dripline::wiring::Parts;
use engine::Actor;
use engine::billing::Slip;
use engine::contacts::NewContact;
use engine::enrolling::EnrollRequest;
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;

/// The person who looks at the pages.
pub(crate) const EMAIL: &str = "owner@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery";
/// How many messages each workflow has.
pub(crate) const STEPS: i64 = 5;
const WORKFLOWS: usize = 50;
const NUMBERS: usize = 5;

/// What rows refer to.
pub(crate) struct House {
    pub(crate) workspace: WorkspaceId,
    pub(crate) workflows: Vec<WorkflowId>,
    pub(crate) numbers: Vec<NumberId>,
    /// The enrollment whose place, values and prices are copied.
    pub(crate) sample: EnrollmentId,
}

/// The house, made unless the database has it.
pub(crate) async fn house(parts: &Parts, there: bool) -> House {
    let engine = &parts.engine;
    let workspace = if there {
        engine.workspaces(WorkspaceId(i64::MIN), 1).await.unwrap()[0].id
    } else {
        let (zone, rate) = ("America/New_York".to_owned(), Micros(15_000));
        let new = NewWorkspace { name: "Acme Homes".to_owned(), zone, rate, plan_credits: 0 };
        engine.create_workspace(new).await.unwrap().workspace.id
    };
    let operator = Actor::operator(workspace);
    let sample = if there { EnrollmentId(0) } else { furnish(parts, &operator).await };
    let workflows = engine.workflows(&operator).await.unwrap();
    let numbers = engine.numbers(&operator).await.unwrap();
    House {
        workspace,
        workflows: workflows.into_iter().map(|row| row.workflow.id).collect(),
        numbers: numbers.into_iter().map(|number| number.id).collect(),
        sample,
    }
}

async fn furnish(parts: &Parts, operator: &Actor) -> EnrollmentId {
    let engine = &parts.engine;
    engine.top_up(operator.workspace(), Micros(100_000_000_000), Slip::default()).await.unwrap();
    engine.create_user(operator, EMAIL, "Sam Rivera", Role::Owner, PASSWORD).await.unwrap();
    for nth in 0..NUMBERS {
        let (phone, carrier) = (format!("+1212555010{nth}"), "simulator".to_owned());
        engine.add_number(operator, NewNumber { phone, carrier, per_minute: 60, per_day: 0 }).await.unwrap();
    }
    let step = |nth: i64| StepInput { gap_days: nth * 7, text: format!("Hi {{First Name|there}}, message {nth}") };
    for nth in 0..WORKFLOWS {
        let steps = (0..STEPS).map(step).collect();
        engine.create_workflow(operator, WorkflowInput { name: format!("Follow-up {nth}"), steps }).await.unwrap();
    }
    let fields = [("First Name", "Ann"), ("State", "NY")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let phone = "+17185550199".to_owned();
    let new = NewContact { phone, region: None, name: None, fields: fields.to_vec(), person: None };
    let contact = engine.create_contact(operator, new).await.unwrap().id;
    let workflow = engine.workflows(operator).await.unwrap()[0].workflow.id;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    engine.enroll(operator, request).await.unwrap().enrollment
}
