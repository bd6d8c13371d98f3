//! A workflow as it stands in the builder's form, and what its buttons change in it.
//!
//! | field | once | holds |
//! |---|---|---|
//! | `name`, `version`, `over` | yes | the name, the version that was opened, the one to write over |
//! | `key`, `gap`, `text` | for each step | what the step is known by in the page, days, text |
//! | `contact`, `who` | yes | for whom it is previewed, what was searched for |
//! | `was` | yes | the keys in the order of the page before a drag |
//! | `do` | the pressed button | `save`, `add`, `look`, or `remove`, `up`, `down` with the step's key |

use engine::workflows::{StepInput, WorkflowInput, WorkflowView};

/// One step as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WrittenStep {
    /// The same as long as the step is in the form, wherever it moves.
    pub(super) key: u32,
    pub(super) gap: String,
    pub(super) text: String,
}

/// What the pressed button asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Act {
    Save,
    Add,
    /// Also where no button is named: nothing is saved that nobody asked to save.
    #[default]
    Look,
    Remove(u32),
    Up(u32),
    Down(u32),
}

/// The form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) version: i64,
    pub(super) over: Option<i64>,
    pub(super) steps: Vec<WrittenStep>,
    pub(super) contact: String,
    pub(super) who: String,
    pub(super) act: Act,
}

/// More than the form ever has: the rest of a forged one is not looked at.
const MOST_STEPS: usize = 20;

impl Written {
    /// A new workflow: one empty message that goes out as soon as it may.
    pub(super) fn fresh() -> Self {
        Self { steps: vec![WrittenStep { key: 1, gap: "0".to_owned(), text: String::new() }], ..Self::default() }
    }

    /// A workflow as it is stored.
    pub(super) fn of(view: &WorkflowView) -> Self {
        let step = |(key, step): (u32, &store::workflows::StepRow)| WrittenStep {
            key,
            gap: step.gap_days.to_string(),
            text: step.template.clone(),
        };
        let workflow = &view.summary.workflow;
        let steps = (1..).zip(&view.steps).map(step).collect();
        Self { name: workflow.name.clone(), version: workflow.version, steps, ..Self::default() }
    }

    /// A form as it was sent: its fields in their order.
    pub(super) fn read(fields: &[(String, String)]) -> Self {
        let (mut written, mut was) = (Self::default(), String::new());
        for (name, value) in fields {
            match name.as_str() {
                "name" => written.name.clone_from(value),
                "version" => written.version = value.parse().unwrap_or(0),
                "over" => {
                    written.over = value.parse().ok();
                    written.act = Act::Save;
                }
                "contact" => written.contact.clone_from(value),
                "was" => was.clone_from(value),
                "who" => written.who.clone_from(value),
                "do" => written.act = Act::read(value),
                "key" if written.steps.len() < MOST_STEPS => {
                    let key = value.parse().ok().filter(|key| written.steps.iter().all(|step| step.key != *key));
                    let key = key.unwrap_or_else(|| written.next_key());
                    written.steps.push(WrittenStep { key, ..WrittenStep::default() });
                }
                "gap" => written.last(|step| step.gap.clone_from(value)),
                "text" => written.last(|step| step.text.clone_from(value)),
                _ => {}
            }
        }
        written.settle(&was);
        written
    }

    /// After a drag each gap goes back to its place: the first of them may have none, the others must have one.
    fn settle(&mut self, was: &str) {
        let before: Vec<u32> = was.split_whitespace().filter_map(|key| key.parse().ok()).collect();
        let gap = |key: &u32| self.steps.iter().find(|step| step.key == *key).map(|step| step.gap.clone());
        let gaps: Option<Vec<String>> = before.iter().map(gap).collect();
        if let Some(gaps) = gaps.filter(|gaps| gaps.len() == self.steps.len()) {
            for (step, gap) in self.steps.iter_mut().zip(gaps) {
                step.gap = gap;
            }
        }
    }

    fn last(&mut self, change: impl FnOnce(&mut WrittenStep)) {
        if let Some(step) = self.steps.last_mut() {
            change(step);
        }
    }

    fn next_key(&self) -> u32 {
        self.steps.iter().map(|step| step.key).max().unwrap_or(0).saturating_add(1)
    }

    /// As the engine takes it. A gap that is no number is outside of every limit.
    pub(super) fn input(&self) -> WorkflowInput {
        let step = |step: &WrittenStep| StepInput {
            gap_days: step.gap.trim().parse().unwrap_or(-1),
            text: step.text.replace("\r\n", "\n"),
        };
        WorkflowInput { name: self.name.clone(), steps: self.steps.iter().map(step).collect() }
    }

    /// The form after the button that was pressed.
    pub(super) fn changed(mut self) -> Self {
        let place = |key: u32| self.steps.iter().position(|step| step.key == key);
        match self.act {
            Act::Save | Act::Look => {}
            Act::Add => {
                let gap = if self.steps.is_empty() { "0" } else { "3" }.to_owned();
                self.steps.push(WrittenStep { key: self.next_key(), gap, text: String::new() });
            }
            Act::Remove(key) => self.steps.retain(|step| step.key != key),
            Act::Up(key) => {
                if let Some(place) = place(key).filter(|place| *place > 0) {
                    self.swap(place - 1);
                }
            }
            Act::Down(key) => {
                if let Some(place) = place(key).filter(|place| place + 1 < self.steps.len()) {
                    self.swap(place);
                }
            }
        }
        self
    }

    /// Two neighbours change places. The gaps stay where they are: they belong to the places, the first of which may have none.
    fn swap(&mut self, place: usize) {
        self.steps.swap(place, place + 1);
        let (first, second) = (self.steps[place].gap.clone(), self.steps[place + 1].gap.clone());
        self.steps[place].gap = second;
        self.steps[place + 1].gap = first;
    }
}

impl Act {
    fn read(word: &str) -> Self {
        let (verb, key) = word.split_once('-').unwrap_or((word, ""));
        let key = key.parse().unwrap_or(0);
        match verb {
            "add" => Self::Add,
            "remove" => Self::Remove(key),
            "up" => Self::Up(key),
            "down" => Self::Down(key),
            "save" => Self::Save,
            _ => Self::Look,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(act: &str) -> Written {
        let fields = [
            ("name", "A"),
            ("version", "4"),
            ("key", "1"),
            ("gap", "0"),
            ("text", "one"),
            ("key", "7"),
            ("gap", "3"),
            ("text", "two"),
            ("do", act),
        ];
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Written::read(&fields)
    }

    #[test]
    fn each_button_changes_what_it_says_and_keeps_the_rest() {
        let texts = |act: &str| {
            let changed = sent(act).changed();
            assert_eq!((changed.name.as_str(), changed.version), ("A", 4));
            changed.steps.into_iter().map(|step| format!("{} {} {}", step.key, step.gap, step.text)).collect::<Vec<_>>()
        };
        assert_eq!(texts("look"), ["1 0 one", "7 3 two"]);
        assert_eq!(texts("add"), ["1 0 one", "7 3 two", "8 3 "]);
        assert_eq!(texts("remove-1"), ["7 3 two"]);
        assert_eq!(texts("up-7"), ["7 0 two", "1 3 one"], "the gaps stay at their places");
        assert_eq!(texts("down-1"), texts("up-7"));
        assert_eq!(texts("up-1"), texts("look"));
        assert_eq!(texts("down-99"), texts("look"));
    }

    #[test]
    fn a_drag_moves_texts_and_leaves_the_gaps() {
        let fields =
            [("was", "1 7"), ("key", "7"), ("gap", "3"), ("text", "two"), ("key", "1"), ("gap", "0"), ("text", "one")];
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(Written::read(&fields).act, Act::Look, "nothing is saved that nobody asked to save");
        let steps = Written::read(&fields).steps;
        let told: Vec<_> = steps.iter().map(|step| format!("{} {}", step.gap, step.text)).collect();
        assert_eq!(told, ["0 two", "3 one"]);
    }

    #[test]
    fn a_gap_that_is_no_number_is_refused_and_not_guessed() {
        let mut written = sent("save");
        written.steps[1].gap = "three".to_owned();
        assert_eq!(written.input().steps[1].gap_days, -1);
    }
}
