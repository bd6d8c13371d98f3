//! A workflow: its name, its one to nine steps, their limits, and when it may change.
//!
//! | limit | value | source |
//! |---|---|---|
//! | steps | 1 to 9 (a workflow without steps may be saved but not started) | SPEC §2 |
//! | gap before message 1 | 0 to 365 days | SPEC §2 |
//! | gap before the others | 1 to 365 days | SPEC §2 |
//! | text | at most 2 segments without its variables: the rest is each contact's, and judged at the start | SPEC §2 |
//! | name | 1 to 80 characters, unique among those not archived, without regard to case and outer spaces | SPEC §2 |
//!
//! While a contact moves through it nothing of it can change ([`ChangeError::Active`]), so text,
//! dates and price never change under an enrolled contact.

use crate::template::{Fields, MAX_SEGMENTS_PER_MESSAGE, Template, TemplateError};

/// Most messages in one workflow.
pub const MAX_STEPS: usize = 9;
/// Most days between two messages.
pub const MAX_GAP_DAYS: u16 = 365;
/// Most characters in a name.
pub const MAX_NAME_CHARS: usize = 80;

/// A workflow's name, without outer spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowName(String);

impl WorkflowName {
    /// Reads a name: 1 to 80 characters after trimming, no control characters.
    pub fn parse(text: &str) -> Result<Self, WorkflowError> {
        let name = text.trim();
        let count = name.chars().count();
        if count == 0 {
            return Err(WorkflowError::NameEmpty);
        }
        if count > MAX_NAME_CHARS {
            return Err(WorkflowError::NameTooLong { count });
        }
        if name.chars().any(char::is_control) {
            return Err(WorkflowError::NameControl);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared: without regard to case.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// The name of a copy: `Name (copy)`, `Name (copy 2)`, … the first that `taken` (a test on the
    /// [key](Self::key)) does not refuse. A long name is cut so that the limit holds.
    #[must_use]
    pub fn copy(&self, taken: impl Fn(&str) -> bool) -> Self {
        let name = |n: u32| {
            let end = if n == 1 { " (copy)".to_owned() } else { format!(" (copy {n})") };
            let room = MAX_NAME_CHARS - end.chars().count();
            let start: String = self.0.chars().take(room).collect();
            Self(format!("{}{end}", start.trim_end()))
        };
        (1..).map(name).find(|copy| !taken(&copy.key())).expect("a finite set of names is taken")
    }
}

/// One message of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Days since the message before; for the first one, since the start.
    pub gap_days: u16,
    /// The text with its variables.
    pub template: Template,
}

/// A checked workflow, ready to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its name.
    pub name: WorkflowName,
    /// Its steps, in order of sending.
    pub steps: Vec<Step>,
}

/// Why a workflow cannot be saved.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WorkflowError {
    /// Nothing but spaces.
    #[error("the workflow's name is empty")]
    NameEmpty,
    /// Longer than [`MAX_NAME_CHARS`].
    #[error("the workflow's name has {count} characters; at most {MAX_NAME_CHARS} are allowed")]
    NameTooLong {
        /// How many it has.
        count: usize,
    },
    /// A tab, a line break or another control character.
    #[error("the workflow's name has a control character such as a tab or a line break")]
    NameControl,
    /// More than [`MAX_STEPS`].
    #[error("the workflow has {count} steps; at most {MAX_STEPS} are allowed")]
    TooManySteps {
        /// How many it has.
        count: usize,
    },
    /// A gap outside its limits.
    #[error("step {step}: the gap is {days} days; it must be {least} to {MAX_GAP_DAYS}")]
    Gap {
        /// Which step, from 1.
        step: usize,
        /// The gap that was given.
        days: i64,
        /// The least that is allowed: 0 for the first step, 1 for the others.
        least: u16,
    },
    /// A text that no contact could be sent.
    #[error(
        "step {step}: the text has {segments} segments without its variables; at most {MAX_SEGMENTS_PER_MESSAGE} are allowed"
    )]
    TextTooLong {
        /// Which step, from 1.
        step: usize,
        /// How many segments it has at least.
        segments: usize,
    },
    /// A text that is not a template.
    #[error("step {step}")]
    Text {
        /// Which step, from 1.
        step: usize,
        /// What is wrong, and where.
        #[source]
        source: TemplateError,
    },
}

/// Why an existing workflow cannot be changed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Contacts are moving through it.
    #[error("the workflow is active: {contacts} contacts are moving through it; pause it first, or edit a copy")]
    Active {
        /// How many.
        contacts: i64,
    },
    /// Somebody else saved it in between.
    #[error("the workflow was changed meanwhile: it is at version {now}, not {expected}")]
    Stale {
        /// The version that the change was made from.
        expected: i64,
        /// The version that is stored.
        now: i64,
    },
}

/// Checks a workflow as a person wrote it. All that is wrong is reported together.
pub fn draft(name: &str, steps: &[(i64, String)], fields: &Fields) -> Result<Draft, Vec<WorkflowError>> {
    let mut errors = Vec::new();
    let name = WorkflowName::parse(name).map_err(|error| errors.push(error)).ok();
    if steps.len() > MAX_STEPS {
        errors.push(WorkflowError::TooManySteps { count: steps.len() });
    }
    let mut parsed = Vec::with_capacity(steps.len().min(MAX_STEPS));
    for (index, (days, text)) in steps.iter().enumerate().take(MAX_STEPS) {
        match step(index + 1, *days, text, fields) {
            Ok(step) => parsed.push(step),
            Err(found) => errors.extend(found),
        }
    }
    match name {
        Some(name) if errors.is_empty() => Ok(Draft { name, steps: parsed }),
        _ => Err(errors),
    }
}

fn step(number: usize, days: i64, text: &str, fields: &Fields) -> Result<Step, Vec<WorkflowError>> {
    let least = u16::from(number > 1);
    let gap = u16::try_from(days).ok().filter(|gap| (least..=MAX_GAP_DAYS).contains(gap));
    let gap = gap.ok_or(WorkflowError::Gap { step: number, days, least });
    let template = Template::parse(text, fields).map_err(|source| WorkflowError::Text { step: number, source });
    let template = template.and_then(|template| match template.least_segments() {
        segments if segments > MAX_SEGMENTS_PER_MESSAGE => Err(WorkflowError::TextTooLong { step: number, segments }),
        _ => Ok(template),
    });
    match (gap, template) {
        (Ok(gap_days), Ok(template)) => Ok(Step { gap_days, template }),
        (gap, template) => Err([gap.err(), template.err()].into_iter().flatten().collect()),
    }
}

/// Whether a workflow may be changed: not while contacts move through it, and not from an old version.
pub fn may_change(active_contacts: i64, expected_version: Option<i64>, version: i64) -> Result<(), ChangeError> {
    if active_contacts > 0 {
        return Err(ChangeError::Active { contacts: active_contacts });
    }
    match expected_version {
        Some(expected) if expected != version => Err(ChangeError::Stale { expected, now: version }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(steps: &[(i64, &str)]) -> Result<Draft, Vec<WorkflowError>> {
        let steps: Vec<_> = steps.iter().map(|(gap, text)| (*gap, (*text).to_owned())).collect();
        draft("Spring leads", &steps, &Fields::standard())
    }

    #[test]
    fn a_text_that_no_contact_could_be_sent_is_refused_and_one_that_some_could_is_not() {
        let text = |letter: &str, count: usize| format!("{{First Name}}{}", letter.repeat(count));
        for (fits, too_long) in
            [(text("a", 306), text("a", 307)), (text("Ж", 134), text("Ж", 135)), (text("“", 306), text("“", 307))]
        {
            assert!(check(&[(0, fits.as_str())]).is_ok(), "{fits}");
            let refused = check(&[(0, "Hi"), (1, too_long.as_str())]).unwrap_err();
            assert_eq!(refused, [WorkflowError::TextTooLong { step: 2, segments: 3 }], "{too_long}");
        }
    }

    #[test]
    fn one_to_nine_steps_are_allowed_and_ten_are_not() {
        let texts: Vec<_> = (0..10).map(|n| (i64::from(n > 0), "Hi")).collect();
        assert_eq!(check(&texts[..9]).unwrap().steps.len(), 9);
        assert_eq!(check(&texts), Err(vec![WorkflowError::TooManySteps { count: 10 }]));
    }

    #[test]
    fn gaps_keep_their_limits() {
        assert!(check(&[(0, "a"), (1, "b"), (365, "c")]).is_ok());
        assert!(check(&[(365, "a")]).is_ok());
        for (steps, step, days, least) in [
            (vec![(366, "a")], 1, 366, 0),
            (vec![(-1, "a")], 1, -1, 0),
            (vec![(0, "a"), (0, "b")], 2, 0, 1),
            (vec![(0, "a"), (366, "b")], 2, 366, 1),
            (vec![(i64::MAX, "a")], 1, i64::MAX, 0),
        ] {
            assert_eq!(check(&steps), Err(vec![WorkflowError::Gap { step, days, least }]));
        }
    }

    #[test]
    fn all_that_is_wrong_is_reported_together() {
        let steps = [(400, "Hi {Nonsense Field}".to_owned()), (0, "b".to_owned())];
        let errors = draft("  ", &steps, &Fields::standard()).unwrap_err();
        assert_eq!(errors.len(), 4, "{errors:?}");
    }

    #[test]
    fn names_are_compared_without_case_and_outer_spaces() {
        assert_eq!(
            WorkflowName::parse("  Müller LEADS ").unwrap().key(),
            WorkflowName::parse("müller leads").unwrap().key()
        );
        assert_eq!(WorkflowName::parse(&"x".repeat(81)), Err(WorkflowError::NameTooLong { count: 81 }));
        assert!(WorkflowName::parse(&"ü".repeat(80)).is_ok());
        assert_eq!(WorkflowName::parse("a\tb"), Err(WorkflowError::NameControl));
    }

    #[test]
    fn a_copy_takes_the_first_free_name_within_the_limit() {
        let name = WorkflowName::parse("Leads").unwrap();
        assert_eq!(name.copy(|_| false).as_str(), "Leads (copy)");
        assert_eq!(name.copy(|key| key == "leads (copy)").as_str(), "Leads (copy 2)");
        let long = WorkflowName::parse(&"ü".repeat(80)).unwrap().copy(|_| false);
        assert_eq!(long.as_str().chars().count(), 80);
    }

    #[test]
    fn an_active_workflow_cannot_change() {
        assert_eq!(may_change(3, None, 1), Err(ChangeError::Active { contacts: 3 }));
        assert_eq!(may_change(0, Some(1), 2), Err(ChangeError::Stale { expected: 1, now: 2 }));
        assert_eq!(may_change(0, Some(2), 2), Ok(()));
    }
}
