//! `/api/start`: the API at a glance, in the demo with the commands that run the main job.

use axum::response::Response;

use crate::page::{escaped, html};

/// The page. `key` is shown in the demo only.
pub(crate) fn page(address: &str, key: Option<&str>, tzdb: &str) -> Response {
    let body = key.map_or_else(|| closed(address), |key| demo(address, key));
    let content = format!(
        "<main>\n<h1>Dripline</h1>\n<p class=\"soft\">Text-message follow-up that stops the moment the contact replies.</p>\n\
         {body}\n<p class=\"soft\">Time zones: {tzdb}.</p>\n</main>"
    );
    html("Dripline", &content)
}

fn closed(address: &str) -> String {
    let address = escaped(address);
    format!(
        "<p>The API is at <code>{address}/api/v1</code>; <a href=\"/api\">its reference</a> says what it can do. Make a key with \
         <code>dripline key create</code>.</p>"
    )
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
    let steps = steps
        .iter()
        .map(|(title, command)| format!("<h2>{title}</h2>\n<pre tabindex=\"0\">{}</pre>", escaped(command)));
    let steps: String = steps.collect();
    let address = escaped(address);
    format!(
        "<p>This is a demo: nothing leaves the machine. The API is at <code>{address}/api/v1</code>; <a href=\"/api\">its reference</a> \
         says what it can do.</p>\n{steps}"
    )
}
