//! Settling calls: what became of each delivery, who goes next, and how the endpoint stands. One transaction for whatever has
//! answered, under the lock of the endpoint's row. What a try's answer means is `domain::webhook`.

use carrier::webhook::Posted;
use domain::webhook::{DeliveryState, EndpointState, Verdict, is_spent, verdict};
use jiff::Timestamp;
use serde_json::json;
use store::webhooks::deliveries::{self, Of, Settled};
use store::webhooks::{self, Webhook};
use store::{Lane, Tx};

use super::claim::Taken;
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;

/// A call that is over.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) taken: Taken,
    pub(super) posted: Posted,
    /// Whether it was given up before anything was called: it never can be.
    pub(super) hopeless: bool,
    pub(super) took_millis: i64,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Gone,
    Spent,
}

impl Stop {
    fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Spent => "unanswered",
        }
    }
}

impl Engine {
    pub(super) async fn settle_webhooks(&self, of: Of, answers: Vec<Answered>) -> Result<(), Failure> {
        let beat = self.beat_as(of.0, "dripline");
        let became = self.write(Lane::Normal, move |tx| {
            // It may have been removed meanwhile: then nobody asks what became of it.
            let Some(webhook) = webhooks::lock(tx, of.0, of.1)? else { return Ok(Vec::new()) };
            let ruled: Vec<_> = answers.iter().map(|one| (one, ruling(one, beat.now))).collect();
            let settled: Vec<_> = ruled.iter().map(|(one, ruling)| settled(one, *ruling)).collect();
            deliveries::settle(tx, of, &settled, beat.now)?;
            let mut lanes: Vec<_> = answers.iter().map(|one| one.taken.lane).collect();
            lanes.sort_unstable();
            lanes.dedup();
            deliveries::let_next_go(tx, of, &lanes, beat.now)?;
            let rulings: Vec<_> = ruled.iter().map(|(_, ruling)| *ruling).collect();
            stand(tx, &beat, webhook, &rulings)?;
            Ok::<_, Failure>(rulings)
        });
        for verdict in became.await? {
            self.counters().posted(verdict);
        }
        Ok(())
    }
}

fn ruling(one: &Answered, now: Timestamp) -> Verdict {
    if one.hopeless {
        return Verdict::Failed;
    }
    // Spreads the retries of what failed together, without chance.
    let luck = one.taken.event.0.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
    verdict(one.posted.status, one.taken.tries, one.taken.queued_at, now, luck)
}

fn settled(one: &Answered, ruling: Verdict) -> Settled {
    let (state, due_at) = match ruling {
        Verdict::Delivered => (DeliveryState::Delivered, None),
        Verdict::Again(at) => (DeliveryState::Pending, Some(at)),
        Verdict::Failed | Verdict::Gone => (DeliveryState::Failed, None),
    };
    Settled {
        event: one.taken.event,
        tries: one.taken.tries,
        state,
        due_at,
        status: one.posted.status,
        said: one.posted.said.clone(),
        took_millis: one.took_millis,
    }
}

/// How the endpoint stands after these.
fn stand(tx: &mut Tx<'_>, beat: &Beat, before: Webhook, rulings: &[Verdict]) -> Result<(), Failure> {
    let mut after = before.clone();
    if rulings.contains(&Verdict::Delivered) {
        (after.failing_since, after.delivered_at) = (None, Some(beat.now));
    } else {
        after.failing_since.get_or_insert(beat.now);
    }
    let stop = if rulings.contains(&Verdict::Gone) {
        Some(Stop::Gone)
    } else {
        after.failing_since.filter(|since| is_spent(*since, beat.now)).map(|_| Stop::Spent)
    };
    let stop = stop.filter(|_| before.state == EndpointState::On);
    if let Some(stop) = stop {
        after.state = EndpointState::Disabled;
        (after.stopped_at, after.stopped_because) = (Some(beat.now), Some(stop.word().to_owned()));
    }
    if after != before {
        webhooks::save(tx, beat.workspace, &after)?;
    }
    let Some(stop) = stop else { return Ok(()) };
    tracing::warn!(webhook = %after.id, workspace = %beat.workspace, reason = stop.word(), "an endpoint was disabled");
    let (reason, since) = (stop.word(), after.failing_since);
    let note =
        json!({ "webhook": after.id, "description": after.description, "reason": reason, "failing_since": since });
    beat.note(tx, "webhook.disabled", None, &note)
}
