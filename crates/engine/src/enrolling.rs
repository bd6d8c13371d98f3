//! Starting and ending enrollments: the preview, the start, the removal.
//!
//! The preview and the start decide by the same function from the same facts, so what the preview
//! shows is what happens. The start is one transaction that locks the contact first: charge,
//! enrollment and schedule are all there or none is.

use domain::access::Permission;
use domain::enrollment::{self, EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, QuoteId, WorkflowId, WorkspaceId};
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::quote::{Quote, Terms};
use domain::refusal::Refusal;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::answers::{self, QuoteRow};
use store::enrollments::Enrollment;
use store::{DbError, Lane, Read, Tx, contacts, enrollments, messages, numbers, workflows};

use crate::actor::{Actor, Forbidden};
use crate::batch::{Batch, Bound, Course, Decision};
use crate::beat::Beat;
use crate::ending::{self, Ended};
use crate::engine::Engine;
use crate::facts::{self, Steps};
use crate::failure::Failure;
use crate::idempotency::{KeyMalformed, KeyReused, once};
use crate::periods;

/// For how long a quote holds.
const QUOTE_HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// A quote with what stands around it.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Under which the start may refer to it.
    pub id: QuoteId,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// The messages, dates and prices.
    pub quote: Quote,
    /// The phone of the sending number.
    pub from: String,
    /// The time zone whose clock the local dates are on.
    pub zone: String,
    /// Where the zone came from.
    pub zone_source: String,
    /// The rules in force for the contact.
    pub rules: Vec<String>,
    /// Credits and wallet before.
    pub before: Terms,
    /// Credits and wallet after.
    pub after: Terms,
    /// When the plan ends, if it does before the last message: what is left then is not sent and comes back.
    pub plan_ends_at: Option<Timestamp>,
}

/// An enrollment that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Which.
    pub enrollment: EnrollmentId,
    /// Whose.
    pub contact: ContactId,
    /// Through which workflow.
    pub workflow: WorkflowId,
    /// Segments paid with credits.
    pub charged_credits: i64,
    /// Money for the others, in micro-dollars.
    pub charged_micros: Micros,
    /// When the first message is due.
    pub first_at: Timestamp,
    /// When the last message is due if all goes as planned.
    pub last_at: Timestamp,
}

/// What is to be started.
#[derive(Debug, Clone)]
pub struct EnrollRequest {
    /// Whom.
    pub contact: ContactId,
    /// Through which workflow.
    pub workflow: WorkflowId,
    /// From which of its messages on, from 1. Those before it are neither sent nor charged, and a later one than the
    /// first goes as soon as the window allows: its gap counts from a message that is not sent.
    pub from_step: u8,
    /// The quote that was shown; the start is refused if it no longer holds.
    pub quote: Option<QuoteId>,
    /// The key of the request, where the actor has none: the same key again gives the first answer and charges nothing.
    pub key: Option<String>,
}

impl EnrollRequest {
    fn course(&self) -> Course {
        Course { workflow: self.workflow, from_step: self.from_step }
    }
}

/// Why an enrollment is not started.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The actor may not enroll.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Conditions fail: all of them.
    #[error("the contact cannot be enrolled: {}", sentences(.0))]
    Refused(Vec<Refusal>),
    /// The quote's text or price is no longer true; this is the new one.
    #[error("text or price have changed since the quote")]
    QuoteChanged(Box<Preview>),
    /// There is no such quote for this contact and workflow, or it has expired.
    #[error("the quote does not exist for this contact and workflow, or it has expired")]
    QuoteUnknown,
    /// The key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The key cannot be one.
    #[error(transparent)]
    KeyMalformed(#[from] KeyMalformed),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

fn sentences(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<DbError> for EnrollError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// Why an enrollment is not ended.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The actor may not end it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such enrollment in the workspace.
    #[error("the enrollment does not exist")]
    Unknown,
    /// It has ended already.
    #[error("the enrollment has ended already")]
    Ended,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for RemoveError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// The exact price and timeline of an enrollment that starts with this step (1 for the whole workflow), kept for
    /// 15 minutes; or all that stands against it.
    pub async fn quote(
        &self,
        actor: &Actor,
        contact: ContactId,
        workflow: WorkflowId,
        from_step: u8,
    ) -> Result<Preview, EnrollError> {
        actor.need(Permission::Read)?;
        let (beat, steps) = (self.beat(actor), self.steps());
        let course = Course { workflow, from_step };
        self.write(Lane::Normal, move |tx| preview(tx, &beat, &steps, contact, course)).await
    }

    /// Starts an enrollment: charged, scheduled and visible in one transaction, or not at all.
    pub async fn enroll(&self, actor: &Actor, request: EnrollRequest) -> Result<Enrolled, EnrollError> {
        actor.need(Permission::Enroll)?;
        let (beat, steps) = (self.beat(actor).keyed(request.key.as_deref())?, self.steps());
        let (workspace, contact, workflow) = (beat.workspace, request.contact, request.workflow);
        let enrolled = self
            .write(Lane::Normal, move |tx| {
                let asked = ("enroll", request.contact, request.workflow, request.from_step, request.quote);
                once(tx, &beat, &asked, |tx| enroll(tx, &beat, &steps, &request))
            })
            .await;
        if let Err(EnrollError::QuoteChanged(preview)) = &enrolled {
            // Nothing of the refused start is kept, but whoever agrees to the new quote starts with it.
            let (id, row) = (preview.id, quote_row(preview, contact, workflow));
            let keep = move |tx: &mut Tx<'_>| answers::insert_quote(tx, workspace, id, &row);
            self.write::<_, DbError, _>(Lane::Normal, keep).await?;
        }
        if enrolled.is_ok() {
            self.wake();
        }
        enrolled
    }

    /// Takes a contact out of its workflow; what was not sent comes back at once.
    pub async fn remove(&self, actor: &Actor, enrollment: EnrollmentId) -> Result<Ended, RemoveError> {
        actor.need(Permission::Enroll)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            enrollments::find(tx, beat.workspace, enrollment)?.ok_or(RemoveError::Unknown)?;
            ending::stop(tx, &beat, &[enrollment], StopReason::Removed)?.pop().ok_or(RemoveError::Ended)
        })
        .await
    }

    /// What the end of a running enrollment would give back now. A message that is with the carrier counts as sent.
    pub async fn unsent(&self, actor: &Actor, id: EnrollmentId) -> Result<Amounts, RemoveError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            let found = enrollments::find(db, workspace, id)?.ok_or(RemoveError::Unknown)?;
            if found.state != EnrollmentState::Active {
                return Err(RemoveError::Ended);
            }
            Ok(unsent(db, workspace, &found)?)
        })
        .await
    }

    /// One enrollment of the actor's workspace.
    pub async fn enrollment(&self, actor: &Actor, id: EnrollmentId) -> Result<Enrollment, RemoveError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| enrollments::find(db, workspace, id)?.ok_or(RemoveError::Unknown)).await
    }
}

/// What the end of a running enrollment would give back.
pub(crate) fn unsent(db: &Read<'_>, workspace: WorkspaceId, running: &Enrollment) -> Result<Amounts, DbError> {
    let in_flight = running.claimed_at.is_some() || {
        let message = running.message.map(|id| messages::find(db, workspace, id)).transpose()?.flatten();
        message.is_some_and(|message| message.state.is_in_flight())
    };
    Ok(enrollment::unsent(&running.prices, running.next_step.saturating_add(u8::from(in_flight))))
}

/// Loads and decides for one contact, which is locked if it exists. Locks: contact, workflow, numbers.
fn decide(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    contact: ContactId,
    course: Course,
) -> Result<(Batch, Vec<contacts::Contact>, Decision), EnrollError> {
    let rows = contacts::lock(tx, beat.workspace, &[contact])?;
    workflows::keep(tx, beat.workspace, course.workflow)?;
    let numbers = numbers::lock(tx, beat.workspace)?;
    let available = store::ledger::read_available(tx, beat.workspace)?;
    let mut batch = Batch::load(tx, beat, steps, course, available, numbers)?;
    let decision = match rows.first() {
        Some(row) => {
            let around = batch.around(tx, beat, &rows)?;
            batch.decide(&around, row, Bound::FREE)?
        }
        None => batch.decide_unknown(contact),
    };
    Ok((batch, rows, decision))
}

fn preview(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    contact: ContactId,
    course: Course,
) -> Result<Preview, EnrollError> {
    let (batch, _, decision) = decide(tx, beat, steps, contact, course)?;
    let preview = describe(tx, beat, &batch, &decision)?;
    answers::insert_quote(tx, beat.workspace, preview.id, &quote_row(&preview, contact, course.workflow))?;
    Ok(preview)
}

/// What is kept of a quote.
fn quote_row(preview: &Preview, contact: ContactId, workflow: WorkflowId) -> QuoteRow {
    QuoteRow { contact, workflow, terms: terms_document(&preview.quote), expires_at: preview.expires_at }
}

fn describe(db: &store::Read<'_>, beat: &Beat, batch: &Batch, decision: &Decision) -> Result<Preview, EnrollError> {
    let quote = decision.result.as_ref().map_err(|refusals| EnrollError::Refused(refusals.clone()))?.clone();
    let place = decision.place.as_ref().ok_or_else(|| Failure::Stored("a quote without a place".to_owned()))?;
    let from = batch.numbers.iter().find(|number| number.id == quote.number);
    let spent = quote.amounts;
    let before = Terms {
        credits: batch.terms.credits.saturating_add(spent.credits),
        wallet: Micros(batch.terms.wallet.0.saturating_add(spent.micros.0)),
        ..batch.terms
    };
    Ok(Preview {
        id: QuoteId(beat.id()),
        expires_at: crate::claim::later(beat.now, QUOTE_HOLDS),
        from: from.map(|number| number.phone.clone()).unwrap_or_default(),
        zone: place.primary.name().to_owned(),
        zone_source: facts::source_word(place.source),
        rules: place.rules.iter().map(|rule| rule.as_str().to_owned()).collect(),
        before,
        after: batch.terms,
        plan_ends_at: periods::ends_before(db, beat.workspace, quote.steps.last().map(|step| step.due))?,
        quote,
    })
}

/// Text and price of each message of a quote, as a document that equals another exactly if all are the same.
fn terms_document(quote: &Quote) -> String {
    let steps: Vec<_> = quote.steps.iter().map(|step| (step.step, &step.text, step.price)).collect();
    serde_json::to_string(&(quote.rate, steps)).expect("plain data")
}

fn enroll(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, request: &EnrollRequest) -> Result<Enrolled, EnrollError> {
    let (batch, rows, decision) = decide(tx, beat, steps, request.contact, request.course())?;
    if let Some(quote) = request.quote {
        hold_to(tx, beat, &batch, &decision, request, quote)?;
    }
    let quote = decision.result.as_ref().map_err(|refusals| EnrollError::Refused(refusals.clone()))?.clone();
    let started = batch.start(tx, beat, &rows, std::slice::from_ref(&decision))?;
    let (contact, enrollment) = *started.first().ok_or_else(|| Failure::Stored("nothing was started".to_owned()))?;
    Ok(Enrolled {
        enrollment,
        contact,
        workflow: request.workflow,
        charged_credits: quote.amounts.credits,
        charged_micros: quote.amounts.micros,
        first_at: quote.steps.first().map_or(beat.now, |step| step.due),
        last_at: quote.steps.last().map_or(beat.now, |step| step.due),
    })
}

/// Goes on only if the quote that was shown is still true.
fn hold_to(
    tx: &mut Tx<'_>,
    beat: &Beat,
    batch: &Batch,
    decision: &Decision,
    request: &EnrollRequest,
    quote: QuoteId,
) -> Result<(), EnrollError> {
    let row = answers::find_quote(tx, beat.workspace, quote)?;
    let fits = |row: &QuoteRow| {
        row.contact == request.contact && row.workflow == request.workflow && row.expires_at > beat.now
    };
    let row = row.filter(fits).ok_or(EnrollError::QuoteUnknown)?;
    match &decision.result {
        Ok(now) if terms_document(now) == row.terms => Ok(()),
        Ok(_) => Err(EnrollError::QuoteChanged(Box::new(describe(tx, beat, batch, decision)?))),
        Err(refusals) => Err(EnrollError::Refused(refusals.clone())),
    }
}
