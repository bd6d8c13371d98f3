//! The operator's console: not there for anybody else, and what it does is done under the operator's name.

use domain::access::Role;

use crate::markup::sound;
use crate::site::{Customer, Person, Site};

/// Somebody who runs the installation, in a workspace of their own.
async fn operator<'s>(site: &'s Site, home: &Customer) -> Person<'s> {
    let person = site.person(home, Role::Viewer).await;
    let email = format!("viewer.{}@example.com", home.workspace.0);
    site.parts.engine.appoint_operator(home.workspace, &email).await.unwrap();
    person
}

/// Each address with a workspace in the place of what it names.
fn addresses(customer: &Customer) -> Vec<String> {
    let all =
        dripline::serve::operators_addresses().map(|address| address.replace("{id}", &customer.workspace.to_string()));
    all.collect()
}

#[tokio::test]
async fn for_whoever_is_no_operator_nothing_of_it_is_there() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let owner = site.person(&ours, Role::Owner).await;
    let all = addresses(&theirs);
    assert!(all.len() > 8, "{all:?}");
    for address in &all {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let form = "reason=x&way=top_up&amount=5&note=x&key=k&how=now&refunds=on";
            let answer = owner.ask(method, address, form).await;
            assert_eq!(answer.status, 404, "{method} {address}");
            assert!(!answer.has("Theirs") && !answer.has("/operator"), "{method} {address}: {}", answer.text);
        }
        // Its own workspace is no way in either.
        let own = address.replace(&theirs.workspace.to_string(), &ours.workspace.to_string());
        assert_eq!(owner.post(&own, "reason=x").await.status, 404, "{own}");
        let stranger = site.get(address).await;
        assert!(stranger.header("location").starts_with("/sign-in"), "{address}: {}", stranger.status);
    }
    assert!(!owner.get("/").await.good().has("/operator"), "the menu says nothing of it");
    let engine = &site.parts.engine;
    for customer in [&ours, &theirs] {
        assert_eq!(engine.workspace(&customer.operator).await.unwrap().workspace.suspended, None);
        assert_eq!(engine.balances(&customer.operator).await.unwrap().wallet, domain::money::Micros(25_000_000));
    }
}

#[tokio::test]
async fn all_workspaces_are_listed_searched_and_opened() {
    let site = Site::new();
    let (home, acme) = (site.customer("Home", "+12125550100").await, site.customer("Acme <1>", "+13055550101").await);
    let person = operator(&site, &home).await;
    assert!(person.get("/").await.good().has("href=\"/operator\""));
    let page = person.get("/operator").await.good();
    sound(&page);
    assert!(page.has("Home") && page.has("Acme &#60;1&#62;") && page.has("$25.00"), "{}", page.text);
    let page = person.get("/operator?q=acme").await.good();
    sound(&page);
    assert!(page.has("Acme &#60;1&#62;") && !page.has(&format!("/operator/workspaces/{}", home.workspace)));
    sound(&person.get("/operator?q=nobody").await.good());
    let page = person.get(&format!("/operator/workspaces/{}", acme.workspace)).await.good();
    sound(&page);
    assert!(page.has("Acme &#60;1&#62;") && !page.has("Acme &#60;1&#62;0"), "contacts are not shown: {}", page.text);
    assert_eq!(person.get("/operator/workspaces/wsp_0").await.status, 404);
    // Taking it back counts at once.
    let email = format!("viewer.{}@example.com", home.workspace.0);
    site.parts.engine.dismiss_operator(home.workspace, &email).await.unwrap();
    assert_eq!(person.get("/operator").await.status, 404);
}

#[tokio::test]
async fn money_by_hand_is_posted_once_and_stands_in_the_activity_of_the_workspace() {
    let site = Site::new();
    let (home, acme) = (site.customer("Home", "+12125550100").await, site.customer("Acme", "+13055550101").await);
    let (person, owner) = (operator(&site, &home).await, site.person(&acme, Role::Owner).await);
    let here = format!("/operator/workspaces/{}", acme.workspace);
    let adjust = format!("{here}/adjust");
    let form = "way=top_up&amount=5.50&note=for+the+outage&key=once";
    for _ in 0..2 {
        assert_eq!(person.post(&adjust, form).await.status, 303);
    }
    assert!(person.get(&here).await.good().has("$30.50"));
    let reused = person.post(&adjust, "way=top_up&amount=6&note=again&key=once").await;
    assert_eq!(reused.status, 409, "{}", reused.text);
    for (form, says) in [
        ("way=top_up&amount=5&note=&key=a", "The note is refused"),
        ("way=top_up&amount=five&note=x&key=a", "input-error"),
        ("way=withdrawal&amount=31&note=x&key=a", "are to be taken"),
        ("way=revocation&amount=1.5&note=x&key=a", "not a whole number"),
        ("way=gift&amount=1&note=x&key=a", "Money and credits by hand"),
    ] {
        let page = person.post(&adjust, form).await;
        assert_eq!(page.status, 422, "{form}");
        sound(&page);
        assert!(page.has(says) && page.has("name=\"key\" value=\"a\""), "{form}: {}", page.text);
    }
    assert_eq!(person.post(&adjust, "way=revocation&amount=100&note=too+many&key=b").await.status, 303);
    let told = owner.get("/settings/activity?who=operator").await.good();
    assert!(told.has("Pat Doe (operator) added $5.50 to the balance (for the outage)"), "{}", told.text);
    assert!(person.get(&here).await.good().has("Pat Doe (operator) took 100 credits from the balance (too many)"));
    let report = site.parts.engine.verify_ledger(acme.workspace).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn a_workspace_is_suspended_told_so_and_goes_on() {
    let site = Site::new();
    let (home, acme) = (site.customer("Home", "+12125550100").await, site.customer("Acme", "+13055550101").await);
    let (person, owner) = (operator(&site, &home).await, site.person(&acme, Role::Owner).await);
    let here = format!("/operator/workspaces/{}", acme.workspace);
    let page = person.post(&format!("{here}/suspend"), "reason=+").await;
    assert_eq!(page.status, 422);
    sound(&page);
    assert_eq!(person.post(&format!("{here}/suspend"), "reason=complaints+%3Cb%3E").await.status, 303);
    let page = owner.get("/").await.good();
    sound(&page);
    assert!(page.has("This workspace is suspended: complaints &#60;b&#62;"), "{}", page.text);
    assert!(!person.get("/").await.good().has("data-suspended"), "another's");
    assert!(person.get("/operator").await.good().has(">suspended<"));
    sound(&person.get(&here).await.good());
    let answer = owner.script("POST", &format!("/messenger/{}/send", acme.contacts[0]), "body=Hello").await;
    assert!(answer.status == 422 && answer.has("This workspace is suspended: complaints"), "{}", answer.text);
    assert_eq!(person.post(&format!("{here}/resume"), "reason=").await.status, 303);
    assert!(!owner.get("/").await.good().has("data-suspended"));
    let told = owner.get("/settings/activity").await.good();
    assert!(told.has("Pat Doe (operator) let the workspace go on"), "{}", told.text);
}

#[tokio::test]
async fn plans_are_offered_given_ended_and_withdrawn() {
    let site = Site::new();
    let (home, acme) = (site.customer("Home", "+12125550100").await, site.customer("Acme", "+13055550101").await);
    let person = operator(&site, &home).await;
    sound(&person.get("/operator/plans").await.good());
    let page = person.post("/operator/plans", "name=Starter&price=much&credits=10&rate=0.01").await;
    assert_eq!(page.status, 422);
    sound(&page);
    for (name, price) in [("Starter", "20"), ("Team", "99")] {
        let form = format!("name={name}&price={price}&credits=1%2C000&rate=0.012&numbers=&trial_days=0&grace_days=7");
        assert_eq!(person.post("/operator/plans", &form).await.status, 303);
    }
    assert_eq!(person.post("/operator/plans", "name=Team&price=1").await.status, 422, "the name is taken");
    let page = person.get("/operator/plans").await.good();
    sound(&page);
    assert!(page.has("$20.00") && page.has("1,000"), "{}", page.text);
    let plans = site.parts.engine.plans().await.unwrap();
    let here = format!("/operator/workspaces/{}", acme.workspace);
    let page = person.post(&format!("{here}/plan"), &format!("plan={}", plans[1].id)).await;
    assert!(page.status == 422 && page.has("lacks $74.00"), "{}", page.text);
    assert_eq!(person.post(&format!("{here}/plan"), &format!("plan={}", plans[0].id)).await.status, 303);
    let page = person.get(&here).await.good();
    sound(&page);
    assert!(page.has("Paid until") && page.has("$5.00"), "{}", page.text);
    assert_eq!(person.post(&format!("{here}/plan/end"), "how=period").await.status, 303);
    assert!(person.get(&here).await.good().has("Canceled: it ends on"));
    assert_eq!(person.post(&format!("{here}/plan/end"), "how=now").await.status, 303);
    assert!(person.get(&here).await.good().has("Serve without a plan"));
    assert_eq!(person.post(&format!("{here}/plan/end"), "how=serve").await.status, 303);
    assert!(person.get(&here).await.good().has("Served without a plan"));
    for (act, shows) in [("withdraw", ">withdrawn<"), ("offer", "Withdraw Starter")] {
        assert_eq!(person.post(&format!("/operator/plans/{}/{act}", plans[0].id), "").await.status, 303);
        assert!(person.get("/operator/plans").await.good().has(shows), "{act}");
    }
    assert_eq!(person.post(&format!("{here}/refunds"), "refunds=on").await.status, 303);
    assert!(person.get(&here).await.good().has("Refund them no more"));
}

#[tokio::test]
async fn carriers_rates_are_set_corrected_and_removed_and_make_the_cost_of_a_workspace() {
    let site = Site::new();
    let (home, acme) = (site.customer("Home", "+12125550100").await, site.customer("Acme", "+13055550101").await);
    let person = operator(&site, &home).await;
    let here = format!("/operator/workspaces/{}", acme.workspace);
    let page = person.get("/operator/rates").await.good();
    sound(&page);
    assert!(page.has("No rate is set"), "{}", page.text);
    site.parts.engine.send_message(&acme.operator, acme.contacts[0], "Hello").await.unwrap();
    site.parts.engine.round().await.unwrap();
    let page = person.get(&here).await.good();
    sound(&page);
    assert!(page.has("Where texts went") && page.has("no rate"), "{}", page.text);
    let today = jiff::tz::TimeZone::UTC.to_datetime(site.parts.engine.now()).date();
    let form = |country: &str, sent: &str, since: &str| {
        format!("carrier=simulator&country={country}&sent={sent}&heard=0&since={since}")
    };
    for (wrong, says) in [
        (form("USA", "0.01", "2026-11-01"), "two letters of the country"),
        (form("UK", "0.01", "2026-11-01"), "UK is no country"),
        (form("US", "cheap", "2026-11-01"), "input-error"),
        (form("US", "2", "2026-11-01"), "is not between"),
        (form("US", "0.01", "2026-11-01").replace("heard=0", "heard=-1"), "id=\"heard-says\" class=\"text-error\""),
        (form("US", "0.01", "soon"), "not a date"),
        (form("US", "0.01", "1999-01-01"), "at the earliest"),
        (form("US", "0.01", "2026-11-01").replace("simulator", "pigeon"), "There is no carrier"),
    ] {
        let page = person.post("/operator/rates", &wrong).await;
        assert_eq!(page.status, 422, "{wrong}");
        sound(&page);
        assert!(page.has(says), "{wrong}: {}", page.text);
    }
    let today = today.to_string();
    for (country, sent, since) in [("", "0.05", &*today), ("US", "0.0061", "2026-09-01"), ("us", "0.0079", &*today)] {
        assert_eq!(person.post("/operator/rates", &form(country, sent, since)).await.status, 303);
    }
    let page = person.get("/operator/rates").await.good();
    sound(&page);
    assert!(page.has("$0.0079") && page.has("every other"), "{}", page.text);
    assert_eq!(page.text.matches(">holds<").count(), 2, "the latest of each: {}", page.text);
    assert!(person.get(&here).await.good().has("$0.0079"), "what it cost");
    assert!(person.get("/operator").await.good().has("$0.0079"));
    let which = format!("carrier=simulator&country=US&since={today}");
    assert_eq!(person.post("/operator/rates/remove", &which).await.status, 303);
    assert_eq!(person.post("/operator/rates/remove", &which).await.status, 404, "it is gone already");
    assert!(person.get(&here).await.good().has("$0.0061"), "the one before it");
    let acts = person.get("/operator/acts").await.good();
    sound(&acts);
    let set = format!("set what Simulator takes in US from {today} on: $0.0079 sent, $");
    assert!(
        acts.has(&set) && acts.has(&format!("removed what Simulator takes in US from {today} on")),
        "{}",
        acts.text
    );
    assert_eq!(acts.text.matches("</li>").count() - page.text.matches("</li>").count(), 4, "what was refused is none");
}
