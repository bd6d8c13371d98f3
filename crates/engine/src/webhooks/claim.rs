//! Taking deliveries up: one transaction under the lock of the endpoint's row, durable before anything is called.
//!
//! | a delivery that is due | |
//! |---|---|
//! | is the first of its lane, nothing of which is under way | is taken up: its try has a number, and a time until which it may last |
//! | has one before it | is parked, until that one is over |
//! | is under way past its time: its node died | is taken up again, as its next try |

use carrier::webhook::signature::Signer;
use domain::ids::EventId;
use jiff::{SignedDuration, Timestamp};
use store::Lane;
use store::webhooks::deliveries::{self, Of};
use store::webhooks::{self, Webhook};

use super::body;
use super::secrets::Secrets;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;

/// How long a try may last: a call takes 15 seconds at most. Then its node counts as dead.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Most deliveries that one claim looks at.
const LOOKED_AT: i64 = 64;

/// A delivery that was taken up.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) event: EventId,
    /// The number of this try.
    pub(super) tries: i64,
    /// What goes one after the other: a contact, or the event itself.
    pub(super) lane: i64,
    pub(super) queued_at: Timestamp,
    pub(super) taken_at: Timestamp,
    pub(super) body: String,
}

/// What a claim took.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) url: String,
    /// Who signs, or why nobody can.
    pub(super) signers: Result<Vec<Signer>, String>,
    pub(super) taken: Vec<Taken>,
    /// How many were parked: there may be more behind them.
    pub(super) parked: usize,
}

impl Engine {
    /// Takes up what is due at an endpoint, no more than there is room for; nothing if it is not on, or another node's just now.
    /// `most` bounds what is under way there on all nodes.
    pub(super) async fn take_up(&self, of: Of, room: usize, most: usize) -> Result<Option<Claim>, Failure> {
        let Some(outfit) = self.roll().outfit().cloned() else { return Ok(None) };
        let now = self.now();
        let claimed = self.write(Lane::Normal, move |tx| {
            let Some(webhook) = webhooks::take_turn(tx, of.0, of.1, now)? else { return Ok(None) };
            let under_way = usize::try_from(deliveries::under_way(tx, of, now)?).unwrap_or(usize::MAX);
            let room = room.min(most.saturating_sub(under_way));
            let due = if room == 0 { Vec::new() } else { deliveries::due(tx, of, now, LOOKED_AT)? };
            let (first, behind): (Vec<_>, Vec<_>) = due.into_iter().partition(|one| one.is_first);
            let taken: Vec<_> = first.iter().take(room).map(|one| taken(one, now)).collect();
            let tries: Vec<_> = taken.iter().map(|one| (one.event, one.tries)).collect();
            deliveries::take(tx, of, &tries, later(now, LEASE))?;
            deliveries::park(tx, of, &behind.iter().map(|one| one.event.id).collect::<Vec<_>>())?;
            Ok::<_, Failure>(Some((webhook, taken, behind.len())))
        });
        let Some((webhook, taken, parked)) = claimed.await? else { return Ok(None) };
        let signers = Secrets::open(&outfit, &webhook).map(|secrets| secrets.signers(webhook.old_until, now));
        let Webhook { url, .. } = webhook;
        Ok(Some(Claim { url, signers, taken, parked }))
    }
}

fn taken(due: &deliveries::Due, now: Timestamp) -> Taken {
    Taken {
        event: due.event.id,
        tries: due.tries + 1,
        lane: due.event.contact.map_or(due.event.id.0, |contact| contact.0),
        queued_at: due.queued_at,
        taken_at: now,
        body: body::of(&due.event),
    }
}
