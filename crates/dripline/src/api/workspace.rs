//! The workspace itself: what it is called, its settings, what it has, its books.

use axum::Json;
use axum::extract::State;
use domain::window::Hours;
use engine::workspaces::{SettingsChange, WorkspaceView};
use engine::{Switch, billing};
use jiff::Timestamp;
use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::request::{Body, Caller};
use super::words::{PlanWord, SwitchWord, Word};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// A workspace: one customer, to whom everything else belongs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workspace {
    id: ids::Workspace,
    name: String,
    /// The zone of contacts of whom nothing better is known.
    #[schema(example = "America/New_York")]
    zone: String,
    plan: PlanWord,
    /// The price of a segment that no credit covers, in micro-dollars.
    #[schema(example = 15_000)]
    rate_micros: i64,
    settings: Settings,
    created_at: Timestamp,
    /// Since when who runs the installation has it send nothing; null if it may.
    suspended_at: Option<Timestamp>,
    /// Why, in their words.
    suspended_because: Option<String>,
}

/// What a workspace sets.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    hours: SendWindow,
    /// Whether look-alike characters (curly quotes, dashes) are replaced so that a text needs fewer segments.
    smart_encoding: SwitchWord,
    /// Whether a reply of one contact of a person ends the enrollments of the others.
    stop_person: SwitchWord,
    /// Whether a message that a carrier refused for good is refunded too.
    refund_refused: SwitchWord,
    /// Whether an automatic answer (out of office, a delivery robot) ends an enrollment as any reply does.
    automatic_answers_stop: SwitchWord,
    /// Whether nobody is enrolled without a consent on record that holds.
    require_consent: SwitchWord,
    /// The answer to HELP.
    help_text: String,
    /// The one confirmation of an opt-out.
    opt_out_text: String,
    /// The answer to START.
    opt_in_text: String,
}

/// When messages may go out, on the contact's clock. Legal limits hold on top of it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendWindow {
    /// The first open minute of a day, since midnight.
    #[schema(example = 540)]
    start_minute: u16,
    /// The first closed minute after it.
    #[schema(example = 1200)]
    end_minute: u16,
    /// The open days, Monday = 1 to Sunday = 7.
    #[schema(example = json!([1, 2, 3, 4, 5]))]
    weekdays: Vec<i8>,
}

impl From<&engine::Settings> for Settings {
    fn from(settings: &engine::Settings) -> Self {
        let hours = &settings.hours;
        Self {
            hours: SendWindow {
                start_minute: hours.start_minute(),
                end_minute: hours.end_minute(),
                weekdays: hours.weekdays().map(Weekday::to_monday_one_offset).collect(),
            },
            smart_encoding: word(settings.smart_encoding),
            stop_person: word(settings.stop_person),
            refund_refused: word(settings.refund_refused),
            automatic_answers_stop: word(settings.automatic_answers_stop),
            require_consent: word(settings.require_consent),
            help_text: settings.help_text.clone(),
            opt_out_text: settings.opt_out_text.clone(),
            opt_in_text: settings.opt_in_text.clone(),
        }
    }
}

fn word(switch: Switch) -> SwitchWord {
    Word::of(match switch {
        Switch::On => "on",
        Switch::Off => "off",
    })
}

fn switch(word: &SwitchWord) -> Switch {
    if word.as_str() == "on" { Switch::On } else { Switch::Off }
}

impl Settings {
    fn read(self) -> Result<engine::Settings, Problem> {
        let refused = |text: String| Problem::new(Code::SettingsInvalid, text);
        let days: Result<Vec<Weekday>, _> =
            self.hours.weekdays.iter().map(|day| Weekday::from_monday_one_offset(*day)).collect();
        let days = days.map_err(|_| refused("hours.weekdays must be 1 (Monday) to 7 (Sunday)".to_owned()))?;
        let hours = Hours::new(self.hours.start_minute, self.hours.end_minute, &days);
        Ok(engine::Settings {
            hours: hours.map_err(|error| refused(error.to_string()))?,
            smart_encoding: switch(&self.smart_encoding),
            stop_person: switch(&self.stop_person),
            refund_refused: switch(&self.refund_refused),
            automatic_answers_stop: switch(&self.automatic_answers_stop),
            require_consent: switch(&self.require_consent),
            help_text: self.help_text,
            opt_out_text: self.opt_out_text,
            opt_in_text: self.opt_in_text,
        })
    }
}

impl From<WorkspaceView> for Workspace {
    fn from(view: WorkspaceView) -> Self {
        let row = view.workspace;
        let (suspended_at, suspended_because) = row.suspended.map(|one| (one.at, one.reason)).unzip();
        Self {
            id: row.id.into(),
            name: row.name,
            zone: row.zone,
            plan: Word::of(row.plan),
            rate_micros: row.rate.0,
            settings: Settings::from(&view.settings),
            created_at: row.created_at,
            suspended_at,
            suspended_because,
        }
    }
}

/// Show the workspace
#[utoipa::path(get, path = "/workspace", operation_id = "showWorkspace", tag = "Workspace",
    responses((status = 200, description = "The workspace of the key.", body = Workspace)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn show(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Workspace>, Problem> {
    Ok(Json(parts.engine.workspace(&actor).await?.into()))
}

/// What changes of the workspace. What is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceChange {
    /// 1 to 80 characters.
    name: Option<String>,
    /// The name of a time zone.
    #[schema(example = "America/Chicago")]
    zone: Option<String>,
    /// All settings together: take what is shown and change it.
    settings: Option<Settings>,
}

/// Change the workspace
///
/// Running enrollments follow a new send window at their next message.
#[utoipa::path(patch, path = "/workspace", operation_id = "changeWorkspace", tag = "Workspace", request_body = WorkspaceChange,
    responses((status = 200, description = "The workspace as it is now.", body = Workspace)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["settings_invalid"]))))]
pub(crate) async fn change(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<WorkspaceChange>,
) -> Result<Json<Workspace>, Problem> {
    let settings = body.settings.map(Settings::read).transpose()?;
    let change = SettingsChange { name: body.name, zone: body.zone, settings };
    Ok(Json(parts.engine.change_settings(&actor, change).await?.into()))
}

/// What the workspace has. Credits are free segments; money is in micro-dollars.
#[derive(Serialize, ToSchema)]
pub(crate) struct Balances {
    /// Credits free to spend.
    credits: i64,
    /// Money free to spend.
    wallet: i64,
    /// Credits charged for messages that were not sent yet.
    held_credits: i64,
    /// Money charged for messages that were not sent yet.
    held_micros: i64,
    /// Credits used by messages that were sent.
    earned_credits: i64,
    /// Money used by messages that were sent.
    earned_micros: i64,
}

impl From<billing::Balances> for Balances {
    fn from(balances: billing::Balances) -> Self {
        Self {
            credits: balances.credits,
            wallet: balances.wallet.0,
            held_credits: balances.held_credits,
            held_micros: balances.held_micros.0,
            earned_credits: balances.earned_credits,
            earned_micros: balances.earned_micros.0,
        }
    }
}

/// Show the balances
#[utoipa::path(get, path = "/balances", operation_id = "showBalances", tag = "Workspace",
    responses((status = 200, description = "What the workspace has.", body = Balances)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn balances(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Balances>, Problem> {
    Ok(Json(parts.engine.balances(&actor).await?.into()))
}

/// What a proof of the books has found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Proof {
    /// Whether nothing is wrong.
    clean: bool,
    /// How many transfers were looked at.
    transfers: i64,
    /// How many enrollments were looked at.
    enrollments: i64,
    /// What is wrong, in plain words.
    faults: Vec<String>,
}

/// Prove the ledger
///
/// Goes through all transfers of the workspace: every one has two sides, no balance is below zero, and what is held is
/// what running enrollments have paid and not used.
#[utoipa::path(get, path = "/ledger", operation_id = "proveLedger", tag = "Workspace",
    responses((status = 200, description = "What was found.", body = Proof)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn prove(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Proof>, Problem> {
    actor.need(domain::access::Permission::Read)?;
    let report = parts.engine.verify_ledger(actor.workspace()).await?;
    Ok(Json(Proof {
        clean: report.is_clean(),
        transfers: report.transfers,
        enrollments: report.enrollments,
        faults: report.faults.iter().map(ToString::to_string).collect(),
    }))
}
