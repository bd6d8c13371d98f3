//! Paying by card on screen: nothing of it where nobody takes cards; there and back; who may.

use std::sync::Arc;

use domain::access::Role;
use engine::payments::{Secret, Stripe, Till};

use crate::markup::sound;
use crate::site::Site;
use crate::stripe::{Imitation, KEY, Mood, SIGNING};

/// Cards are taken from now on.
pub(crate) fn with_cards(site: &Site) -> Imitation {
    let imitation = Imitation::open();
    let http = engine::carriers::Http::new().unwrap();
    let stripe = Stripe::new(http, &imitation.address, Secret::new(KEY), Secret::new(SIGNING));
    let till = Till { payments: Arc::new(stripe), public_url: "https://texts.example.com".to_owned() };
    site.parts.engine.take_cards(till);
    imitation
}

#[tokio::test]
async fn a_top_up_leads_to_the_payment_page_and_back_to_the_wallet() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    assert!(!owner.get("/billing").await.good().has("Add money by card"), "nobody takes cards");
    let stripe = with_cards(&site);
    let page = owner.get("/billing").await.good();
    sound(&page);
    assert!(page.has("Add money by card") && page.has("At least $5.00"), "{}", page.text);
    assert!(!agent.get("/billing").await.good().has("Pay by card"));
    assert_eq!(agent.post("/billing/payments", "amount=25").await.status, 403);
    for bad in ["amount=1", "amount=much", "amount=25.001"] {
        let again = owner.post("/billing/payments", bad).await;
        assert_eq!(again.status, 422, "{bad}");
        sound(&again);
        let typed = bad.strip_prefix("amount=").unwrap();
        assert!(
            again.text.contains(&format!("value=\"{typed}\"")) && again.text.contains("amount-says"),
            "{}",
            again.text
        );
    }
    let page = owner.post("/billing/payments", "amount=25.00").await;
    assert_eq!(page.status, 200, "{}", page.text);
    sound(&page);
    let next = page.header("refresh").to_owned();
    let url = next.strip_prefix("0; url=").unwrap();
    assert!(page.text.contains(&format!("href=\"{url}\"")), "{}", page.text);
    let page = owner.get("/billing").await.good();
    sound(&page);
    assert!(page.has("Not paid yet") && page.has("Look again"), "{}", page.text);
    let payment = site.parts.engine.payments(&customer.operator, None, 1).await.unwrap().remove(0);
    stripe.pay(payment.session.as_deref().unwrap(), "4242");
    let back = owner.get(&format!("/billing/payments/{}", payment.id)).await;
    assert_eq!((back.status, back.header("location")), (303, "/billing"));
    let page = owner.get("/billing").await.good();
    sound(&page);
    assert!(page.has("$50.00") && page.has("https://pay.example.com/receipts/"), "{}", page.text);
    let page = owner.get("/settings/activity").await.good();
    assert!(page.has("to pay $25.00 by card"), "{}", page.text);
}

#[tokio::test]
async fn the_providers_trouble_is_told_without_its_words_and_never_as_not_charged_after_the_payment() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let stripe = with_cards(&site);
    owner.post("/billing/payments", "amount=25.00").await.good();
    let payment = site.parts.engine.payments(&customer.operator, None, 1).await.unwrap().remove(0);
    stripe.pay(payment.session.as_deref().unwrap(), "4242");
    let path = format!("/billing/payments/{}", payment.id);
    for (mood, words) in [(Mood::Down, "gave no clear answer"), (Mood::Refuses, "tell whoever runs this installation")]
    {
        stripe.mood(mood);
        let back = owner.get(&path).await;
        assert_eq!((back.status, back.header("location")), (303, "/billing"), "{}", back.text);
        let refused = owner.post("/billing/payments", "amount=26.00").await;
        assert_eq!(refused.status, 502, "{}", refused.text);
        assert!(refused.has("Nothing was charged"), "{}", refused.text);
        assert!(refused.has(words), "{}", refused.text);
        assert!(!refused.has("sk_") && !refused.has("api_key") && !refused.has("os error"), "{}", refused.text);
    }
    stripe.mood(Mood::Good);
    assert_eq!(owner.get(&path).await.status, 303);
    assert!(owner.get("/billing").await.good().has("$50.00"));
}

#[tokio::test]
async fn a_card_is_kept_told_what_it_is_for_and_removed() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    let page = owner.get("/billing/card").await.good();
    sound(&page);
    assert!(page.has("No cards are taken here") && !page.has("tick that"), "{}", page.text);
    let stripe = with_cards(&site);
    let page = owner.get("/billing/card").await.good();
    sound(&page);
    assert!(page.has("No card is kept"), "{}", page.text);
    owner.post("/billing/payments", "amount=25.00&keep=yes").await.good();
    let payment = site.parts.engine.payments(&customer.operator, None, 1).await.unwrap().remove(0);
    stripe.pay(payment.session.as_deref().unwrap(), "4242");
    assert_eq!(owner.get(&format!("/billing/payments/{}", payment.id)).await.status, 303);
    let page = owner.get("/billing").await.good();
    sound(&page);
    assert!(
        page.has("Visa •••• 4242, until 04/2030") && page.has("It is charged for nothing without you"),
        "{}",
        page.text
    );
    let page = agent.get("/billing/card").await.good();
    assert!(page.has("•••• 4242") && !page.has("Remove the card"), "{}", page.text);
    assert_eq!(agent.post("/billing/card", "").await.status, 403);
    assert_eq!(agent.post("/billing/card/remove", "").await.status, 403);
    for (field, bad) in [("below", "0"), ("below", "much"), ("amount", "25.001"), ("most", "24")] {
        let good = [("below", "10"), ("amount", "25"), ("most", "100")];
        let form = good.map(|(name, text)| format!("&{name}={}", if name == field { bad } else { text })).concat();
        let again = owner.post("/billing/card", &format!("recharge=yes{form}")).await;
        assert_eq!(again.status, 422, "{field} {bad}");
        sound(&again);
        assert!(again.text.contains(&format!("id=\"{field}-says\" class=\"text-error\"")), "{field}: {}", again.text);
    }
    let form = "recharge=yes&below=10&amount=25&most=100&pays_plan=yes";
    assert_eq!(owner.post("/billing/card", form).await.status, 303);
    let page = owner.get("/billing/card").await.good();
    sound(&page);
    assert!(
        page.has("falls below $10.00, the card is charged $25.00") && page.has("before a month of the plan"),
        "{}",
        page.text
    );
    let page = owner.get("/settings/activity").await.good();
    assert!(page.has("The card •••• 4242 is kept") && page.has("said what the card is charged for"), "{}", page.text);
    assert_eq!(owner.post("/billing/card/remove", "").await.status, 303);
    assert!(!owner.get("/billing").await.good().has("•••• 4242"));
    assert!(owner.get("/billing/card").await.good().has("No card is kept"));
}
