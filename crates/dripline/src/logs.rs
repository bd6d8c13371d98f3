//! The log: one structured line per event on standard error, as text or as JSON.
//!
//! The time of a line comes from the clock like every other; colours only where a person looks on.

use std::fmt;
use std::io::{self, IsTerminal};

use engine::clock::Clock;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::Level;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, its fields at the top level.
    Json,
}

/// The log was started before in this process.
#[derive(Debug, thiserror::Error)]
#[error("the log was started already")]
pub struct AlreadyStarted(#[source] TryInitError);

/// The machine's clock in UTC, to the microsecond.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:.6}", Clock::System.now())
    }
}

/// Starts the log of this process.
///
/// # Errors
/// It was started before.
pub fn start(level: &Level, format: Format) -> Result<(), AlreadyStarted> {
    let lines = tracing_subscriber::fmt::layer().with_timer(Utc).with_writer(io::stderr).log_internal_errors(false);
    let log = registry().with(level.targets());
    let started = match format {
        Format::Json => log.with(lines.json().flatten_event(true)).try_init(),
        Format::Text => log.with(lines.with_ansi(wants_colour())).try_init(),
    };
    started.map_err(AlreadyStarted)
}

/// A terminal, unless its owner says no (<https://no-color.org>).
fn wants_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
