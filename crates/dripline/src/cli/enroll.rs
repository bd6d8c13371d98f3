//! `dripline enroll`: contacts into a workflow. The quote first, then a question, then the start.
//!
//! | run | what happens |
//! |---|---|
//! | `--dry-run` | the quote, beside a server; nothing is changed |
//! | at a terminal | the quote, a question, the start |
//! | `--yes` | the quote, the start |
//! | a key that began a job before | the job goes on where it was; nobody is charged twice |

mod report;

use clap::ArgGroup;
use domain::ids::{ContactId, QuoteId, WorkflowId};
use engine::bulk::{BulkPreview, Many, Selection};
use serde_json::json;
use store::jobs::Job;

use self::report::Quoted;
use super::desk::{Office, Purpose, Within};
use super::{Answer, Format, Stop, ask, run};

const EXAMPLES: &str = "\
Examples:
  dripline enroll --workflow \"Spring leads\" --all --dry-run
  dripline enroll --workflow \"Spring leads\" --all
  dripline enroll --workflow \"Spring leads\" --contact 212-555-0134 --contact ctc_02q0g4jbwc001
  dripline enroll --workflow \"Spring leads\" --all --yes --idempotency-key spring-2026
  dripline enroll --workflow \"Spring leads\" --all --per-day 500

Shows who starts, who is refused and why, what it costs and on which days the messages go; then
asks, and starts exactly that. The whole sequence is charged at the start, and what is not sent
comes back. If it is interrupted, the same command with the same --idempotency-key goes on and
charges nobody twice.
`dripline serve` sends what is due.";

/// Price contacts for a workflow, and start them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("who").required(true).args(["contacts", "all"])))]
pub(crate) struct Enroll {
    /// The workflow: its name or identifier
    #[arg(long, value_name = "NAME|ID")]
    workflow: String,
    /// A contact: phone, identifier or full name; may be given several times
    #[arg(long = "contact", value_name = "CONTACT", allow_hyphen_values = true)]
    contacts: Vec<String>,
    /// Every contact of the workspace
    #[arg(long)]
    all: bool,
    /// Show the quote and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Start without asking
    #[arg(long)]
    yes: bool,
    /// Have at most so many get their first message in a day; all are charged at the start
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_day: Option<u32>,
    /// A key of your own: the same key again goes on with the same job
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    within: Within,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
enum NotStarted {
    #[error("nobody is there to be asked: add --yes to start, or --dry-run to see the price only")]
    NobodyToAsk,
    #[error("nobody can start: each contact is refused for the reasons above")]
    AllRefused,
    #[error("the workspace has no contact: import some with `dripline contacts import FILE.csv`")]
    NoContact,
    #[error("nothing was started")]
    Declined,
}

/// What to start.
struct Plan {
    office: Office,
    workflow: WorkflowId,
    selection: Selection,
    per_day: Option<u32>,
    key: Option<String>,
}

impl Enroll {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let (dry_run, yes) = (self.dry_run, self.yes);
        if !dry_run && !yes && !ask::is_somebody_there() {
            return Err(Stop::usage(NotStarted::NobodyToAsk));
        }
        let plan = self.plan()?;
        if !dry_run && let Some(job) = plan.begun()? {
            return plan.go_on(&job, answer);
        }
        let (id, quoted) = plan.quote(dry_run)?;
        if answer.format() == Format::Text {
            answer.text(&report::words(&quoted))?;
            answer.flush()?;
        }
        let Some(id) = id else { return told_if_json(answer, &quoted) };
        if quoted.preview.starts == 0 {
            told_if_json(answer, &quoted)?;
            let nobody = quoted.preview.refusals == 0;
            return Err(Stop::failed(if nobody { NotStarted::NoContact } else { NotStarted::AllRefused }));
        }
        let question =
            format!("Start {} for {}?", report::contacts(quoted.preview.starts), report::price(&quoted.preview));
        if !yes && !ask::agreed(&question)? {
            return Err(Stop::failed(NotStarted::Declined));
        }
        plan.start(id, &quoted, answer)
    }

    fn plan(self) -> Result<Plan, Stop> {
        let purpose = if self.dry_run { Purpose::Read } else { Purpose::Write };
        let office = self.within.open(purpose)?;
        let (desk, engine, actor) = (&office.desk, office.engine(), &office.actor);
        let workflow = desk.pick(engine.pick_workflow(actor, &self.workflow))?;
        let picked = self.contacts.iter().map(|wanted| desk.pick(engine.pick_contact(actor, wanted)));
        let ids = picked.collect::<Result<Vec<ContactId>, Stop>>()?;
        let selection = if self.all { Selection::All } else { Selection::These(ids) };
        Ok(Plan { office, workflow, selection, per_day: self.per_day, key: self.idempotency_key })
    }
}

fn told_if_json(answer: &mut Answer, quoted: &Quoted) -> Result<(), Stop> {
    match answer.format() {
        Format::Json => answer.document(&json!({ "quote": report::document(quoted), "job": null })),
        Format::Text => Ok(()),
    }
}

impl Plan {
    /// The job that the key began before.
    fn begun(&self) -> Result<Option<Job>, Stop> {
        let Some(key) = &self.key else { return Ok(None) };
        let (engine, actor) = (self.office.engine(), &self.office.actor);
        self.office.desk.run(engine.begun_job(actor, self.workflow, &self.selection, key))
    }

    /// The quote; one that is only looked at is not kept.
    fn quote(&self, dry_run: bool) -> Result<(Option<QuoteId>, Quoted), Stop> {
        let (desk, engine, actor) = (&self.office.desk, self.office.engine(), &self.office.actor);
        let many = Many { workflow: self.workflow, selection: self.selection.clone(), per_day: self.per_day };
        let (id, preview) = if dry_run {
            (None, desk.run(engine.preview_many(actor, many))?)
        } else {
            let quote = desk.run(engine.quote_many(actor, many))?;
            (Some(quote.id), quote.preview)
        };
        let balances = desk.run(engine.balances(actor))?;
        let workflow = desk.run(engine.workflow(actor, self.workflow))?.summary.workflow;
        let phones =
            report::shown(&preview).iter().map(|(contact, _)| match desk.work(engine.contact(actor, *contact)) {
                Ok(contact) => contact.phone,
                // One that does not exist is refused for that very reason.
                Err(_) => contact.to_string(),
            });
        let phones = phones.collect();
        Ok((id, Quoted { preview, balances, phones, workflow, workspace: self.office.workspace.clone() }))
    }

    fn start(&self, id: QuoteId, quoted: &Quoted, answer: &mut Answer) -> Result<(), Stop> {
        let (desk, engine, actor) = (&self.office.desk, self.office.engine(), &self.office.actor);
        let job = self.work(desk.run(engine.enroll_quoted(actor, id, self.key.clone()))?)?;
        let after = desk.run(engine.balances(actor))?;
        if answer.format() == Format::Json {
            let quote = report::document(quoted);
            return answer.document(&json!({ "quote": quote, "job": report::job(&job), "balances": after }));
        }
        answer.text(&report::done(&job, after))
    }

    /// Works on a job that was begun before; one that is done changes nothing.
    fn go_on(&self, begun: &Job, answer: &mut Answer) -> Result<(), Stop> {
        let was_done = begun.state == "done";
        let job = self.work(begun.clone())?;
        let after = self.office.desk.run(self.office.engine().balances(&self.office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "quote": null, "job": report::job(&job), "balances": after }));
        }
        let head = if was_done {
            "The key was used before, and its job is done: nothing was started again.\n".to_owned()
        } else {
            format!("The key began this job before; it went on after {} contacts.\n", begun.started + begun.refused)
        };
        answer.text(&format!("{head}{}", report::done(&job, after)))
    }

    fn work(&self, job: Job) -> Result<Job, Stop> {
        let total = u64::try_from(job.total).unwrap_or(0);
        let bar = run::bar(total, "{bar:30} {pos} of {len} contacts");
        let told = bar.clone();
        let progress = move |job: &Job| told.set_position(u64::try_from(job.started + job.refused).unwrap_or(0));
        let done = self.office.desk.run(self.office.engine().run_job(&self.office.actor, job.id, progress));
        bar.finish_and_clear();
        done
    }
}

/// The refused contacts of a quote that are shown one by one.
type Refused<'a> = &'a [(ContactId, Vec<domain::refusal::Refusal>)];

fn first(preview: &BulkPreview, most: usize) -> Refused<'_> {
    &preview.refused[..preview.refused.len().min(most)]
}
