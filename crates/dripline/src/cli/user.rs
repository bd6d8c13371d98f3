//! `dripline user`: makes the people of a workspace and lists them. Passwords are never arguments.

use clap::Subcommand;
use domain::access::Role;
use serde_json::{Value, json};
use store::users::User as Row;

use super::desk::{Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop, ask};

const EXAMPLES: &str = "\
Examples:
  dripline user create --email ann@example.com --name \"Ann Lee\" --role owner
  dripline user create --email bob@example.com --name Bob --role agent < password.txt
  dripline user list

Roles: owner (everything), admin (not keys and billing), agent (contacts and conversations),
viewer (reads).";

const CREATE: &str = "\
Examples:
  dripline user create --email ann@example.com --name \"Ann Lee\" --role owner
  dripline user create --email bob@example.com --name Bob --role agent < password.txt

The password is asked for without being shown, or is the first line of standard input: every
user of the machine can read a command's arguments.";

const LIST: &str = "\
Examples:
  dripline user list
  dripline user list --workspace \"Acme Homes\" --json";

/// Make a user of a workspace, or list them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a user
    #[command(after_help = CREATE)]
    Create(Create),
    /// List the users of a workspace
    #[command(after_help = LIST)]
    List(List),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// The address to log in with
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// The name
    #[arg(long)]
    name: String,
    /// What the user may do: owner, admin, agent or viewer
    #[arg(long, value_parser = role)]
    role: Role,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    within: Within,
}

/// A role that is none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("there is no role {0:?}; there are viewer, agent, admin and owner")]
struct NoRole(String);

fn role(text: &str) -> Result<Role, NoRole> {
    Role::from_word(&text.trim().to_lowercase()).ok_or_else(|| NoRole(text.chars().take(40).collect()))
}

impl User {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Create(command) => command.run(answer),
            Command::List(command) => command.run(answer),
        }
    }
}

fn document(row: &Row) -> Value {
    json!({
        "id": row.id, "email": row.email, "name": row.name, "role": row.role, "created_at": row.created_at,
    })
}

impl Create {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let password = ask::password(&self.email)?;
        let made = office.engine().create_user(&office.actor, &self.email, &self.name, self.role, &password);
        let made = office.desk.run(made)?;
        if answer.format() == Format::Json {
            return answer.document(&document(&made));
        }
        let (id, of) = (made.id, &office.workspace.name);
        answer.text(&format!("Made {} <{}>, {} of {of:?}: {id}\n", made.name, made.email, made.role))
    }
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let rows = office.desk.run(office.engine().users(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "data": rows.iter().map(document).collect::<Vec<_>>() }));
        }
        let mut table = Table::new(["USER", "NAME", "ADDRESS", "ROLE"]);
        for row in rows {
            table.row([row.id.to_string(), row.name, row.email, row.role]);
        }
        answer.text(&table.text())
    }
}
