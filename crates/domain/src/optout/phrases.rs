//! Whether a message says one of the phrases of `table.rs`, and what around it undoes it.
//!
//! A phrase stands inside one clause. A negation undoes "stop texting" ("don't stop texting"), another subject or a
//! condition undoes "don't text me" ("they don't text me", "don't text me before 9").

use std::sync::LazyLock;

use super::pattern::{Found, Pattern};
use super::table::{Guard, OPT_OUTS, OWN_SLIPS, TEXTS_WANTED, WRONG_NUMBERS};
use super::words::Message;

/// Words that deny what follows, and those that may stand between.
const NEGATIONS: [&str; 14] = [
    "dont", "not", "never", "cant", "wont", "didnt", "doesnt", "couldnt", "shouldnt", "wouldnt", "isnt", "aint",
    "without", "havent",
];
const BETWEEN: [&str; 23] = [
    "ever", "please", "just", "to", "want", "going", "gonna", "need", "wanna", "really", "have", "like", "me", "us",
    "him", "it", "you", "them", "wish", "say", "said", "even", "asking",
];
/// Who does something, so that a following `dont` is no request.
const SUBJECTS: [&str; 17] = [
    "i", "we", "they", "he", "she", "you", "people", "who", "why", "it", "guys", "agents", "buyers", "tenants", "that",
    "which", "if",
];
const CONDITIONS: [&str; 21] = [
    "before",
    "until",
    "till",
    "til",
    "unless",
    "during",
    "while",
    "between",
    "when",
    "if",
    "yet",
    "tonight",
    "today",
    "late",
    "early",
    "night",
    "work",
    "weekends",
    "facebook",
    "whatsapp",
    "instagram",
];
/// How many words behind a request a condition is looked for.
const CONDITION_WORDS: usize = 5;

struct Phrases {
    opt_outs: Vec<(Guard, Pattern)>,
    wrong_numbers: Vec<Pattern>,
    own_slips: Vec<Pattern>,
    texts_wanted: Vec<Pattern>,
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let read = |list: &'static [&'static str]| list.iter().map(|pattern| Pattern::read(pattern)).collect();
    let group = |(guard, list): &'static (Guard, &'static [&'static str])| {
        list.iter().map(|pattern| (*guard, Pattern::read(pattern)))
    };
    Phrases {
        opt_outs: OPT_OUTS.iter().flat_map(group).collect(),
        wrong_numbers: read(WRONG_NUMBERS),
        own_slips: read(OWN_SLIPS),
        texts_wanted: read(TEXTS_WANTED),
    }
});

/// Whether it says in other words than a keyword that no more messages are wanted.
pub(super) fn is_opt_out(message: &Message) -> bool {
    let texts_instead = wants_texts_for_calls(message);
    message.clauses().iter().any(|clause| {
        PHRASES.opt_outs.iter().any(|(guard, pattern)| {
            pattern.find(clause).any(|found| match guard {
                Guard::None => true,
                Guard::Negation => !is_negated(clause, found.start),
                Guard::Statement => is_request(clause, found),
                Guard::CallNegation => !texts_instead && !is_negated(clause, found.start),
                Guard::CallStatement => !texts_instead && is_request(clause, found),
            })
        })
    })
}

/// Whether it says that the sender is not the one who is meant.
pub(super) fn is_wrong_number(message: &Message) -> bool {
    says(message, &PHRASES.wrong_numbers) && !says(message, &PHRASES.own_slips)
}

/// Whether it is about calls and asks for texts in their place.
pub(super) fn wants_texts_for_calls(message: &Message) -> bool {
    let calls = message.words().any(|word| matches!(word, "call" | "calls" | "calling" | "phoning"));
    let denied = |clause: &[String], found: Found| {
        is_negated(clause, found.start)
            || found.start > 0 && matches!(clause[found.start - 1].as_str(), "or" | "and" | "nor")
    };
    let wanted = |clause: &Vec<String>| {
        PHRASES.texts_wanted.iter().any(|pattern| pattern.find(clause).any(|found| !denied(clause, found)))
    };
    calls && message.clauses().iter().any(wanted)
}

fn says(message: &Message, patterns: &[Pattern]) -> bool {
    message.clauses().iter().any(|clause| patterns.iter().any(|pattern| pattern.find(clause).next().is_some()))
}

/// Whether a negation reaches the word: "dont ever", "not going to"; but neither "wont you" nor "you never".
fn is_negated(clause: &[String], start: usize) -> bool {
    let Some(at) = clause[..start].iter().rposition(|word| !BETWEEN.contains(&word.as_str())) else { return false };
    let asked = clause.get(at + 1).is_some_and(|word| word == "you") && at + 1 < start;
    let accused = at > 0 && clause[at - 1] == "you";
    NEGATIONS.contains(&clause[at].as_str()) && !asked && !accused
}

/// Whether a `dont …` asks us, always: no other subject before it, no condition behind it.
fn is_request(clause: &[String], found: Found) -> bool {
    let before = |back: usize| found.start.checked_sub(back).map_or("", |at| clause[at].as_str());
    let told = before(1) == "you"
        && matches!(before(2), "told" | "asked" | "telling" | "asking" | "tell" | "ask" | "said" | "thank");
    let behind = &clause[found.end..clause.len().min(found.end + CONDITION_WORDS)];
    let conditional = behind.iter().enumerate().any(|(at, word)| {
        let later = behind.get(at + 1).is_some_and(|next| matches!(next.as_str(), "this" | "today" | "that"));
        CONDITIONS.contains(&word.as_str()) || (word == "after" && !later)
    });
    let forever = |at: usize| clause.get(at).is_some_and(|word| word == "again" || word == "anymore");
    let conditional = conditional && !forever(found.end - 1) && !forever(found.end);
    let imperative = matches!(clause[found.start].as_str(), "dont" | "never");
    (told || !imperative || !SUBJECTS.contains(&before(1))) && !conditional
}
