//! What Stripe says, in our words. What is not as it should be is nothing: then nobody knows, and it is asked for again.
//!
//! | Stripe's word | ours |
//! |---|---|
//! | intent `succeeded` | paid |
//! | intent `canceled` | failed |
//! | intent `requires_payment_method`, `requires_action` | failed where nobody is there to try another card; on a page still open |
//! | page `expired` | expired |
//! | anything else | open |
//! | dispute `warning_…` | none: the bank asks, and holds nothing back |

use domain::ids::PaymentId;
use domain::money::Micros;
use domain::payment::{CENT, Dispute, Report, State, Verdict};
use serde_json::Value;

use super::payment;
use crate::payments::{Hint, Seen, SeenCard};

/// Who is at the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A person on Stripe's page, who may try another one.
    Person,
    /// Nobody.
    Itself,
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// An amount in cents; nothing below zero, and only dollars.
fn amount(value: &Value, name: &str) -> Option<Micros> {
    let cents = value.get(name).and_then(Value::as_i64).filter(|cents| *cents >= 0)?;
    cents.checked_mul(CENT.0).map(Micros)
}

/// Our payment, as an object of Stripe's names it.
pub(super) fn ours(value: &Value) -> Option<PaymentId> {
    value.get("metadata").and_then(|metadata| text(metadata, "payment")).and_then(payment)
}

/// The name of an object that stands as such or in full.
fn id_of(value: &Value, name: &str) -> Option<String> {
    let one = value.get(name)?;
    one.as_str().or_else(|| text(one, "id")).map(str::to_owned)
}

fn state(intent: &Value, by: By) -> Option<State> {
    Some(match text(intent, "status")? {
        "succeeded" => State::Paid,
        "canceled" => State::Failed,
        "requires_payment_method" | "requires_action" if by == By::Itself => State::Failed,
        _ => State::Open,
    })
}

fn failure(intent: &Value) -> Option<String> {
    let error = intent.get("last_payment_error")?;
    text(error, "decline_code").or_else(|| text(error, "code")).map(str::to_owned)
}

/// A payment.
pub(super) fn intent(value: &Value, by: By) -> Option<Seen> {
    let state = state(value, by)?;
    let charge = value.get("latest_charge").filter(|charge| charge.is_object());
    // What is not in dollars is not what we asked for: it is never counted as money.
    let dollars = text(value, "currency") == Some("usd");
    let received = amount(value, "amount_received").filter(|_| dollars).unwrap_or(Micros::ZERO);
    let refunded = charge.and_then(|charge| amount(charge, "amount_refunded")).unwrap_or(Micros::ZERO);
    let failure = failure(value).or_else(|| text(value, "cancellation_reason").map(str::to_owned));
    Some(Seen {
        payment: ours(value),
        intent: text(value, "id").map(str::to_owned),
        report: Report { state, refunded, dispute: None },
        received,
        receipt: charge.and_then(|charge| text(charge, "receipt_url")).map(str::to_owned),
        failure: failure.filter(|_| state == State::Failed),
        card: card(value),
    })
}

/// The card, if it is kept for a customer to be charged without a person.
fn card(intent: &Value) -> Option<SeenCard> {
    text(intent, "setup_future_usage").filter(|usage| *usage == "off_session")?;
    let method = intent.get("payment_method").filter(|method| method.is_object())?;
    let card = method.get("card")?;
    let number = |name: &str| card.get(name).and_then(Value::as_i64);
    Some(SeenCard {
        customer: id_of(intent, "customer")?,
        method: text(method, "id")?.to_owned(),
        brand: text(card, "brand")?.to_owned(),
        last_four: text(card, "last4")?.to_owned(),
        expires: (number("exp_year")?, number("exp_month")?),
    })
}

/// A page, and whether its payment is disputed.
pub(super) fn session(value: &Value) -> Option<(Seen, bool)> {
    let named = text(value, "client_reference_id").and_then(payment).or_else(|| ours(value));
    if let Some(one) = value.get("payment_intent").filter(|one| one.is_object()) {
        let seen = intent(one, By::Person)?;
        let expired = text(value, "status") == Some("expired") && seen.report.state == State::Open;
        let state = if expired { State::Expired } else { seen.report.state };
        let report = Report { state, ..seen.report };
        return Some((Seen { payment: named.or(seen.payment), report, ..seen }, is_disputed(one)));
    }
    let state = if text(value, "status")? == "expired" { State::Expired } else { State::Open };
    let report = Report { state, ..Report::OPEN };
    let seen =
        Seen { payment: named, intent: None, report, received: Micros::ZERO, receipt: None, failure: None, card: None };
    Some((seen, false))
}

/// Whether a payment's charge says that it is disputed.
pub(super) fn is_disputed(intent: &Value) -> bool {
    intent.pointer("/latest_charge/disputed").and_then(Value::as_bool) == Some(true)
}

/// A dispute; nothing for an inquiry, which holds nothing back.
pub(super) fn dispute(value: &Value) -> Option<Dispute> {
    let verdict = match text(value, "status")? {
        "needs_response" | "under_review" => Verdict::Open,
        "won" => Verdict::Won,
        "lost" => Verdict::Lost,
        _ => return None,
    };
    Some(Dispute { opened: value.get("created")?.as_i64()?, verdict, amount: amount(value, "amount")? })
}

/// What an event may be about.
pub(super) fn hint(event: &Value) -> Option<Hint> {
    let object = event.pointer("/data/object")?;
    let kind = text(object, "object")?;
    let intent =
        if kind == "payment_intent" { text(object, "id").map(str::to_owned) } else { id_of(object, "payment_intent") };
    let named = text(object, "client_reference_id").and_then(payment).or_else(|| ours(object));
    let known = matches!(kind, "checkout.session" | "payment_intent" | "charge" | "dispute" | "refund");
    (known && (named.is_some() || intent.is_some())).then_some(Hint { payment: named, intent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payment_in_another_currency_is_no_money() {
        let said = |currency: &str| json!({ "id": "pi_1", "status": "succeeded", "currency": currency, "amount_received": 2_500 });
        assert_eq!(intent(&said("usd"), By::Itself).unwrap().received, Micros(25_000_000));
        assert_eq!(intent(&said("jpy"), By::Itself).unwrap().received, Micros::ZERO);
    }

    #[test]
    fn a_declined_card_is_final_only_where_nobody_is_there() {
        let said = json!({ "id": "pi_1", "status": "requires_payment_method", "last_payment_error":
            { "code": "card_declined", "decline_code": "insufficient_funds" } });
        let seen = intent(&said, By::Itself).unwrap();
        assert_eq!((seen.report.state, seen.failure.as_deref()), (State::Failed, Some("insufficient_funds")));
        assert_eq!(intent(&said, By::Person).unwrap().report.state, State::Open);
        let page = json!({ "status": "expired", "payment_intent": said });
        assert_eq!(session(&page).unwrap().0.report.state, State::Expired);
    }

    #[test]
    fn an_inquiry_is_no_dispute() {
        let said = |status: &str| json!({ "status": status, "created": 7, "amount": 300 });
        assert_eq!(dispute(&said("warning_needs_response")), None);
        let open = Dispute { opened: 7, verdict: Verdict::Open, amount: Micros(3_000_000) };
        assert_eq!(dispute(&said("under_review")), Some(open));
    }

    #[test]
    fn an_event_is_a_hint_and_nothing_else() {
        let id = PaymentId(5).to_string();
        let event = |object: Value| json!({ "type": "x", "data": { "object": object } });
        let page = event(
            json!({ "object": "checkout.session", "id": "cs_1", "client_reference_id": id, "payment_intent": null }),
        );
        assert_eq!(hint(&page), Some(Hint { payment: Some(PaymentId(5)), intent: None }));
        let dispute = event(json!({ "object": "dispute", "id": "dp_1", "payment_intent": "pi_1" }));
        assert_eq!(hint(&dispute), Some(Hint { payment: None, intent: Some("pi_1".to_owned()) }));
        assert_eq!(hint(&event(json!({ "object": "invoice", "payment_intent": "pi_1" }))), None);
        assert_eq!(hint(&json!({ "data": 1 })), None);
    }
}
