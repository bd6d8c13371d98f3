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
  dripline user operator ann@example.com

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

const OPERATOR: &str = "\
Examples:
  dripline user operator ann@example.com
  dripline user operator ann@example.com --workspace \"Acme Homes\"
  dripline user operator ann@example.com --revoke

An operator runs the whole installation in the browser, at /operator: all workspaces, their money and plans, suspension.
It is given and taken here alone. Signed in to this workspace they are one, and in no other that they may be in. Choose a
user of a workspace of your own: who runs a workspace may have given its users their passwords.";

/// Make a user of a workspace, list them, or make one an operator
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
    /// Make a user an operator of the whole installation, or no longer
    #[command(after_help = OPERATOR)]
    Operator(Operator),
}

#[derive(Debug, clap::Args)]
struct Operator {
    /// Their address
    #[arg(value_name = "ADDRESS")]
    email: String,
    /// Take it from them
    #[arg(long)]
    revoke: bool,
    #[command(flatten)]
    within: Within,
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
            Command::Operator(command) => command.run(answer),
        }
    }
}

fn document(row: &Row) -> Value {
    json!({
        "id": row.id, "email": row.email, "name": row.name, "role": row.role, "created_at": row.created_at,
        "operator_at": row.operator_at,
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
            let role = if row.operator_at.is_some() { format!("{}, operator", row.role) } else { row.role };
            table.row([row.id.to_string(), row.name, row.email, role]);
        }
        answer.text(&table.text())
    }
}

impl Operator {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let engine = office.engine();
        let user = if self.revoke {
            office.desk.run(engine.dismiss_operator(office.id(), &self.email))?
        } else {
            office.desk.run(engine.appoint_operator(office.id(), &self.email))?
        };
        if answer.format() == Format::Json {
            return answer.document(&document(&user));
        }
        let now = if self.revoke { "is no operator any more" } else { "is an operator of this installation" };
        answer.text(&format!("{} <{}> {now}\n", user.name, user.email))
    }
}
