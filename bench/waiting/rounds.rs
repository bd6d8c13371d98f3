//! A process for each size: when it is told a line it has a backlog made, looks for due work, and sends the backlog to a sink.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use domain::ids::{ContactId, MessageId, WorkflowId, WorkspaceId};
use domain::registration::Registration;
use engine::bulk::Selection;
use engine::{Actor, Engine};
use jiff::SignedDuration;
use store::{Lane, Read, Sql, claims, contacts};

use crate::fill::{NUMBER, WORKSPACE};
use crate::place::{Place, TYPED};
use crate::sink::Sink;
use crate::{FILE, customer, drain, memory, setting};

/// How often due work is looked for; the median counts.
const LOOKS: usize = 201;

/// The number of those that wait, at the sink from now on: it was a simulated one, so that a server could be started on the file.
static MOVE_NUMBER: Sql = Sql::Same("UPDATE numbers SET carrier = $2 WHERE workspace_id = $1");

static LAST_CONTACT: Sql = Sql::Same("SELECT MAX(contact_id) FROM contacts WHERE workspace_id = $1");

/// The process of a size.
pub(crate) struct Worker {
    pub(crate) size: String,
    child: Child,
    told: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn start(folder: &str, size: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["rounds", folder]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (told, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { size: size.to_owned(), child, told, answers }
    }

    /// Figure, unit and value.
    pub(crate) fn round(&mut self) -> Vec<(String, &'static str, f64)> {
        self.told.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let values: Vec<f64> = serde_json::from_str(&line).unwrap();
        FIGURES.iter().zip(values).map(|((figure, unit), value)| ((*figure).to_owned(), *unit, value)).collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a round answers, in this order.
const FIGURES: [(&str, &str); 6] = [
    ("search for due workspaces", "µs"),
    ("search for the next instant", "µs"),
    ("dispatch", "texts/s"),
    ("memory before it", "MB"),
    ("memory after it", "MB"),
    ("memory, the most of it", "MB"),
];

/// Answers one line for each that comes, until none does.
pub(crate) async fn serve(folder: &Path) {
    let texts = setting("DRIPLINE_PENDING_TEXTS", 50_000);
    let sink = Sink::start();
    let place = Place::file(folder, FILE, &sink);
    let engine = &place.engine;
    // After whoever filled it, whose clock began at the same instant: identifiers are in order of time.
    engine.clock().move_to(engine.now() + SignedDuration::from_mins(1));
    let rows = engine.workspaces(WorkspaceId(i64::MIN), 10).await.unwrap();
    let workspace = rows.into_iter().find(|row| row.name == WORKSPACE).unwrap().id;
    let actor = Actor::operator(workspace);
    let typed = TYPED.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let name = format!("Ours since {}", engine.now());
    let account = engine.add_carrier(&actor, "twilio", &name, typed).await.unwrap().id.to_string();
    let moved = engine
        .store()
        .write(Lane::Normal, move |tx| tx.execute(&MOVE_NUMBER, &[workspace.0.into(), account.as_str().into()]));
    moved.await.unwrap();
    let numbers = engine.numbers(&actor).await.unwrap();
    assert_eq!(numbers.iter().map(|number| number.phone.as_str()).collect::<Vec<_>>(), [NUMBER]);
    engine.register_number(&actor, numbers[0].id, None, Registration::Approved).await.unwrap();
    // Those of an earlier run, if the database was kept.
    let known = engine.workflows(&actor).await.unwrap().into_iter().find(|row| row.workflow.name == "Leads");
    let workflow = match known {
        Some(row) => row.workflow.id,
        None => customer::workflow(engine, &actor, 3).await,
    };
    let there = engine.store().read(move |db| contacts::count(db, workspace)).await.unwrap();
    let mut first = usize::try_from(there).unwrap();
    for line in std::io::stdin().lines() {
        line.unwrap();
        backlog(engine, &actor, workflow, first..first + texts).await;
        first += texts;
        let now = engine.now();
        let due = looked(engine, move |db| {
            claims::due_workspaces(db, now, MessageId(0), 100).map(|found| assert!(!found.is_empty()))
        });
        let next = looked(engine, |db| claims::next_due(db).map(|(found, _)| assert!(found.is_some())));
        let before = memory::megabytes("self", "VmRSS");
        memory::forget_peak();
        let speed = drain::drain(engine, &sink, texts).await;
        let (after, most) = (memory::megabytes("self", "VmRSS"), memory::megabytes("self", "VmHWM"));
        println!("{}", serde_json::to_string(&[due, next, speed, before, after, most]).unwrap());
    }
}

/// These contacts, in a workflow that begins at once.
async fn backlog(engine: &Engine, actor: &Actor, workflow: WorkflowId, places: std::ops::Range<usize>) {
    let workspace = actor.workspace();
    let last = engine.store().read(move |db| db.query_one(&LAST_CONTACT, &[workspace.0.into()])?.int(0));
    let last = ContactId(last.await.unwrap());
    let count = places.len();
    customer::contacts(engine, actor, places.start, count).await;
    let limit = i64::try_from(count).unwrap();
    let made = engine.store().read(move |db| contacts::ids(db, workspace, last, limit)).await.unwrap();
    assert_eq!(made.len(), count);
    let job = engine.enroll_many(actor, workflow, Selection::These(made), None).await.unwrap();
    engine.run_job(actor, job.id, |_| {}).await.unwrap();
}

/// The median of many looks, in microseconds, on a thread that reads.
fn looked(engine: &Engine, look: impl Fn(&Read<'_>) -> Result<(), store::DbError> + Send + 'static) -> f64 {
    let timed = move |db: &Read<'_>| {
        let mut times = Vec::with_capacity(LOOKS);
        for _ in 0..LOOKS {
            let begun = Instant::now();
            look(db)?;
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        Ok::<_, store::DbError>(times[LOOKS / 2])
    };
    tokio::task::block_in_place(|| engine.store().read_blocking(timed)).unwrap()
}
