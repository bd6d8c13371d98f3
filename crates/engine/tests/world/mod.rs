//! A world for stories: a store, a manual clock, the simulator, one workspace with its people.
//!
//! [`World::end`] checks what must hold after every story: books balance, nothing was sent twice,
//! nobody was texted after a stop. A world that is dropped without it fails its test.

pub(crate) mod door;

use std::sync::Arc;

use carrier::simulator::behaviour::Behaviour;
use carrier::{Carrier, Simulator};
use domain::ids::{ContactId, NumberId, PersonId, WorkflowId, WorkspaceId};
use domain::ledger::{Amounts, Cause, Reason};
use domain::money::Micros;
use engine::{Actor, Carriers, Clock, Engine, Settings};
use jiff::{SignedDuration, Timestamp};
use store::contacts::ContactRow;
use store::numbers::Number;
use store::workflows::{StepRow, Workflow};
use store::workspaces::Workspace;
use store::{DbError, Lane, Store, Tx};

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) actor: Actor,
    pub(crate) number: String,
    pub(crate) ended: bool,
}

pub(crate) struct Plan {
    pub(crate) start: &'static str,
    pub(crate) behaviour: Behaviour,
    pub(crate) seed: u64,
    pub(crate) credits: i64,
    pub(crate) wallet: Micros,
    pub(crate) rate: Micros,
    pub(crate) per_minute: i64,
    /// Who sends for the number.
    pub(crate) carrier: String,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            start: "2026-11-24T15:00:00Z",
            behaviour: Behaviour::default(),
            seed: 1,
            credits: 10,
            wallet: Micros(100_000_000),
            rate: Micros(15_000),
            per_minute: 0,
            carrier: "simulator".to_owned(),
        }
    }
}

/// Runs a story on both databases, each in a runtime of its own.
pub(crate) fn on_both<F, Fut>(plan: impl Fn() -> Plan, story: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    for database in store::testing::databases() {
        println!("on {}", database.name);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async { story(World::new(database.store.clone(), plan()).await).await });
    }
}

impl World {
    pub(crate) async fn new(store: Store, plan: Plan) -> Self {
        let simulator = Arc::new(Simulator::new(plan.behaviour.clone(), plan.seed).unwrap());
        let mut carriers = Carriers::new();
        carriers.insert("simulator".to_owned(), Arc::clone(&simulator) as Arc<dyn Carrier>);
        let clock = Clock::manual(plan.start.parse().unwrap());
        let opened = {
            let store = store.clone();
            tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap())
        };
        let engine = opened.await.unwrap();
        let workspace = WorkspaceId(1);
        let number = "+12125550100".to_owned();
        let now = engine.now();
        let phone = number.clone();
        let made = store.write(Lane::Normal, move |tx| make_workspace(tx, workspace, &plan, &phone, now));
        made.await.unwrap();
        Self { engine, simulator, actor: Actor::operator(workspace), number, ended: false }
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.actor.workspace()
    }

    pub(crate) async fn contact(&self, n: i64, phone: &str, fields: &[(&str, &str)]) -> ContactId {
        self.contact_with(n, phone, fields, None).await
    }

    /// One of a person's contacts.
    pub(crate) async fn contact_of(&self, n: i64, phone: &str, person: PersonId) -> ContactId {
        self.contact_with(n, phone, &[], Some(person)).await
    }

    async fn contact_with(&self, n: i64, phone: &str, fields: &[(&str, &str)], person: Option<PersonId>) -> ContactId {
        let row = ContactRow {
            id: ContactId(1_000 + n),
            phone: phone.to_owned(),
            phone_hash: 5_000 + n,
            person,
            name: phone.to_owned(),
            fields: fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        let (workspace, now, id) = (self.workspace(), self.engine.now(), row.id);
        let insert = move |tx: &mut Tx<'_>| store::contacts::insert(tx, workspace, std::slice::from_ref(&row), now);
        assert_eq!(self.engine.store().write::<_, DbError, _>(Lane::Normal, insert).await.unwrap(), 1);
        id
    }

    pub(crate) async fn workflow(&self, steps: &[(i64, &str)]) -> WorkflowId {
        let id = WorkflowId(77);
        let now = self.engine.now();
        let workflow = Workflow {
            id,
            name: "Leads".to_owned(),
            position: 1,
            version: 1,
            created_at: now,
            updated_at: now,
            archived_at: None,
        };
        let rows: Vec<StepRow> = (1i64..)
            .zip(steps)
            .map(|(step, (gap_days, text))| StepRow { step, gap_days: *gap_days, template: (*text).to_owned() })
            .collect();
        let workspace = self.workspace();
        let insert = move |tx: &mut Tx<'_>| {
            store::workflows::insert(tx, workspace, &workflow, "leads")?;
            store::workflows::insert_steps(tx, workspace, id, 1, &rows)
        };
        self.engine.store().write::<_, DbError, _>(Lane::Normal, insert).await.unwrap();
        id
    }

    pub(crate) async fn play_days(&self, days: i64) {
        let until = self.engine.now() + SignedDuration::from_hours(24 * days);
        self.engine.play(&self.simulator, until).await.unwrap();
    }

    pub(crate) async fn reply(&self, phone: &str, body: &str) {
        self.simulator.reply(phone, &self.number, body, self.engine.now()).unwrap();
        self.engine.deliver(&self.simulator).await.unwrap();
    }

    pub(crate) fn texts(&self, phone: &str) -> Vec<String> {
        self.simulator.inbox(phone, 0, 1_000).unwrap().into_iter().map(|text| text.body).collect()
    }

    /// Balance of an account: credits and micro-dollars.
    pub(crate) async fn balance(&self, account: &str) -> (i64, i64) {
        let workspace = self.workspace();
        let read = move |db: &store::Read<'_>| store::ledger::balances(db, workspace);
        let all = self.engine.store().read::<_, DbError, _>(read).await.unwrap();
        let of =
            |unit: &str| all.iter().find(|row| row.account == account && row.unit == unit).map_or(0, |row| row.amount);
        (of("segments"), of("micros"))
    }

    /// Ends the story and checks what must hold after every one.
    pub(crate) async fn end(mut self) {
        self.ended = true;
        let workspace = self.workspace();
        // In one read: what a node that was let go of still had in hand may be written meanwhile.
        let balances = move |db: &store::Read<'_>| store::ledger::balances(db, workspace);
        let balances = self.engine.store().read::<_, DbError, _>(balances).await.unwrap();
        for unit in ["segments", "micros"] {
            let sum: i64 = balances.iter().filter(|row| row.unit == unit).map(|row| row.amount).sum();
            assert_eq!(sum, 0, "the books do not balance: {balances:?}");
        }
        let drifted = move |db: &store::Read<'_>| store::conversations::list::drifted(db, workspace);
        let drifted = self.engine.store().read::<_, DbError, _>(drifted).await.unwrap();
        assert!(drifted.is_empty(), "the list of conversations does not show what is: {drifted:?}");
        let drifted = move |db: &store::Read<'_>| store::runs::drifted(db, workspace);
        let drifted = self.engine.store().read::<_, DbError, _>(drifted).await.unwrap();
        assert!(drifted.is_empty(), "who is in which workflow is not what runs: {drifted:?}");
        let drifted = move |db: &store::Read<'_>| store::on_the_way::drifted(db, workspace);
        let drifted = self.engine.store().read::<_, DbError, _>(drifted).await.unwrap();
        assert!(drifted.is_empty(), "what is on its way has messages, or what is not has none: {drifted:?}");
        let stats = self.simulator.stats().unwrap();
        assert!(stats.most_per_attempt <= 1, "an attempt was delivered {} times", stats.most_per_attempt);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.ended || std::thread::panicking(), "a world was dropped without end()");
    }
}

fn make_workspace(tx: &mut Tx<'_>, id: WorkspaceId, plan: &Plan, phone: &str, now: Timestamp) -> Result<(), DbError> {
    let workspace = Workspace {
        id,
        name: "Acme".to_owned(),
        zone: "America/New_York".to_owned(),
        plan: "active".to_owned(),
        rate: plan.rate,
        settings: Settings::default().document(),
        messages_per_minute: 0,
        paced_until: Timestamp::UNIX_EPOCH,
        created_at: now,
        suspended: None,
    };
    store::workspaces::insert(tx, &workspace)?;
    store::ledger::open_accounts(tx, id)?;
    let cause = Cause { subject: 9, step: 0 };
    let transfers =
        domain::ledger::transfers(cause, Reason::TopUp, Amounts { credits: plan.credits, micros: plan.wallet });
    store::ledger::post(tx, id, &transfers, now).expect("a top-up is posted");
    let number = Number {
        id: NumberId(5),
        phone: phone.to_owned(),
        carrier: plan.carrier.clone(),
        state: "live".to_owned(),
        area: Some(212),
        region: "NY".to_owned(),
        messages_per_minute: plan.per_minute,
        messages_per_day: 0,
        paced_until: Timestamp::UNIX_EPOCH,
        day_start: Timestamp::UNIX_EPOCH,
        day_count: 0,
        contacts: 0,
        created_at: now,
        used_at: None,
        campaign: None,
        registration: "draft".to_owned(),
        campaign_state: None,
        brand_state: None,
    };
    store::numbers::insert(tx, id, &number)
}
