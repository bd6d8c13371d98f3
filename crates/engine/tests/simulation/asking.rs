//! How something is asked for in a world where processes die: until one of them answers.

use std::sync::Arc;

use engine::billing::BillingError;
use engine::bulk::BulkError;
use engine::contacts::{ContactError, SuppressError};
use engine::doubts::DoubtError;
use engine::enrolling::{EnrollError, RemoveError};
use engine::erasing::EraseError;
use engine::manual::SendError;
use engine::merging::MergeError;
use engine::numbers::NumberError;
use engine::pauses::PauseError;
use engine::reminders::ReminderError;
use engine::skipping::SkipError;
use engine::workflows::SaveError;
use engine::workspaces::WorkspaceError;
use engine::{Engine, Failure};

use crate::simulation::street::{ENOUGH, Street};

/// Whether an error says nothing about what was asked for.
pub(crate) trait Trouble: std::error::Error {
    fn is_trouble(&self) -> bool;
}

impl Trouble for Failure {
    fn is_trouble(&self) -> bool {
        true
    }
}

macro_rules! troubles {
    ($($error:ty),*) => {$(
        impl Trouble for $error {
            fn is_trouble(&self) -> bool {
                matches!(self, Self::Failure(_))
            }
        }
    )*};
}

troubles!(
    BillingError,
    BulkError,
    ContactError,
    DoubtError,
    EnrollError,
    EraseError,
    MergeError,
    NumberError,
    PauseError,
    ReminderError,
    RemoveError,
    SaveError,
    SendError,
    SkipError,
    SuppressError,
    WorkspaceError
);

/// Asks until there is an answer; says too whether it was asked more than once.
pub(crate) async fn surely<T, E: Trouble>(
    street: &Arc<Street>,
    ask: impl AsyncFn(Engine) -> Result<T, E>,
) -> (Result<T, E>, bool) {
    for take in 0..ENOUGH {
        let node = street.node();
        match ask(node.engine.clone()).await {
            Err(error) if error.is_trouble() && take + 1 == ENOUGH => panic!("{error}: {:?}", error.source()),
            Err(error) if error.is_trouble() => {
                node.renew().await;
            }
            // What a dead process has heard nobody learns.
            _ if node.mishaps.is_dead() => {}
            answer => return (answer, take > 0),
        }
    }
    panic!("every process that was asked has died")
}
