//! `dripline key`: makes keys for the API, lists and revokes them.

use clap::Subcommand;
use domain::access::{Permission, Permissions};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::users::ApiKey;

use super::desk::{Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline key create --name zapier
  dripline key create --name reports --permission read --permission export
  dripline key list
  dripline key revoke zapier

Permissions: read, contacts:write, enroll, send, workflows:write, numbers:write, settings:write,
contacts:erase, export, team:write, keys:write, billing:write.";

const CREATE: &str = "\
Examples:
  dripline key create --name zapier
  dripline key create --name reports --permission read --permission export
  KEY=$(dripline key create --name script --json | jq -r .key)

The key is shown this once: only its hash is stored. Without --permission it may do everything.
Permissions: read, contacts:write, enroll, send, workflows:write, numbers:write, settings:write,
contacts:erase, export, team:write, keys:write, billing:write.";

const LIST: &str = "\
Examples:
  dripline key list
  dripline key list --workspace \"Acme Homes\" --json";

const REVOKE: &str = "\
Examples:
  dripline key revoke zapier
  dripline key revoke key_02q0g4jbwc001";

/// Make a key for the API, list or revoke them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key, and show it this once
    #[command(after_help = CREATE)]
    Create(Create),
    /// List the keys of a workspace, without their secrets
    #[command(after_help = LIST)]
    List(List),
    /// Revoke a key: it opens nothing any more
    #[command(after_help = REVOKE)]
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What it is called
    #[arg(long)]
    name: String,
    /// What it may do; may be given several times [default: everything]
    #[arg(long = "permission", value_name = "PERMISSION", value_parser = permission)]
    permissions: Vec<Permission>,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The key: its name or identifier
    #[arg(value_name = "NAME|ID")]
    key: String,
    #[command(flatten)]
    within: Within,
}

/// A permission that is none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("there is no permission {given:?}; there are {}", Permissions::all().words().replace(' ', ", "))]
struct NoPermission {
    given: String,
}

fn permission(text: &str) -> Result<Permission, NoPermission> {
    let given = || NoPermission { given: text.chars().take(40).collect() };
    Permission::from_word(&text.trim().to_lowercase()).ok_or_else(given)
}

impl Key {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Create(command) => command.run(answer),
            Command::List(command) => command.run(answer),
            Command::Revoke(command) => command.run(answer),
        }
    }
}

fn document(row: &ApiKey) -> Value {
    json!({
        "id": row.id, "name": row.name, "permissions": row.permissions.split(' ').collect::<Vec<_>>(),
        "created_at": row.created_at, "used_at": row.used_at, "revoked_at": row.revoked_at,
    })
}

impl Create {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let chosen = self.permissions.into_iter().collect::<Permissions>();
        let permissions = if chosen == Permissions::default() { Permissions::all() } else { chosen };
        let (row, key) = office.desk.run(office.engine().create_key(&office.actor, &self.name, permissions))?;
        if answer.format() == Format::Json {
            let mut made = document(&row);
            made["key"] = key.into();
            return answer.document(&made);
        }
        let (name, may) = (&row.name, row.permissions.replace(' ', ", "));
        answer.text(&format!("Made the key {name:?} ({}), which may {may}.\nIt is shown this once:\n\n{key}\n", row.id))
    }
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let rows = office.desk.run(office.engine().keys(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "data": rows.iter().map(document).collect::<Vec<_>>() }));
        }
        let mut table = Table::new(["KEY", "NAME", "USED", "REVOKED", "MAY"]);
        let day = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
        for row in rows {
            table.row([row.id.to_string(), row.name, day(row.used_at), day(row.revoked_at), row.permissions]);
        }
        answer.text(&table.text())
    }
}

impl Revoke {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let id = office.desk.pick(office.engine().pick_key(&office.actor, &self.key))?;
        office.desk.run(office.engine().revoke_key(&office.actor, id))?;
        match answer.format() {
            Format::Json => answer.document(&json!({ "revoked": id })),
            Format::Text => answer.text(&format!("Revoked {id}: it opens nothing any more.\n")),
        }
    }
}
