//! Brands, campaigns and numbers: noted on their page, and what they hold back says so where somebody meets it.

use domain::access::Role;

use crate::carriers::number_at_bandwidth;
use crate::markup::sound;
use crate::site::Site;

#[tokio::test]
async fn a_number_of_an_account_texts_nobody_before_it_is_registered_and_the_preview_says_where_to_go() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    let engine = &site.parts.engine;
    let number = number_at_bandwidth(&site, &customer, &admin).await;
    let page = admin.get("/settings/registration").await.good();
    sound(&page);
    assert!(
        page.has("No brand yet") && page.has("texts no US number: it is in no registered campaign"),
        "{}",
        page.text
    );
    assert!(page.has("simulator: needs no registration"));
    sound(&admin.get("/settings/registration/brands/new").await.good());

    let brand = |state: &str, id: &str| {
        format!("name=Acme+Homes&registry_id={id}&state={state}&limit=2,000&share=40&company=Acme")
    };
    let unnamed = admin.post("/settings/registration/brands/new", &brand("approved", "")).await;
    assert_eq!(unnamed.status, 422);
    sound(&unnamed);
    assert!(
        unnamed.has("What is approved has an identifier") && unnamed.has("value=\"Acme Homes\""),
        "{}",
        unnamed.text
    );
    let odd = admin.post("/settings/registration/brands/new", &brand("draft", "").replace("2,000", "many")).await;
    assert!(odd.status == 422 && odd.has("This is not a whole number.") && odd.has("value=\"many\""), "{}", odd.text);
    assert_eq!(admin.post("/settings/registration/brands/new", &brand("approved", "B1")).await.status, 303);
    let noted = engine.registrations(&customer.operator).await.unwrap().brands.remove(0);
    let place = format!("/settings/registration/brands/{}", noted.id);
    let form = admin.get(&place).await.good();
    sound(&form);
    assert!(form.has("value=\"B1\"") && form.has("value=\"Acme\"") && form.has("value=\"2000\""), "{}", form.text);
    sound(&admin.get(&format!("{place}/campaigns")).await.good());
    let short = "name=Leads&registry_id=C1&state=approved&limit=75&sample1=Hi";
    let refused = admin.post(&format!("{place}/campaigns"), short).await;
    assert!(refused.status == 422 && refused.has("the registry takes 20 to 1024"), "{}", refused.text);
    let leads = "name=Leads&registry_id=C1&state=approved&limit=75";
    assert_eq!(admin.post(&format!("{place}/campaigns"), leads).await.status, 303);
    let campaign = engine.registrations(&customer.operator).await.unwrap().campaigns.remove(0);
    sound(&admin.get(&format!("/settings/registration/campaigns/{}", campaign.id)).await.good());
    let assign = format!("campaign={}&state=approved", campaign.id);
    assert_eq!(admin.post(&format!("/settings/registration/numbers/{}", number.id), &assign).await.status, 303);
    let page = admin.get("/settings/registration").await.good();
    sound(&page);
    assert!(
        page.has("may text US numbers") && page.has("2,000 segments a day to T-Mobile, 40 % of all"),
        "{}",
        page.text
    );
    let in_use = admin.post(&format!("/settings/registration/campaigns/{}/remove", campaign.id), "").await;
    assert_eq!(in_use.status, 303);
    assert_eq!(engine.registrations(&customer.operator).await.unwrap().campaigns.len(), 1);

    // The only number that is left is one that is not registered: the preview says so and leads to the page.
    for other in engine.numbers(&customer.operator).await.unwrap().iter().filter(|other| other.id != number.id) {
        admin.post(&format!("/numbers/{}/state", other.id), "state=lost").await;
    }
    assert_eq!(admin.post(&place, &brand("rejected", "B1")).await.status, 303);
    let workflow = engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let preview = admin.get(&format!("/enroll?contact={}&workflow={workflow}", customer.contacts[0])).await.good();
    assert!(
        preview.has("is of a brand that is not approved") && preview.has("/settings/registration"),
        "{}",
        preview.text
    );
}

#[tokio::test]
async fn who_may_only_look_notes_nothing_and_another_workspace_has_none_of_it() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let owner = site.person(&theirs, Role::Owner).await;
    let draft = "name=Theirs&registry_id=&state=draft&limit=0&share=40";
    assert_eq!(owner.post("/settings/registration/brands/new", draft).await.status, 303);
    let brand = site.parts.engine.registrations(&theirs.operator).await.unwrap().brands.remove(0).id;
    let place = format!("/settings/registration/brands/{brand}");
    assert_eq!(owner.post(&format!("{place}/campaigns"), "name=C&registry_id=&state=draft&limit=0").await.status, 303);
    let campaign = site.parts.engine.registrations(&theirs.operator).await.unwrap().campaigns.remove(0).id;
    let number = site.parts.engine.numbers(&ours.operator).await.unwrap()[0].id;
    let (viewer, admin) = (site.person(&ours, Role::Viewer).await, site.person(&ours, Role::Admin).await);
    for (path, form) in [
        (place.clone(), draft.to_owned()),
        (format!("{place}/campaigns"), "name=C&registry_id=&state=draft&limit=0".to_owned()),
        (format!("{place}/remove"), String::new()),
        (format!("/settings/registration/campaigns/{campaign}"), "name=C&registry_id=&state=draft&limit=0".to_owned()),
        (format!("/settings/registration/campaigns/{campaign}/remove"), String::new()),
        (format!("/settings/registration/numbers/{number}"), format!("campaign={campaign}&state=draft")),
    ] {
        assert_eq!(viewer.post(&path, &form).await.status, 403, "{path}");
        assert_eq!(admin.post(&path, &form).await.status, 404, "{path}");
    }
    for path in [place.clone(), format!("{place}/campaigns"), format!("/settings/registration/campaigns/{campaign}")] {
        assert_eq!(admin.get(&path).await.status, 404, "{path}");
    }
    let page = viewer.get("/settings/registration").await.good();
    assert!(!page.has("Theirs") && !page.has("<select name=\"campaign\""), "{}", page.text);
}
