//! The start page until there are screens: the API's address and the commands that run the main job.
//!
//! Plain HTML and its own style, no script, nothing from elsewhere.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fbfbfa; --soft: #5b6168; --line: #e2e3e5; --code: #f1f1ef; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e6; --paper: #16181b; --soft: #a3a8ae; --line: #2c3035; --code: #202327; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 2.5rem 1.25rem 5rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; }
p { margin: .5rem 0; } .soft { color: var(--soft); }
pre { background: var(--code); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto;
  font: .85rem/1.5 ui-monospace, monospace; margin: .5rem 0; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
";

/// The page. `key` is shown in the demo only.
pub(crate) fn page(address: &str, key: Option<&str>, tzdb: &str) -> Response {
    let body = key.map_or_else(|| closed(address), |key| demo(address, key));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>Dripline</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <main>\n<h1>Dripline</h1>\n<p class=\"soft\">Text-message follow-up that stops the moment the contact replies.</p>\n\
         {body}\n<p class=\"soft\">Time zones: {tzdb}.</p>\n</main>\n</body>\n</html>\n"
    );
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, html).into_response()
}

fn closed(address: &str) -> String {
    format!("<p>The API is at <code>{address}/api/v1</code>. Make a key with <code>dripline key create</code>.</p>")
}

fn demo(address: &str, key: &str) -> String {
    let setup = format!(
        "API={address}/api/v1\nKEY={key}\nask() {{ curl -sS -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \"$@\"; echo; }}"
    );
    let steps = [
        ("Paste this first", setup.as_str()),
        (
            "Who is there, and which workflow",
            "CONTACT=$(ask $API/contacts | grep -o 'ctc_[0-9a-z]*' | head -1)\nWORKFLOW=$(ask $API/workflows | grep -o 'wfl_[0-9a-z]*' | head -1)\necho $CONTACT $WORKFLOW",
        ),
        (
            "What it will cost, what it will say, and when",
            "ask $API/quotes -d \"{\\\"contact\\\":\\\"$CONTACT\\\",\\\"workflow\\\":\\\"$WORKFLOW\\\"}\"",
        ),
        (
            "Start it",
            "ask $API/enrollments -H 'Idempotency-Key: first' -d \"{\\\"contact\\\":\\\"$CONTACT\\\",\\\"workflow\\\":\\\"$WORKFLOW\\\"}\"",
        ),
        (
            "Push the clock by a day, and look at the phone",
            "ask $API/simulator/clock -d '{\"seconds\":86400}'\nask $API/simulator/handsets/+12125550123",
        ),
        (
            "Reply as the contact",
            "ask $API/simulator/replies -d '{\"from\":\"+12125550123\",\"to\":\"+12125550100\",\"body\":\"Who is this?\"}'",
        ),
        (
            "It has stopped, and the money for the unsent messages is back",
            "ask $API/contacts/$CONTACT/events\nask $API/balances\nask $API/ledger",
        ),
    ];
    let steps = steps.iter().map(|(title, command)| format!("<h2>{title}</h2>\n<pre>{}</pre>", escaped(command)));
    let steps: String = steps.collect();
    format!("<p>This is a demo: nothing leaves the machine. The API is at <code>{address}/api/v1</code>.</p>\n{steps}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
