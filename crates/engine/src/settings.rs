//! The settings of a workspace: one document, with defaults for what it does not name.

use domain::window::{Hours, HoursError};
use domain::template::Smart;
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
    /// Start of the send window on the contact's clock, `HH:MM`.
    pub send_from: String,
    /// End of the send window on the contact's clock, `HH:MM`, not included.
    pub send_until: String,
    /// The days on which messages go out: `mon` to `sun`.
    pub send_days: Vec<String>,
    /// Whether look-alike characters are replaced before counting and sending.
    pub smart_encoding: Switch,
    /// Whether a reply of one contact of a person ends the enrollments of the others.
    pub stop_person: Switch,
    /// Whether the message that a carrier refused for good is refunded too.
    pub refund_refused: Switch,
    /// The answer to HELP.
    pub help_text: String,
    /// The one confirmation of an opt-out.
    pub opt_out_text: String,
    /// The answer to START.
    pub opt_in_text: String,
}

impl Default for Settings {
    fn default() -> Self {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        Self {
            send_from: "09:00".to_owned(),
            send_until: "20:00".to_owned(),
            send_days: days.map(str::to_owned).to_vec(),
            smart_encoding: Switch::On,
            stop_person: Switch::On,
            refund_refused: Switch::Off,
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

    /// The send window.
    pub fn hours(&self) -> Result<Hours, HoursError> {
        Hours::parse(&self.send_from, &self.send_until, &self.send_days)
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
