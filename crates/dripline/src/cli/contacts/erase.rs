//! `dripline contacts erase`: a person is shown, asked about, and erased for good.

use engine::contacts::Contact;
use engine::erasing::{Erasure, Person};
use serde_json::{Value, json};

use crate::cli::desk::{Purpose, Within};
use crate::cli::table::Table;
use crate::cli::{Answer, Format, Stop, ask};

pub(super) const EXAMPLES: &str = "\
Examples:
  dripline contacts erase \"+1 212 555 0134\"
  dripline contacts erase ctc_06b9zq4h8g000 --do-not-contact --yes
  dripline contacts erase \"+1 212 555 0134\" --dry-run

Name, phone, fields, notes and all texts of the person go, in every contact that they have or had;
what runs ends with its refund. Money, figures and the history stay, which name nobody; opt-outs and
consents stay by a hash of the phone. Nothing brings it back. Backups and files are not reached.";

/// What is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Erase {
    /// The person: a phone that they have or had, or the identifier of a contact
    #[arg(allow_hyphen_values = true)]
    person: String,
    /// Put the phones on the do-not-contact list, by their hashes
    #[arg(long)]
    do_not_contact: bool,
    /// Show whom it would erase and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Erase without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    within: Within,
}

/// Why nobody was erased.
#[derive(Debug, thiserror::Error)]
enum NotErased {
    #[error("nobody is there to be asked: add --yes to erase, or --dry-run to see whom only")]
    NobodyToAsk,
    #[error("nobody was erased")]
    Declined,
}

impl Erase {
    pub(super) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        if !self.dry_run && !self.yes && !ask::is_somebody_there() {
            return Err(Stop::usage(NotErased::NobodyToAsk));
        }
        let office = self.within.open(if self.dry_run { Purpose::Read } else { Purpose::Write })?;
        let (desk, engine, actor) = (&office.desk, office.engine(), &office.actor);
        let person = self.person.parse().map_or_else(|_| Person::Phone(self.person.clone()), Person::Contact);
        let found = desk.run(engine.whom_to_erase(actor, person.clone()))?;
        if answer.format() == Format::Text {
            answer.text(&table(&found))?;
            answer.flush()?;
        }
        let whom: Vec<Value> = found.iter().map(document).collect();
        if self.dry_run {
            return told(answer, "Nothing was changed\n", &json!({ "contacts": whom, "job": null }));
        }
        if !self.yes && !ask::agreed("Erase all of it, for good?")? {
            return Err(Stop::failed(NotErased::Declined));
        }
        let erasure = Erasure { person, do_not_contact: self.do_not_contact };
        let job = desk.run(engine.erase(actor, erasure, None))?;
        let job = desk.run(engine.run_erasure(actor, job.id))?;
        told(answer, &format!("Erased ({})\n", job.id), &json!({ "contacts": whom, "job": job.id }))
    }
}

fn told(answer: &mut Answer, words: &str, document: &Value) -> Result<(), Stop> {
    match answer.format() {
        Format::Json => answer.document(document),
        Format::Text => answer.text(words),
    }
}

fn table(found: &[Contact]) -> String {
    let mut table = Table::new(["CONTACT", "PHONE", "NAME", "DELETED"]);
    for contact in found {
        let deleted = contact.deleted_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        table.row([contact.id.to_string(), contact.phone.clone(), contact.name.clone(), deleted]);
    }
    table.text()
}

fn document(contact: &Contact) -> Value {
    json!({ "id": contact.id, "phone": contact.phone, "name": contact.name, "deleted_at": contact.deleted_at })
}
