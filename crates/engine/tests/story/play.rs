//! How time passes: as in `Engine::play`, but each callback is written down with what had arrived by then.

use std::collections::HashSet;
use std::pin::pin;

use carrier::{CarrierEvent, Inbound};
use domain::ids::WorkspaceId;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::exchange::Early;
use crate::story::cast::Story;
use crate::story::log::{Ban, Count, Whose};
use crate::story::texts::{self, Wish};

/// On most days what falls due within an hour is done at once; on every twentieth, event by event.
const STEP_SECONDS: i64 = 3_600;
const FINE_DAYS: i64 = 20;
/// Most callbacks that are handed over at once, as a server would take them.
const AT_ONCE: usize = 64;

impl Story {
    /// How many texts have reached a handset.
    pub(crate) fn arrived(&self) -> Count {
        self.simulator.stats().unwrap().texts
    }

    /// Does all that falls due until this time.
    pub(crate) async fn play_until(&mut self, until: Timestamp, day: i64) {
        loop {
            self.way.linked().await;
            let touched = self.round().await;
            if self.deliver().await + touched > 0 {
                continue;
            }
            let now = self.engine.now();
            if now >= until {
                return;
            }
            let next = [self.engine.next_due().await.unwrap(), self.simulator.next_event_at()];
            let next = next.into_iter().flatten().min().unwrap_or(until).max(now + SignedDuration::from_secs(1));
            let next = if day % FINE_DAYS == 0 { next } else { rounded_up(next) };
            self.engine.clock().move_to(next.min(until));
        }
    }

    /// One round, during which a carrier may already tell of what it is still being asked for. Says how much was done.
    async fn round(&mut self) -> usize {
        let engine = self.engine.clone();
        let mut round = pin!(engine.round());
        let Some(mut early) = self.early.take() else { return round.await.unwrap().touched };
        let mut over = None;
        let done = loop {
            if let Some(done) = over {
                break done;
            }
            let Early { events, taken } = tokio::select! {
                done = &mut round => break done.unwrap(),
                Some(call) = early.recv() => call,
            };
            // The round goes on meanwhile: a link that breaks under it may wait for what it is about to hand over.
            let tell = async {
                for event in &events {
                    self.way.tell(&engine, event).await;
                }
            };
            let mut tell = pin!(tell);
            loop {
                tokio::select! {
                    () = &mut tell => break,
                    done = &mut round, if over.is_none() => over = Some(done.unwrap()),
                }
            }
            for event in &events {
                self.log.told(event);
                if let CarrierEvent::Inbound(inbound) = event {
                    self.heard_early.push(inbound.clone());
                }
            }
            // Nobody waits for it where the link has ended.
            let _ = taken.send(());
        };
        self.early = Some(early);
        // What the round had claimed before may still have gone out; from here on nothing may.
        for inbound in std::mem::take(&mut self.heard_early) {
            self.heard(&inbound);
        }
        done.touched
    }

    /// Hands over what the carrier has to tell, at once where it comes from different handsets.
    async fn deliver(&mut self) -> usize {
        let events = self.simulator.due_events(self.engine.now());
        for portion in portions(&events) {
            join_all(portion.iter().map(|event| self.way.tell(&self.engine, event))).await;
            for event in portion {
                self.log.told(event);
                if let CarrierEvent::Inbound(inbound) = event {
                    self.heard(inbound);
                }
            }
        }
        events.len()
    }

    /// From here on nobody whom this text stops may be texted.
    fn heard(&mut self, inbound: &Inbound) {
        let arrived = self.arrived();
        let workspace = self.workspace_of(&inbound.to);
        for phone in self.family(workspace, &inbound.from) {
            self.log.stop(Whose::Line((workspace, phone)), arrived);
        }
        let line = (workspace, inbound.from.clone());
        match texts::wish(&inbound.body) {
            Wish::Talk => {}
            Wish::Out => self.log.ban(&line, Ban::OptedOut, arrived),
            Wish::In => self.log.unban(&line, Ban::OptedOut, arrived),
            Wish::Wrong => self.log.ban(&line, Ban::DoNotContact, arrived),
        }
    }

    fn workspace_of(&self, number: &str) -> WorkspaceId {
        let owner = self.customers.iter().find(|customer| customer.numbers.iter().any(|own| own == number));
        owner.unwrap().workspace()
    }
}

/// The events in their order, cut where a handset comes again.
fn portions(events: &[CarrierEvent]) -> Vec<Vec<&CarrierEvent>> {
    let (mut portions, mut seen) = (vec![Vec::new()], HashSet::new());
    for event in events {
        let handset = match event {
            CarrierEvent::Inbound(inbound) => &inbound.from,
            CarrierEvent::Receipt(receipt) => &receipt.carrier_id,
        };
        if seen.len() == AT_ONCE || seen.contains(handset) {
            portions.push(Vec::new());
            seen.clear();
        }
        seen.insert(handset);
        portions.last_mut().unwrap().push(event);
    }
    portions
}

/// The next full hour.
fn rounded_up(at: Timestamp) -> Timestamp {
    let seconds = at.as_second().div_euclid(STEP_SECONDS) * STEP_SECONDS;
    if seconds == at.as_second() && at.subsec_nanosecond() == 0 {
        return at;
    }
    Timestamp::from_second(seconds + STEP_SECONDS).unwrap()
}
