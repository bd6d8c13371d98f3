//! A peer in Rust: `graphile_worker`, the port of Graphile Worker, on the job of `bench/peers` (its `README.md` tells the rules).
//!
//! Puts a backlog of `DRIPLINE_JOBS` jobs into the database at `DRIPLINE_PEER_DATABASE`, lets one worker post each to `DRIPLINE_SINK`, takes the time
//! until the sink has counted all of them, prints one line of JSON, and fails when the sink counted anything but exactly so many.

#![expect(clippy::disallowed_methods, reason = "it measures real time, and no clock of ours is in it")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, Worker, WorkerContext, WorkerOptions,
};
use serde::{Deserialize, Serialize};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How it is used. Source: Graphile Worker RS, "Worker Options", "Throughput-oriented worker": concurrency, a local queue and batched completion, tuned to
/// the work; the sizes here were the fastest of those tried on two cores. Each is replaced by the variable beside it.
#[derive(Clone, Copy, Serialize)]
struct Settings {
    /// `DRIPLINE_SENDS`: texts under way at once.
    sends: usize,
    /// `DRIPLINE_QUEUE`: jobs fetched and locked at once.
    queue: usize,
    /// `DRIPLINE_DELAY`: milliseconds for which finished jobs wait for others.
    delay: usize,
    /// `DRIPLINE_CONNECTIONS`
    connections: usize,
}

impl Settings {
    fn read() -> Fallible<Self> {
        let or = |name: &str, usual: usize| std::env::var(name).map_or(Ok(usual), |text| text.parse::<usize>());
        Ok(Self {
            sends: or("DRIPLINE_SENDS", 128)?,
            queue: or("DRIPLINE_QUEUE", 1_000)?,
            delay: or("DRIPLINE_DELAY", 5)?,
            connections: or("DRIPLINE_CONNECTIONS", 20)?,
        })
    }
}

/// Jobs put in by one statement.
const BATCH: u64 = 5_000;
/// How often the sink is asked, and how long its count may stand still.
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

/// The first message to one contact.
#[derive(Clone, Deserialize, Serialize)]
struct Text {
    contact: u64,
    to: String,
    text: String,
}

/// The client that all handlers share, and where it posts to.
#[derive(Clone, Debug)]
struct Line {
    client: reqwest::Client,
    sink: String,
}

impl Line {
    async fn count(&self) -> Fallible<u64> {
        let text = self.client.get(format!("{}/count", self.sink)).send().await?.text().await?;
        Ok(text.trim().parse()?)
    }
}

impl TaskHandler for Text {
    const IDENTIFIER: &'static str = "send";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let line = context.get_ext::<Line>().ok_or("the worker has no line")?;
        let body = serde_json::json!({ "to": self.to, "from": "+13055550100", "text": self.text, "reference": self.contact.to_string() });
        let answer = line.client.post(format!("{}/messages", line.sink)).json(&body).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).map_err(|error| error.to_string())?;
        answer.bytes().await.map_err(|error| error.to_string())?;
        Ok::<(), String>(())
    }
}

fn setting(name: &str) -> Fallible<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

async fn worker(database: &str, line: &Line, settings: Settings) -> Fallible<Worker> {
    let delay = Duration::from_millis(settings.delay as u64);
    let options = WorkerOptions::default()
        .database_url(database)
        .max_pg_conn(settings.connections as u32)
        .concurrency(settings.sends)
        .local_queue(LocalQueueConfig::default().with_size(settings.queue))
        .complete_job_batch_delay(delay)
        .fail_job_batch_delay(delay)
        .listen_os_shutdown_signals(false)
        .add_extension(line.clone())
        .define_job::<Text>();
    Ok(options.init().await?)
}

/// The backlog: every job is due at once.
async fn fill(worker: &Worker, jobs: u64) -> Fallible<()> {
    let utils = worker.create_utils();
    let spec = JobSpec::default();
    for first in (0..jobs).step_by(BATCH as usize) {
        let batch: Vec<(Text, &JobSpec)> = (first..jobs.min(first + BATCH))
            .map(|contact| {
                let to = format!("+1305{:07}", contact);
                let text = format!("Hi Ann{contact}, is the house at {contact} Main St still for sale?");
                (Text { contact, to, text }, &spec)
            })
            .collect();
        utils.add_jobs::<Text>(&batch).await?;
    }
    Ok(())
}

/// Waits until the sink has counted so many, and tells when that was.
async fn wait(line: &Line, wanted: u64, started: Instant) -> Fallible<Duration> {
    let (mut counted, mut moved) = (0, started);
    while counted < wanted {
        tokio::time::sleep(LOOK).await;
        let count = line.count().await?;
        if count > counted {
            (counted, moved) = (count, Instant::now());
        } else if moved.elapsed() > PATIENCE {
            return Err(format!("the sink counts no more: {count}, and {wanted} were to come").into());
        }
    }
    Ok(started.elapsed())
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let jobs: u64 = setting("DRIPLINE_JOBS")?.parse()?;
    let sink = setting("DRIPLINE_SINK")?.trim_end_matches('/').to_owned();
    let line = Line { client: reqwest::Client::new(), sink };
    let settings = Settings::read()?;
    let worker = Arc::new(worker(&setting("DRIPLINE_PEER_DATABASE")?, &line, settings).await?);

    let filling = Instant::now();
    fill(&worker, jobs).await?;
    let filled = filling.elapsed().as_secs_f64();

    let before = line.count().await?;
    let started = Instant::now();
    let running = tokio::spawn({
        let worker = Arc::clone(&worker);
        async move { worker.run().await }
    });
    let seconds = wait(&line, before + jobs, started).await?.as_secs_f64();
    worker.request_shutdown();
    running.await??;
    let settled = started.elapsed().as_secs_f64();
    let counted = line.count().await? - before;

    let report = serde_json::json!({
        "name": "graphile_worker (Rust)",
        "version": "0.14.1",
        "jobs": jobs,
        "seconds": seconds,
        "per_second": jobs as f64 / seconds,
        "settled_seconds": settled,
        "enqueued_per_second": jobs as f64 / filled,
        "settings": settings,
    });
    println!("{report}");
    if counted != jobs {
        return Err(format!("the sink counted {counted} of {jobs}").into());
    }
    Ok(())
}
