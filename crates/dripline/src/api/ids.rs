//! Identifiers as the API reads and shows them: their form in the document, and the one in a path as an argument of
//! its handler.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts as Head;
use domain::ids::{
    BrandId, CampaignId, ConsentId, ContactId, EnrollmentId, EventId, ImportId, JobId, KeyId, LabelId, ListId,
    MessageId, NumberId, PaymentId, PeriodId, PersonId, PlanId, QuoteId, UserId, WebhookId, WorkflowId, WorkspaceId,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Problem;
use crate::wiring::Parts;

/// What an identifier names.
pub(crate) trait Kind: Display + FromStr<Err: Display> + Send {
    /// The letters before the underscore.
    const PREFIX: &'static str;
    /// The name of its form in the document.
    const NAME: &'static str;
    /// The thing itself, as in "the contact does not exist".
    const THING: &'static str;
}

/// An identifier of one kind. As an argument of a handler it is the `{id}` of the path; a text that cannot be one is
/// *not found*, as is one that nothing has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id<T>(pub(crate) T);

pub(crate) type Consent = Id<ConsentId>;
pub(crate) type Brand = Id<BrandId>;
pub(crate) type Campaign = Id<CampaignId>;
pub(crate) type Contact = Id<ContactId>;
pub(crate) type Enrollment = Id<EnrollmentId>;
pub(crate) type Event = Id<EventId>;
pub(crate) type Import = Id<ImportId>;
pub(crate) type Job = Id<JobId>;
pub(crate) type Key = Id<KeyId>;
pub(crate) type Label = Id<LabelId>;
pub(crate) type List = Id<ListId>;
pub(crate) type Message = Id<MessageId>;
pub(crate) type Number = Id<NumberId>;
pub(crate) type Payment = Id<PaymentId>;
pub(crate) type Period = Id<PeriodId>;
pub(crate) type Person = Id<PersonId>;
pub(crate) type Plan = Id<PlanId>;
pub(crate) type Quote = Id<QuoteId>;
pub(crate) type User = Id<UserId>;
pub(crate) type Webhook = Id<WebhookId>;
pub(crate) type Workflow = Id<WorkflowId>;
pub(crate) type Workspace = Id<WorkspaceId>;

macro_rules! kinds {
    ($($kind:ident = $thing:literal;)*) => {$(
        impl Kind for $kind {
            const PREFIX: &'static str = Self::PREFIX;
            const NAME: &'static str = stringify!($kind);
            const THING: &'static str = $thing;
        }
    )*};
}

kinds! {
    ConsentId = "the consent";
    BrandId = "the brand";
    CampaignId = "the campaign";
    ContactId = "the contact";
    EnrollmentId = "the enrollment";
    EventId = "the event";
    ImportId = "the import";
    JobId = "the job";
    KeyId = "the key";
    LabelId = "the label";
    ListId = "the list";
    MessageId = "the message";
    NumberId = "the number";
    PaymentId = "the payment";
    PeriodId = "the period";
    PersonId = "the person";
    PlanId = "the plan";
    QuoteId = "the quote";
    UserId = "the user";
    WebhookId = "the endpoint";
    WorkflowId = "the workflow";
    WorkspaceId = "the workspace";
}

impl<T> From<T> for Id<T> {
    fn from(id: T) -> Self {
        Self(id)
    }
}

impl<T: Kind> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: Kind> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T: Kind> FromRequestParts<Parts> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let text = in_path(head, parts, "id").await;
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(|| Problem::not_found(T::THING))
    }
}

/// A part of the path; nothing if it is not UTF-8.
pub(crate) async fn in_path(head: &mut Head, parts: &Parts, name: &str) -> Option<String> {
    let all = RawPathParams::from_request_parts(head, parts).await.ok()?;
    all.iter().find(|(given, _)| *given == name).map(|(_, text)| text.to_owned())
}

impl<T: Kind> PartialSchema for Id<T> {
    fn schema() -> RefOr<Schema> {
        let prefix = T::PREFIX;
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^{prefix}_[0-9a-hjkmnp-tv-z]{{13}}$")))
            .description(Some(format!("Names {}; sorts by the time of its making.", T::THING)))
            .examples([format!("{prefix}_06b9zq4h8g000")])
            .into()
    }
}

impl<T: Kind> ToSchema for Id<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }
}
