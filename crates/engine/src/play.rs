//! Plays time: on a clock that can be moved, does all that falls due until an instant, jumping from
//! one event to the next. A month passes in as long as its work takes.
//!
//! The dispatcher and other plays may run beside it. The clock is moved only while nobody has anything in
//! hand: a message that is with a carrier would else be past its deadline before the answer can come.

use carrier::simulator::Simulator;
use jiff::{SignedDuration, Timestamp};

use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;

/// The least step when due work could not be taken (its pace is used up, another node has it).
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// What happened in a play.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Played {
    /// Messages handed to carriers.
    pub submitted: usize,
    /// Callbacks taken: replies and receipts.
    pub callbacks: usize,
    /// How many times the clock was moved.
    pub moves: usize,
}

impl Engine {
    /// Plays until an instant. With nothing left to do the clock goes there at once.
    pub async fn play(&self, simulator: &Simulator, until: Timestamp) -> Result<Played, Failure> {
        let mut played = Played::default();
        self.clock().will_move_to(until);
        loop {
            let round = self.round().await?;
            let callbacks = self.deliver(simulator).await?;
            played.submitted += round.submitted;
            played.callbacks += callbacks;
            if round.touched > 0 || callbacks > 0 {
                continue;
            }
            let pushed = self.hands_off().await;
            let now = self.now();
            let next = [self.next_due().await?, simulator.next_event_at()].into_iter().flatten().min();
            let next = next.map_or(until, |next| if next > now { next } else { later(now, STEP) });
            if next >= until {
                self.clock().move_to(until);
                drop(pushed);
                // What is due at the very end belongs to the play.
                return self.last(simulator, played).await;
            }
            self.clock().move_to(next);
            played.moves += 1;
        }
    }

    async fn last(&self, simulator: &Simulator, mut played: Played) -> Result<Played, Failure> {
        let mut waited = false;
        loop {
            let round = self.round().await?;
            let callbacks = self.deliver(simulator).await?;
            played.submitted += round.submitted;
            played.callbacks += callbacks;
            if round.touched > 0 || callbacks > 0 {
                waited = false;
            } else if waited {
                return Ok(played);
            } else {
                // What the dispatcher has in hand may still bring something.
                drop(self.hands_off().await);
                waited = true;
            }
        }
    }
}
