//! The handsets: their inboxes, what their owners write, what follows from a text.
//!
//! Only texts to and from numbers of the caller's own workspace are shown. A script holds for a handset whoever texts
//! it, so it is there in the demo only.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts as Head;
use domain::access::Permission;
use domain::phone::Phone;
use engine::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::ids;
use super::request::{Body, Caller};
use super::simulator::{form, in_demo};
use crate::problem::{Code, Problem};
use crate::wiring::{HandsetText, Parts, Reaction};

/// Most texts of an inbox that are shown.
const SHOWN: usize = 200;
/// Most reactions of a script.
const MAX_REACTIONS: usize = 100;

/// The phones of the caller's numbers.
async fn own(parts: &Parts, actor: &Actor) -> Result<Vec<String>, Problem> {
    Ok(parts.engine.numbers(actor).await?.into_iter().map(|number| number.phone).collect())
}

/// A handset and what reached it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inbox {
    phone: String,
    /// The last 200 texts, newest first.
    data: Vec<Text>,
}

/// A text that reached a handset.
#[derive(Serialize, ToSchema)]
struct Text {
    /// Our number.
    from: String,
    body: String,
    at: Timestamp,
    segments: u32,
}

impl From<HandsetText> for Text {
    fn from(text: HandsetText) -> Self {
        Self { from: text.from, body: text.body, at: text.at, segments: text.segments }
    }
}

/// The phone of a path, as it was given.
pub(crate) struct Handset(String);

impl FromRequestParts<Parts> for Handset {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let phone = ids::in_path(head, parts, "phone").await;
        phone.map(Self).ok_or_else(|| Problem::not_found("the handset"))
    }
}

/// Show a handset's inbox
///
/// The texts that numbers of the workspace sent to it.
#[utoipa::path(get, path = "/simulator/handsets/{phone}", operation_id = "showInbox", tag = "Simulator",
    params(("phone" = String, Path, description = "The handset's phone in E.164.", example = "+12125550123")),
    responses((status = 200, description = "The inbox.", body = Inbox)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["handset"]))))]
pub(crate) async fn inbox(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Handset(phone): Handset,
) -> Result<Json<Inbox>, Problem> {
    let own = own(&parts, &actor).await?;
    let texts = parts.simulator.newest(&phone, &own, SHOWN);
    let texts = texts.map_err(|error| Problem::new(Code::Handset, error.to_string()))?;
    Ok(Json(Inbox { phone, data: texts.into_iter().map(Text::from).collect() }))
}

/// What the contact writes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyBody {
    /// The handset's phone in E.164.
    #[schema(example = "+12125550123")]
    from: String,
    /// A number of the workspace.
    #[schema(example = "+12125550100")]
    to: String,
    /// The text; may be empty.
    #[schema(example = "Who is this?")]
    body: String,
}

/// That it was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replied {
    received: bool,
}

/// Reply as the contact
///
/// The text is taken, and the contact's workflow stopped, before the answer.
#[utoipa::path(post, path = "/simulator/replies", operation_id = "reply", tag = "Simulator", request_body = ReplyBody,
    responses((status = 200, description = "It was taken.", body = Replied)),
    extensions(("x-permission" = json!("send")), ("x-problems" = json!(["not_found", "from", "handset"]))))]
pub(crate) async fn reply(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<ReplyBody>,
) -> Result<Json<Replied>, Problem> {
    actor.need(Permission::Send)?;
    if !own(&parts, &actor).await?.contains(&body.to) {
        return Err(Problem::not_found("the number"));
    }
    let from = Phone::stored(&body.from);
    let from = from.ok_or_else(|| Problem::new(Code::From, "from must be a phone in E.164, such as +12125550123"))?;
    let replied = parts.simulator.reply(&from.to_string(), &body.to, &body.body, parts.engine.now());
    let event = replied.map_err(|error| Problem::new(Code::Handset, error.to_string()))?;
    // The pump may hold the same event and not have committed it yet: whoever is later finds it taken.
    parts.engine.receive("simulator", event).await?;
    Ok(Json(Replied { received: true }))
}

/// What follows from one text: the carrier's answer, its receipts, what the person writes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Reacting(Reaction);

impl PartialSchema for Reacting {
    fn schema() -> RefOr<Schema> {
        let sample = Reaction::delivered().reply("Yes, tell me more", 60_000);
        form(&serde_json::to_value(sample).expect("a reaction is plain data"))
    }
}

impl ToSchema for Reacting {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Reaction")
    }
}

/// What follows from the next texts to a handset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptBody {
    /// One for each text, at most 100. When they are used up, the handset behaves as the others do.
    #[schema(example = json!([{
        "answer": "accept",
        "receipts": [{ "state": "delivered", "after_ms": 1_000, "copies": 1 }],
        "replies": [{ "body": "Yes, tell me more", "after_ms": 60_000, "copies": 1, "media": 0 }],
    }]))]
    reactions: Vec<Reacting>,
}

/// How many reactions wait.
#[derive(Serialize, ToSchema)]
pub(crate) struct Scripted {
    reactions: usize,
}

/// Lay down what follows from the next texts to a handset
///
/// In place of an earlier script. For the demo only. An answer is `accept`, `temporary`, `throttled`, `permanent`,
/// `opted_out`, `sender_problem`, `rejected`, `lost_after` or `lost_before`; a receipt says `sent`, `delivered`, `undelivered` or
/// `failed`.
#[utoipa::path(put, path = "/simulator/handsets/{phone}/script", operation_id = "scriptHandset", tag = "Simulator",
    params(("phone" = String, Path, description = "The handset's phone in E.164.", example = "+12125550123")),
    request_body = ScriptBody,
    responses((status = 200, description = "It is laid down.", body = Scripted)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["clock", "from", "behaviour_invalid"]))))]
pub(crate) async fn script(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Handset(phone): Handset,
    Body(body): Body<ScriptBody>,
) -> Result<Json<Scripted>, Problem> {
    actor.need(Permission::SettingsWrite)?;
    in_demo(&parts)?;
    let phone = Phone::stored(&phone).ok_or_else(|| Problem::new(Code::From, "the phone is not in E.164"))?;
    let count = body.reactions.len();
    if count > MAX_REACTIONS {
        let detail = format!("a script has {count} reactions; at most {MAX_REACTIONS} are allowed");
        return Err(Problem::new(Code::BehaviourInvalid, detail));
    }
    let reactions = body.reactions.into_iter().map(|reacting| reacting.0).collect();
    parts.simulator.script(&phone.to_string(), reactions);
    Ok(Json(Scripted { reactions: count }))
}
