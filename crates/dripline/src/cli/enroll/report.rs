//! What `dripline enroll` says: the quote and what became of it, in words and as JSON.

use domain::zones::Zone;
use engine::billing::Balances;
use engine::bulk::BulkPreview;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::jobs::Job;
use store::workflows::Workflow;
use store::workspaces::Workspace;

use super::{Refused, first};
use crate::cli::table::Table;

/// How many refused contacts are shown one by one.
const SHOWN: usize = 20;

/// A quote with what stands around it.
pub(super) struct Quoted {
    pub(super) preview: BulkPreview,
    pub(super) balances: Balances,
    /// The phones of the refused contacts that are shown.
    pub(super) phones: Vec<String>,
    pub(super) workflow: Workflow,
    pub(super) workspace: Workspace,
}

pub(super) fn shown(preview: &BulkPreview) -> Refused<'_> {
    first(preview, SHOWN)
}

pub(super) fn contacts(count: i64) -> String {
    if count == 1 { "1 contact".to_owned() } else { format!("{count} contacts") }
}

pub(super) fn price(preview: &BulkPreview) -> String {
    format!("{} free segments and {}", preview.amounts.credits, preview.amounts.micros)
}

/// An instant on the workspace's clock.
fn local(at: Timestamp, zone: &str) -> String {
    match Zone::named(zone) {
        Ok(zone) => format!("{} {}", zone.local(at).strftime("%a %Y-%m-%d %H:%M"), zone.name()),
        Err(_) => at.to_string(),
    }
}

pub(super) fn words(quoted: &Quoted) -> String {
    let Quoted { preview, balances, .. } = quoted;
    let mut table = Table::new(Vec::<String>::new());
    table.row(["  start".to_owned(), contacts(preview.starts)]);
    table.row(["  refused".to_owned(), contacts(preview.refusals)]);
    for (code, count) in &preview.by_code {
        table.row([format!("    {code}"), count.to_string()]);
    }
    table.row(["  segments".to_owned(), preview.segments.to_string()]);
    let credits = balances.credits - preview.amounts.credits;
    table.row(["  paid with free segments".to_owned(), format!("{} ({credits} left)", preview.amounts.credits)]);
    let wallet = balances.wallet.checked_sub(preview.amounts.micros).unwrap_or_default();
    table.row(["  charged to the wallet".to_owned(), format!("{} ({wallet} left)", preview.amounts.micros)]);
    if let Some(last) = preview.last_at {
        table.row(["  last message".to_owned(), local(last, &quoted.workspace.zone)]);
    }
    if let Some(end) = preview.plan_ends_at {
        let end = local(end, &quoted.workspace.zone);
        table.row(["  the plan ends before".to_owned(), format!("{end}: what is left then comes back")]);
    }
    let (workflow, workspace) = (&quoted.workflow.name, &quoted.workspace.name);
    format!("Quote for {workflow:?} in {workspace:?}\n{}{}{}", table.text(), days(preview), refused(quoted))
}

/// What goes on which day, where that is more than one: the first days one by one.
fn days(preview: &BulkPreview) -> String {
    let forecast = &preview.forecast;
    if forecast.days.len() < 2 {
        return String::new();
    }
    let mut table = Table::new(["  day", "start", "messages", "segments"]);
    for (date, day) in forecast.days.iter().take(SHOWN) {
        let date = date.strftime("  %a %Y-%m-%d").to_string();
        table.row([date, day.starts.to_string(), day.messages.to_string(), day.segments.to_string()]);
    }
    let beside = match preview.planned {
        0 => String::new(),
        some => format!(", beside {} in workflows already", contacts(some)),
    };
    let mut text = format!("\nIf nobody replies{beside}\n{}", table.text());
    let hidden = forecast.days.len().saturating_sub(SHOWN);
    if let (Some((last, _)), 1..) = (forecast.days.last_key_value(), hidden) {
        text.push_str(&format!("  … and {hidden} more days until {last}\n"));
    }
    if forecast.beyond > 0 {
        text.push_str(&format!("  {} messages would go later than in three years\n", forecast.beyond));
    }
    text
}

/// The refused contacts, each with all of its reasons and what to do.
fn refused(quoted: &Quoted) -> String {
    let preview = &quoted.preview;
    let mut text = String::new();
    for ((_, reasons), phone) in shown(preview).iter().zip(&quoted.phones) {
        text.extend(reasons.iter().map(|reason| format!("  {phone}: {reason}; {}\n", reason.fix())));
    }
    let hidden = preview.refusals - i64::try_from(quoted.phones.len()).unwrap_or(i64::MAX);
    if hidden > 0 {
        text.push_str(&format!("  … and {} more\n", contacts(hidden)));
    }
    if text.is_empty() { text } else { format!("\nRefused\n{text}") }
}

pub(super) fn document(quoted: &Quoted) -> Value {
    let Quoted { preview, balances, .. } = quoted;
    let refused = preview.refused.iter().map(|(contact, reasons)| {
        let reasons = reasons
            .iter()
            .map(|reason| json!({ "code": reason.code(), "message": reason.to_string(), "fix": reason.fix() }));
        json!({ "contact": contact, "refusals": reasons.collect::<Vec<_>>() })
    });
    let days = preview.forecast.days.iter().map(
        |(date, day)| json!({ "date": date, "starts": day.starts, "messages": day.messages, "segments": day.segments }),
    );
    json!({
        "workspace": quoted.workspace.id, "workflow": quoted.workflow.id,
        "starts": preview.starts, "refusals": preview.refusals, "by_code": preview.by_code,
        "segments": preview.segments, "credits": preview.amounts.credits, "cost_micros": preview.amounts.micros,
        "cost": preview.amounts.micros.to_string(), "last_at": preview.last_at,
        "plan_ends_at": preview.plan_ends_at,
        "days": days.collect::<Vec<_>>(), "planned": preview.planned, "beyond": preview.forecast.beyond,
        "refused": refused.collect::<Vec<_>>(), "before": balances,
    })
}

pub(super) fn job(job: &Job) -> Value {
    json!({
        "id": job.id, "state": job.state, "total": job.total, "started": job.started, "refused": job.refused,
    })
}

pub(super) fn done(job: &Job, after: Balances) -> String {
    let (started, refused) = (contacts(job.started), job.refused);
    let left = format!("{} free segments and {} are left", after.credits, after.wallet);
    format!("Started {started}, refused {refused}; {left}. Job {}\n", job.id)
}
