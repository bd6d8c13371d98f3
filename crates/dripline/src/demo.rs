//! The demo's own world: a workspace with two simulated numbers, a sample workflow, a contact and a key.
//!
//! The key is made at the first start and kept in the data folder, readable by its owner only, so that the
//! start page can show it again. So is how far its clock is ahead: [`lead`].

pub(crate) mod lead;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use domain::access::{Permissions, Role};
use domain::money::Micros;
use domain::plan::Terms;
use engine::billing::Slip;
use engine::contacts::NewContact;
use engine::numbers::NewNumber;
use engine::plans::{NewPlan, PlanError};
use engine::sessions::SignInError;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Engine, Operator};
use store::DbError;

/// Where the demo's key is kept, in the data folder.
const KEY_FILE: &str = "demo.key";
/// The numbers of the demo: fictional, as their exchange 555 says.
pub(crate) const NUMBERS: [&str; 2] = ["+12125550100", "+13055550101"];

/// The plans that the demo offers: name, price of a month, credits, rate, numbers.
const PLANS: [(&str, Micros, i64, Micros, Option<i64>); 2] = [
    ("Starter", Micros(19_000_000), 1_000, Micros(15_000), Some(2)),
    ("Team", Micros(79_000_000), 6_000, Micros(11_000), None),
];

/// The demo's user, an owner and operator.
const EMAIL: &str = "demo@dripline.example";

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the demo cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the demo cannot be set up")]
pub struct DemoError(#[from] Cause);

/// The demo's key; at the first start the demo's world is made.
pub(crate) async fn key(engine: &Engine, data: &Path) -> Result<String, DemoError> {
    let path = data.join(KEY_FILE);
    if let Ok(text) = fs::read_to_string(&path)
        && engine.authenticate(text.trim()).await.is_ok()
    {
        return Ok(text.trim().to_owned());
    }
    let secret = make(engine).await?;
    keep(&path, &secret).map_err(Cause::from)?;
    Ok(secret)
}

async fn make(engine: &Engine) -> Result<String, Cause> {
    let new = NewWorkspace {
        name: "Demo".to_owned(),
        zone: "America/New_York".to_owned(),
        rate: Micros(15_000),
        plan_credits: 100,
    };
    let actor = Actor::operator(engine.create_workspace(new).await?.workspace.id);
    let slip = Slip { note: "demo".to_owned(), idempotency_key: None };
    engine.top_up(actor.workspace(), Micros(25_000_000), slip).await?;
    for phone in NUMBERS {
        let number = NewNumber { phone: phone.to_owned(), carrier: "simulator".to_owned(), per_minute: 60, per_day: 0 };
        // Another demo on the same database has them already.
        if let Err(error) = engine.add_number(&actor, number).await {
            tracing::warn!(%error, phone, "the demo's number was not added");
        }
    }
    for (name, price, credits, rate, numbers) in PLANS {
        let terms = Terms { price, credits, rate, numbers, trial_days: 0, grace_days: 7 };
        // Another demo on the same database offers them already.
        match engine.add_plan(&Operator::at_command_line(), NewPlan { name: name.to_owned(), terms }).await {
            Ok(_) | Err(PlanError::NameTaken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let step = |gap_days, text: &str| StepInput { gap_days, text: text.to_owned() };
    let steps = vec![
        step(0, "Hi {First Name|there}, this is Sam from Acme Homes. Is {Address|your house} still for sale?"),
        step(3, "Hi {First Name|there}, just checking in. Would a cash offer help?"),
        step(7, "Last note from me, {First Name|there}. Reply any time and I will get back to you."),
    ];
    engine.create_workflow(&actor, WorkflowInput { name: "New lead".to_owned(), steps }).await?;
    let fields = [("First Name", "Ann"), ("Address", "12 Oak Street"), ("State", "NY")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let phone = "+12125550123".to_owned();
    engine.create_contact(&actor, NewContact { phone, region: None, name: None, fields, person: None }).await?;
    engine.create_user(&actor, EMAIL, "Sam Rivera", Role::Owner, &engine::ids::secret()).await?;
    engine.appoint_operator(actor.workspace(), EMAIL).await?;
    Ok(engine.create_key(&actor, "demo", Permissions::all()).await?.1)
}

/// Signs in as the demo's user, who has no password that anybody knows; nothing outside of a demo.
pub(crate) async fn sign_in(engine: &Engine, agent: &str) -> Result<Option<String>, SignInError> {
    if !engine.clock().can_be_moved() {
        return Ok(None);
    }
    let found = engine.read::<_, DbError, _>(|read| store::users::by_address(read, EMAIL, 1)).await?;
    let Some((workspace, user, _)) = found.into_iter().next() else { return Ok(None) };
    engine.begin_session(workspace, &user, agent).await.map(Some)
}

fn keep(path: &Path, secret: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(secret.as_bytes())
}
