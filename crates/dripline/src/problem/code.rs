//! The codes of problems: stable words, each with its status and what it says. Nothing else knows HTTP status codes.

use axum::http::StatusCode;

macro_rules! codes {
    ($($name:ident $word:literal $status:ident $about:literal;)*) => {
        /// What went wrong, as programs read it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $(#[doc = $about] $name,)*
        }

        impl Code {
            /// All codes, in the order of the table.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            fn row(self) -> (&'static str, StatusCode, &'static str) {
                match self {
                    $(Self::$name => ($word, StatusCode::$status, $about),)*
                }
            }
        }
    };
}

codes! {
    Body "body" BAD_REQUEST "The body could not be read to its end.";
    Json "json" BAD_REQUEST "The body is not the JSON that is wanted: `line` and `column` say where.";
    Query "query" BAD_REQUEST "The address has a parameter that is unknown, twice or wrong.";
    Limit "limit" BAD_REQUEST "A page has 1 to 200 rows.";
    Cursor "cursor" BAD_REQUEST "The cursor is not one of this list's.";
    IdempotencyKey "idempotency_key" BAD_REQUEST "The idempotency key is empty, too long or not plain ASCII.";
    Version "version" BAD_REQUEST "A change must name the version that it was made from.";
    Seconds "seconds" BAD_REQUEST "The clock is pushed by 0 seconds to 366 days.";
    Clock "clock" BAD_REQUEST "Only the demo's clock and behaviour can be changed.";
    Handset "handset" BAD_REQUEST "The simulator cannot do this.";
    From "from" BAD_REQUEST "The phone is not in E.164.";
    Unauthorized "unauthorized" UNAUTHORIZED "There is no key, or it is not valid.";
    Forbidden "forbidden" FORBIDDEN "The key lacks the permission that `permission` names.";
    NotFound "not_found" NOT_FOUND "There is no such thing in the workspace.";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The address exists, but not for this method.";
    PhoneTaken "phone_taken" CONFLICT "The phone is there already: `contact` names its contact.";
    NameTaken "name_taken" CONFLICT "Another workflow has the name.";
    EmailTaken "email_taken" CONFLICT "Another user has the address.";
    WorkflowNotChangeable "workflow_not_changeable" CONFLICT "Contacts move through the workflow, or somebody else changed it meanwhile.";
    EnrollmentEnded "enrollment_ended" CONFLICT "The enrollment has ended already.";
    TextsOnTheWay "texts_on_the_way" CONFLICT "Texts to the person are queued, with a carrier or in doubt: try again when it is known what became of them.";
    ContactArriving "contact_arriving" CONFLICT "The person came with a file just now, and what they are found by is still being written: try again in a minute.";
    MergeChanged "merge_changed" CONFLICT "Something about the two contacts changed since the preview; `preview` is the new one.";
    NotInDoubt "not_in_doubt" CONFLICT "It is known what became of the message, or its carrier is still being asked.";
    LastOwner "last_owner" CONFLICT "A workspace keeps an owner.";
    QuoteChanged "quote_changed" CONFLICT "Text or price are no longer those of the quote; `quote` is the new one.";
    IdempotencyKeyReused "idempotency_key_reused" CONFLICT "The idempotency key was used for another request.";
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is larger than the server takes.";
    ContentType "content_type" UNSUPPORTED_MEDIA_TYPE "The body must be `application/json`.";
    EnrollmentRefused "enrollment_refused" UNPROCESSABLE_ENTITY "The contact cannot be enrolled: `refusals` has every reason with its fix.";
    QuoteUnknown "quote_unknown" UNPROCESSABLE_ENTITY "There is no such quote for this contact and workflow, or it has expired.";
    Selection "selection" UNPROCESSABLE_ENTITY "The selection names nobody, or too many.";
    Phone "phone" UNPROCESSABLE_ENTITY "The phone cannot be used: `reason` says why.";
    ContactInvalid "contact_invalid" UNPROCESSABLE_ENTITY "A field of the contact cannot be what was given.";
    MergeInvalid "merge_invalid" UNPROCESSABLE_ENTITY "The two contacts cannot be merged so, or are one already.";
    ConsentInvalid "consent_invalid" UNPROCESSABLE_ENTITY "The consent cannot be recorded so.";
    ListInvalid "list_invalid" UNPROCESSABLE_ENTITY "The list cannot be made or filled so.";
    ReminderInvalid "reminder_invalid" UNPROCESSABLE_ENTITY "The reminder cannot be of this time or length.";
    NotByHand "not_by_hand" UNPROCESSABLE_ENTITY "Nobody may change this list by hand.";
    HeldByList "held_by_list" CONFLICT "A list from a file holds the phone: take it off that list, or remove the list.";
    WorkflowInvalid "workflow_invalid" UNPROCESSABLE_ENTITY "The workflow cannot be saved: `faults` has everything that is wrong.";
    NumberInvalid "number_invalid" UNPROCESSABLE_ENTITY "The number cannot be added or changed so.";
    KeyInvalid "key_invalid" UNPROCESSABLE_ENTITY "The key cannot be made so.";
    UserInvalid "user_invalid" UNPROCESSABLE_ENTITY "The user cannot be made or changed so.";
    SettingsInvalid "settings_invalid" UNPROCESSABLE_ENTITY "The workspace cannot be set so.";
    ImportRefused "import_refused" UNPROCESSABLE_ENTITY "The file cannot be imported.";
    BehaviourInvalid "behaviour_invalid" UNPROCESSABLE_ENTITY "The simulator cannot behave so.";
    MessageEmpty "message_empty" UNPROCESSABLE_ENTITY "The message has no text.";
    MessageTooLong "message_too_long" UNPROCESSABLE_ENTITY "The message has more than 2 segments.";
    WorkspaceSuspended "workspace_suspended" UNPROCESSABLE_ENTITY "Who runs the installation has the workspace send nothing; the detail says why.";
    NoMessagingPlan "no_messaging_plan" UNPROCESSABLE_ENTITY "The workspace has no active messaging plan.";
    NoOutboundNumber "no_outbound_number" UNPROCESSABLE_ENTITY "No live number can text the contact.";
    NumberNotReady "number_not_ready" UNPROCESSABLE_ENTITY "The contact's number is not live, or not registered to text it.";
    RegistrationInvalid "registration_invalid" UNPROCESSABLE_ENTITY "The brand or campaign cannot be noted so.";
    RegistrationInUse "registration_in_use" CONFLICT "Something is registered with it.";
    WebhookInvalid "webhook_invalid" UNPROCESSABLE_ENTITY "The endpoint cannot be kept or told again so.";
    WebhookNotOn "webhook_not_on" CONFLICT "The endpoint gets nothing just now: switch it on first.";
    InsufficientFunds "insufficient_funds" UNPROCESSABLE_ENTITY "Credits and wallet do not cover it.";
    PaymentInvalid "payment_invalid" UNPROCESSABLE_ENTITY "A payment by card cannot be of this amount.";
    PaymentOver "payment_over" CONFLICT "The payment of this idempotency key cannot be paid any more.";
    CardsNotTaken "cards_not_taken" CONFLICT "The installation takes no cards: who runs it posts payments.";
    PaymentProvider "payment_provider" BAD_GATEWAY "The payment provider did not do what it was asked; nothing was charged. Ask again with the same `Idempotency-Key`.";
    PlanNotChangeable "plan_not_changeable" CONFLICT "The workspace's plan cannot be chosen, canceled or resumed so now.";
    PlanLimit "plan_limit" CONFLICT "The plan includes no more of it.";
    OptedOut "opted_out" UNPROCESSABLE_ENTITY "The contact opted out.";
    DoNotContact "do_not_contact" UNPROCESSABLE_ENTITY "The contact is on the do-not-contact list.";
    ComplianceBlocked "compliance_blocked" UNPROCESSABLE_ENTITY "The contact is on a compliance list.";
    Undeliverable "undeliverable" UNPROCESSABLE_ENTITY "Texts to the contact cannot be delivered.";
    Internal "internal" INTERNAL_SERVER_ERROR "It failed, and nothing of it was kept; the log has the cause under `id`.";
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The database cannot serve this now; try again later. The log has the cause under `id`.";
    OutcomeUnknown "outcome_unknown" SERVICE_UNAVAILABLE "The connection to the database was lost while this was saved, so it may be done or not. Ask again with the same `Idempotency-Key`, or look before you do. The log has the cause under `id`.";
}

impl Code {
    /// The word that programs read.
    pub(crate) fn word(self) -> &'static str {
        self.row().0
    }

    /// The status that goes with it.
    pub(crate) fn status(self) -> StatusCode {
        self.row().1
    }

    /// What it says.
    pub(crate) fn about(self) -> &'static str {
        self.row().2
    }

    /// Reads a word back.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_so_no_two_codes_share_one() {
        for code in Code::ALL {
            assert_eq!(Code::from_word(code.word()), Some(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
        assert_eq!(Code::from_word("nothing"), None);
    }
}
