//! E-mails to the people who lead a workspace (decision 0030): rows before they are sent, written by the transaction of the event that they
//! tell. Who sends them is [`postman`], what they say [`text`], what an answer of the mail server means `domain::mail`.
//!
//! | bound | |
//! |---|---|
//! | events of a workspace that are told by mail in 24 hours | [`MOST_TOLD`]; what comes on top is told by its event alone |
//! | people who are written to | [`MOST_RECIPIENTS`], owners before admins, the oldest first |
//!
//! A row names the user and not the address: it is read when the mail is sent, and whoever leads the workspace no more gets none.

pub mod postman;
pub mod text;

use std::sync::Arc;

use domain::ids::{EventId, UserId};
use jiff::SignedDuration;
use store::Tx;
use store::mails::Key;
use store::users;

pub use carrier::mail::smtp::SmtpError;
pub use carrier::mail::{Letter, Mailer, Relay, Sender, Smtp, Unsent};

use crate::beat::Beat;
use crate::claim::earlier;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ids::Ids;
use text::Text;

/// Most events of a workspace that are told by mail in a day.
pub const MOST_TOLD: i64 = 3;
/// Most people who are written to.
pub const MOST_RECIPIENTS: usize = 10;
/// The day of the first bound.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Who takes e-mails, and what they say of us.
#[derive(Clone)]
pub struct Postbox {
    /// Who takes them.
    pub mailer: Arc<dyn Mailer>,
    /// The address under which people reach the server, where the operator has told it.
    pub public_url: Option<String>,
}

impl Engine {
    /// Whether e-mails are sent at all.
    #[must_use]
    pub fn sends_mails(&self) -> bool {
        self.postbox().is_some()
    }
}

/// Whom to write to now; nobody where enough was written today.
pub(crate) fn recipients(tx: &mut Tx<'_>, beat: &Beat, wanted: fn(&str) -> bool) -> Result<Vec<UserId>, Failure> {
    let since = EventId(Ids::floor(earlier(beat.now, DAY)));
    if store::mails::told_since(tx, beat.workspace, since)? >= MOST_TOLD {
        return Ok(Vec::new());
    }
    let mut people = users::list(tx, beat.workspace)?;
    people.retain(|user| wanted(&user.role));
    people.sort_by_key(|user| (user.role != "owner", user.id.0));
    Ok(people.into_iter().take(MOST_RECIPIENTS).map(|user| user.id).collect())
}

/// Queues a mail to each of them.
pub(crate) fn queue(tx: &mut Tx<'_>, beat: &Beat, event: EventId, to: &[UserId], text: &Text) -> Result<(), Failure> {
    for user in to {
        let key = Key { workspace: beat.workspace, event, user: *user };
        store::mails::insert(tx, key, &text.subject, &text.body, beat.now)?;
    }
    Ok(())
}
