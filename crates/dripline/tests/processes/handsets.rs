//! The receiving end: what the simulator's journal says had reached a handset, whatever became of the processes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use domain::ids::AttemptId;
use serde::Deserialize;

/// Looks at the journal before the test gives up.
const LOOKS: usize = 12_000;

/// A text that reached a handset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Arrived {
    pub(crate) to: String,
    pub(crate) body: String,
    pub(crate) attempt: AttemptId,
}

#[derive(Deserialize)]
struct Line {
    text: Option<To>,
}

#[derive(Deserialize)]
struct To {
    to: String,
    text: Text,
}

#[derive(Deserialize)]
struct Text {
    attempt: AttemptId,
    body: String,
}

/// The journal in a data folder.
pub(crate) fn journal(data: &Path) -> PathBuf {
    data.join("simulator.jsonl")
}

/// Every text, in the order of arrival. A line that a kill has torn had no text behind it.
pub(crate) fn arrived(data: &Path) -> Vec<Arrived> {
    let bytes = std::fs::read(journal(data)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()?.text);
    lines.map(|To { to, text: Text { attempt, body } }| Arrived { to, body, attempt }).collect()
}

/// Waits until so many texts have arrived.
pub(crate) fn wait_for(data: &Path, texts: usize) {
    let (_silent, nothing) = mpsc::channel::<()>();
    for _ in 0..LOOKS {
        if arrived(data).len() >= texts {
            return;
        }
        // Between two looks at a file that others write.
        let _ = nothing.recv_timeout(Duration::from_millis(5));
    }
    panic!("only {} of {texts} texts arrived", arrived(data).len());
}

/// No text came twice: every handset gets each step of its one run at most once.
pub(crate) fn check_once(texts: &[Arrived]) {
    let (mut seen, mut attempts) = (HashSet::new(), HashSet::new());
    for text in texts {
        assert!(attempts.insert(text.attempt), "an attempt came twice: {text:?}");
        assert!(seen.insert((&text.to, &text.body)), "a text came twice: {text:?}");
    }
}
