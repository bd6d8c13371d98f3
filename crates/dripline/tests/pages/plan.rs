//! The plan on screen: what is offered, what choosing it would do, where it stands, canceling.

use domain::access::Role;
use domain::money::Micros;
use domain::plan::Terms;
use engine::Operator;
use engine::plans::NewPlan;
use store::plans::Plan;

use crate::markup::sound;
use crate::site::Site;

async fn offered(site: &Site, name: &str, dollars: i64) -> Plan {
    let (price, rate) = (Micros(dollars * 1_000_000), Micros(12_000));
    let terms = Terms { price, credits: 1_000, rate, numbers: Some(3), trial_days: 0, grace_days: 7 };
    site.parts.engine.add_plan(&Operator::at_command_line(), NewPlan { name: name.to_owned(), terms }).await.unwrap()
}

#[tokio::test]
async fn a_plan_is_chosen_after_its_price_and_dates_were_shown() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = owner.get("/billing/plan").await.good();
    sound(&page);
    assert!(page.has("No plan is offered"), "{}", page.text);
    let (starter, larger) = (offered(&site, "Starter <1>", 20).await, offered(&site, "Larger", 99).await);
    assert!(owner.get("/billing").await.good().has("href=\"/billing/plan\""));
    let page = owner.get("/billing/plan").await.good();
    sound(&page);
    assert!(page.has("Choose Starter &#60;1&#62;") && page.has("Choose Larger"), "{}", page.text);
    let page = owner.get(&format!("/billing/plan/{}", starter.id)).await.good();
    sound(&page);
    assert!(page.has("Pay $20.00 and begin") && page.has("$25.00 → $5.00"), "{}", page.text);
    let page = owner.get(&format!("/billing/plan/{}", larger.id)).await.good();
    assert!(page.has("The wallet lacks $74.00") && !page.has("and begin"), "{}", page.text);
    assert_eq!(owner.post(&format!("/billing/plan/{}", larger.id), "").await.status, 422);
    assert_eq!(owner.post(&format!("/billing/plan/{}", starter.id), "").await.status, 303);
    let page = owner.get("/billing/plan").await.good();
    sound(&page);
    assert!(page.has("Paid until ") && page.has(">yours<") && page.has("Month 1"), "{}", page.text);
    let page = owner.get("/billing").await.good();
    assert!(page.has("$5.00") && page.has("; credits of the plan; plan"), "{}", page.text);
    let page = owner.get(&format!("/billing/plan/{}", larger.id)).await.good();
    assert!(page.has("Choose it from "), "{}", page.text);
    assert_eq!(owner.post(&format!("/billing/plan/{}", larger.id), "").await.status, 303);
    assert!(owner.get("/billing/plan").await.good().has(", then Larger at $99.00 a month."));
    let page = owner.get("/settings/activity").await.good();
    assert!(page.has("began the plan “Starter &#60;1&#62;”") && page.has("chose the plan “Larger”"), "{}", page.text);
}

#[tokio::test]
async fn a_plan_is_canceled_and_kept_by_who_may_pay_and_home_says_when_it_ends() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let plan = offered(&site, "Starter", 20).await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    assert_eq!(owner.get("/billing/plan/cancel").await.status, 404, "there is none");
    let choose = format!("/billing/plan/{}", plan.id);
    for address in [choose.as_str(), "/billing/plan/cancel", "/billing/plan/resume"] {
        assert_eq!(agent.post(address, "").await.status, 403, "{address}");
    }
    assert!(!agent.get("/billing/plan").await.good().has("Choose Starter"));
    owner.post(&choose, "").await;
    let page = owner.get("/billing/plan/cancel").await.good();
    sound(&page);
    assert!(page.has("It goes on until") && page.has("stays yours"), "{}", page.text);
    assert_eq!(owner.post("/billing/plan/cancel", "").await.status, 303);
    let page = owner.get("/billing/plan").await.good();
    assert!(page.has("Canceled: it ends on") && page.has("Keep the plan"), "{}", page.text);
    assert!(!owner.get("/").await.good().has("The plan is canceled"), "a month is far");
    assert_eq!(owner.post("/billing/plan/resume", "").await.status, 303);
    // The month is over and the wallet holds five dollars.
    for _ in 0..31 {
        assert_eq!(owner.post("/simulator/clock", "by=day").await.status, 303);
    }
    site.parts.engine.turn_periods().await.unwrap();
    let page = owner.get("/").await.good();
    sound(&page);
    assert!(page.has("$20.00 is owed for the plan"), "{}", page.text);
    assert!(owner.get("/billing/plan").await.good().has("It is taken from your next top-up"));
    let page = owner.get("/billing/plan/cancel").await.good();
    assert!(page.has("at once") && page.has("End it now"), "{}", page.text);
    owner.post("/billing/top-up", "").await;
    assert!(owner.get("/billing/plan").await.good().has("Paid until "));
}
