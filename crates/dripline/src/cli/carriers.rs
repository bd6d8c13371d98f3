//! `dripline carrier`: the accounts at carriers, whether they work, and why a call of a carrier is refused.

use std::io;

use clap::Subcommand;
use domain::ids::CarrierId;
use engine::Clock;
use engine::carriers::{CarrierAccount, Checked};
use serde::Serialize;
use serde_json::json;

use super::batch::{self, Lines};
use super::desk::{Desk, Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop};
use crate::config::Base;
use crate::wiring::recorded::{self, Recorded, RecordedError};

const EXAMPLES: &str = "\
Examples:
  dripline carrier list
  dripline carrier check \"Our Twilio\"
  dripline carrier verify twilio < call.json
  dripline carrier reseal

Accounts are added in the web app, under Settings, Carriers.";

const LIST: &str = "\
Examples:
  dripline carrier list
  dripline carrier list --workspace \"Acme Homes\" --json";

const CHECK: &str = "\
Examples:
  dripline carrier check \"Our Twilio\"
  dripline carrier check car_02q0g4jbwc001

The carrier is asked something harmless with the account's credentials; nothing is sent. Whether the carrier
reaches this server shows in `last call` of the web app: only its next call can prove that. At an SMSC a bind is
tried as a transmitter, which takes no texts away from the server. Gateways and SMSCs have to be allowed in
carrier_gateways, as for the server.";

const VERIFY: &str = "\
Examples:
  dripline carrier verify twilio < call.json
  dripline carrier verify telnyx --jsonl < calls.jsonl

The tool for \"why is my webhook refused?\". A recorded call is a JSON object:
  twilio     method, url, auth_token, algorithm (HMAC_SHA1 or HMAC_SHA256), signature, raw_body or params
  telnyx     public_key, headers (telnyx-signature-ed25519, telnyx-timestamp), raw_body, now
  plivo      method, url, auth_token, scheme (v2 or v3), nonce, signature, raw_body or params
  vonage     authorization, signature_secret, raw_body, now
  bandwidth  authorization, user, password
  gateway    url or authorization, password (the callback secret)
`url` is the address as it is set at the carrier. `params` is an object or a list of pairs; `now` is in seconds
since 1970, by default the time of the check.

With --jsonl, a line each:
  out  {\"valid\":true}
  out  {\"valid\":false,\"reason\":\"the body is not the one that was signed\"}";

const RESEAL: &str = "\
Examples:
  dripline carrier reseal

To change the master key: put the new one before the old one in the master key file (or DRIPLINE_MASTER_KEY),
restart the server, run this, and take the old one out.";

/// See the accounts at carriers, check them and the calls that they get
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Carriers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the accounts of a workspace, without their secrets
    #[command(after_help = LIST)]
    List(Within),
    /// Ask a carrier whether an account works
    #[command(after_help = CHECK)]
    Check(Check),
    /// Check the signature of a recorded call
    #[command(after_help = VERIFY)]
    Verify(Verify),
    /// Seal all credentials anew with the current master key
    #[command(after_help = RESEAL)]
    Reseal(Base),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The account: its name or identifier
    name: String,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The carrier: twilio, telnyx, plivo, vonage, bandwidth or gateway
    carrier: String,
    #[command(flatten)]
    lines: Lines,
}

/// Why a command on accounts does not work.
#[derive(Debug, thiserror::Error)]
enum CarrierStop {
    #[error("standard input is not a recorded call; see dripline carrier verify --help")]
    Form(#[source] serde_json::Error),
    #[error("no account {0:?} is in this workspace; see dripline carrier list")]
    Unknown(String),
    #[error("{0} accounts are called {1:?}; name one by its identifier")]
    Several(usize, String),
    #[error("the call is not the carrier's: {0}")]
    NotValid(String),
    #[error("the account does not work: {0}")]
    NotWorking(String),
}

/// The verdict on a call.
#[derive(Serialize)]
struct Verdict {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Carriers {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::List(within) => list(within, answer),
            Command::Check(check) => check.run(answer),
            Command::Verify(verify) => verify.run(answer),
            Command::Reseal(base) => reseal(base, answer),
        }
    }
}

fn list(within: Within, answer: &mut Answer) -> Result<(), Stop> {
    let office = within.open(Purpose::Read)?;
    let accounts = office.desk.run(office.desk.engine().carrier_accounts(&office.actor))?;
    if answer.format() == Format::Json {
        let row = |account: &CarrierAccount| {
            json!({ "id": account.id, "carrier": account.kind, "name": account.name, "numbers": account.numbers,
                "callbacks": account.to_set(), "trouble": account.trouble })
        };
        return answer.document(&accounts.iter().map(row).collect::<Vec<_>>());
    }
    let mut table = Table::new(["ID", "CARRIER", "NAME", "NUMBERS", "ADDRESS FOR ITS CALLS"]);
    for account in accounts {
        let kind = account.kind.name().to_owned();
        let callbacks = if account.kind.calls_us() { account.to_set() } else { "-".to_owned() };
        table.row([account.id.to_string(), kind, account.name, account.numbers.to_string(), callbacks]);
    }
    answer.text(&table.text())
}

impl Check {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let (desk, actor) = (&office.desk, &office.actor);
        let accounts = desk.run(desk.engine().carrier_accounts(actor))?;
        let meant = |account: &&CarrierAccount| {
            self.name.parse::<CarrierId>().map_or_else(|_| account.name == self.name, |id| account.id == id)
        };
        let found: Vec<_> = accounts.iter().filter(meant).collect();
        let account = match found[..] {
            [] => return Err(Stop::usage(CarrierStop::Unknown(self.name))),
            [account] => account,
            ref several => return Err(Stop::usage(CarrierStop::Several(several.len(), self.name))),
        };
        let kind = account.kind.name();
        let (works, says) = match desk.run(desk.engine().check_carrier(actor, account.id))? {
            Checked::Works => (Some(true), format!("{kind} knows the account and takes its credentials")),
            Checked::Refused { reason } => (Some(false), format!("{kind} does not take the credentials: {reason}")),
            Checked::Unavailable { reason } => (None, format!("{kind} could not be asked: {reason}")),
            Checked::Unsupported => (None, format!("{kind} has nothing that could be asked without sending")),
        };
        if answer.format() == Format::Json {
            answer.document(&json!({ "id": account.id, "works": works, "says": says }))?;
        } else if works != Some(false) {
            let calls =
                if account.kind.calls_us() { format!("Its calls go to {}\n", account.to_set()) } else { String::new() };
            answer.text(&format!("{says}\n{calls}"))?;
        }
        if works == Some(false) { Err(Stop::failed(CarrierStop::NotWorking(says))) } else { Ok(()) }
    }
}

impl Verify {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        if !recorded::CARRIERS.contains(&self.carrier.as_str()) {
            return Err(Stop::usage(RecordedError::Carrier(self.carrier)));
        }
        let now = Clock::System.now();
        let judge = |call: &Recorded| -> Result<Verdict, RecordedError> {
            let checked = recorded::check(&self.carrier, call, now)?;
            Ok(Verdict { valid: checked.is_ok(), reason: checked.err().map(|error| error.to_string()) })
        };
        if self.lines.jsonl {
            return batch::answer(answer, |call: Recorded| judge(&call));
        }
        let call: Recorded =
            serde_json::from_reader(io::stdin().lock()).map_err(|error| Stop::usage(CarrierStop::Form(error)))?;
        let verdict = judge(&call).map_err(Stop::usage)?;
        if answer.format() == Format::Json {
            answer.document(&verdict)?;
        } else if verdict.valid {
            answer.text("The carrier made this call.\n")?;
        }
        verdict.reason.map_or(Ok(()), |reason| Err(Stop::failed(CarrierStop::NotValid(reason))))
    }
}

fn reseal(base: Base, answer: &mut Answer) -> Result<(), Stop> {
    let desk = Desk::open(base, Purpose::Write)?;
    let count = desk.run(desk.engine().reseal_carriers())?;
    let webhooks = desk.run(desk.engine().reseal_webhooks())?;
    if answer.format() == Format::Json {
        return answer.document(&json!({ "sealed": count, "webhooks": webhooks }));
    }
    let text = format!("{count} accounts and the secrets of {webhooks} webhooks were sealed anew");
    answer.text(&format!("{text}; the rest is sealed with the current key already\n"))
}
