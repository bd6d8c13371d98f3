//! What a line remembers over the links that it has had: deliveries that may come again, texts that wait for parts, texts without an answer.
//!
//! It hands what it hears to the ear and says when that is stored; it answers nobody by itself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use domain::ids::AttemptId;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::alphabet::Alphabet;
use super::heard::{self, Ids, Said, Text};
use super::pdu::{Delivery, Frame};
use super::pieces::{Gathered, Grown, Key, Pieces};
use super::repeats::{Content, Repeats};
use super::session::{Note, Stored};
use crate::adapter::e164;
use crate::callback::{Heard, Strange};
use crate::ear::Ear;
use crate::wire::{CarrierEvent, Inbound, Receipt, ReceiptState};

/// Most texts without an answer that are remembered.
const UNANSWERED: usize = 10_000;
/// For how long: after that nobody asks for a text any more, and its 16 bits may be another's.
const UNANSWERED_AGE: SignedDuration = SignedDuration::from_hours(72);

pub(super) struct Desk {
    name: String,
    alphabet: Alphabet,
    ids: Ids,
    pub(super) ear: Arc<dyn Ear>,
    state: Mutex<State>,
    named: AtomicU64,
}

#[derive(Default)]
struct State {
    pieces: Pieces,
    repeats: Repeats,
    /// The oldest first, with the time at which it was handed over.
    unanswered: VecDeque<(Timestamp, Unanswered)>,
}

/// A text whose answer has not come, and perhaps never will; a receipt may bring its reference back before either is known.
pub(super) struct Unanswered {
    pub(super) ours: String,
    pub(super) theirs: String,
    pub(super) attempt: AttemptId,
}

/// The reference that a text bears: a digest of its attempt, whose lowest bits alone are nearly the same for all texts.
pub(super) fn reference(attempt: AttemptId) -> u16 {
    let [high, low, ..] = attempt.0.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// A digest of all that makes a delivery what it is.
pub(super) fn content(delivery: &Delivery) -> Content {
    let Delivery { source, destination, esm_class, data_coding, text, parameters } = delivery;
    let whole = format!("{source}\0{destination}\0{esm_class}\0{data_coding}\0{text:?}\0{parameters:?}");
    let mut content = [0; 32];
    content.copy_from_slice(digest::digest(&digest::SHA256, whole.as_bytes()).as_ref());
    content
}

impl Desk {
    pub(super) fn new(name: String, alphabet: Alphabet, ids: Ids, ear: Arc<dyn Ear>) -> Self {
        Self { name, alphabet, ids, ear, state: Mutex::default(), named: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a delivery: how it is stored, or nothing where it may be confirmed at once.
    pub(super) fn delivered(&self, request: Frame, delivery: &Delivery) -> Option<BoxFuture<'_, Stored>> {
        let (content, now) = (content(delivery), self.ear.now());
        match heard::read(delivery, self.alphabet, self.ids, now) {
            Said::Receipt(receipt, reference) => {
                let meant = reference.and_then(|reference| self.unanswered(delivery, reference));
                let receipt = match meant {
                    Some((attempt, from)) => Receipt { attempt: Some(attempt), from, ..receipt },
                    None => receipt,
                };
                let stored = Stored::waiting(Some(request), receipt.event_id.clone());
                Some(self.store(stored, event(CarrierEvent::Receipt(receipt))))
            }
            Said::Text(text) => self.said(request, content, &text),
            Said::Strange(why) => {
                let event_id = hex(&content);
                let strange = Strange { event_id: event_id.clone(), why, raw: shown(delivery) };
                let heard = Heard { strange: vec![strange], ..Heard::default() };
                Some(self.store(Stored::waiting(Some(request), event_id), heard))
            }
        }
    }

    fn said(&self, request: Frame, content: Content, text: &Text) -> Option<BoxFuture<'_, Stored>> {
        let now = self.ear.now();
        let mut state = self.state();
        let State { pieces, repeats, .. } = &mut *state;
        let known = text.part.and_then(|place| pieces.event_of(text, place));
        let new = || {
            known.unwrap_or_else(|| {
                format!(
                    "{}:{}:{}",
                    &hex(&content)[..16],
                    now.as_microsecond(),
                    self.named.fetch_add(1, Ordering::Relaxed)
                )
            })
        };
        let named = repeats.name(content, now, new);
        if named.stored {
            return None;
        }
        let event_id = named.event_id;
        let (key, inbound) = match text.part {
            None => (None, self.inbound(&event_id, (&text.from, &text.to), (text.data_coding, &text.bytes))),
            Some(place) => match pieces.add(text, place, || event_id.clone()) {
                Grown::Waits => return None,
                Grown::Whole(key, gathered) => (Some(key), self.whole(&gathered)),
            },
        };
        let stored = Stored {
            content: Some(content),
            gathered: key,
            ..Stored::waiting(Some(request), inbound.event_id.clone())
        };
        drop(state);
        Some(self.store(stored, event(CarrierEvent::Inbound(inbound))))
    }

    fn whole(&self, gathered: &Gathered) -> Inbound {
        let Gathered { event_id, from, to, data_coding, .. } = gathered;
        self.inbound(event_id, (from, to), (*data_coding, &gathered.bytes()))
    }

    fn inbound(&self, event_id: &str, (from, to): (&str, &str), (data_coding, bytes): (u8, &[u8])) -> Inbound {
        let (body, media) = Text::written(data_coding, bytes, self.alphabet);
        let (from, to) = (from.to_owned(), to.to_owned());
        Inbound { event_id: event_id.to_owned(), from, to, body, media, signal: None, at: self.ear.now() }
    }

    fn store(&self, stored: Stored, heard: Heard) -> BoxFuture<'_, Stored> {
        Box::pin(async move {
            let done = self.ear.take(&self.name, heard).await;
            if let Err(error) = &done {
                tracing::error!(carrier = self.name, %error, "a delivery was not taken; the SMSC has to repeat it");
            }
            Stored { is_stored: done.is_ok(), ..stored }
        })
    }

    /// The texts whose rest does not come, to be stored as they are.
    pub(super) fn late(&self) -> Vec<BoxFuture<'_, Stored>> {
        let late = self.state().pieces.late();
        late.into_iter().map(|one| self.as_it_is(one)).collect()
    }

    /// All texts that wait for parts, to be stored as they are.
    pub(super) fn unfinished(&self) -> Vec<BoxFuture<'_, Stored>> {
        let all = self.state().pieces.all();
        all.into_iter().map(|one| self.as_it_is(one)).collect()
    }

    fn as_it_is(&self, (key, gathered): (Key, Gathered)) -> BoxFuture<'_, Stored> {
        let inbound = self.whole(&gathered);
        let stored = Stored { gathered: Some(key), ..Stored::waiting(None, inbound.event_id.clone()) };
        self.store(stored, event(CarrierEvent::Inbound(inbound)))
    }

    /// News of a text whose answer came after nobody waited for it any more: it was sent.
    pub(super) fn late_answer(&self, note: &Note, id: &str) -> BoxFuture<'_, Stored> {
        let receipt = Receipt {
            event_id: format!("{}:answer", note.attempt),
            carrier_id: self.carrier_id(id, note.attempt),
            from: note.from.clone(),
            attempt: Some(note.attempt),
            state: ReceiptState::Accepted,
            code: None,
            failure: None,
            segments: None,
            cost: None,
            at: self.ear.now(),
        };
        self.store(Stored::waiting(None, receipt.event_id.clone()), event(CarrierEvent::Receipt(receipt)))
    }

    /// The identifier of an answer, as we keep it; our own where there is none.
    pub(super) fn carrier_id(&self, id: &str, attempt: AttemptId) -> String {
        if id.is_empty() { attempt.to_string() } else { self.ids.answered(id) }
    }

    /// What a storing that is over means for what is remembered.
    pub(super) fn settle(&self, stored: &Stored) {
        if !stored.is_stored {
            return;
        }
        let mut state = self.state();
        state.repeats.stored(&stored.event_id);
        if let Some(key) = &stored.gathered {
            state.pieces.drop(key);
        }
    }

    pub(super) fn answered(&self, content: Content, link: u64, after: u32) {
        self.state().repeats.answered(content, link, after);
    }

    pub(super) fn waits_for_proof(&self, link: u64) -> bool {
        self.state().repeats.waits_for_proof(link)
    }

    /// The SMSC answered our request over a link.
    pub(super) fn proved(&self, link: u64, request: u32) {
        self.state().repeats.proved(link, request);
    }

    /// Remembers a text that is about to be handed over.
    pub(super) fn hands_over(&self, text: Unanswered) {
        let now = self.ear.now();
        let unanswered = &mut self.state().unanswered;
        forget_old(unanswered, now);
        if unanswered.len() >= UNANSWERED {
            unanswered.pop_front();
        }
        unanswered.push_back((now, text));
    }

    /// What became of it is known.
    pub(super) fn is_answered(&self, attempt: AttemptId) {
        let unanswered = &mut self.state().unanswered;
        if let Some(place) = unanswered.iter().rposition(|(_, text)| text.attempt == attempt) {
            unanswered.remove(place);
        }
    }

    /// The attempt without an answer that a receipt's reference means, if it can only be one, and our number; whichever way round the
    /// SMSC names the two.
    fn unanswered(&self, delivery: &Delivery, of: u16) -> Option<(AttemptId, String)> {
        let (one, other) = (e164(&delivery.source)?, e164(&delivery.destination)?);
        let mut state = self.state();
        forget_old(&mut state.unanswered, self.ear.now());
        let fits = |text: &&Unanswered| {
            let numbers = (&text.ours, &text.theirs);
            (numbers == (&one, &other) || numbers == (&other, &one)) && reference(text.attempt) == of
        };
        let mut fitting = state.unanswered.iter().map(|(_, text)| text).filter(fits);
        let found = fitting.next().map(|text| (text.attempt, text.ours.clone()));
        found.filter(|_| fitting.next().is_none())
    }
}

fn forget_old(unanswered: &mut VecDeque<(Timestamp, Unanswered)>, now: Timestamp) {
    let old = |since: Timestamp| now.duration_since(since) > UNANSWERED_AGE;
    while unanswered.front().is_some_and(|(since, _)| old(*since)) {
        unanswered.pop_front();
    }
}

impl Stored {
    fn waiting(request: Option<Frame>, event_id: String) -> Self {
        Self { request, content: None, event_id, gathered: None, is_stored: false }
    }
}

fn event(event: CarrierEvent) -> Heard {
    Heard { events: vec![event], ..Heard::default() }
}

/// A delivery for a person to read.
fn shown(delivery: &Delivery) -> String {
    let text: String = delivery.text.iter().copied().map(char::from).collect();
    let Delivery { source, destination, esm_class, data_coding, parameters, .. } = delivery;
    format!(
        "from {source:?} to {destination:?}, esm_class {esm_class}, data_coding {data_coding}: {text:?}, {parameters:?}"
    )
}

fn hex(content: &Content) -> String {
    use std::fmt::Write as _;
    content.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::ear::NotTaken;

    const OURS: &str = "+12125550100";
    const THEIRS: &str = "+12125550111";

    struct Still(Mutex<Timestamp>);

    impl Ear for Still {
        fn take<'a>(&'a self, _: &'a str, _: Heard) -> BoxFuture<'a, Result<(), NotTaken>> {
            Box::pin(async { Ok(()) })
        }

        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn desk() -> (Desk, Arc<Still>) {
        let ear = Arc::new(Still(Mutex::new(Timestamp::UNIX_EPOCH)));
        (Desk::new("car_1".to_owned(), Alphabet::Gsm, Ids::Same, Arc::clone(&ear) as Arc<dyn Ear>), ear)
    }

    fn text(attempt: i64) -> Unanswered {
        Unanswered { ours: OURS.to_owned(), theirs: THEIRS.to_owned(), attempt: AttemptId(attempt) }
    }

    fn found(desk: &Desk, source: &str, destination: &str, attempt: i64) -> Option<(AttemptId, String)> {
        let number = |text: &str| text.trim_start_matches('+').to_owned();
        let (source, destination) = (number(source), number(destination));
        let delivery = Delivery { source, destination, esm_class: 4, data_coding: 0, text: vec![], parameters: vec![] };
        desk.unanswered(&delivery, reference(AttemptId(attempt)))
    }

    #[test]
    fn a_text_without_an_answer_is_found_whichever_way_round_its_numbers_are() {
        let (desk, _) = desk();
        desk.hands_over(text(32));
        let ours = Some((AttemptId(32), OURS.to_owned()));
        assert_eq!(found(&desk, THEIRS, OURS, 32), ours);
        assert_eq!(found(&desk, OURS, THEIRS, 32), ours);
        assert_eq!(found(&desk, OURS, OURS, 32), None);
        assert_eq!(found(&desk, OURS, THEIRS, 64), None);
    }

    #[test]
    fn a_text_without_an_answer_is_forgotten_by_its_age_and_by_the_number_of_them() {
        let (desk, ear) = desk();
        desk.hands_over(text(32));
        let to = |hours| *ear.0.lock().unwrap() = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        to(72);
        assert!(found(&desk, THEIRS, OURS, 32).is_some());
        to(73);
        assert!(found(&desk, THEIRS, OURS, 32).is_none() && desk.state().unanswered.is_empty());
        for n in 0..UNANSWERED + 5 {
            desk.hands_over(Unanswered { attempt: AttemptId(i64::try_from(n).unwrap()), ..text(0) });
        }
        assert_eq!(desk.state().unanswered.len(), UNANSWERED);
        assert_eq!(desk.state().unanswered[0].1.attempt, AttemptId(5));
    }
}
