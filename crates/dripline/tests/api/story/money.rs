//! The part of the day that is about money: the low-balance notice, payments by card, the card that is kept.

use serde_json::{Value, json};

use super::Told;
use crate::site::{Site, text};

/// Below which balance it is told: the default, another mark, off, and what is refused.
pub(super) async fn balance_notice(told: &Told<'_>) {
    let shown = told.get("/balance-notice").await;
    assert_eq!(shown, json!({ "below_micros": 10_000_000, "email": true, "email_is_set_up": false }));
    let wish = json!({ "below_micros": 2_500_000, "email": false });
    assert_eq!(told.put("/balance-notice", wish.clone()).await["below_micros"], 2_500_000);
    for bad in [0, -1, 10_000_000_001_i64] {
        let bad = json!({ "below_micros": bad, "email": true });
        told.customer.ask("PUT", "/balance-notice", Some(bad)).await.problem(422, "settings_invalid");
    }
    assert_eq!(told.get("/balance-notice").await["email"], false);
    assert_eq!(told.put("/balance-notice", json!({})).await["below_micros"], Value::Null);
    let kinds = told.get("/events?limit=200").await["data"].as_array().unwrap().clone();
    assert_eq!(kinds.iter().filter(|event| event["kind"] == "balance.notice_changed").count(), 2);
}

/// A payment by card: begun, paid on Stripe's page, told by Stripe; and what is refused.
pub(super) async fn payments(site: &Site, told: &Told<'_>) {
    let wish = json!({ "amount_micros": 25_000_000 });
    told.customer.post("/payments", wish.clone()).await.problem(409, "cards_not_taken");
    let stripe = site.with_cards();
    told.customer.post("/payments", json!({ "amount_micros": 25_000_001 })).await.problem(422, "payment_invalid");
    let before = told.customer.get("/balances").await.good()["wallet"].as_i64().unwrap();
    let begun = told.post("/payments", wish.clone()).await;
    let session = text(&begun["url"]).rsplit('/').next().unwrap().to_owned();
    stripe.pay(&session, "4242");
    let (signed, body) = stripe.event(&stripe.session(&session), site.parts.engine.now().as_second());
    for (signature, status) in [("t=1,v1=00", 403), (signed.as_str(), 204), (signed.as_str(), 204)] {
        let call = axum::http::Request::post("/hooks/stripe").header("stripe-signature", signature);
        let answer = site.send(call.body(axum::body::Body::from(body.clone())).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let shown = told.get("/payments").await["data"][0].clone();
    assert_eq!(
        (&shown["id"], &shown["state"], &shown["kind"]),
        (&begun["payment"]["id"], &json!("paid"), &json!("checkout"))
    );
    let after = told.customer.get("/balances").await.good()["wallet"].as_i64().unwrap();
    assert_eq!(after - before, 25_000_000);
    card(site, told, &stripe).await;
    stripe.mood(crate::stripe::Mood::Down);
    told.customer.post("/payments", wish).await.problem(502, "payment_provider");
}

/// The card is kept with a payment, told what for, and removed.
async fn card(site: &Site, told: &Told<'_>, stripe: &crate::stripe::Imitation) {
    let recharge = json!({ "below_micros": 1_000_000, "amount_micros": 25_000_000, "most_micros": 100_000_000 });
    let wish = json!({ "auto_recharge": recharge, "pays_plan": true });
    told.customer.get("/card").await.problem(404, "not_found");
    told.customer.ask("PUT", "/card", Some(wish.clone())).await.problem(404, "not_found");
    let begun = told.post("/payments", json!({ "amount_micros": 25_000_000, "keep_card": true })).await;
    assert_eq!(begun["payment"]["keep_card"], true);
    let session = text(&begun["url"]).rsplit('/').next().unwrap().to_owned();
    stripe.pay(&session, "1881");
    let (signed, body) = stripe.event(&stripe.session(&session), site.parts.engine.now().as_second());
    let call = axum::http::Request::post("/hooks/stripe").header("stripe-signature", signed);
    assert_eq!(site.send(call.body(axum::body::Body::from(body)).unwrap()).await.status, 204);
    let kept = told.get("/card").await;
    assert_eq!(
        (&kept["last_four"], &kept["auto_recharge"], &kept["pays_plan"]),
        (&json!("1881"), &Value::Null, &json!(false))
    );
    let wrong = json!({ "auto_recharge": { "below_micros": 0, "amount_micros": 1, "most_micros": 0 } });
    told.customer.ask("PUT", "/card", Some(wrong)).await.problem(422, "payment_invalid");
    assert_eq!(told.put("/card", wish).await["auto_recharge"], recharge);
    told.ask("DELETE", "/card", None).await;
    told.customer.get("/card").await.problem(404, "not_found");
}
