//! On which days the texts of many enrollments go: their schedules under what their numbers may send.
//!
//! A schedule alone says when each message is due; a thousand that are due at nine do not go at nine from a number that may send one
//! a second. [`forecast`] lets groups of contacts of the same kind go through the same windows, the same paces and the same
//! schedule as the dispatcher does, ten minutes at a time: what a number cannot take waits for it, the next message counts from
//! the day on which the one before went.
//!
//! What is planned from the same numbers already goes along and takes its room, and is not told. Not in it: replies, which only make it
//! less, texts by hand, and the cap of messages in 24 hours of some states.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

use crate::deadline;
use crate::pace::Pace;
use crate::schedule;
use crate::window::Hours;
use crate::zones::{Candidates, Zone};

/// How much of a pace is used at once: nothing in a forecast is more exact.
const SLICE: SignedDuration = SignedDuration::from_mins(10);
/// The longest forecast.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 3);
/// Most looks at a group: a forecast that needs more is cut off.
const MOST_LOOKS: usize = 2_000_000;

/// Contacts that are at the same place, start at the same time and are texted by the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The meters that their texts have to pass, by their places in the list of them.
    pub meters: Vec<usize>,
    /// Where they may be.
    pub place: Candidates,
    /// When their first message is due.
    pub due: Timestamp,
    /// How many they are.
    pub contacts: i64,
    /// The segments of each message, of all of them together.
    pub segments: Vec<i64>,
    /// Days before each message, the first of which counts for nothing here.
    pub gaps: Arc<[u16]>,
    /// Whether it is what is asked about; else it only takes its room.
    pub is_told: bool,
}

/// A pace, and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// The pace, with what was used of it.
    pub pace: Pace,
    /// What it counts.
    pub unit: Unit,
}

/// What a pace counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Segments, as carriers do.
    Segments,
    /// Messages.
    Messages,
}

/// What goes on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// Contacts that get their first message.
    pub starts: i64,
    /// Messages.
    pub messages: i64,
    /// Their segments.
    pub segments: i64,
}

/// The days on which something goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// By the calendar of the zone that was asked for.
    pub days: BTreeMap<Date, Day>,
    /// When the last message goes.
    pub last_at: Option<Timestamp>,
    /// Messages that go later than three years from now, or that the forecast has not come to.
    pub beyond: i64,
}

/// What stays the same for all groups.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// The workspace's own send window.
    pub hours: &'a Hours,
    /// The zone whose days are counted.
    pub zone: &'a Zone,
    /// The present.
    pub now: Timestamp,
}

/// Contacts of a group whose next message is the same one.
struct Part {
    /// Since when that is due: who has waited longest goes first.
    due: Timestamp,
    group: Group,
    /// Which message, from 0.
    step: usize,
    /// The hour that the first message has set.
    hour: Time,
}

/// The parts in the order in which they are looked at.
#[derive(Default)]
struct Queue {
    parts: Vec<Option<Part>>,
    heap: BinaryHeap<Reverse<(Timestamp, Timestamp, usize)>>,
    /// How many of them are told of.
    told: usize,
}

impl Queue {
    fn push(&mut self, at: Timestamp, part: Part) {
        self.parts.push(None);
        self.put_off(at, self.parts.len() - 1, part);
    }

    /// The same part again, later.
    fn put_off(&mut self, at: Timestamp, place: usize, part: Part) {
        self.heap.push(Reverse((at, part.due, place)));
        self.told += usize::from(part.group.is_told);
        self.parts[place] = Some(part);
    }

    /// The next part; nothing once there is nothing more to tell.
    fn pop(&mut self) -> Option<(Timestamp, usize, Part)> {
        if self.told == 0 {
            return None;
        }
        let Reverse((at, _, place)) = self.heap.pop()?;
        let part = self.parts[place].take()?;
        self.told -= usize::from(part.group.is_told);
        Some((at, place, part))
    }
}

/// Lets the groups go.
#[must_use]
pub fn forecast(course: &Course<'_>, groups: Vec<Group>, mut meters: Vec<Meter>) -> Forecast {
    let mut queue = Queue::default();
    for group in groups.into_iter().filter(|group| group.contacts > 0 && !group.segments.is_empty()) {
        queue.push(group.due, Part { due: group.due, step: 0, hour: Time::midnight(), group });
    }
    let end = course.now.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
    let (mut told, mut looks) = (Forecast::default(), 0);
    while let Some((at, place, part)) = queue.pop() {
        looks += 1;
        let open = deadline::opening(&part.group.place.zones, &part.group.place.rules, Some(course.hours), at);
        let Some(open) = open.filter(|open| *open < end && looks < MOST_LOOKS) else {
            told.beyond += if part.group.is_told { part.left() } else { 0 };
            continue;
        };
        if open > at {
            queue.put_off(open, place, part);
            continue;
        }
        let room = part.room(&meters, at);
        if room == 0 {
            let free = part.free_at(&meters, at);
            queue.put_off(free, place, part);
            continue;
        }
        let (going, rest) = part.split(room);
        if let Some(rest) = rest {
            let free = at.saturating_add(SLICE).unwrap_or(Timestamp::MAX);
            queue.put_off(free, place, rest);
        }
        going.pass(&mut meters, at);
        if going.group.is_told {
            told.note(course, &going, at);
        }
        if let Some((at, next)) = going.next(course, at) {
            queue.push(at, next);
        }
    }
    told
}

impl Forecast {
    fn note(&mut self, course: &Course<'_>, going: &Part, at: Timestamp) {
        let day = self.days.entry(course.zone.local(at).date()).or_default();
        day.starts += if going.step == 0 { going.group.contacts } else { 0 };
        day.messages += going.group.contacts;
        day.segments += going.segments();
        self.last_at = self.last_at.max(Some(at));
    }
}

impl Part {
    /// The segments of the message that is next, of all contacts.
    fn segments(&self) -> i64 {
        self.group.segments[self.step]
    }

    /// The same of one contact, rounded up.
    fn each(&self) -> i64 {
        (self.segments() + self.group.contacts - 1) / self.group.contacts
    }

    /// How many messages it has still to send.
    fn left(&self) -> i64 {
        let steps = self.group.segments.len() - self.step;
        self.group.contacts * i64::try_from(steps).unwrap_or(i64::MAX)
    }

    /// How many of its contacts may be texted from now on until the slice is over.
    fn room(&self, meters: &[Meter], now: Timestamp) -> i64 {
        let of = |meter: &Meter| {
            let one = meter.unit.of(1, self.each());
            match meter.pace.within(SLICE, now) / one {
                // A long message goes with what is left of the second.
                0 => i64::from(meter.pace.has_room(one, now)),
                contacts => contacts,
            }
        };
        let room = self.group.meters.iter().map(|place| of(&meters[*place])).min();
        room.unwrap_or(i64::MAX).min(self.group.contacts)
    }

    /// When there is room again for one of them.
    fn free_at(&self, meters: &[Meter], now: Timestamp) -> Timestamp {
        let of = |place: &usize| meters[*place].pace.free_at(meters[*place].unit.of(1, self.each()), now);
        let free = self.group.meters.iter().map(of).max().unwrap_or(now);
        // Never the present: the same look would follow.
        free.max(now.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX))
    }

    /// So many contacts of it, and the others.
    fn split(self, contacts: i64) -> (Self, Option<Self>) {
        if contacts >= self.group.contacts {
            return (self, None);
        }
        let all = self.group.contacts;
        let share = |segments: &i64| {
            let share = i128::from(*segments) * i128::from(contacts) / i128::from(all);
            i64::try_from(share).unwrap_or(i64::MAX)
        };
        let taken: Vec<i64> = self.group.segments.iter().map(share).collect();
        let left = self.group.segments.iter().zip(&taken).map(|(all, taken)| all - taken).collect();
        let going = Group { contacts, segments: taken, ..self.group.clone() };
        let rest = Group { contacts: all - contacts, segments: left, ..self.group };
        (Self { group: going, ..self }, Some(Self { group: rest, ..self }))
    }

    fn pass(&self, meters: &mut [Meter], now: Timestamp) {
        for place in &self.group.meters {
            let meter = &mut meters[*place];
            meter.pace = meter.pace.after(meter.unit.of(self.group.contacts, self.segments()), now);
        }
    }

    /// The message after one that went now, and when it is due; nothing after the last.
    fn next(self, course: &Course<'_>, now: Timestamp) -> Option<(Timestamp, Self)> {
        let step = self.step + 1;
        self.group.segments.get(step)?;
        let local = self.group.place.primary.local(now).time();
        let hour = if self.step == 0 { Time::constant(local.hour(), local.minute(), 0, 0) } else { self.hour };
        let gap = self.group.gaps.get(step).copied().unwrap_or(0);
        let due = schedule::next_due(now, hour, gap, &self.group.place, Some(course.hours)).ok()?.due;
        Some((due, Self { due, step, hour, ..self }))
    }
}

impl Unit {
    fn of(self, messages: i64, segments: i64) -> i64 {
        match self {
            Self::Segments => segments,
            Self::Messages => messages,
        }
    }
}

#[cfg(test)]
mod tests;
