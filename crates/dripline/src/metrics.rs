//! What the operator's graphs are drawn from, in the text format of Prometheus 0.0.4.
//!
//! Counters are of this process and live in memory; gauges are index probes over all workspaces. No row of a message is
//! counted on a scrape. The format is six kinds of line, so it is written here and no crate is taken for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::Clock;
use jiff::Timestamp;
use store::checks::Checked;
use store::claims::Backlog;

use crate::wiring::Parts;

/// The upper ends of the classes of duration, in milliseconds.
const CLASSES_MS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000];

/// What was counted of requests.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// By method, path of the route and status. As many as there are routes and statuses: an address that is no route
    /// counts as none.
    answered: Mutex<BTreeMap<(&'static str, String, u16), u64>>,
    durations: [AtomicU64; CLASSES_MS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Requests {
    fn note(&self, method: &'static str, path: String, status: StatusCode, micros: u64) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        *answered.entry((method, path, status.as_u16())).or_default() += 1;
        drop(answered);
        if let Some(class) = CLASSES_MS.iter().position(|class| micros <= class * 1_000) {
            self.durations[class].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Counts a request and how long its answer took.
pub(crate) async fn count(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
    let method = word(request.method());
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let began = Clock::System.now();
    let response = next.run(request).await;
    let took = Clock::System.now().duration_since(began);
    let micros = u64::try_from(took.as_micros()).unwrap_or(0);
    requests.note(method, path.unwrap_or_else(|| "none".to_owned()), response.status(), micros);
    response
}

/// A method as a label; anything odd is one label, so that nobody can grow the map.
fn word(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    known.into_iter().find(|word| *word == method.as_str()).unwrap_or("other")
}

/// Answers a scrape.
pub(crate) async fn show(State((parts, requests)): State<(Parts, Arc<Requests>)>) -> Response {
    let (Ok(backlog), Ok(checked)) = (parts.engine.backlog().await, parts.engine.checked().await) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let text = text(&parts, &requests, backlog, checked);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn text(parts: &Parts, requests: &Requests, backlog: Backlog, checked: Checked) -> String {
    let mut page = Page::default();
    let version = format!("version=\"{}\",tzdb=\"{}\"", env!("CARGO_PKG_VERSION"), domain::zones::tzdb_version());
    page.head("dripline_info", "gauge", "What runs here.");
    page.line("dripline_info", &version, 1);
    page.head("dripline_due_workspaces", "gauge", "Workspaces with work that is due.");
    page.line("dripline_due_workspaces", "", backlog.workspaces);
    let since = |at: Option<Timestamp>| at.map_or(0, |at| parts.engine.now().duration_since(at).as_secs().max(0));
    let age = since(backlog.oldest);
    page.head("dripline_due_oldest_seconds", "gauge", "For how long the oldest due work has waited.");
    page.line("dripline_due_oldest_seconds", "", age);
    page.head("dripline_messages_in_doubt", "gauge", "Messages whose outcome is not known.");
    page.line("dripline_messages_in_doubt", "", backlog.in_doubt);
    let name = "dripline_check_oldest_seconds";
    page.head(name, "gauge", "For how long the workspace that has waited longest was not checked.");
    page.line(name, "", since(checked.oldest));
    page.head("dripline_check_faults", "gauge", "Faults that the last daily checks of all workspaces found.");
    page.line("dripline_check_faults", "found_in=\"ledger\"", checked.ledger_faults);
    page.line("dripline_check_faults", "found_in=\"history\"", checked.history_faults);
    let counts = parts.engine.counts();
    page.head("dripline_messages_claimed_total", "counter", "Messages claimed for sending by this process.");
    page.line("dripline_messages_claimed_total", "", counts.claimed);
    page.head("dripline_carrier_answers_total", "counter", "What carriers said of messages, to this process.");
    for (word, count) in counts.answers {
        page.line("dripline_carrier_answers_total", &format!("said=\"{word}\""), count);
    }
    page.head("dripline_callbacks_total", "counter", "Callbacks that this process took, by what they brought.");
    for (word, count) in counts.callbacks {
        page.line("dripline_callbacks_total", &format!("brought=\"{word}\""), count);
    }
    page.head("dripline_mails_total", "counter", "Tries of this process to send e-mails, by what became of them.");
    for (word, count) in counts.mails {
        page.line("dripline_mails_total", &format!("became=\"{word}\""), count);
    }
    page.head(
        "dripline_webhooks_total",
        "counter",
        "Calls of webhooks by this process, by what became of the delivery.",
    );
    for (word, count) in counts.webhooks {
        page.line("dripline_webhooks_total", &format!("became=\"{word}\""), count);
    }
    page.requests(requests);
    page.0
}

/// A page of metrics that is being written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, about: &str) {
        let _ = write!(self.0, "# HELP {name} {about}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn requests(&mut self, requests: &Requests) {
        let name = "dripline_http_requests_total";
        self.head(name, "counter", "Requests that this process answered, by route and status.");
        let answered = requests.answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((method, path, status), count) in answered {
            self.line(name, &format!("method=\"{method}\",path=\"{path}\",status=\"{status}\""), count);
        }
        let name = "dripline_http_request_seconds";
        self.head(name, "histogram", "How long answers took.");
        let mut below = 0;
        for (class, counter) in CLASSES_MS.iter().zip(&requests.durations) {
            below += counter.load(Ordering::Relaxed);
            self.line(&format!("{name}_bucket"), &format!("le=\"{}\"", seconds(class * 1_000)), below);
        }
        let count = requests.count.load(Ordering::Relaxed).max(below);
        self.line(&format!("{name}_bucket"), "le=\"+Inf\"", count);
        self.line(&format!("{name}_sum"), "", seconds(requests.micros.load(Ordering::Relaxed)));
        self.line(&format!("{name}_count"), "", count);
    }
}

/// Microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (micros, text) in [(0, "0"), (1, "0.000001"), (5_000, "0.005"), (1_000_000, "1"), (12_340_000, "12.34")] {
            assert_eq!(seconds(micros), text);
        }
    }

    #[test]
    fn classes_add_up_and_odd_methods_share_a_label() {
        let requests = Requests::default();
        for micros in [10, 1_000, 1_001, 900_000_000] {
            requests.note("GET", "/x".to_owned(), StatusCode::OK, micros);
        }
        let mut page = Page::default();
        page.requests(&requests);
        for line in ["le=\"0.001\"} 2\n", "le=\"0.002\"} 3\n", "le=\"30\"} 3\n", "le=\"+Inf\"} 4\n", "_count 4\n"] {
            assert!(page.0.contains(line), "{line}: {}", page.0);
        }
        assert_eq!((word(&Method::PATCH), word(&Method::from_bytes(b"BREW").unwrap())), ("PATCH", "other"));
    }
}
