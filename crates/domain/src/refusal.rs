//! Why an enrollment cannot start: a stable code, plain words and the fix for each (SPEC §3).
//!
//! All refusals of a contact are reported together, so that they can be mended in one go.

use crate::consent::Standing;
use crate::money::Micros;
use crate::registration::Lack;
use crate::suppression::Suppression;

/// One condition that fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The operator has the workspace send nothing.
    #[error("this workspace is suspended: {reason}")]
    WorkspaceSuspended {
        /// Why, in the operator's words.
        reason: String,
    },
    /// The workspace has no active messaging subscription.
    #[error("the workspace has no active messaging plan")]
    NoMessagingPlan,
    /// No number of the workspace can be assigned to the contact.
    #[error("no sending number is assigned to the contact and none can be")]
    NoOutboundNumber,
    /// The assigned number is not live, or not registered to text this contact.
    #[error("the sending number {phone} {why}")]
    NumberNotReady {
        /// The number.
        phone: String,
        /// Why it does not text the contact.
        why: Unready,
    },
    /// Credits and wallet do not cover the price.
    #[error("the wallet has {wallet} and the enrollment costs {cost}: {missing} are missing")]
    InsufficientFunds {
        /// What the enrollment costs after all credits.
        cost: Micros,
        /// What the wallet has.
        wallet: Micros,
        /// What is missing.
        missing: Micros,
    },
    /// The contact is in an active workflow.
    #[error("the contact is already in the workflow {workflow:?}, at step {step}")]
    AlreadyEnrolled {
        /// Its name.
        workflow: String,
        /// The step that comes next, from 1.
        step: u8,
    },
    /// The contact's phone is on a suppression list.
    #[error("{}", suppressed(*.0))]
    Suppressed(Suppression),
    /// The workspace enrolls nobody without a consent on record.
    #[error("the contact has no consent that holds: {0}")]
    NoConsent(Standing),
    /// A variable has no value and no fallback.
    #[error("message {step}: the contact has no value for {{{field}}}")]
    MissingField {
        /// Which message, from 1.
        step: u8,
        /// Which field.
        field: String,
    },
    /// A rendered message is too long.
    #[error("message {step} has {segments} segments; at most 2 are allowed")]
    MessageTooLong {
        /// Which message, from 1.
        step: u8,
        /// How many segments it has.
        segments: usize,
        /// The message as it would read.
        text: String,
    },
    /// A message renders to nothing.
    #[error("message {step} is empty for this contact")]
    MessageEmpty {
        /// Which message, from 1.
        step: u8,
    },
    /// The law and the workspace's hours leave no minute in which to send.
    #[error("the workspace's hours and the rules {rules} never meet in {zones}")]
    NeverOpen {
        /// The rules in force for the contact.
        rules: String,
        /// The time zones in which the contact may be.
        zones: String,
    },
    /// No such contact in this workspace.
    #[error("the contact does not exist")]
    ContactUnknown,
    /// No such workflow in this workspace.
    #[error("the workflow does not exist")]
    WorkflowUnknown,
    /// The workflow has no step.
    #[error("the workflow has no message yet")]
    WorkflowEmpty,
    /// The workflow has no step with which it was to start.
    #[error("the workflow has no message {step} to start from: it has {steps}")]
    StepUnknown {
        /// Which was asked for.
        step: u8,
        /// How many there are.
        steps: usize,
    },
    /// What a quote of many has shown for the contact is no longer true.
    #[error("the contact's text or price is not what the quote has shown")]
    QuoteChanged,
}

/// Why a number does not text a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unready {
    /// It is in this state, and not live.
    State(String),
    /// It is not registered to text such a number.
    Unregistered(Lack),
}

impl std::fmt::Display for Unready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State(state) => write!(f, "is {state}, not live"),
            Self::Unregistered(lack) => write!(f, "{lack}"),
        }
    }
}

fn suppressed(kind: Suppression) -> &'static str {
    match kind {
        Suppression::OptedOut => "the contact opted out of texts",
        Suppression::DoNotContact => "the contact is on the do-not-contact list",
        Suppression::ComplianceBlocked => "the contact is blocked by a compliance list",
        Suppression::Undeliverable => "texts to this number cannot be delivered",
    }
}

impl Refusal {
    /// The stable code of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WorkspaceSuspended { .. } => "workspace_suspended",
            Self::NoMessagingPlan => "no_messaging_plan",
            Self::NoOutboundNumber => "no_outbound_number",
            Self::NumberNotReady { .. } => "number_not_ready",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::AlreadyEnrolled { .. } => "already_enrolled",
            Self::Suppressed(kind) => kind.word(),
            Self::NoConsent(_) => "no_consent",
            Self::MissingField { .. } => "missing_field",
            Self::MessageTooLong { .. } => "message_too_long",
            Self::MessageEmpty { .. } => "message_empty",
            Self::NeverOpen { .. } => "never_open",
            Self::ContactUnknown => "contact_unknown",
            Self::WorkflowUnknown => "workflow_unknown",
            Self::WorkflowEmpty => "workflow_empty",
            Self::StepUnknown { .. } => "step_unknown",
            Self::QuoteChanged => "quote_changed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::WorkspaceSuspended { .. } => "ask who runs this installation",
            Self::NoMessagingPlan => "start a messaging plan",
            Self::NoOutboundNumber => "add a sending number",
            Self::NumberNotReady { why: Unready::State(_), .. } => {
                "wait until the number is live, or assign another one"
            }
            Self::NumberNotReady { why: Unready::Unregistered(_), .. } => {
                "note its registration when the carriers have approved it, or assign another number"
            }
            Self::InsufficientFunds { .. } => "top up the wallet",
            Self::AlreadyEnrolled { .. } => "remove the contact from that workflow first, or wait for its end",
            Self::Suppressed(Suppression::OptedOut) => {
                "the contact can undo this by texting START, or you by recording the new consent that they gave"
            }
            Self::Suppressed(Suppression::DoNotContact) => "take the contact off the do-not-contact list",
            Self::Suppressed(Suppression::ComplianceBlocked) => "have the compliance list checked",
            Self::Suppressed(Suppression::Undeliverable) => "correct the phone number",
            Self::NoConsent(_) => {
                "record the consent on the contact's page, or import it with its source, date and kind"
            }
            Self::MissingField { .. } => "fill in the field, or give the variable a fallback: {First Name|there}",
            Self::MessageTooLong { .. } => "shorten the message or the contact's field",
            Self::MessageEmpty { .. } => "give the variable a fallback",
            Self::NeverOpen { .. } => "widen the workspace's send window",
            Self::ContactUnknown => "choose another contact",
            Self::WorkflowUnknown => "choose another workflow",
            Self::WorkflowEmpty => "add a message to the workflow",
            Self::StepUnknown { .. } => "start from a message that the workflow has",
            Self::QuoteChanged => "look at a new quote, and start the contact by that",
        }
    }
}
