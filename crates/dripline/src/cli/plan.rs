//! `dripline plan`: what the operator offers, and which of it a workspace has.

use clap::Subcommand;
use domain::money::Micros;
use domain::plan::Terms;
use engine::Operator;
use engine::plans::NewPlan;
use engine::subscriptions::PlanView;
use serde_json::{Value, json};
use store::plans::Plan as Row;

use super::desk::{Desk, Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop};
use crate::config::Base;

const EXAMPLES: &str = "\
Examples:
  dripline plan add Starter --price 29 --credits 1000 --rate 0.012
  dripline plan list
  dripline plan choose Starter --workspace \"Acme Homes\"
  dripline plan show --workspace \"Acme Homes\"

The price of a month is taken from the wallet when the month begins. A plan's terms are never changed: withdraw it and
add another. A workspace without a plan is served as long as you like.";

const ADD: &str = "\
Examples:
  dripline plan add Starter --price 29 --credits 1000 --rate 0.012
  dripline plan add Team --price 99 --credits 5000 --rate 0.01 --numbers 5 --trial-days 14 --grace-days 7";

const LIST: &str = "\
Examples:
  dripline plan list
  dripline plan list --json";

const WITHDRAW: &str = "\
Examples:
  dripline plan withdraw Starter

Whoever has it keeps it.";

const OFFER: &str = "\
Examples:
  dripline plan offer Starter";

const CHOOSE: &str = "\
Examples:
  dripline plan choose Starter --workspace \"Acme Homes\"

It begins at once, with its trial if the workspace has had none; where another plan runs, it follows that one.";

const SHOW: &str = "\
Examples:
  dripline plan show --workspace \"Acme Homes\"
  dripline plan show --json";

const CANCEL: &str = "\
Examples:
  dripline plan cancel --workspace \"Acme Homes\"
  dripline plan cancel --workspace \"Acme Homes\" --now

It ends with its period, or at once with --now or where its price is owed: what runs is ended with its refunds.";

/// Offer plans, and give one to a workspace
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Plan {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Offer a new plan
    #[command(after_help = ADD)]
    Add(Add),
    /// List all plans, withdrawn ones too
    #[command(after_help = LIST)]
    List(List),
    /// Offer a plan no more
    #[command(after_help = WITHDRAW)]
    Withdraw(Named),
    /// Offer a plan again
    #[command(after_help = OFFER)]
    Offer(Named),
    /// Give a workspace a plan
    #[command(after_help = CHOOSE)]
    Choose(Choose),
    /// Tell where a workspace stands with its plan
    #[command(after_help = SHOW)]
    Show(Show),
    /// End a workspace's plan
    #[command(after_help = CANCEL)]
    Cancel(Cancel),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Its name
    name: String,
    /// The price of a month, in dollars
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    price: Micros,
    /// The free segments of a month
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    credits: i64,
    /// The price of a segment beyond them, in dollars
    #[arg(long, value_name = "USD", default_value = "0.015", allow_negative_numbers = true)]
    rate: Micros,
    /// How many numbers a workspace may have [default: as many as it likes]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    numbers: Option<i64>,
    /// Days of a first, free period
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    trial_days: i64,
    /// For how many days what is not paid goes on
    #[arg(long, value_name = "N", default_value_t = 7, allow_negative_numbers = true)]
    grace_days: i64,
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The plan: its name or identifier
    #[arg(value_name = "PLAN")]
    plan: String,
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, clap::Args)]
struct Choose {
    /// The plan: its name or identifier
    #[arg(value_name = "PLAN")]
    plan: String,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Cancel {
    /// At once, and not when the period is over
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    within: Within,
}

impl Plan {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Add(command) => command.run(answer),
            Command::List(command) => command.run(answer),
            Command::Withdraw(command) => command.run(answer, "withdrawn"),
            Command::Offer(command) => command.run(answer, "offered"),
            Command::Choose(command) => command.run(answer),
            Command::Show(command) => {
                let office = command.within.open(Purpose::Read)?;
                let view = office.desk.run(office.engine().subscription(&office.actor))?;
                stands(answer, &office.workspace.name, &view)
            }
            Command::Cancel(command) => command.run(answer),
        }
    }
}

fn document(row: &Row) -> Value {
    let terms = row.terms;
    json!({
        "id": row.id, "name": row.name, "state": row.state, "price_micros": terms.price, "credits": terms.credits,
        "rate_micros": terms.rate, "numbers": terms.numbers, "trial_days": terms.trial_days,
        "grace_days": terms.grace_days, "created_at": row.created_at,
    })
}

impl Add {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let desk = Desk::open(self.base, Purpose::Write)?;
        let terms = Terms {
            price: self.price,
            credits: self.credits,
            rate: self.rate,
            numbers: self.numbers,
            trial_days: self.trial_days,
            grace_days: self.grace_days,
        };
        let made =
            desk.run(desk.engine().add_plan(&Operator::at_command_line(), NewPlan { name: self.name, terms }))?;
        if answer.format() == Format::Json {
            return answer.document(&document(&made));
        }
        answer.text(&format!("Offers the plan {:?}: {}\n{}", made.name, made.id, list(std::slice::from_ref(&made))))
    }
}

/// Plans as a table.
fn list(rows: &[Row]) -> String {
    let mut table = Table::new(["PLAN", "NAME", "STATE", "A MONTH", "CREDITS", "SEGMENT", "NUMBERS", "TRIAL", "GRACE"]);
    for row in rows {
        let terms = row.terms;
        table.row([
            row.id.to_string(),
            row.name.clone(),
            row.state.clone(),
            terms.price.to_string(),
            terms.credits.to_string(),
            terms.rate.to_string(),
            terms.numbers.map_or_else(|| "any".to_owned(), |numbers| numbers.to_string()),
            format!("{} days", terms.trial_days),
            format!("{} days", terms.grace_days),
        ]);
    }
    table.text()
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let desk = Desk::open(self.base, Purpose::Read)?;
        let rows = desk.run(desk.engine().plans())?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "data": rows.iter().map(document).collect::<Vec<_>>() }));
        }
        answer.text(&list(&rows))
    }
}

impl Named {
    fn run(self, answer: &mut Answer, state: &str) -> Result<(), Stop> {
        let desk = Desk::open(self.base, Purpose::Write)?;
        let id = desk.pick(desk.engine().pick_plan(&self.plan))?;
        let row = if state == "offered" {
            desk.run(desk.engine().offer_plan(&Operator::at_command_line(), id))?
        } else {
            desk.run(desk.engine().withdraw_plan(&Operator::at_command_line(), id))?
        };
        if answer.format() == Format::Json {
            return answer.document(&document(&row));
        }
        answer.text(&format!("The plan {:?} is {state}\n", row.name))
    }
}

impl Choose {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let id = office.desk.pick(office.engine().pick_plan(&self.plan))?;
        let view = office.desk.run(office.engine().choose_plan(&office.actor, id))?;
        stands(answer, &office.workspace.name, &view)
    }
}

impl Cancel {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let engine = office.engine();
        let removal = if self.now {
            office.desk.run(engine.end_plan(office.id()))?
        } else {
            office.desk.run(engine.cancel_plan(&office.actor))?
        };
        let view = office.desk.run(engine.subscription(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "plan": standing(&view), "removal": removal }));
        }
        stands(answer, &office.workspace.name, &view)?;
        if removal.contacts == 0 {
            return Ok(());
        }
        let (credits, micros) = (removal.refunded.credits, removal.refunded.micros);
        answer.text(&format!(
            "  {} contacts left their workflows; {credits} credits and {micros} came back\n",
            removal.contacts
        ))
    }
}

fn standing(view: &PlanView) -> Value {
    let course = view.course.map(|course| {
        json!({
            "standing": course.standing.word(), "at_end": course.at_end.word(), "period": course.period.number,
            "from": course.period.from, "until": course.period.until,
        })
    });
    json!({
        "plan": view.plan.as_ref().map(document), "course": course, "next_plan": view.next.as_ref().map(document),
        "ends_at": view.ending.map(|ending| ending.at), "owed_micros": view.ending.and_then(|ending| ending.owed),
        "serves": view.serves,
    })
}

fn stands(answer: &mut Answer, workspace: &str, view: &PlanView) -> Result<(), Stop> {
    if answer.format() == Format::Json {
        return answer.document(&standing(view));
    }
    let (Some(plan), Some(course)) = (&view.plan, view.course) else {
        let serves = if view.serves { "is served without a plan" } else { "has no plan and is not served" };
        return answer.text(&format!("{workspace:?} {serves}\n"));
    };
    let mut table = Table::new(Vec::<String>::new());
    let mut line = |name: &str, value: String| table.row([format!("  {name}"), value]);
    line("stands", course.standing.word().replace('_', " "));
    line("period", format!("{} to {}", course.period.from, course.period.until));
    line("price of a month", plan.terms.price.to_string());
    if let Some(next) = &view.next {
        line("then", format!("{} ({} a month)", next.name, next.terms.price));
    }
    if let Some(ending) = view.ending {
        line("ends", ending.at.to_string());
        if let Some(owed) = ending.owed {
            line("owed", owed.to_string());
        }
    }
    answer.text(&format!("{workspace:?} has the plan {:?}\n{}", plan.name, table.text()))
}
