//! A workspace with its engine, and enrollments put into it row by row.

use std::ops::Deref;
use std::sync::Arc;

use carrier::simulator::{Behaviour, Simulator};
use domain::access::Role;
use domain::enrollment::{self, StepPrice};
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId, UserId, WorkflowId, WorkspaceId};
use domain::ledger::{self, Cause, Reason};
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use engine::billing::Slip;
use engine::ids::Ids;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Carriers, Clock, Engine};
use store::claims::Taken;
use store::enrollments::{self, NewEnrollment, Place, Start};
use store::messages::Message;
use store::testing::TestDatabase;
use store::{DbError, Lane, Sql, Tx, Value};

pub(crate) const RATE: Micros = Micros(15_000);
pub(crate) const CREDITS: i64 = 10;

pub(crate) struct Office {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) workspace: WorkspaceId,
    pub(crate) owner: Actor,
    pub(crate) ids: Ids,
    // Dropped last: the engine holds the store.
    pub(crate) db: Apart,
}

/// A test database that ends on a thread of its own: its making and its end block, which a thread that
/// runs asynchronous code must not.
pub(crate) struct Apart(Option<TestDatabase>);

impl Deref for Apart {
    type Target = TestDatabase;

    fn deref(&self) -> &TestDatabase {
        self.0.as_ref().expect("it is there until the drop")
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let database = self.0.take();
        std::thread::spawn(move || drop(database)).join().expect("the database is dropped");
    }
}

/// One office on each database: a workspace with ten credits and a hundred dollars.
pub(crate) async fn offices() -> Vec<Office> {
    let mut all = Vec::new();
    for db in std::thread::spawn(store::testing::databases).join().unwrap() {
        let db = Apart(Some(db));
        let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
        let simulator = Simulator::new(Behaviour::default(), 1).unwrap();
        let carriers: Carriers = [("simulator".to_owned(), Arc::new(simulator) as Arc<dyn carrier::Carrier>)].into();
        let engine = Engine::open(db.store.clone(), clock.clone(), carriers).unwrap();
        let workspace = open(&engine, "Harbor Homes").await;
        engine.top_up(workspace, Micros(100_000_000), Slip::default()).await.unwrap();
        all.push(Office { engine, clock, workspace, owner: role(workspace, Role::Owner), ids: Ids::new(200), db });
    }
    all
}

pub(crate) async fn open(engine: &Engine, name: &str) -> WorkspaceId {
    let zone = "america/new_york".to_owned();
    let new = NewWorkspace { name: name.to_owned(), zone, rate: RATE, plan_credits: CREDITS };
    engine.create_workspace(new).await.unwrap().workspace.id
}

pub(crate) fn role(workspace: WorkspaceId, role: Role) -> Actor {
    Actor::user(workspace, UserId(1), role.permissions())
}

pub(crate) fn input(name: &str, steps: &[(i64, &str)]) -> WorkflowInput {
    let step = |(gap_days, text): &(i64, &str)| StepInput { gap_days: *gap_days, text: (*text).to_owned() };
    WorkflowInput { name: name.to_owned(), steps: steps.iter().map(step).collect() }
}

impl Office {
    /// A workflow of three messages.
    pub(crate) async fn workflow(&self) -> WorkflowId {
        let steps = [(0, "Hi {First Name|there}"), (3, "Still looking?"), (4, "Last try")];
        let made = self.engine.create_workflow(&self.owner, input("Spring leads", &steps)).await.unwrap();
        made.summary.workflow.id
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
    ) -> T {
        self.db.store.write_blocking(Lane::Normal, work).unwrap()
    }

    /// Changes rows by hand, as no part of the product does.
    pub(crate) fn corrupt(&self, sql: &'static Sql, params: Vec<Value>) {
        let changed = self.write(move |tx| tx.execute(sql, &params));
        assert!(changed > 0, "the corruption met no row");
    }

    /// New enrollments of three steps with one segment each, charged with credits while there are some.
    pub(crate) fn enroll(&self, workflow: WorkflowId, number: NumberId, count: usize) -> Vec<EnrollmentId> {
        let (workspace, now, ids) = (self.workspace, self.clock.now(), self.ids.clone());
        self.write(move |tx| enroll(tx, workspace, workflow, number, &ids, now, count))
    }

    /// The message of the next step of an enrollment, in a state.
    pub(crate) fn claimed(&self, enrollment: EnrollmentId, state: MessageState) -> MessageId {
        let (workspace, now, id) = (self.workspace, self.clock.now(), self.ids.message(self.clock.now()));
        self.write(move |tx| {
            let body = "Hi".to_owned();
            let message = Message::new(id, ContactId(1), MessageKind::Workflow, NumberId(1), body, 1, now);
            let message = Message { state, enrollment: Some(enrollment), step: Some(1), ..message };
            let claimed_at = (state == MessageState::Sending).then_some(now);
            if claimed_at.is_none() {
                store::messages::insert(tx, workspace, &[message], now)?;
            }
            store::claims::claim(tx, workspace, &[Taken { enrollment, message: id, claimed_at }]).map(drop)
        });
        id
    }

    pub(crate) fn stored(&self, id: EnrollmentId) -> enrollments::Enrollment {
        let workspace = self.workspace;
        self.db.store.read_blocking(move |read| enrollments::find(read, workspace, id)).unwrap().unwrap()
    }

    /// The faults of the books, in words.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let report = self.engine.verify_ledger(self.workspace).await.unwrap();
        report.faults.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn events(&self, kind: &str) -> usize {
        let workspace = self.workspace;
        let rows = self
            .db
            .store
            .read_blocking(move |read| store::events::page(read, workspace, domain::ids::EventId(0), 10_000));
        rows.unwrap().iter().filter(|event| event.kind == kind).count()
    }
}

pub(crate) fn enroll(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    number: NumberId,
    ids: &Ids,
    now: jiff::Timestamp,
    count: usize,
) -> Result<Vec<EnrollmentId>, DbError> {
    let (mut credits, _) = store::ledger::lock_available(tx, workspace)?;
    let (mut rows, mut transfers) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let prices: Vec<StepPrice> = enrollment::price(&[1, 1, 1], credits, RATE).unwrap();
        let amounts = enrollment::total(&prices);
        credits -= amounts.credits;
        let id = EnrollmentId(ids.next(now));
        transfers.extend(ledger::transfers(Cause::enrollment(id), Reason::Charge, amounts));
        let zone = "America/New_York".to_owned();
        let place = Place {
            zones: vec![zone.clone()],
            primary: zone,
            rules: vec!["US-FED".to_owned()],
            source: "workspace".to_owned(),
            smart: "on".to_owned(),
        };
        let contact = ContactId(ids.next(now));
        rows.push(NewEnrollment { id, contact, number, place, values: Vec::new(), prices, due_at: now });
    }
    let start = Start { workflow, version: 1, from_step: 1, rate: RATE, by: "usr".to_owned(), at: now };
    enrollments::insert(tx, workspace, &start, &rows)?;
    store::ledger::post(tx, workspace, &transfers, now).expect("the wallet covers the test");
    Ok(rows.into_iter().map(|row| row.id).collect())
}
