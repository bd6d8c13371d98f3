//! The receiving end: what the handsets' journal says, and nothing else.

use std::collections::{HashMap, HashSet};

use carrier::Outcome;
use serde::Deserialize;

use crate::cast::Story;
use crate::log::Count;
use crate::texts::Tag;

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
}

#[derive(Deserialize)]
struct Line {
    text: Option<To>,
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
}

/// Every text, in the order of arrival.
pub(crate) fn arrived(story: &Story) -> Vec<Arrived> {
    let journal = std::fs::read_to_string(story.journal()).unwrap();
    let lines = journal.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    let texts = (0..).zip(lines.filter_map(|line| line.text));
    texts
        .map(|(nth, To { to, text })| {
            let (attempt, tag) = (text.attempt.0, Tag::of(&text.body));
            Arrived { nth, attempt, to, from: text.from, tag }
        })
        .collect()
}

/// The last answer of the carrier about each text with a tag.
pub(crate) fn answers(story: &Story) -> HashMap<Tag, Outcome> {
    story.way.handed().into_iter().map(|(submission, outcome)| (Tag::of(&submission.body), outcome)).collect()
}

/// How many segments the carrier's news said that each text has.
pub(crate) fn counts(story: &Story, texts: &[Arrived]) -> HashMap<Tag, u32> {
    let told = texts.iter().filter(|text| story.log.receipts.contains_key(&text.attempt));
    told.filter_map(|text| Some((text.tag, story.way.counted(text.attempt)?))).collect()
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
