//! The settings of a workspace: one document, with defaults for what it does not name.

use domain::template::Smart;
use domain::window::Hours;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Whether something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// What a workspace may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The send window on the contact's clock.
    pub hours: Hours,
    /// Whether look-alike characters are replaced before counting and sending.
    pub smart_encoding: Switch,
    /// Whether a reply of one contact of a person ends the enrollments of the others.
    pub stop_person: Switch,
    /// Whether the message that a carrier refused for good is refunded too.
    pub refund_refused: Switch,
    /// Whether an automatic answer (out of office, a delivery robot) ends an enrollment as any reply does.
    pub automatic_answers_stop: Switch,
    /// Whether nobody is enrolled whose consent is not on record.
    pub require_consent: Switch,
    /// The answer to HELP.
    pub help_text: String,
    /// The one confirmation of an opt-out.
    pub opt_out_text: String,
    /// The answer to START.
    pub opt_in_text: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hours: Hours::default(),
            smart_encoding: Switch::On,
            stop_person: Switch::On,
            refund_refused: Switch::Off,
            automatic_answers_stop: Switch::On,
            require_consent: Switch::Off,
            help_text: "Reply to this message and a person will answer. Reply STOP to opt out.".to_owned(),
            opt_out_text: "You have opted out and will get no more messages from us. Reply START to opt in again."
                .to_owned(),
            opt_in_text: "You have opted in again. Reply STOP at any time to opt out.".to_owned(),
        }
    }
}

impl Settings {
    /// Reads the stored document.
    pub(crate) fn read(document: &str) -> Result<Self, Failure> {
        serde_json::from_str(document).map_err(|error| Failure::Stored(format!("a workspace's settings: {error}")))
    }

    /// The document to store.
    #[must_use]
    pub fn document(&self) -> String {
        serde_json::to_string(self).expect("settings are plain text")
    }

    /// Whether look-alikes are replaced.
    #[must_use]
    pub fn smart(&self) -> Smart {
        match self.smart_encoding {
            Switch::On => Smart::On,
            Switch::Off => Smart::Off,
        }
    }
}
