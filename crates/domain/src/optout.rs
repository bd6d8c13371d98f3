//! Opt-out: what the words of an inbound message wish.
//!
//! A message is read in this order, and the first that holds decides:
//!
//! | reading | example | wish |
//! |---|---|---|
//! | a reaction that quotes our own message | `Liked “… Reply STOP to opt out”` | nothing |
//! | the whole text is a keyword | `Stop.`, `OPT-OUT`, `arrêt`, `help`, `start` | that keyword's |
//! | keywords and courtesies only | `ok stop please` | opt-out by phrase |
//! | one clause of it is a strong keyword | `No thanks, stop` | opt-out by phrase |
//! | `stop` and up to four words, unless a place or time follows (`stop by`) | `stop this nonsense` | opt-out by phrase |
//! | a phrase | `take me off your list` | opt-out by phrase |
//! | a sign | 🖕, 🛑 alone | opt-out by phrase |
//! | a phrase of a stranger | `you have the wrong number` | wrong number |
//!
//! Sources: 47 CFR 64.1200(a)(10) (stop, quit, end, revoke, opt out, cancel, unsubscribe; other words count if a
//! reasonable person would understand them), the carriers' keyword lists, and Canada's ARRET. A missed wish is worse
//! than a false one in a short message; a stop that is no wish ("bus stop", "don't stop", "stop by") is neither.
//! Reading is in `optout/words.rs`, the phrases are in `optout/table.rs`, what undoes
//! them in `optout/phrases.rs`, how patterns match in `optout/pattern.rs`.

pub(crate) mod pattern;
mod phrases;
mod table;
pub(crate) mod words;

use serde::{Deserialize, Serialize};

use self::words::Message;

/// How many characters of a message are read; carriers deliver at most 1,600.
pub const MAX_READ_CHARACTERS: usize = 4_000;
/// How many words may follow `stop` at the start of a message for it to be a wish whatever they are.
pub const MAX_WORDS_AFTER_STOP: usize = 4;

/// How an opt-out was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The whole message is a keyword.
    Keyword,
    /// A plain wish in other words.
    Phrase,
}

/// What an inbound message wishes, as far as its words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// No more messages.
    OptOut {
        /// How it was said.
        by: By,
    },
    /// The help text.
    Help,
    /// Messages again.
    Start,
    /// Yes and nothing else; only the answer to an opt-out confirmation makes it a `Start`.
    Yes,
    /// The number belongs to somebody else.
    WrongNumber,
    /// None of these.
    Nothing,
}

const OPT_OUT: [&str; 21] = [
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "unsubscribe all",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
    "optout all",
    "remove",
    "arret",
    "alto",
    "parar",
    "cancelar",
    "baja",
    "td",
    "stop end",
    "stop2end",
];
const START: [&str; 3] = ["start", "unstop", "subscribe"];
const HELP: [&str; 4] = ["help", "info", "aide", "ayuda"];
const YES: [&str; 1] = ["yes"];

/// Keywords that decide as one clause of several: the others mean too much else ("Cancel. I'll rebook").
const STRONG: [&str; 8] = ["stop", "stopall", "unsubscribe", "optout", "quit", "revoke", "remove", "arret"];

/// Words around a keyword that do not change what it says.
const COURTESIES: [&str; 46] = [
    "please",
    "thanks",
    "thank",
    "you",
    "ok",
    "okay",
    "now",
    "no",
    "just",
    "kindly",
    "sir",
    "maam",
    "immediately",
    "asap",
    "already",
    "me",
    "it",
    "and",
    "yes",
    "hi",
    "hey",
    "hello",
    "fuck",
    "fucking",
    "damn",
    "dammit",
    "goddamn",
    "jesus",
    "god",
    "bro",
    "dude",
    "lol",
    "right",
    "away",
    "all",
    "por",
    "favor",
    "porfavor",
    "ya",
    "gracias",
    "svp",
    "merci",
    "bye",
    "sorry",
    "omg",
    "ugh",
];

/// What makes `stop` a place, a time or a thing instead of a wish when it comes next.
const PLACES: [&str; 44] = [
    "by", "in", "at", "over", "on", "off", "into", "through", "for", "when", "where", "near", "around", "round",
    "down", "up", "inside", "outside", "after", "before", "here", "there", "sign", "signs", "light", "lights", "work",
    "watch", "loss", "order", "payment", "motion", "what", "who", "why", "how", "time", "times", "and", "until",
    "till", "til", "to", "short",
];

/// What people who need help stop, which is why they write to us.
const TROUBLES: [&str; 12] = [
    "foreclosure",
    "foreclosures",
    "auction",
    "eviction",
    "sale",
    "payments",
    "rent",
    "paying",
    "leak",
    "bank",
    "clock",
    "repossession",
];

/// What the message wishes. Never fails; of a long text the first `MAX_READ_CHARACTERS` are read.
#[must_use]
pub fn read(text: &str) -> Wish {
    let text = text.char_indices().nth(MAX_READ_CHARACTERS).map_or(text, |(end, _)| &text[..end]);
    let message = Message::read(text);
    if message.is_reaction() {
        return Wish::Nothing;
    }
    if let Some(wish) = keyword(&message.joined()).or_else(|| keyword(message.compact())) {
        return wish;
    }
    if says_keyword(&message) || says_stop_first(&message) || phrases::is_opt_out(&message) || is_sign(text) {
        return Wish::OptOut { by: By::Phrase };
    }
    if phrases::is_wrong_number(&message) { Wish::WrongNumber } else { Wish::Nothing }
}

fn keyword(whole: &str) -> Option<Wish> {
    let is = |list: &[&str]| list.contains(&whole);
    if is(&OPT_OUT) {
        Some(Wish::OptOut { by: By::Keyword })
    } else if is(&START) {
        Some(Wish::Start)
    } else if is(&HELP) {
        Some(Wish::Help)
    } else {
        is(&YES).then_some(Wish::Yes)
    }
}

/// Nothing but keywords and courtesies in the whole text, or in one clause if the keyword is strong.
fn says_keyword(message: &Message) -> bool {
    let only = |words: &[&str], keywords: &[&str]| {
        let known = |word: &&str| keywords.contains(word) || COURTESIES.contains(word);
        words.iter().all(known) && words.iter().any(|word| keywords.contains(word))
    };
    let clause = |clause: &Vec<String>| only(&clause.iter().map(String::as_str).collect::<Vec<_>>(), &STRONG);
    only(&message.words().collect::<Vec<_>>(), &OPT_OUT) || message.clauses().iter().any(clause)
}

/// The message begins with `stop`, little follows, and what follows is neither place nor time.
fn says_stop_first(message: &Message) -> bool {
    let mut words = message.words().skip_while(|word| COURTESIES.contains(word));
    if words.next() != Some("stop") || phrases::wants_texts_for_calls(message) {
        return false;
    }
    let rest: Vec<_> = words.collect();
    let place = rest.first().is_some_and(|word| PLACES.contains(word));
    let place = place || rest.iter().any(|word| TROUBLES.contains(word));
    !place && rest.len() <= MAX_WORDS_AFTER_STOP
}

fn is_sign(text: &str) -> bool {
    text.contains('🖕')
        || text.trim_matches(|character: char| character.is_whitespace() || character == '\u{FE0F}') == "🛑"
}

#[cfg(test)]
mod tests;
