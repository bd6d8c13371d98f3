//! The command line: which commands there are, their exit codes, and how an error is told.
//!
//! Each command is a file of `cli/`, named for its noun: its arguments, its errors and `run`. To add
//! one, add its file, its line in `Command` and its line in `dispatch`. No rule lives here.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed, or some of the answers are errors |
//! | 2 | asked wrongly: the arguments or the configuration |

mod answer;
mod ask;
mod audit;
mod backup;
mod batch;
mod carriers;
mod config;
mod consent;
mod contacts;
mod copy;
mod credit;
mod days;
mod desk;
mod enroll;
mod key;
mod ledger;
mod migrate;
mod notice;
mod number;
mod openapi;
mod parse;
mod phone;
mod plan;
mod reminder;
mod rules;
mod run;
mod segments;
mod serve;
mod simulate;
mod statement;
mod stop;
mod suppression;
mod table;
mod user;
mod version;
mod window;
mod workflow;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use answer::{Answer, Format};
pub(crate) use stop::Stop;

const EXAMPLES: &str = "\
Examples:
  dripline serve --demo                         look at it, nothing leaves the machine
  dripline workspace create Acme --zone America/New_York
  dripline contacts import leads.csv --no-consent   then `workflow import`, `enroll`, `serve`
  dripline segments \"See you at 5\"              what a text costs, and why
  dripline phone \"(212) 555-0134\"               the number as it is stored
  dripline window +13055550134 --state FL       may it be texted now?
  dripline rules US-FL                          the quiet hours of a state
  dripline COMMAND --help                       all about a command

Exit codes: 0 done, 1 failed, 2 asked wrongly.";

/// Lead follow-up by text message, on autopilot.
#[derive(Debug, Parser)]
#[command(name = "dripline", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Line {
    /// Answer in JSON: one document for programs, instead of a text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Simulate(simulate::Simulate),
    Workspace(workspace::Workspace),
    User(user::User),
    Key(key::Key),
    Notice(notice::Notice),
    Number(number::Number),
    Carrier(carriers::Carriers),
    Contacts(contacts::Contacts),
    Consent(consent::Consent),
    Reminder(reminder::Reminder),
    Suppression(suppression::SuppressionLists),
    Workflow(workflow::Workflow),
    Enroll(enroll::Enroll),
    Plan(plan::Plan),
    Credit(credit::Credit),
    Debit(credit::Debit),
    Ledger(ledger::Ledger),
    Statement(statement::Statement),
    Audit(audit::Audit),
    Migrate(migrate::Migrate),
    Backup(backup::Backup),
    Copy(copy::Copy),
    Segments(segments::Segments),
    Phone(phone::Phone),
    Window(window::Window),
    Rules(rules::Rules),
    Openapi(openapi::Openapi),
    Config(config::Config),
    Version(version::Version),
}

fn dispatch(command: Command, answer: &mut Answer) -> Result<(), Stop> {
    match command {
        Command::Serve(command) => command.run(answer),
        Command::Simulate(command) => command.run(answer),
        Command::Workspace(command) => command.run(answer),
        Command::User(command) => command.run(answer),
        Command::Key(command) => command.run(answer),
        Command::Notice(command) => command.run(answer),
        Command::Number(command) => command.run(answer),
        Command::Carrier(command) => command.run(answer),
        Command::Contacts(command) => command.run(answer),
        Command::Consent(command) => command.run(answer),
        Command::Reminder(command) => command.run(answer),
        Command::Suppression(command) => command.run(answer),
        Command::Workflow(command) => command.run(answer),
        Command::Enroll(command) => command.run(answer),
        Command::Plan(command) => command.run(answer),
        Command::Credit(command) => command.run(answer),
        Command::Debit(command) => command.run(answer),
        Command::Ledger(command) => command.run(answer),
        Command::Statement(command) => command.run(answer),
        Command::Audit(command) => command.run(answer),
        Command::Migrate(command) => command.run(answer),
        Command::Backup(command) => command.run(answer),
        Command::Copy(command) => command.run(answer),
        Command::Segments(command) => command.run(answer),
        Command::Phone(command) => command.run(answer),
        Command::Window(command) => command.run(answer),
        Command::Rules(command) => command.run(answer),
        Command::Openapi(command) => command.run(answer),
        Command::Config(command) => command.run(answer),
        Command::Version(command) => command.run(answer),
    }
}

/// Reads the arguments of the process, does what they say, and gives its exit code.
///
/// Answers go to standard output, errors to standard error. A reader that goes away early
/// (`| head`) ends the work without an error.
#[must_use]
pub fn run() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Help and version are "errors" to clap as well; where they cannot be printed, nobody reads them.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut answer = Answer::to_stdout(if line.json { Format::Json } else { Format::Text });
    let done = dispatch(line.command, &mut answer).and_then(|()| answer.flush());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            // What was answered before the fault is worth having; the fault itself is told below.
            let _ = answer.flush();
            stop.tell(&mut std::io::stderr())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Line::command().debug_assert();
    }

    /// Holds a command and those below it to the rule.
    fn shows_examples(command: &clap::Command, before: &str) {
        let name = format!("{before} {}", command.get_name());
        assert!(command.get_about().is_some(), "{name}");
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.starts_with("Examples:\n") && after.contains(&format!("  {name}")), "{name}");
        command.get_subcommands().for_each(|below| shows_examples(below, &name));
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_examples() {
        Line::command().get_subcommands().for_each(|command| shows_examples(command, "dripline"));
    }
}
