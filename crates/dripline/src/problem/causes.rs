//! Which error of a use case is which code: one table for each use case.

use domain::suppression::Suppression;
use engine::bulk::BulkError;
use engine::carriers::CarrierError;
use engine::contacts::ContactError;
use engine::contacts::custom::CustomFieldError;
use engine::conversations::ConversationError;
use engine::doubts::DoubtError;
use engine::enrolling::{EnrollError, RemoveError};
use engine::figures::FiguresError;
use engine::first_run::FirstRunError;
use engine::invitations::InvitationError;
use engine::keys::KeyError;
use engine::labels::LabelError;
use engine::live::WatchError;
use engine::manual::SendError;
use engine::notes::NoteError;
use engine::numbers::NumberError;
use engine::pauses::PauseError;
use engine::quick_replies::ReplyError;
use engine::sessions::SignInError;
use engine::skipping::SkipError;
use engine::users::UserError;
use engine::views::ViewError;
use engine::workflows::SaveError;
use engine::workspaces::WorkspaceError;
use engine::{Failure, Forbidden};
use serde_json::json;
use store::DbError;

use super::{Code, Problem};

mod consent;
mod erasing;
mod imports;
mod merging;
mod operator;
mod plan;
mod reminders;

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Self {
        Self::told(Code::Forbidden, &error).with(json!({ "permission": error.permission.word() }))
    }
}

impl From<Failure> for Problem {
    fn from(error: Failure) -> Self {
        let code = match &error {
            Failure::Db(DbError::CommitUnknown(_)) => Code::OutcomeUnknown,
            Failure::Db(
                DbError::Busy(_)
                | DbError::Overloaded { .. }
                | DbError::Conflict(_)
                | DbError::Timeout(_)
                | DbError::Unavailable(_)
                | DbError::DiskFull(_)
                | DbError::ReadOnly(_),
            ) => Code::Unavailable,
            _ => Code::Internal,
        };
        Self::logged(code, &error)
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Failure::from(error).into()
    }
}

impl From<EnrollError> for Problem {
    fn from(error: EnrollError) -> Self {
        let code = match &error {
            EnrollError::Forbidden(cause) => return cause.clone().into(),
            EnrollError::Refused(refusals) => return Self::refused(refusals),
            EnrollError::QuoteChanged(preview) => {
                let quote = crate::api::quotes::Quote::from(preview.as_ref());
                return Self::told(Code::QuoteChanged, &error).with(json!({ "quote": quote }));
            }
            EnrollError::QuoteUnknown => Code::QuoteUnknown,
            EnrollError::KeyReused(_) => Code::IdempotencyKeyReused,
            EnrollError::KeyMalformed(_) => Code::IdempotencyKey,
            EnrollError::Failure(_) => Code::Internal,
        };
        match error {
            EnrollError::Failure(failure) => failure.into(),
            error => Self::told(code, &error),
        }
    }
}

impl From<RemoveError> for Problem {
    fn from(error: RemoveError) -> Self {
        let code = match error {
            RemoveError::Forbidden(cause) => return cause.into(),
            RemoveError::Failure(cause) => return cause.into(),
            RemoveError::Unknown => Code::NotFound,
            RemoveError::Ended => Code::EnrollmentEnded,
        };
        Self::told(code, &error)
    }
}

impl From<DoubtError> for Problem {
    fn from(error: DoubtError) -> Self {
        let code = match error {
            DoubtError::Forbidden(cause) => return cause.into(),
            DoubtError::Failure(cause) => return cause.into(),
            DoubtError::Unknown => Code::NotFound,
            DoubtError::NotInDoubt(_) | DoubtError::StillAsked => Code::NotInDoubt,
        };
        Self::told(code, &error)
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        let code = match error {
            SendError::Forbidden(cause) => return cause.into(),
            SendError::Failure(cause) => return cause.into(),
            SendError::ContactUnknown => Code::NotFound,
            SendError::Empty => Code::MessageEmpty,
            SendError::TooLong { .. } => Code::MessageTooLong,
            SendError::Suppressed(kind) => listed(kind),
            SendError::Suspended { .. } => Code::WorkspaceSuspended,
            SendError::NoMessagingPlan => Code::NoMessagingPlan,
            SendError::NoOutboundNumber => Code::NoOutboundNumber,
            SendError::NumberNotReady { .. } => Code::NumberNotReady,
            SendError::InsufficientFunds => Code::InsufficientFunds,
            SendError::NotSkipped(_) => Code::EnrollmentEnded,
            SendError::KeyReused(_) => Code::IdempotencyKeyReused,
        };
        Self::told(code, &error)
    }
}

fn listed(kind: Suppression) -> Code {
    match kind {
        Suppression::OptedOut => Code::OptedOut,
        Suppression::DoNotContact => Code::DoNotContact,
        Suppression::ComplianceBlocked => Code::ComplianceBlocked,
        Suppression::Undeliverable => Code::Undeliverable,
    }
}

impl From<BulkError> for Problem {
    fn from(error: BulkError) -> Self {
        let code = match error {
            BulkError::Forbidden(cause) => return cause.into(),
            BulkError::Failure(cause) => return cause.into(),
            BulkError::Empty | BulkError::NobodyFits => Code::Selection,
            BulkError::TooMany { .. } | BulkError::TooManyFit | BulkError::TooManyFound => Code::Selection,
            BulkError::NotEnrolling | BulkError::NotWithdrawing | BulkError::StillWithdrawing => Code::Selection,
            BulkError::QuoteUnknown => Code::QuoteUnknown,
            BulkError::QuoteChanged(ref quote) => {
                let quote = crate::api::quotes::ManyQuote::from(quote.as_ref());
                return Self::told(Code::QuoteChanged, &error).with(json!({ "quote": quote }));
            }
            BulkError::WorkflowUnknown | BulkError::LabelUnknown | BulkError::JobUnknown => Code::NotFound,
            BulkError::KeyMalformed(_) => Code::IdempotencyKey,
            BulkError::KeyReused(_) => Code::IdempotencyKeyReused,
        };
        Self::told(code, &error)
    }
}

impl From<ContactError> for Problem {
    fn from(error: ContactError) -> Self {
        let code = match error {
            ContactError::Forbidden(cause) => return cause.into(),
            ContactError::Failure(cause) => return cause.into(),
            ContactError::PhoneTaken { contact } => {
                return Self::told(Code::PhoneTaken, &error).with(json!({ "contact": contact }));
            }
            ContactError::Phone(phone) => {
                return Self::told(Code::Phone, &phone).with(json!({ "reason": phone.code() }));
            }
            ContactError::Unknown | ContactError::NumberUnknown => Code::NotFound,
            ContactError::NumberNotReady { .. } | ContactError::NumberBusy => Code::NumberInvalid,
            ContactError::KeyReused(_) => Code::IdempotencyKeyReused,
            ContactError::PersonUnknown | ContactError::Field(_) | ContactError::TooManyCustomFields { .. } => {
                Code::ContactInvalid
            }
        };
        Self::told(code, &error)
    }
}

impl From<CustomFieldError> for Problem {
    fn from(error: CustomFieldError) -> Self {
        let code = match error {
            CustomFieldError::Forbidden(cause) => return cause.into(),
            CustomFieldError::Failure(cause) => return cause.into(),
            CustomFieldError::Unknown => Code::NotFound,
            CustomFieldError::Taken(_) => Code::NameTaken,
            CustomFieldError::Name(_)
            | CustomFieldError::Standard(_)
            | CustomFieldError::OtherField { .. }
            | CustomFieldError::TooMany
            | CustomFieldError::InUse { .. } => Code::SettingsInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<ConversationError> for Problem {
    fn from(error: ConversationError) -> Self {
        match error {
            ConversationError::Forbidden(cause) => cause.into(),
            ConversationError::Failure(cause) => cause.into(),
            ConversationError::Unknown | ConversationError::UserUnknown => Self::told(Code::NotFound, &error),
            ConversationError::TooMany(_) => Self::told(Code::Selection, &error),
        }
    }
}

impl From<SaveError> for Problem {
    fn from(error: SaveError) -> Self {
        let code = match &error {
            SaveError::Forbidden(cause) => return cause.clone().into(),
            SaveError::Invalid(faults) => {
                let faults: Vec<String> = faults.iter().map(|fault| Self::told(Code::Json, fault).detail).collect();
                return Self::told(Code::WorkflowInvalid, &error).with(json!({ "faults": faults }));
            }
            SaveError::Unknown => Code::NotFound,
            SaveError::NameTaken { .. } => Code::NameTaken,
            SaveError::Change(_) => Code::WorkflowNotChangeable,
            SaveError::Nul { .. } | SaveError::Order { .. } => Code::WorkflowInvalid,
            SaveError::KeyReused(_) => Code::IdempotencyKeyReused,
            SaveError::Failure(_) => Code::Internal,
        };
        match error {
            SaveError::Failure(failure) => failure.into(),
            error => Self::told(code, &error),
        }
    }
}

impl From<PauseError> for Problem {
    fn from(error: PauseError) -> Self {
        match error {
            PauseError::Forbidden(cause) => cause.into(),
            PauseError::Failure(cause) => cause.into(),
            PauseError::Unknown => Self::told(Code::NotFound, &error),
        }
    }
}

impl From<NumberError> for Problem {
    fn from(error: NumberError) -> Self {
        let code = match error {
            NumberError::Forbidden(cause) => return cause.into(),
            NumberError::Failure(cause) => return cause.into(),
            NumberError::Unknown => Code::NotFound,
            NumberError::PhoneTaken => Code::PhoneTaken,
            NumberError::KeyReused(_) => Code::IdempotencyKeyReused,
            NumberError::Included { .. } => Code::PlanLimit,
            NumberError::Phone(_) | NumberError::Carrier { .. } | NumberError::Pace { .. } => Code::NumberInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let code = match error {
            KeyError::Forbidden(cause) => return cause.into(),
            KeyError::Failure(cause) => return cause.into(),
            KeyError::Invalid => return Self::unauthorized(),
            KeyError::Unknown => Code::NotFound,
            KeyError::KeyReused(_) => Code::IdempotencyKeyReused,
            KeyError::Name(_) | KeyError::NoPermission | KeyError::Beyond => Code::KeyInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        let code = match error {
            UserError::Forbidden(cause) => return cause.into(),
            UserError::Failure(cause) => return cause.into(),
            UserError::Unknown => Code::NotFound,
            UserError::EmailTaken => Code::EmailTaken,
            UserError::LastOwner => Code::LastOwner,
            UserError::KeyReused(_) => Code::IdempotencyKeyReused,
            UserError::RoleBeyond(_)
            | UserError::Name(_)
            | UserError::Zone(_)
            | UserError::Email
            | UserError::Password(_) => Code::UserInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Failure(failure) => failure.into(),
            SignInError::Wrong | SignInError::Wait(_) | SignInError::Ended => Self::told(Code::Unauthorized, &error),
            SignInError::Password(_) => Self::told(Code::UserInvalid, &error),
        }
    }
}

impl From<InvitationError> for Problem {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::User(cause) => cause.into(),
            InvitationError::Operator => Self::told(Code::UserInvalid, &error),
            InvitationError::Unknown | InvitationError::Ended => Self::told(Code::NotFound, &error),
        }
    }
}

impl From<FirstRunError> for Problem {
    fn from(error: FirstRunError) -> Self {
        match error {
            FirstRunError::Workspace(cause) => cause.into(),
            FirstRunError::Owner(cause) => cause.into(),
            FirstRunError::Done => Self::told(Code::NotFound, &error),
        }
    }
}

impl From<CarrierError> for Problem {
    fn from(error: CarrierError) -> Self {
        let code = match error {
            CarrierError::Forbidden(cause) => return cause.into(),
            CarrierError::Failure(cause) => return cause.into(),
            CarrierError::Unknown => Code::NotFound,
            _ => Code::SettingsInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<ReplyError> for Problem {
    fn from(error: ReplyError) -> Self {
        let code = match error {
            ReplyError::Forbidden(cause) => return cause.into(),
            ReplyError::Failure(cause) => return cause.into(),
            ReplyError::Unknown => Code::NotFound,
            _ => Code::SettingsInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<WorkspaceError> for Problem {
    fn from(error: WorkspaceError) -> Self {
        let code = match error {
            WorkspaceError::Forbidden(cause) => return cause.into(),
            WorkspaceError::Failure(cause) => return cause.into(),
            WorkspaceError::Unknown => Code::NotFound,
            _ => Code::SettingsInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<FiguresError> for Problem {
    fn from(error: FiguresError) -> Self {
        match error {
            FiguresError::Forbidden(cause) => cause.into(),
            FiguresError::Failure(cause) => cause.into(),
            FiguresError::Unknown => Self::told(Code::NotFound, &error),
        }
    }
}

impl From<LabelError> for Problem {
    fn from(error: LabelError) -> Self {
        match error {
            LabelError::Forbidden(cause) => cause.into(),
            LabelError::Failure(cause) => cause.into(),
            LabelError::Contacts(cause) => cause.into(),
            LabelError::Unknown => Self::told(Code::NotFound, &error),
            LabelError::Taken(_) => Self::told(Code::NameTaken, &error),
            LabelError::Name(_) | LabelError::Colour { .. } | LabelError::TooMany(_) => {
                Self::told(Code::SettingsInvalid, &error)
            }
        }
    }
}

impl From<NoteError> for Problem {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::Forbidden(cause) => cause.into(),
            NoteError::Failure(cause) => cause.into(),
            NoteError::ContactUnknown | NoteError::Unknown => Self::told(Code::NotFound, &error),
            NoteError::Empty | NoteError::TooLong(_) => Self::told(Code::ContactInvalid, &error),
            NoteError::KeyReused(_) => Self::told(Code::IdempotencyKeyReused, &error),
        }
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Forbidden(cause) => cause.into(),
            ViewError::Failure(cause) => cause.into(),
            ViewError::Unknown => Self::told(Code::NotFound, &error),
            ViewError::Name | ViewError::Filter | ViewError::TooMany => Self::told(Code::SettingsInvalid, &error),
        }
    }
}

impl From<SkipError> for Problem {
    fn from(error: SkipError) -> Self {
        match error {
            SkipError::Forbidden(cause) => cause.into(),
            SkipError::Failure(cause) => cause.into(),
            SkipError::Unknown => Self::told(Code::NotFound, &error),
            SkipError::Ended | SkipError::TooLate(_) => Self::told(Code::EnrollmentEnded, &error),
        }
    }
}

impl From<WatchError> for Problem {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Forbidden(cause) => cause.into(),
            WatchError::Failure(cause) => cause.into(),
            WatchError::TooMany => Self::told(Code::Unavailable, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};
    use axum::response::IntoResponse as _;

    use super::*;

    async fn told(problem: Problem) -> (u16, String) {
        let response = problem.into_response();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_internal_failure_tells_only_its_id() {
        let (status, text) = told(Failure::Stored("the secret row".to_owned()).into()).await;
        assert_eq!(status, 500);
        assert!(!text.contains("secret") && text.contains("\"code\":\"internal\""), "{text}");
        let body: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["id"].as_str().map(str::len), Some(16));
    }

    #[tokio::test]
    async fn what_passes_by_itself_is_told_so() {
        for error in
            [DbError::Overloaded { limit: 1 }, DbError::DiskFull("no room".into()), DbError::Busy("lock".into())]
        {
            let (status, text) = told(error.into()).await;
            assert_eq!(status, 503, "{text}");
            assert!(text.contains("\"code\":\"unavailable\""), "{text}");
        }
        assert_eq!(told(DbError::Corrupt("page 7".into()).into()).await.0, 500);
        let again = |error: DbError| Problem::from(error).into_response().headers().get(header::RETRY_AFTER).cloned();
        assert_eq!(again(DbError::Busy("lock".into())).as_ref().map(HeaderValue::as_bytes), Some(&b"5"[..]));
        assert_eq!(again(DbError::Corrupt("page 7".into())), None);
    }

    #[tokio::test]
    async fn a_commit_that_nobody_knows_of_is_not_told_as_one_that_was_lost() {
        let (status, text) = told(DbError::CommitUnknown("gone".into()).into()).await;
        assert_eq!(status, 503, "{text}");
        assert!(text.contains("\"code\":\"outcome_unknown\"") && text.contains("may be done or not"), "{text}");
    }
}
