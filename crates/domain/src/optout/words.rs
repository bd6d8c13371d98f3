//! An inbound text as clauses of plain words: what is left when case, accents, signs and spelling do not count.
//!
//! `DON’T  téxt me!!! 😡` is the clause `dont text me`. Says nothing about wishes.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a text.
pub(crate) struct Message {
    clauses: Vec<Vec<String>>,
    compact: String,
    reaction: bool,
}

/// How phones tell by text of a reaction to a message, which they then quote.
const REACTIONS: [&str; 9] =
    ["liked", "loved", "disliked", "emphasized", "emphasised", "questioned", "laughed at", "reacted", "removed a"];
const QUOTES: [char; 6] = ['"', '“', '”', '„', '«', '»'];

/// Words that are read as another: short forms and slips.
const SPELLINGS: [(&str, &str); 44] = [
    ("txt", "text"),
    ("txts", "texts"),
    ("txting", "texting"),
    ("txted", "texted"),
    ("texing", "texting"),
    ("msg", "message"),
    ("msgs", "messages"),
    ("msging", "messaging"),
    ("mesage", "message"),
    ("mesages", "messages"),
    ("massage", "message"),
    ("massages", "messages"),
    ("massaging", "messaging"),
    ("u", "you"),
    ("ya'll", "yall"),
    ("ur", "your"),
    ("pls", "please"),
    ("plz", "please"),
    ("plse", "please"),
    ("plese", "please"),
    ("pleas", "please"),
    ("thx", "thanks"),
    ("ty", "thanks"),
    ("tx", "thanks"),
    ("stp", "stop"),
    ("stpo", "stop"),
    ("sotp", "stop"),
    ("stopp", "stop"),
    ("st0p", "stop"),
    ("stoop", "stop"),
    ("dont", "dont"),
    ("dnt", "dont"),
    ("donot", "dont"),
    ("dont't", "dont"),
    ("cannot", "cant"),
    ("num", "number"),
    ("nbr", "number"),
    ("numbr", "number"),
    ("unsub", "unsubscribe"),
    ("fck", "fuck"),
    ("fuk", "fuck"),
    ("fk", "fuck"),
    ("phuck", "fuck"),
    ("fkn", "fucking"),
];

/// Verbs that take up a following `not`.
const NEGATED: [(&str, &str); 13] = [
    ("do", "dont"),
    ("does", "doesnt"),
    ("did", "didnt"),
    ("can", "cant"),
    ("could", "couldnt"),
    ("will", "wont"),
    ("would", "wouldnt"),
    ("should", "shouldnt"),
    ("is", "isnt"),
    ("are", "arent"),
    ("was", "wasnt"),
    ("have", "havent"),
    ("has", "hasnt"),
];

impl Message {
    pub(crate) fn read(text: &str) -> Self {
        let mut scan = Scan::default();
        let plain: Vec<char> =
            text.nfkd().filter(|character| !is_combining_mark(*character) && !is_unseen(*character)).collect();
        for (at, character) in plain.iter().enumerate() {
            scan.take(*character, plain.get(at + 1).copied());
        }
        scan.end_clause();
        let spaced = text.trim_matches(|character: char| !character.is_alphanumeric()).contains(char::is_whitespace);
        let compact = if spaced { String::new() } else { scan.clauses.iter().flatten().map(String::as_str).collect() };
        let clauses = scan.clauses.into_iter().map(clause).filter(|clause| !clause.is_empty()).collect();
        Self { clauses, compact, reaction: is_reaction(text) }
    }

    /// Whether it only tells that somebody reacted to a message, which it quotes.
    pub(super) fn is_reaction(&self) -> bool {
        self.reaction
    }

    /// The words between signs that end a thought.
    pub(super) fn clauses(&self) -> &[Vec<String>] {
        &self.clauses
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.clauses.iter().flatten().map(String::as_str)
    }

    /// All words with one space between them.
    pub(super) fn joined(&self) -> String {
        self.words().collect::<Vec<_>>().join(" ")
    }

    /// Letters and digits without what is between them, if no blank is (`un-sub-scribe`); else empty.
    pub(super) fn compact(&self) -> &str {
        &self.compact
    }
}

/// Zero-width, direction and joining marks, which change nothing that is read.
fn is_unseen(character: char) -> bool {
    matches!(character, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

fn is_reaction(text: &str) -> bool {
    let Some(quote) = text.find(QUOTES) else { return false };
    let said: String = text[..quote].chars().filter(|character| !is_unseen(*character)).collect();
    let said = said.trim().to_lowercase();
    // Android: "👍 to “…”".
    let sign = said.strip_suffix(" to").is_some_and(|sign| !sign.is_empty() && !sign.contains(char::is_alphanumeric));
    sign || REACTIONS
        .iter()
        .any(|reaction| said == *reaction || said.strip_prefix(reaction).is_some_and(|rest| rest.starts_with(' ')))
}

#[derive(Default)]
struct Scan {
    clauses: Vec<Vec<String>>,
    clause: Vec<String>,
    word: String,
}

impl Scan {
    fn take(&mut self, character: char, next: Option<char>) {
        let before_word = next.is_some_and(char::is_alphanumeric);
        match character {
            _ if character.is_alphanumeric() => self.word.extend(character.to_lowercase()),
            '\'' | '’' | '‘' | '`' | '´' | 'ʼ' | '*' | '_' | '~' => {}
            '\n' | '\r' => self.end_clause(),
            _ if character.is_whitespace() => self.end_word(),
            '-' | '‐' | '‑' | '.' if before_word && !self.word.is_empty() && (character != '.' || self.is_letter()) => {
                self.end_word()
            }
            '/' | '"' | '“' | '”' => self.end_word(),
            '&' => self.whole("and"),
            '#' if !before_word => self.whole("number"),
            '#' => self.end_word(),
            _ => self.end_clause(),
        }
    }

    fn is_letter(&self) -> bool {
        self.word.chars().count() == 1
    }

    fn whole(&mut self, word: &str) {
        self.end_word();
        self.clause.push(word.to_owned());
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.clause.push(std::mem::take(&mut self.word));
        }
    }

    fn end_clause(&mut self) {
        self.end_word();
        if !self.clause.is_empty() {
            self.clauses.push(std::mem::take(&mut self.clause));
        }
    }
}

/// The words in one spelling, with parts that belong together joined.
fn clause(words: Vec<String>) -> Vec<String> {
    let mut plain: Vec<String> = Vec::new();
    for word in spelled_out(words) {
        let word = spelling(&word);
        let joined = plain.last().and_then(|last| join(last, &word));
        match joined {
            Some(joined) => *plain.last_mut().expect("there is a word to join") = joined,
            None => plain.push(word),
        }
    }
    let signature = plain.len() > 2 && plain[0] == "sent" && plain[1] == "from" && plain[2] == "my";
    if signature { Vec::new() } else { without_instruction(plain) }
}

/// `s t o p` as one word: three or more letters that stand alone.
fn spelled_out(words: Vec<String>) -> Vec<String> {
    let is_letter = |word: &String| word.chars().count() == 1;
    let mut joined = Vec::new();
    for run in words.chunk_by(|a, b| is_letter(a) == is_letter(b)) {
        if run.len() > 2 && is_letter(&run[0]) { joined.push(run.concat()) } else { joined.extend_from_slice(run) }
    }
    joined
}

fn spelling(word: &str) -> String {
    let squeezed = squeeze(word);
    let known = SPELLINGS.iter().find(|(written, _)| *written == squeezed);
    match known {
        Some((_, meant)) => (*meant).to_owned(),
        None if is_nearly_unsubscribe(&squeezed) => "unsubscribe".to_owned(),
        None => squeezed,
    }
}

/// One letter for three or more of the same: `stooooop`.
fn squeeze(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b);
    runs.flat_map(|run| if run.len() > 2 && run[0].is_alphabetic() { &run[..1] } else { run }).collect()
}

/// A slip or two away; not `unsubscribed`, which tells of the past.
fn is_nearly_unsubscribe(word: &str) -> bool {
    word.starts_with("un") && word.len() > 7 && !word.ends_with("ed") && distance(word, "unsubscribe") <= 2
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, x) in a.chars().take(2 * b.len()).enumerate() {
        let mut corner = std::mem::replace(&mut row[0], line + 1);
        for (column, y) in b.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = (corner + usize::from(x != *y)).min(above + 1).min(row[column] + 1);
            corner = above;
        }
    }
    row[b.len()]
}

fn join(last: &str, word: &str) -> Option<String> {
    if word == "not" {
        return NEGATED.iter().find(|(verb, _)| *verb == last).map(|(_, negated)| (*negated).to_owned());
    }
    let joined = match (last, word) {
        ("opt" | "opting", "out") => "optout",
        ("un", "subscribe" | "sub") => "unsubscribe",
        ("un", "stop") => "unstop",
        ("don", "t") => "dont",
        ("can", "t") => "cant",
        _ => return None,
    };
    Some(joined.to_owned())
}

/// Leaves out our own instruction, which people quote: `reply STOP to opt out`.
fn without_instruction(words: Vec<String>) -> Vec<String> {
    let quotes = |place: &[String]| {
        matches!(place[0].as_str(), "reply" | "text" | "send")
            && place[1] == "stop"
            && place[2] == "to"
            && matches!(place[3].as_str(), "optout" | "unsubscribe" | "end" | "quit" | "cancel" | "stop")
    };
    match words.windows(4).position(quotes) {
        Some(at) => [&words[..at], &words[at + 4..]].concat(),
        None => words,
    }
}
