//! The receiving end: what the handsets' journal says, and nothing else.

use std::collections::{HashMap, HashSet};

use carrier::Outcome;
use carrier::account::Kind;
use domain::phone::Phone;
use domain::window;
use domain::zones::{self, Place};
use jiff::Timestamp;
use serde::Deserialize;

use crate::story::cast::Story;
use crate::story::log::Count;
use crate::story::texts::Tag;

/// A text that reached a handset.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// How many had arrived before it.
    pub(crate) nth: Count,
    /// The attempt that brought it.
    pub(crate) attempt: i64,
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) tag: Tag,
    pub(crate) at: Timestamp,
}

#[derive(Deserialize)]
struct Line {
    text: Option<To>,
    expired: Option<Expired>,
}

#[derive(Deserialize)]
struct Expired {
    attempt: domain::ids::AttemptId,
}

#[derive(Deserialize)]
struct To {
    to: String,
    text: Text,
}

#[derive(Deserialize)]
struct Text {
    attempt: domain::ids::AttemptId,
    from: String,
    body: String,
    at: Timestamp,
}

/// Every text, in the order of arrival.
pub(crate) fn arrived(story: &Story) -> Vec<Arrived> {
    let texts = (0..).zip(journal(story).into_iter().filter_map(|line| line.text));
    texts
        .map(|(nth, To { to, text })| {
            let (attempt, tag) = (text.attempt.0, Tag::of(&text.body));
            Arrived { nth, attempt, to, from: text.from, tag, at: text.at }
        })
        .collect()
}

fn journal(story: &Story) -> Vec<Line> {
    let journal = std::fs::read_to_string(story.journal()).unwrap();
    journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The attempts whose texts the carrier took and gave up, because their time was over.
pub(crate) fn expired(story: &Story) -> HashMap<i64, Tag> {
    let handed = story.way.handed().into_iter();
    let tags: HashMap<i64, Tag> = handed.map(|(text, _)| (text.attempt.0, Tag::of(&text.body))).collect();
    let lines = journal(story).into_iter().filter_map(|line| line.expired);
    lines.map(|line| (line.attempt.0, tags[&line.attempt.0])).collect()
}

/// The last answer of the carrier about each text with a tag.
pub(crate) fn answers(story: &Story) -> HashMap<Tag, Outcome> {
    story.way.handed().into_iter().map(|(submission, outcome)| (Tag::of(&submission.body), outcome)).collect()
}

/// How many segments the carrier's news said that each text has.
pub(crate) fn counts(story: &Story, texts: &[Arrived], expired: &HashMap<i64, Tag>) -> HashMap<Tag, u32> {
    let all = texts.iter().map(|text| (text.attempt, text.tag));
    let all = all.chain(expired.iter().map(|(attempt, tag)| (*attempt, *tag)));
    let told = all.filter(|(attempt, _)| story.log.receipts.contains_key(attempt));
    told.filter_map(|(attempt, tag)| Some((tag, story.way.counted(attempt)?))).collect()
}

/// However long a text waited at the carrier: none of a workflow arrived in closed hours, but where the carrier cannot be told how long it
/// may try.
pub(crate) fn check_hours(story: &Story, texts: &[Arrived]) {
    let until: HashMap<i64, Timestamp> =
        story.way.handed().into_iter().map(|(text, _)| (text.attempt.0, text.deliver_by)).collect();
    let mut waited = 0;
    for text in texts {
        assert!(text.at <= until[&text.attempt], "{text:?} arrived after its time, {}", until[&text.attempt]);
        let Tag::Step { .. } = text.tag else { continue };
        waited += usize::from(text.at > until[&text.attempt] - jiff::SignedDuration::from_hours(2));
        let phone = Phone::stored(&text.to).unwrap();
        let place = zones::candidates(&Place { zone: None, state: None, zip: None, phone }, None).unwrap();
        let is_open = window::is_open(&place.zones, &place.rules, None, text.at);
        assert!(is_open || story.kind == Some(Kind::Telnyx), "{text:?} arrived in closed hours");
    }
    println!("{waited} texts of workflows arrived in the last two hours of their time");
    assert!(waited > 10, "hardly any text came near its limit");
}

/// Nothing came twice, nothing came to the wrong handset or from the wrong number, steps came in their order.
pub(crate) fn check_once(story: &Story, texts: &[Arrived]) {
    let (mut seen, mut attempts) = (HashSet::new(), HashSet::new());
    let mut last = HashMap::<usize, u8>::new();
    for text in texts {
        assert!(attempts.insert(text.attempt), "an attempt came twice: {text:?}");
        if text.tag != Tag::System {
            assert!(seen.insert(text.tag), "a text came twice: {text:?}");
        }
        let Tag::Step { run, step } = text.tag else { continue };
        let before = last.insert(run, step).unwrap_or(0);
        assert!(before < step, "step {step} came after step {before}: {text:?}");
        let (workspace, phone) = &story.log.runs[run].line;
        assert_eq!(*phone, text.to, "a step went to somebody else");
        let owner = story.customers.iter().find(|customer| customer.workspace() == *workspace).unwrap();
        assert!(owner.numbers.contains(&text.from), "{text:?} came from a number of somebody else");
    }
}

/// Nobody was texted by a workflow after the stop of its run.
pub(crate) fn check_stops(story: &Story, texts: &[Arrived]) {
    for text in texts {
        let Tag::Step { run, .. } = text.tag else { continue };
        let of = &story.log.runs[run];
        assert!(!story.log.is_late(of, text.nth), "{text:?} came after its run {of:?} was stopped");
    }
}

/// Nobody was texted by a workflow or by hand while they were banned; one confirmation at most.
pub(crate) fn check_bans(story: &Story, texts: &[Arrived]) {
    let mut by_phone = HashMap::<&str, Vec<&Arrived>>::new();
    for text in texts {
        by_phone.entry(&text.to).or_default().push(text);
    }
    for (((workspace, phone), ban), spans) in &story.log.bans {
        let owner = story.customers.iter().find(|customer| customer.workspace() == *workspace).unwrap();
        let texts = by_phone.get(phone.as_str()).into_iter().flatten();
        let theirs: Vec<_> = texts.filter(|text| owner.numbers.contains(&text.from)).collect();
        for (from, until) in spans {
            let until = until.unwrap_or(Count::MAX);
            let within = theirs.iter().filter(|text| *from <= text.nth && text.nth < until);
            for text in within {
                assert_eq!(text.tag, Tag::System, "{text:?} came to a line that was banned: {ban:?}");
            }
        }
    }
}
