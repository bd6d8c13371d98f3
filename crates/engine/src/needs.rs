//! What needs a person, and what a new workspace has yet to do: for the first page that one sees.

use std::collections::HashMap;

use domain::access::Permission;
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId, WorkspaceId};
use domain::money::Micros;
use domain::plan::WARNINGS;
use domain::tally::What;
use domain::zones::Zone;
use jiff::{SignedDuration, Timestamp};
use store::needs::{self, FailedText};
use store::{Read, contacts, enrollments, numbers, tallies, workflows};

use crate::actor::Actor;
use crate::claim::earlier;
use crate::engine::Engine;
use crate::facts::{self, Known};
use crate::failure::Failure;
use crate::figures::FiguresError;
use crate::ids::Ids;
use crate::payments;
use crate::periods::{self, Ending};

/// Counts end here: a person who sees so many needs no exact figure.
pub const MOST_COUNTED: i64 = 1_000;
/// Over how many days failures are counted.
pub const FAILURE_DAYS: i64 = 30;
/// Credits and wallet are low when they cover fewer segments than a week took, and these in any case.
const LEAST_SEGMENTS: i64 = 50;
/// How long before its end a plan's end is told.
const WARNED: SignedDuration = SignedDuration::from_hours(24 * WARNINGS[0]);
/// Imports that stand still for longer than this do not go on by themselves.
const STUCK: SignedDuration = SignedDuration::from_mins(3);
/// Most failures on one page.
const MAX_PAGE: i64 = 200;

/// Credits and wallet that will not last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowBalance {
    /// How many segments they cover.
    pub covers: i64,
    /// How many segments were sent in the last seven days.
    pub week: i64,
}

/// A wallet that is below the mark at which the workspace wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BelowMark {
    /// What it has.
    pub wallet: Micros,
    /// The mark.
    pub mark: Micros,
}

/// What needs a person now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Conversations with something unread, at most [`MOST_COUNTED`].
    pub unread: i64,
    /// Reminders that are due, at most [`MOST_COUNTED`].
    pub reminders: i64,
    /// Messages in doubt that only a person can settle, at most [`MOST_COUNTED`].
    pub doubts: i64,
    /// Texts of today and the six days before it that did not arrive.
    pub failed: i64,
    /// Numbers that are paused or wait for their registration.
    pub idle_numbers: i64,
    /// Credits and wallet, where they will not last.
    pub low: Option<LowBalance>,
    /// The wallet, where it is below its mark and that was told.
    pub below: Option<BelowMark>,
    /// What is owed of payments that were disputed or given back.
    pub owed: Micros,
    /// Imports that have stood still for minutes, for whoever may import, at most [`MOST_COUNTED`].
    pub imports: i64,
    /// Endpoints of webhooks that were disabled, for whoever may switch them on again.
    pub webhooks: i64,
    /// Whether the card is charged no more, so that the wallet is not filled by itself.
    pub card_stopped: bool,
    /// Whether the messaging plan has ended, so that nothing is sent.
    pub plan_ended: bool,
    /// The coming end of the plan, once the first of [`WARNINGS`] is near.
    pub plan_ending: Option<Ending>,
}

impl Needs {
    /// Whether nobody need do anything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What a workspace has done of what it takes to send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FirstSteps {
    /// It has a number that is not lost.
    pub number: bool,
    /// It has a contact.
    pub contact: bool,
    /// It has a workflow.
    pub workflow: bool,
    /// It has started one.
    pub started: bool,
}

impl FirstSteps {
    /// Whether all of it is done.
    #[must_use]
    pub fn are_done(&self) -> bool {
        self.number && self.contact && self.workflow && self.started
    }
}

impl Engine {
    /// What needs a person now.
    pub async fn needs(&self, actor: &Actor) -> Result<Needs, FiguresError> {
        actor.need(Permission::Read)?;
        let (workspace, now) = (actor.workspace(), self.now());
        let may_mend = actor.permissions().has(Permission::SettingsWrite);
        let may_import = actor.permissions().has(Permission::ContactsWrite);
        self.read(move |db| {
            let known = facts::workspace(db, workspace)?.ok_or(FiguresError::Unknown)?;
            let zone = Zone::named(&known.row.zone).map_err(|error| Failure::Stored(error.to_string()))?;
            let today = tallies::number_of(zone.local(now).date());
            let (mut failed, mut segments) = (0, 0);
            for row in tallies::days(db, workspace, today - 6, today)? {
                match row.what {
                    What::Failed | What::Undelivered => failed += row.count.count,
                    What::Sent => segments += row.count.segments,
                    _ => {}
                }
            }
            let all = numbers::list(db, workspace)?;
            let idle = all.iter().filter(|number| !matches!(number.state.as_str(), "live" | "lost")).count();
            Ok(Needs {
                unread: needs::unread(db, workspace, MOST_COUNTED)?,
                reminders: store::reminders::count_due(db, workspace, now, MOST_COUNTED)?,
                doubts: needs::doubts(db, workspace, MOST_COUNTED)?,
                failed,
                idle_numbers: i64::try_from(idle).unwrap_or(i64::MAX),
                low: low(db, &known, segments)?,
                below: below(db, workspace)?,
                owed: payments::owed(db, workspace)?,
                imports: if may_import { stuck(db, workspace, now)? } else { 0 },
                webhooks: if may_mend { store::webhooks::disabled(db, workspace)? } else { 0 },
                card_stopped: store::cards::find(db, workspace)?
                    .is_some_and(|card| card.method.is_some() && card.stopped_at.is_some()),
                plan_ended: known.row.plan != "active",
                plan_ending: plan_ending(db, workspace, now)?,
            })
        })
        .await
    }

    /// What a new workspace has yet to do.
    pub async fn first_steps(&self, actor: &Actor) -> Result<FirstSteps, FiguresError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            Ok(FirstSteps {
                number: numbers::list(db, workspace)?.iter().any(|number| number.state != "lost"),
                contact: !contacts::page(db, workspace, ContactId(0), 1)?.is_empty(),
                workflow: !workflows::list(db, workspace)?.is_empty(),
                started: !enrollments::page(db, workspace, EnrollmentId(i64::MAX), 1)?.is_empty(),
            })
        })
        .await
    }

    /// Texts that did not arrive, the newest first, before the given one.
    pub async fn failures(
        &self,
        actor: &Actor,
        before: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<FailedText>, FiguresError> {
        actor.need(Permission::Read)?;
        let (workspace, before) = (actor.workspace(), before.unwrap_or(MessageId(i64::MAX)));
        let limit = limit.clamp(1, MAX_PAGE);
        self.read(move |db| Ok(needs::failures(db, workspace, before, limit)?)).await
    }

    /// How many texts of the last [`FAILURE_DAYS`] days did not arrive, by number.
    pub async fn number_failures(&self, actor: &Actor) -> Result<HashMap<NumberId, i64>, FiguresError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let since = earlier(self.now(), SignedDuration::from_hours(24 * FAILURE_DAYS));
        let after = MessageId(Ids::floor(since));
        self.read(move |db| Ok(needs::failures_by_number(db, workspace, after)?.into_iter().collect())).await
    }
}

/// The end of the plan, if it is so near that it was announced; what is owed is told at once.
fn plan_ending(db: &Read<'_>, workspace: WorkspaceId, now: Timestamp) -> Result<Option<Ending>, Failure> {
    let Some(row) = store::subscriptions::find(db, workspace)? else { return Ok(None) };
    let price = store::plans::find(db, row.plan)?.map_or(Micros::ZERO, |plan| plan.terms.price);
    let ending = periods::ending(&row.course, price);
    Ok(ending.filter(|ending| ending.owed.is_some() || earlier(ending.at, WARNED) <= now))
}

/// The wallet, where it is below its mark and that was told (`low_balance`).
fn below(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<BelowMark>, Failure> {
    let notice = store::balance_notices::find(db, workspace)?.filter(|notice| !notice.armed);
    let Some(mark) = notice.and_then(|notice| notice.below) else { return Ok(None) };
    let wallet = Micros(store::ledger::read_available(db, workspace)?.1);
    Ok((wallet < mark).then_some(BelowMark { wallet, mark }))
}

/// Whether credits and wallet cover less than a week like the last one. Who pays nothing for a segment never runs dry.
fn low(db: &Read<'_>, known: &Known, week: i64) -> Result<Option<LowBalance>, Failure> {
    if known.row.rate == Micros::ZERO {
        return Ok(None);
    }
    let (credits, wallet) = store::ledger::read_available(db, known.row.id)?;
    let covers = credits + wallet / known.row.rate.0;
    Ok((covers < week.max(LEAST_SEGMENTS)).then_some(LowBalance { covers, week }))
}

/// How many imports do not go on.
fn stuck(db: &Read<'_>, workspace: WorkspaceId, now: Timestamp) -> Result<i64, store::DbError> {
    let found = store::imports::still_in(db, workspace, earlier(now, STUCK), MOST_COUNTED)?;
    Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
}
