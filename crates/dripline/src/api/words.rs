//! Words from a fixed list: shown as they are stored, refused with the list if they are none of it.

use std::borrow::Cow;
use std::marker::PhantomData;

use domain::access::{Permission, Permissions, Role};
use domain::consent;
use domain::enrollment::StopReason;
use domain::message::{MessageKind, MessageState};
use domain::payment;
use domain::plan::{self, AtEnd};
use domain::registration::Registration;
use domain::suppression::Suppression;
use domain::webhook::{DeliveryState, EndpointState};
use engine::Switch;
use engine::bulk::{ENROLL, WITHDRAW, WithdrawWhom};
use engine::doubts::Fate;
use engine::erasing::ERASE;
use engine::import::OnDuplicate;
use engine::merging::Side;
use engine::numbers::NumberState;
use engine::statement::LineKind;
use engine::webhooks::log::Again;
use engine::workflows::Status;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use store::labels::Kind as LabelKind;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Code;

/// A list of words.
pub(crate) trait List: Sized {
    /// Its name in the document.
    const NAME: &'static str;
    /// What the words say.
    const ABOUT: &'static str;
    /// The words.
    fn words() -> Vec<&'static str>;
}

/// One word of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word<L>(String, PhantomData<L>);

impl<L: List> Word<L> {
    /// A word that is known to be of the list.
    pub(crate) fn of(word: impl Into<String>) -> Self {
        Self(word.into(), PhantomData)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

pub(crate) type PermissionWord = Word<Permission>;
pub(crate) type RoleWord = Word<Role>;
pub(crate) type ReasonWord = Word<StopReason>;
pub(crate) type MessageKindWord = Word<MessageKind>;
pub(crate) type MessageStateWord = Word<MessageState>;
pub(crate) type FateWord = Word<Fate>;
pub(crate) type PaymentKindWord = Word<payment::Kind>;
pub(crate) type PaymentStateWord = Word<payment::State>;
pub(crate) type DisputeWord = Word<payment::Verdict>;
pub(crate) type SuppressionWord = Word<Suppression>;
pub(crate) type ConsentKindWord = Word<consent::Kind>;
pub(crate) type ConsentStandingWord = Word<consent::Standing>;
pub(crate) type ListStateWord = Word<ListState>;
pub(crate) type SwitchWord = Word<Switch>;
pub(crate) type NumberStateWord = Word<NumberState>;
pub(crate) type RegistrationWord = Word<Registration>;
pub(crate) type StatusWord = Word<Status>;
pub(crate) type PlanWord = Word<Plan>;
pub(crate) type StandingWord = Word<plan::Standing>;
pub(crate) type AtEndWord = Word<AtEnd>;
pub(crate) type ContactStandingWord = Word<ContactStanding>;
pub(crate) type ColourWord = Word<Colour>;
pub(crate) type LabelKindWord = Word<LabelKind>;
pub(crate) type HistoryWord = Word<WorkflowHistory>;
pub(crate) type ImportStateWord = Word<ImportState>;
pub(crate) type JobStateWord = Word<JobState>;
pub(crate) type JobKindWord = Word<JobKind>;
pub(crate) type WithdrawnWord = Word<WithdrawWhom>;
pub(crate) type EnrollmentStateWord = Word<EnrollmentState>;
pub(crate) type EncodingWord = Word<Encoding>;
pub(crate) type LineWord = Word<LineKind>;

pub(crate) type EndpointStateWord = Word<EndpointState>;
pub(crate) type DeliveryStateWord = Word<DeliveryState>;
pub(crate) type AgainWord = Word<Again>;

pub(crate) type DuplicateWord = Word<OnDuplicate>;
pub(crate) type CodeWord = Word<Code>;
pub(crate) type SideWord = Word<Side>;

/// Whether the messaging plan runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan;
/// Where a list of phones is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListState;
/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobState;
/// What a contact is, to the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContactStanding;
/// What a contact has had to do with a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkflowHistory;
/// How a label looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Colour;
/// Where an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImportState;
/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobKind;
/// Where an enrollment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnrollmentState;
/// How a text travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoding;

macro_rules! lists {
    ($($list:ty, $name:literal, $about:literal, $words:expr;)*) => {$(
        impl List for $list {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = $about;
            fn words() -> Vec<&'static str> {
                $words
            }
        }
    )*};
}

lists! {
    Permission, "Permission", "What a key or a role may do.", Permissions::all().iter().map(Permission::word).collect();
    Role, "Role", "A role of a user, the least first.", Role::ALL.iter().map(|role| role.word()).collect();
    StopReason, "StopReason", "Why an enrollment ended early.", StopReason::ALL.iter().map(|reason| reason.word()).collect();
    MessageKind, "MessageKind", "Who wrote a message: a step of a workflow, a person, the product itself, or the contact.",
        [MessageKind::Workflow, MessageKind::Manual, MessageKind::System, MessageKind::Inbound].map(MessageKind::word).to_vec();
    MessageState, "MessageState", "Where a message is. It never goes backwards.",
        MessageState::ALL.iter().map(|state| state.word()).collect();
    Suppression, "Suppression", "A list that forbids texting a phone.", Suppression::ALL.iter().map(|kind| kind.word()).collect();
    consent::Kind, "ConsentKind", "What a record of consent says; `revoked` takes all of them back.",
        consent::Kind::ALL.iter().map(|kind| kind.word()).collect();
    consent::Standing, "ConsentStanding", "Whether a consent holds now.", vec!["none", "valid", "expired", "revoked"];
    Fate, "Fate", "What became of a message in doubt.", [Fate::Sent, Fate::NotSent].map(Fate::word).to_vec();
    Switch, "Switch", "Whether something happens.", vec!["on", "off"];
    NumberState, "NumberState", "`live` sends, `paused` makes its messages wait, `lost` is gone for good.",
        [NumberState::Live, NumberState::Paused, NumberState::Lost].map(NumberState::word).to_vec();
    Registration, "Registration", "How far a brand, a campaign or a number is with its registration.",
        Registration::ALL.map(Registration::word).to_vec();
    Status, "WorkflowStatus", "`active` while at least one contact moves through it: derived, never set.",
        [Status::Active, Status::Inactive].map(Status::word).to_vec();
    Plan, "Plan", "Whether the messaging plan runs.", vec!["active", "ended"];
    plan::Standing, "PlanStanding", "Where a workspace stands with its plan: `past_due` goes on until its grace is over, `closing` ends what runs.",
        vec!["trialing", "active", "past_due", "closing", "ended"];
    AtEnd, "PlanAtEnd", "What happens when the period is over.", [AtEnd::Renew, AtEnd::End].map(AtEnd::word).to_vec();
    payment::Kind, "PaymentKind", "Who began a payment by card: a person (`checkout`), or nobody, for auto-recharge or for the plan's month.",
        payment::Kind::ALL.map(payment::Kind::word).to_vec();
    payment::State, "PaymentState", "Where a payment is: `open` may still be paid; only `paid` is in the wallet.",
        payment::State::ALL.map(payment::State::word).to_vec();
    payment::Verdict, "PaymentDispute", "How far a dispute is. Until it is `won` the disputed amount is not in the wallet.",
        payment::Verdict::ALL.map(payment::Verdict::word).to_vec();
    ListState, "SuppressionListState", "Where a list of phones is; `kept` is in force.", vec!["filling", "kept", "removing", "removed"];
    JobState, "JobState", "Where a job is.", vec!["running", "done"];
    ContactStanding, "ContactStanding", "What a contact is: in a workflow, never texted, or on a list that forbids texting it.",
        engine::contacts::list::Standing::ALL.map(engine::contacts::list::Standing::word).to_vec();
    WorkflowHistory, "WorkflowHistory", "What a contact has had to do with a workflow: `in` it now, in it now or before (`been`), or `never`.",
        vec!["in", "been", "never"];
    Colour, "LabelColour", "How a label looks.", engine::labels::COLOURS.to_vec();
    LabelKind, "LabelKind", "A label marks conversations in the Messenger; a list holds contacts together and is not shown there.",
        LabelKind::ALL.map(LabelKind::word).to_vec();
    ImportState, "ImportState", "Where an import is: `uploaded` waits for somebody to start it, `canceled` and `failed` keep what was saved.",
        engine::imports::STATES.to_vec();
    JobKind, "JobKind", "What a job does: puts contacts into a workflow, takes them out again, changes contacts, or erases a person.",
        vec![ENROLL, WITHDRAW, "contacts", ERASE];
    WithdrawWhom, "WithdrawWhom", "Whom to take out: who got no text yet, or everybody who is still in.",
        WithdrawWhom::ALL.map(WithdrawWhom::word).to_vec();
    EnrollmentState, "EnrollmentState", "Where an enrollment is.", vec!["active", "completed", "stopped"];
    Code, "ProblemCode", "What went wrong, as programs read it. A code never changes its meaning.",
        Code::ALL.iter().map(|code| code.word()).collect();
    OnDuplicate, "OnDuplicate", "What an import does with a contact that is there: fills its empty fields, or overwrites.",
        vec!["fill_empty", "overwrite"];
    Side, "MergeSide", "One of two contacts that are merged: the one that is kept, or the one that it takes in.",
        Side::ALL.map(Side::word).to_vec();
    EndpointState, "WebhookState", "Whether an endpoint is told what happens: `on`, `off` by a user, or `disabled` because it took nothing.",
        EndpointState::ALL.map(EndpointState::word).to_vec();
    DeliveryState, "WebhookDeliveryState", "Where a delivery stands.", DeliveryState::ALL.map(DeliveryState::word).to_vec();
    Again, "WebhookReplay", "What is delivered again: what was not taken, or everything.", Again::ALL.map(Again::word).to_vec();
    Encoding, "Encoding", "How a text travels.", vec!["GSM-7", "UCS-2"];
    LineKind, "StatementLineKind", "What a line of a statement is about.", LineKind::ALL.map(LineKind::word).to_vec();
}

impl<L> Serialize for Word<L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, L: List> Deserialize<'de> for Word<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let words = L::words();
        if words.contains(&text.as_ref()) {
            return Ok(Self::of(text.into_owned()));
        }
        let given: String = text.chars().take(80).collect();
        Err(serde::de::Error::custom(format!("{given:?} is none of: {}", words.join(", "))))
    }
}

impl<L: List> PartialSchema for Word<L> {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(L::words()));
        words.description(Some(L::ABOUT)).into()
    }
}

impl<L: List> ToSchema for Word<L> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(L::NAME)
    }
}
