//! `dripline contacts merge`: what two contacts become is shown, asked about, and done.

use engine::merging::{self, MergeError, Plan, Side};
use serde_json::{Value, json};

use crate::api::merges::MergePreview;
use crate::cli::desk::{Purpose, Within};
use crate::cli::table::Table;
use crate::cli::{Answer, Format, Stop, ask};
use crate::web::enrollments::amounts;

pub(super) const EXAMPLES: &str = "\
Examples:
  dripline contacts merge \"+1 212 555 0134\" \"+1 212 555 0135\" --dry-run
  dripline contacts merge ctc_06b9zq4h8g000 ctc_06b9zq4h8g001 --theirs Address --theirs Email
  dripline contacts merge \"+1 212 555 0134\" \"+1 212 555 0135\" --goes-on take --yes

The first contact stays the person's record and takes the second one in, whose number stays as
another number of the person, with its texts, consents and opt-outs. Empty fields are filled;
labels, notes and the earlier reminder move. Where both are in a workflow, one ends with its refund.
It cannot be undone.";

/// What is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Merge {
    /// The contact that is kept: its phone, full name or identifier
    #[arg(allow_hyphen_values = true)]
    keep: String,
    /// The contact that it takes in
    #[arg(allow_hyphen_values = true)]
    take: String,
    /// A field of which the second contact's value stays where both have one; several times
    #[arg(long, value_name = "FIELD")]
    theirs: Vec<String>,
    /// Whose workflow goes on where both are in one: keep or take
    #[arg(long, value_name = "WHOSE", default_value = "keep", value_parser = side)]
    goes_on: Side,
    /// Show what it would do and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Merge without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    within: Within,
}

/// Why nothing was merged.
#[derive(Debug, thiserror::Error)]
enum NotMerged {
    #[error("nobody is there to be asked: add --yes to merge, or --dry-run to see what it does only")]
    NobodyToAsk,
    #[error("nothing was merged")]
    Declined,
}

/// The word is none of the two.
#[derive(Debug, Clone, thiserror::Error)]
#[error("write keep or take")]
struct NoSide;

fn side(text: &str) -> Result<Side, NoSide> {
    Side::from_word(text).ok_or(NoSide)
}

impl Merge {
    pub(super) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        if !self.dry_run && !self.yes && !ask::is_somebody_there() {
            return Err(Stop::usage(NotMerged::NobodyToAsk));
        }
        let office = self.within.open(if self.dry_run { Purpose::Read } else { Purpose::Write })?;
        let (desk, engine, actor) = (&office.desk, office.engine(), &office.actor);
        let keep = desk.pick(engine.pick_contact(actor, &self.keep))?;
        let take = desk.pick(engine.pick_contact(actor, &self.take))?;
        let asked = merging::Merge { keep, take, theirs: self.theirs, goes_on: self.goes_on, seen: None };
        let plan = desk.run(engine.merge_preview(actor, asked.clone()))?;
        if plan.is_nothing() {
            return Err(Stop::failed(MergeError::Nothing));
        }
        if answer.format() == Format::Text {
            answer.text(&words(&plan))?;
            answer.flush()?;
        }
        let shown = json!(MergePreview::from(&plan));
        if self.dry_run {
            return told(answer, "Nothing was changed\n", &json!({ "preview": shown, "merged": false }));
        }
        if !self.yes && !ask::agreed("Merge the two? It cannot be undone.")? {
            return Err(Stop::failed(NotMerged::Declined));
        }
        let asked = merging::Merge { seen: Some(plan.seen), ..asked };
        let merged = desk.run(engine.merge_contacts(actor, asked))?;
        told(answer, &format!("Merged into {}\n", merged.contact.id), &json!({ "preview": shown, "merged": true }))
    }
}

fn told(answer: &mut Answer, words: &str, document: &Value) -> Result<(), Stop> {
    match answer.format() {
        Format::Json => answer.document(document),
        Format::Text => answer.text(words),
    }
}

fn words(plan: &Plan) -> String {
    let mut text =
        format!("{} ({}) takes in {} ({})\n", plan.keep.name, plan.keep.phone, plan.take.name, plan.take.phone);
    let mut table = Table::new(["FIELD", "STAYS", "GOES INTO A NOTE"]);
    for field in &plan.fields {
        table.row([field.key.clone(), field.value().to_owned(), field.dropped().unwrap_or("-").to_owned()]);
    }
    text.push_str(&table.text());
    let mut say = |line: String| text.push_str(&format!("{line}\n"));
    plan.labels.iter().for_each(|label| say(format!("The {} {:?} moves", label.kind.word(), label.name)));
    if plan.notes > 0 {
        say(format!("Notes that move: {}", plan.notes));
    }
    for end in &plan.ends {
        say(format!("{:?} to {} ends and gives back {}", end.run.workflow, end.number.phone, amounts(end.run.unsent)));
    }
    for (number, run) in &plan.going_on {
        say(format!("{:?} to {} goes on", run.workflow, number.phone));
    }
    for number in &plan.listed {
        say(format!("{} comes onto the do-not-contact list: the person has opted out on another number", number.phone));
    }
    text
}
