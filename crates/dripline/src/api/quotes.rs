//! Quotes: the exact price and timeline of an enrollment, or of many, before it starts.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::ids::ContactId;
use domain::quote::{QuotedStep, Terms};
use engine::bulk::{BulkPreview, Selection};
use engine::enrolling::Preview;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::request::{Body, Caller};
use super::words::{EncodingWord, Word};
use crate::problem::Problem;
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
        let ids = |ids: Vec<ids::Contact>| ids.into_iter().map(|id| id.0).collect();
        self.contacts.take().map_or(Selection::All, |contacts| Selection::These(ids(contacts)))
    }
}

/// The price of enrolling many, and who would be refused.
#[derive(Serialize, ToSchema)]
pub(crate) struct ManyQuote {
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
    /// When the last message would be due.
    last_at: Option<Timestamp>,
    /// The first 1,000 refused contacts with all their reasons.
    refused: Vec<Refused>,
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

impl From<BulkPreview> for ManyQuote {
    fn from(preview: BulkPreview) -> Self {
        Self {
            starts: preview.starts,
            refusals: preview.refusals,
            refused: preview.refused.iter().map(Refused::from).collect(),
            by_code: preview.by_code,
            segments: preview.segments,
            credits: preview.amounts.credits,
            cost_micros: preview.amounts.micros.0,
            cost: preview.amounts.micros.to_string(),
            last_at: preview.last_at,
        }
    }
}

/// Quote the enrollment of many
///
/// What all would cost, how many would start, who would be refused and why. Nothing is charged.
#[utoipa::path(post, path = "/quotes/many", operation_id = "createManyQuote", tag = "Quotes", request_body = ManyBody,
    responses((status = 200, description = "The quote.", body = ManyQuote)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "selection"]))))]
pub(crate) async fn create_many(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(mut body): Body<ManyBody>,
) -> Result<Json<ManyQuote>, Problem> {
    let selection = body.selection();
    Ok(Json(parts.engine.quote_many(&actor, body.workflow.0, selection).await?.into()))
}
