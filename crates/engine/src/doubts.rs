//! Messages in doubt that only a person can settle: the carrier cannot be asked, or not any more.
//!
//! | the person says | message | money of the step | enrollment, if it still runs |
//! |---|---|---|---|
//! | it was sent | `sent` | earned | next step, or completed |
//! | it was not sent | `failed` | returned | next step, or completed |
//!
//! Either way nothing is sent again, and the history names who said so.

use domain::access::Permission;
use domain::attempt::Answer;
use domain::ids::MessageId;
use domain::message::MessageState;
use serde_json::json;
use store::messages::{self, Message};
use store::{DbError, Lane, Read, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::facts::Steps;
use crate::failure::Failure;
use crate::on_the_way;
use crate::settle::{Answered, Ruling, Said, Settling};

/// Most messages in doubt that one page lists.
pub const MAX_LISTED: i64 = 200;

/// Which messages in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubts {
    /// Every one.
    All,
    /// Those that only a person can settle.
    ForAPerson,
}

/// What a person knows of a message in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was sent.
    Sent,
    /// It was not sent.
    NotSent,
}

impl Fate {
    /// The word that the history and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotSent => "not_sent",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Sent, Self::NotSent].into_iter().find(|fate| fate.word() == word)
    }
}

/// Why a message is not settled by hand.
#[derive(Debug, thiserror::Error)]
pub enum DoubtError {
    /// The actor may not settle messages.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such message in the workspace.
    #[error("the message does not exist")]
    Unknown,
    /// It is known what became of it, or it is not known yet that nobody knows.
    #[error("the message is {}, not in doubt", .0.word())]
    NotInDoubt(MessageState),
    /// The carrier is still asked for it.
    #[error("the carrier is still being asked for the message")]
    StillAsked,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for DoubtError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Messages in doubt of the workspace, oldest first, after the given one.
    pub async fn doubts(
        &self,
        actor: &Actor,
        which: Doubts,
        after: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<Message>, DoubtError> {
        actor.need(Permission::Read)?;
        let (workspace, after) = (actor.workspace(), after.unwrap_or(MessageId(i64::MIN)));
        let limit = limit.clamp(1, MAX_LISTED);
        let list = move |db: &Read<'_>| match which {
            Doubts::All => Ok(messages::in_doubt(db, workspace, after, limit)?),
            Doubts::ForAPerson => Ok(messages::for_a_person(db, workspace, after, limit)?),
        };
        self.read(list).await
    }

    /// Settles a message in doubt as the person says. Money and enrollment move as if the carrier had said it.
    pub async fn settle_by_hand(&self, actor: &Actor, id: MessageId, fate: Fate) -> Result<Message, DoubtError> {
        actor.need(Permission::Send)?;
        let (beat, steps) = (self.beat(actor), self.steps());
        let settled = self.write(Lane::Normal, move |tx| settle(tx, &beat, &steps, id, fate)).await?;
        self.wake();
        Ok(settled)
    }
}

fn settle(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, id: MessageId, fate: Fate) -> Result<Message, DoubtError> {
    let seen = on_the_way::find(tx, beat.workspace, steps, id)?.ok_or(DoubtError::Unknown)?;
    let mut settling = Settling::new(tx, beat, steps, seen.enrollment, std::collections::HashMap::new())?;
    let mut message = settling.lock(tx, [(id, None)])?.remove(&id).ok_or(DoubtError::Unknown)?;
    match message.state {
        MessageState::InDoubt if message.is_for_a_person() => {}
        MessageState::InDoubt => return Err(DoubtError::StillAsked),
        state => return Err(DoubtError::NotInDoubt(state)),
    }
    let note = json!({ "message": id, "step": message.step, "fate": fate.word() });
    settling.events.push(beat.event("message.settled", Some(message.contact), &note));
    let (answer, ruling) = said(&message, fate);
    settling.apply(tx, &mut message, &answer, ruling)?;
    settling.finish(tx, [&message])?;
    Ok(message)
}

/// The person's word as an answer.
fn said(message: &Message, fate: Fate) -> (Answered, Ruling) {
    let (answer, ruling, code) = match fate {
        Fate::Sent => (Answer::Accepted, Ruling::Sent, None),
        Fate::NotSent => (Answer::Unknown, Ruling::GivenUp, Some("not_sent")),
    };
    let answer = Answered {
        attempt: messages::attempt(message.id, message.attempts),
        enrollment: message.enrollment,
        text: None,
        carrier: String::new(),
        said: Said::Submitted(answer),
        carrier_id: None,
        segments: None,
        code: code.map(str::to_owned),
        detail: code.map(|_| "a person says that it was not sent".to_owned()),
    };
    (answer, ruling)
}
