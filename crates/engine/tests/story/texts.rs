//! What our side writes. Each text ends in a tag, so that the receiving end alone can tell which one it is.

use engine::workflows::{StepInput, WorkflowInput};

use crate::story::dice::Dice;

/// Which text this is, by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Tag {
    /// A step of the run with this number.
    Step { run: usize, step: u8 },
    /// The message with this number that a person wrote.
    Manual(usize),
    /// A confirmation or an answer of the product itself, which has no tag.
    System,
}

impl Tag {
    /// Reads the end of a text.
    pub(crate) fn of(body: &str) -> Self {
        let Some((_, tag)) = body.rsplit_once('#') else { return Self::System };
        if let Some(manual) = tag.strip_prefix('m') {
            return Self::Manual(manual.parse().unwrap());
        }
        let (run, step) = tag.split_once('/').unwrap();
        Self::Step { run: run.parse().unwrap(), step: step.parse().unwrap() }
    }
}

/// What a person of ours writes by hand.
pub(crate) fn by_hand(number: usize) -> String {
    format!("Hi, this is Sam himself. #m{number}")
}

const PLAIN: &str = "Hi {First Name|there}, are you still thinking of selling?";
const CURLY: &str = "It’s Sam again, {First Name|there} – “no” is an answer, too…";
const EMOJI: &str = "🏡 {First Name|there}, any news?";
const LONG: &str = "Good day {First Name|there}, we buy houses as they are, with everything in them, and close on the \
    day that suits you. No agents, no repairs, no fees. If a cash offer would help you, just answer this message.";

/// A workflow with so many steps.
pub(crate) fn workflow(dice: &mut Dice, name: String, steps: usize) -> WorkflowInput {
    let step = |nth: usize| {
        let gap_days = if nth == 1 { dice.below(3) } else { 1 + dice.below(12) };
        let text = dice.pick(&[PLAIN, PLAIN, CURLY, EMOJI, LONG]).unwrap();
        StepInput { gap_days: i64::try_from(gap_days).unwrap(), text: format!("{text} #{{Ref}}/{nth}") }
    };
    WorkflowInput { name, steps: (1..=steps).map(step).collect() }
}

/// What a text of a contact asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing but to be heard.
    Talk,
    /// No more texts.
    Out,
    /// Texts again. YES counts only as the answer to a confirmation, so whether it did is not checked.
    In,
    /// It is the wrong number.
    Wrong,
}

/// A text in two parts.
const AT_LENGTH: &str = "Thank you for asking. We talked it over at home, and my sister, who owns one half of the house, would like to \
    know first what you would pay for it as it stands, and whether we could stay until the end of June. Please call her.";

/// What contacts write, how often, and what it asks for: every sort of text that the rules tell apart.
pub(crate) const SAYINGS: [(&str, u32, Wish); 19] = [
    ("Yes, tell me more", 20, Wish::Talk),
    ("who is this?", 20, Wish::Talk),
    ("Call me tomorrow after 5", 12, Wish::Talk),
    ("not interested", 12, Wish::Talk),
    (AT_LENGTH, 4, Wish::Talk),
    ("", 4, Wish::Talk),
    ("👍🏽", 4, Wish::Talk),
    ("a\u{0}b", 2, Wish::Talk),
    ("I am out of office until Monday", 4, Wish::Talk),
    ("don't stop", 2, Wish::Talk),
    ("HELP", 4, Wish::Talk),
    ("STOP", 8, Wish::Out),
    (" stop. ", 2, Wish::Out),
    ("please stop texting me", 3, Wish::Out),
    ("remove me from your list", 2, Wish::Out),
    ("START", 4, Wish::In),
    ("UNSTOP", 1, Wish::In),
    ("YES", 2, Wish::In),
    ("you have the wrong number", 1, Wish::Wrong),
];

/// What this text asks for.
pub(crate) fn wish(body: &str) -> Wish {
    SAYINGS.iter().find(|(saying, _, _)| *saying == body).map(|(_, _, wish)| *wish).unwrap()
}
