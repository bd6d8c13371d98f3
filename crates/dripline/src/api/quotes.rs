//! Quotes: the exact price and timeline of an enrollment, or of many, before it starts.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::forecast::Day;
use domain::ids::ContactId;
use domain::quote::{QuotedStep, Terms};
use engine::Actor;
use engine::bulk::{Many, Selection};
use engine::enrolling::Preview;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filter::Fitting;
use super::ids;
use super::request::{Body, Caller};
use super::words::{EncodingWord, Word};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// An exact price and timeline. What it shows is what happens.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quote {
    id: ids::Quote,
    /// It holds for 15 minutes.
    expires_at: Timestamp,
    /// The phone of the sending number.
    #[schema(example = "+12125550100")]
    from: String,
    /// The time zone whose clock the local dates are on.
    #[schema(example = "America/New_York")]
    zone: String,
    /// Where the zone came from: a field of the contact, its state, its area code, or the workspace.
    zone_source: String,
    /// The rules on quiet hours that hold for the contact.
    rules: Vec<String>,
    messages: Vec<QuotedMessage>,
    /// Segments of all messages.
    segments: i64,
    /// How many of them free credits pay.
    credits: i64,
    /// How many of them are charged.
    charged_segments: i64,
    /// The price of a segment, in micro-dollars.
    rate_micros: i64,
    /// The price of all, in micro-dollars.
    cost_micros: i64,
    /// The same for people.
    #[schema(example = "$0.045")]
    cost: String,
    before: Funds,
    after: Funds,
    /// When the plan ends, if nobody does anything about it and that is before the last message: what is left then is not sent and its price
    /// comes back.
    plan_ends_at: Option<Timestamp>,
}

/// One message of a quote.
#[derive(Serialize, ToSchema)]
struct QuotedMessage {
    /// Which message of the workflow, from 1.
    step: u8,
    /// As the contact will read it.
    text: String,
    encoding: EncodingWord,
    segments: u32,
    /// How many segments free credits pay.
    credits: i64,
    /// What the others cost, in micro-dollars.
    micros: i64,
    due_at: Timestamp,
    /// The same instant on the contact's clock.
    #[schema(value_type = String, example = "2026-11-24T09:00:00")]
    local: jiff::civil::DateTime,
    /// Why it is later than gap and hour say, in plain words.
    #[schema(example = "moved to the next open day")]
    moved: Option<String>,
}

/// What a workspace has.
#[derive(Serialize, ToSchema)]
struct Funds {
    /// Free segments.
    credits: i64,
    /// Money, in micro-dollars.
    wallet_micros: i64,
}

impl From<Terms> for Funds {
    fn from(terms: Terms) -> Self {
        Self { credits: terms.credits, wallet_micros: terms.wallet.0 }
    }
}

impl From<&QuotedStep> for QuotedMessage {
    fn from(step: &QuotedStep) -> Self {
        Self {
            step: step.step,
            text: step.text.clone(),
            encoding: Word::of(step.encoding.to_string()),
            segments: step.price.segments,
            credits: step.price.credits,
            micros: step.price.micros.0,
            due_at: step.due,
            local: step.local,
            moved: step.moved.map(|why| why.to_string()),
        }
    }
}

impl From<&Preview> for Quote {
    fn from(preview: &Preview) -> Self {
        let quote = &preview.quote;
        Self {
            id: preview.id.into(),
            expires_at: preview.expires_at,
            from: preview.from.clone(),
            zone: preview.zone.clone(),
            zone_source: preview.zone_source.clone(),
            rules: preview.rules.clone(),
            messages: quote.steps.iter().map(QuotedMessage::from).collect(),
            segments: quote.segments(),
            credits: quote.amounts.credits,
            charged_segments: quote.charged_segments(),
            rate_micros: quote.rate.0,
            cost_micros: quote.amounts.micros.0,
            cost: quote.amounts.micros.to_string(),
            before: preview.before.into(),
            after: preview.after.into(),
            plan_ends_at: preview.plan_ends_at,
        }
    }
}

/// Whom, through what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuoteBody {
    contact: ids::Contact,
    workflow: ids::Workflow,
    /// The message to start from, 1 if not given. Those before it are neither sent nor charged, and a later one than
    /// the first goes as soon as the window allows: its gap counts from a message that is not sent.
    #[schema(minimum = 1, maximum = 9, example = 1)]
    from_step: Option<u8>,
}

/// Quote an enrollment
///
/// Every text with its segments, its date on the contact's clock and its price. Nothing is charged.
#[utoipa::path(post, path = "/quotes", operation_id = "createQuote", tag = "Quotes", request_body = QuoteBody,
    responses((status = 200, description = "The quote.", body = Quote)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["enrollment_refused"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<QuoteBody>,
) -> Result<Json<Quote>, Problem> {
    let preview = parts.engine.quote(&actor, body.contact.0, body.workflow.0, body.from_step.unwrap_or(1)).await?;
    Ok(Json(Quote::from(&preview)))
}

/// Many contacts and one workflow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManyBody {
    pub(crate) workflow: ids::Workflow,
    /// Which contacts, at most 100,000; without it all of the workspace.
    contacts: Option<Vec<ids::Contact>>,
}

impl ManyBody {
    pub(crate) fn selection(&mut self) -> Selection {
        self.contacts.take().map_or(Selection::All, these)
    }
}

fn these(ids: Vec<ids::Contact>) -> Selection {
    Selection::These(ids.into_iter().map(|id| id.0).collect())
}

/// Many contacts and one workflow, to be quoted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManyQuoteBody {
    workflow: ids::Workflow,
    /// Which contacts, at most 100,000; without it and `filter` all of the workspace.
    contacts: Option<Vec<ids::Contact>>,
    /// Whom it fits now, at most 100,000, in place of `contacts`: as `GET /contacts` is asked. Exactly they are quoted and started. Where
    /// `search` finds more than 2,000 it is refused.
    filter: Option<Fitting>,
    /// Most that start in a day of the workspace's calendar; without it all at once. All are charged at the start: only their first
    /// messages are spread.
    #[schema(minimum = 1, example = 500)]
    per_day: Option<u32>,
}

impl ManyQuoteBody {
    async fn many(self, parts: &Parts, actor: &Actor) -> Result<Many, Problem> {
        actor.need(Permission::Read)?;
        let selection = match (self.contacts, self.filter) {
            (Some(_), Some(_)) => {
                return Err(Problem::new(Code::Selection, "of `contacts` and `filter` one can be given at a time"));
            }
            (contacts, None) => contacts.map_or(Selection::All, these),
            (None, Some(fitting)) => {
                let filter = fitting.filter(parts, actor).await.map_err(|unfit| unfit.of(Code::Selection))?;
                if filter.is_empty() {
                    let told = "`filter` asks nothing: leave it out to quote everybody";
                    return Err(Problem::new(Code::Selection, told));
                }
                parts.engine.whom_it_fits(actor, &filter).await?
            }
        };
        Ok(Many { workflow: self.workflow.0, selection, per_day: most(self.per_day)? })
    }
}

/// How those whom a withdrawal has left are to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestQuoteBody {
    /// Most that start in a day of the workspace's calendar; without it all at once.
    #[schema(minimum = 1, example = 500)]
    per_day: Option<u32>,
}

fn most(per_day: Option<u32>) -> Result<Option<u32>, Problem> {
    if per_day == Some(0) {
        return Err(Problem::new(Code::Selection, "`per_day` is 0, so that nobody would start: 1 is the least"));
    }
    Ok(per_day)
}

/// The price of enrolling many, who would be refused, and on which days the texts go.
#[derive(Serialize, ToSchema)]
pub(crate) struct ManyQuote {
    id: ids::Quote,
    /// It holds for 15 minutes.
    expires_at: Timestamp,
    /// Most that start in a day; nothing for all at once.
    per_day: Option<u32>,
    /// How many would start.
    starts: i64,
    /// How many would be refused.
    refusals: i64,
    /// How many by each code; a contact with two reasons counts at both.
    #[schema(example = json!({"opted_out": 3}))]
    by_code: BTreeMap<&'static str, i64>,
    /// Segments of all messages.
    segments: i64,
    /// How many of them free credits pay.
    credits: i64,
    /// What the others cost, in micro-dollars.
    cost_micros: i64,
    /// The same for people.
    cost: String,
    /// When the last message would go, by schedule and by what the numbers may send. Nothing if that is later than in three years.
    last_at: Option<Timestamp>,
    /// What goes on which day of the workspace's calendar, beside what is planned already, if nobody replies.
    days: Vec<QuotedDay>,
    /// Contacts who are in workflows already: their texts take their room.
    planned: i64,
    /// Messages that would go later than in three years.
    beyond: i64,
    /// The first 1,000 refused contacts with all their reasons.
    refused: Vec<Refused>,
    /// When the plan ends, if nobody does anything about it and that is before the last message: what is left then is not sent and its price
    /// comes back.
    plan_ends_at: Option<Timestamp>,
}

/// What goes on a day.
#[derive(Serialize, ToSchema)]
struct QuotedDay {
    #[schema(value_type = String, example = "2026-11-24")]
    date: jiff::civil::Date,
    /// Contacts that get their first message.
    starts: i64,
    messages: i64,
    segments: i64,
}

impl From<(&jiff::civil::Date, &Day)> for QuotedDay {
    fn from((date, day): (&jiff::civil::Date, &Day)) -> Self {
        Self { date: *date, starts: day.starts, messages: day.messages, segments: day.segments }
    }
}

/// A contact that is refused.
#[derive(Serialize, ToSchema)]
struct Refused {
    contact: ids::Contact,
    refusals: Vec<Refusal>,
}

/// Why a contact cannot be enrolled.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Refusal {
    /// The stable code.
    #[schema(example = "insufficient_funds")]
    code: String,
    /// In plain words.
    message: String,
    /// What mends it.
    fix: String,
}

impl From<&domain::refusal::Refusal> for Refusal {
    fn from(refusal: &domain::refusal::Refusal) -> Self {
        Self { code: refusal.code().to_owned(), message: refusal.to_string(), fix: refusal.fix().to_owned() }
    }
}

impl From<&(ContactId, Vec<domain::refusal::Refusal>)> for Refused {
    fn from((contact, refusals): &(ContactId, Vec<domain::refusal::Refusal>)) -> Self {
        Self { contact: (*contact).into(), refusals: refusals.iter().map(Refusal::from).collect() }
    }
}

impl From<&engine::bulk::ManyQuote> for ManyQuote {
    fn from(quote: &engine::bulk::ManyQuote) -> Self {
        let preview = &quote.preview;
        Self {
            id: quote.id.into(),
            expires_at: quote.expires_at,
            per_day: quote.per_day,
            starts: preview.starts,
            refusals: preview.refusals,
            refused: preview.refused.iter().map(Refused::from).collect(),
            by_code: preview.by_code.clone(),
            segments: preview.segments,
            credits: preview.amounts.credits,
            cost_micros: preview.amounts.micros.0,
            cost: preview.amounts.micros.to_string(),
            last_at: preview.last_at,
            days: preview.forecast.days.iter().map(QuotedDay::from).collect(),
            planned: preview.planned,
            beyond: preview.forecast.beyond,
            plan_ends_at: preview.plan_ends_at,
        }
    }
}

/// Quote the enrollment of many
///
/// What all would cost, how many would start, who would be refused and why, and on which days the texts would go. Nothing is charged.
/// `POST /enrollments/quoted` starts exactly this.
#[utoipa::path(post, path = "/quotes/many", operation_id = "createManyQuote", tag = "Quotes",
    request_body = ManyQuoteBody,
    responses((status = 200, description = "The quote.", body = ManyQuote)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "selection"]))))]
pub(crate) async fn create_many(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<ManyQuoteBody>,
) -> Result<Json<ManyQuote>, Problem> {
    let many = body.many(&parts, &actor).await?;
    let quote = parts.engine.quote_many(&actor, many).await?;
    Ok(Json(ManyQuote::from(&quote)))
}

/// Quote those whom a withdrawal has left
///
/// Whoever got no text when a job was taken back, for the workflow that they were in, at the price of now.
#[utoipa::path(post, path = "/jobs/{id}/quote", operation_id = "quoteRest", tag = "Quotes",
    params(("id" = ids::Job, Path, description = "The job that takes out.")), request_body = RestQuoteBody,
    responses((status = 200, description = "The quote.", body = ManyQuote)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "selection"]))))]
pub(crate) async fn create_rest(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Job,
    Body(body): Body<RestQuoteBody>,
) -> Result<Json<ManyQuote>, Problem> {
    let quote = parts.engine.quote_rest(&actor, id, most(body.per_day)?).await?;
    Ok(Json(ManyQuote::from(&quote)))
}
