//! `dripline reminder`: to come back to a contact later: set, listed, ended. Nobody is texted by one.

use clap::Subcommand;
use domain::ids::ContactId;
use engine::reminders::{MAX_PAGE, NewReminder, When};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use store::reminders::{Listed, Reminder as Row};

use super::desk::{Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline reminder set \"Ann Lee\" --days 14 --note \"wanted to think it over\"
  dripline reminder set +12125550134 --on 2027-03-01 --workflow \"Spring leads\"
  dripline reminder list
  dripline reminder end \"Ann Lee\"

A contact has one at most, a year ahead at most. Nobody is texted by it: the workflow is what is
offered to be started then, by a quote of then.";

const SET: &str = "\
Examples:
  dripline reminder set \"Ann Lee\" --days 14 --note \"wanted to think it over\"
  dripline reminder set +12125550134 --on 2027-03-01 --workflow \"Spring leads\"

It is due at nine in the morning of that day, on the workspace's clock, in place of the one that is
there.";

const LIST: &str = "\
Examples:
  dripline reminder list
  dripline reminder list --json";

const END: &str = "\
Examples:
  dripline reminder end \"Ann Lee\"
  dripline reminder end ctc_06b9zq4h8g000";

/// Set when to come back to a contact, list that or end it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Reminder {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set the reminder of a contact
    #[command(after_help = SET)]
    Set(Set),
    /// List the reminders of a workspace, the next one first
    #[command(after_help = LIST)]
    List(List),
    /// Take the reminder of a contact away
    #[command(after_help = END)]
    End(End),
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("when").required(true).args(["days", "on"]))]
struct Set {
    /// The contact: name, phone or identifier
    #[arg(value_name = "NAME|PHONE|ID", allow_hyphen_values = true)]
    contact: String,
    /// In so many days, 1 to 366
    #[arg(long, value_name = "COUNT")]
    days: Option<u16>,
    /// On a day, such as 2027-03-01
    #[arg(long, value_name = "DAY")]
    on: Option<Date>,
    /// A line for oneself
    #[arg(long, default_value = "")]
    note: String,
    /// The workflow to start then: its name or identifier
    #[arg(long, value_name = "NAME|ID")]
    workflow: Option<String>,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct End {
    /// The contact: name, phone or identifier
    #[arg(value_name = "NAME|PHONE|ID", allow_hyphen_values = true)]
    contact: String,
    #[command(flatten)]
    within: Within,
}

impl Reminder {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Set(command) => command.run(answer),
            Command::List(command) => command.run(answer),
            Command::End(command) => command.run(answer),
        }
    }
}

fn document(row: &Row) -> Value {
    json!({
        "contact": row.contact, "due_at": row.due_at, "note": row.note, "workflow": row.workflow, "by": row.author,
        "created_at": row.created_at,
    })
}

impl Set {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let (desk, engine, actor) = (&office.desk, office.engine(), &office.actor);
        let contact = desk.pick(engine.pick_contact(actor, &self.contact))?;
        let workflow = self.workflow.map(|wanted| desk.pick(engine.pick_workflow(actor, &wanted))).transpose()?;
        let when = self.on.map_or(When::After(self.days.unwrap_or_default()), When::On);
        let row = desk.run(engine.remind(actor, contact, NewReminder { when, note: self.note, workflow }))?;
        match answer.format() {
            Format::Json => answer.document(&document(&row)),
            Format::Text => answer.text(&format!("{contact} is due at {}.\n", row.due_at)),
        }
    }
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let mut rows: Vec<Listed> = Vec::new();
        loop {
            let after: Option<(Timestamp, ContactId)> =
                rows.last().map(|row| (row.reminder.due_at, row.reminder.contact));
            let page = office.desk.run(office.engine().reminders(&office.actor, after, MAX_PAGE))?;
            let is_last = i64::try_from(page.len()).is_ok_and(|count| count < MAX_PAGE);
            rows.extend(page);
            if is_last {
                break;
            }
        }
        if answer.format() == Format::Json {
            let rows: Vec<Value> = rows.iter().map(|row| document(&row.reminder)).collect();
            return answer.document(&json!({ "data": rows }));
        }
        let mut table = Table::new(["DUE", "CONTACT", "PHONE", "NAME", "WORKFLOW", "NOTE"]);
        for Listed { reminder, name, phone, workflow } in rows {
            let due = reminder.due_at.strftime("%Y-%m-%d %H:%M").to_string();
            let workflow = workflow.unwrap_or_else(|| "-".to_owned());
            table.row([due, reminder.contact.to_string(), phone, name, workflow, reminder.note]);
        }
        answer.text(&table.text())
    }
}

impl End {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let (desk, engine, actor) = (&office.desk, office.engine(), &office.actor);
        let contact = desk.pick(engine.pick_contact(actor, &self.contact))?;
        let had = desk.run(engine.end_reminder(actor, contact))?;
        match answer.format() {
            Format::Json => answer.document(&json!({ "contact": contact, "ended": had })),
            Format::Text if had => answer.text(&format!("{contact} has no reminder any more.\n")),
            Format::Text => answer.text(&format!("{contact} had no reminder.\n")),
        }
    }
}
