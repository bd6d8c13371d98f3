//! What a call says: the kind, the time and the event as the API's `GET /events` shows it, which a test of the API holds it to.

use domain::ids::{ContactId, EventId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use store::events::Event;

#[derive(Serialize)]
struct Body<'e> {
    r#type: &'e str,
    timestamp: Timestamp,
    data: Data<'e>,
}

#[derive(Serialize)]
struct Data<'e> {
    id: EventId,
    kind: &'e str,
    contact: Option<ContactId>,
    actor: &'e str,
    at: Timestamp,
    facts: Value,
}

/// The document of an event.
pub(super) fn of(event: &Event) -> String {
    let data = Data {
        id: event.id,
        kind: &event.kind,
        contact: event.contact,
        actor: &event.actor,
        at: event.at,
        facts: serde_json::from_str(&event.payload).unwrap_or_default(),
    };
    let body = Body { r#type: &event.kind, timestamp: event.at, data };
    serde_json::to_string(&body).expect("an event is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_with_prefixed_identifiers() {
        let event = Event {
            id: EventId(42),
            contact: Some(ContactId(7)),
            kind: "message.received".to_owned(),
            actor: "contact".to_owned(),
            payload: r#"{"b":1,"a":"x"}"#.to_owned(),
            at: "2026-11-24T15:00:00Z".parse().unwrap(),
        };
        let wanted = serde_json::json!({
            "type": "message.received", "timestamp": "2026-11-24T15:00:00Z",
            "data": { "id": "evt_000000000001a", "kind": "message.received", "contact": "ctc_0000000000007", "actor": "contact",
                "at": "2026-11-24T15:00:00Z", "facts": { "a": "x", "b": 1 } },
        });
        assert_eq!(serde_json::from_str::<Value>(&of(&event)).unwrap(), wanted);
    }
}
