//! The rendering that costs most over many contacts, for the builder.
//!
//! Exact: every contact that is added is rendered and counted (about a microsecond each), and only the worst
//! text is kept, so a million contacts stream through in constant memory.

use super::{Smart, Template, sendable};
use crate::segments::{self, Counted};

/// One contact's message as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// Which contact it is, in the order in which they were added, from 0.
    pub row: usize,
    /// The sendable text.
    pub text: String,
    /// Its count.
    pub counted: Counted,
}

/// A search for the contact whose message has the most segments, and among those the most units.
#[derive(Debug, Clone)]
pub struct WorstCase<'t> {
    template: &'t Template,
    smart: Smart,
    rows: usize,
    missing: usize,
    worst: Option<Rendering>,
}

impl<'t> WorstCase<'t> {
    pub(super) fn of(template: &'t Template, smart: Smart) -> Self {
        Self { template, smart, rows: 0, missing: 0, worst: None }
    }

    /// Adds a contact; `value` answers a variable's key. One with a missing field is only numbered.
    pub fn add<'v>(&mut self, value: &dyn Fn(&str) -> Option<&'v str>) {
        let row = self.rows;
        self.rows += 1;
        let Ok(rendered) = self.template.render(value) else {
            self.missing += 1;
            return;
        };
        let text = sendable(&rendered, self.smart);
        let counted = segments::count(&text);
        let cost = |counted: &Counted| (counted.segments, counted.units);
        if self.worst.as_ref().is_none_or(|worst| cost(&worst.counted) < cost(&counted)) {
            self.worst = Some(Rendering { row, text, counted });
        }
    }

    /// The worst rendering so far; the first of several that cost the same. Nothing if no contact could be rendered.
    #[must_use]
    pub fn worst(&self) -> Option<&Rendering> {
        self.worst.as_ref()
    }

    /// How many contacts were added.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many of them lack a value that the template needs.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing
    }
}
