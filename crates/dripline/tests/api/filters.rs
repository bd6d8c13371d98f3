//! The list of contacts by filters: each alone, several together, page by page, and what cannot be asked.

use engine::labels::Labelling;
use serde_json::{Value, json};

use crate::site::{Ask, Customer, Site, text};

/// The phones' last digits of all pages.
async fn found(customer: &Customer<'_>, query: &str) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..20 {
        let page = customer.get(&format!("/contacts?limit=2&{query}{cursor}")).await.good();
        all.extend(page["data"].as_array().unwrap().iter().map(|row| text(&row["phone"])[9..].to_owned()));
        match page["next"].as_str() {
            None => return all,
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
    panic!("{query} never ends");
}

async fn import(customer: &Customer<'_>, file: &str) -> String {
    import_onto(customer, "", file).await
}

async fn import_onto(customer: &Customer<'_>, list: &str, file: &str) -> String {
    let path = &format!("/contacts/import?no_consent=true{list}");
    let (key, body) = (Some(customer.key.as_str()), file.as_bytes().to_vec());
    let done = customer.site.ask(Ask { method: "POST", path, key, kind: Some("text/csv"), body, ..Ask::default() });
    text(&done.await.good()["import"])
}

#[tokio::test]
async fn contacts_are_listed_by_everything_that_the_page_filters_by() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let first = import(&customer, "Phone,City\n+12125550121,São Paulo\n+12125550122,Rome\n+12125550123,\n").await;
    let second = import(&customer, "Phone,City\n+12125550124,Rome\n+12125550125,Roman Hills\n").await;
    let all = customer.get("/contacts").await.good();
    let id = |place: usize| text(&all["data"][place]["id"]);
    let workflow = customer.workflow("Leads").await;
    customer.post("/enrollments", json!({ "contact": id(0), "workflow": workflow })).await.good();
    customer.ask("PUT", &format!("/contacts/{}/suppressions/do_not_contact", id(1)), None).await.good();
    let engine = &site.parts.engine;
    let operator = engine::Actor::operator(customer.workspace);
    let label = engine.create_label(&operator, "Hot lead", "red").await.unwrap();
    let hot = [id(0), id(3)].map(|id| id.parse().unwrap()).to_vec();
    engine.label_contacts(&operator, label.id, hot, Labelling::Give).await.unwrap();
    let more = import_onto(&customer, "&list=Rome%20leads", "Phone\n+12125550124\n+12125550126\n").await;
    customer.ask("POST", &format!("/imports/{more}/undo"), None).await.good();
    import_onto(&customer, "&list=rome%20LEADS", "Phone\n+12125550124\n+12125550122\n").await;
    customer.wait(60).await;
    let far = "2030-01-01T00:00:00Z";
    for (query, wanted) in [
        (format!("import={first}"), vec!["123", "122", "121"]),
        (format!("import={second}"), vec!["125", "124"]),
        ("standing=in_workflow".to_owned(), vec!["121"]),
        ("standing=do_not_contact".to_owned(), vec!["122"]),
        ("standing=never_texted".to_owned(), vec!["125", "124", "123", "122"]),
        ("label=hot%20LEAD".to_owned(), vec!["124", "121"]),
        ("list=Rome%20Leads".to_owned(), vec!["124", "122"]),
        ("list=Rome%20leads&label=Hot%20lead".to_owned(), vec!["124"]),
        (format!("workflow={workflow}"), vec!["121"]),
        (format!("workflow={workflow}&workflow_history=in"), vec!["121"]),
        (format!("workflow={workflow}&workflow_history=never"), vec!["125", "124", "123", "122"]),
        ("active_since=2020-01-01T00:00:00Z".to_owned(), vec!["121"]),
        (format!("quiet_since={far}"), vec!["125", "124", "123", "122", "121"]),
        ("field=City&field_is=rome".to_owned(), vec!["124", "122"]),
        ("field=city&field_is=sao%20paulo".to_owned(), vec!["121"]),
        ("field=City&field_has=rom".to_owned(), vec!["125", "124", "122"]),
        ("field=City&field_filled=false".to_owned(), vec!["123"]),
        ("field=City&field_filled=true".to_owned(), vec!["125", "124", "122", "121"]),
        (format!("field=City&field_has=rom&import={second}&label=Hot%20lead"), vec!["124"]),
        ("field=City&field_is=rome&search=5550122".to_owned(), vec!["122"]),
        ("search=5550122".to_owned(), vec!["122"]),
        (String::new(), vec!["121", "122", "123", "124", "125"]),
    ] {
        let wanted: Vec<String> = wanted.into_iter().map(|digits| digits.to_owned()).collect();
        let last: Vec<String> =
            found(&customer, &query).await.iter().map(|digits| digits[digits.len() - 3..].to_owned()).collect();
        assert_eq!(last, wanted, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_of_the_list_is_refused_and_others_are_not_found() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Acme", "+12125550100").await, site.customer("Bolt", "+13055550101").await);
    let import = import(&theirs, "Phone,City\n+13055550134,Rome\n").await;
    let workflow = theirs.workflow("Leads").await;
    for query in [
        "field=City",
        "field_is=rome",
        "field=City&field_is=rome&field_filled=true",
        "field=City&field_is=",
        "workflow_history=in",
        "active_since=2026-01-01T00:00:00Z&quiet_since=2026-01-01T00:00:00Z",
        "active_since=yesterday",
        "standing=happy",
        "label=Hot",
        "field=Nope&field_filled=false",
        "field=Phone&field_filled=true",
        "import=7",
        "colour=red",
    ] {
        let problem: Value = ours.get(&format!("/contacts?{query}")).await.problem(400, "query");
        assert!(problem["detail"].as_str().unwrap().len() > 15, "{query}: {problem}");
    }
    ours.get("/contacts?standing=never_texted&cursor=7").await.problem(400, "cursor");
    ours.get("/contacts?limit=many&standing=never_texted").await.problem(400, "query");
    // The two lists run in opposite ways: the cursor of one is none of the other's.
    for digits in 121..124 {
        ours.contact(&format!("+12125550{digits}")).await;
    }
    let next = async |query: &str| text(&ours.get(&format!("/contacts?limit=1{query}")).await.good()["next"]);
    let (plain, filtered) = (next("").await, next("&standing=never_texted").await);
    ours.get(&format!("/contacts?standing=never_texted&cursor={plain}")).await.problem(400, "cursor");
    ours.get(&format!("/contacts?cursor={filtered}")).await.problem(400, "cursor");
    for query in [format!("import={import}"), format!("workflow={workflow}&workflow_history=never")] {
        let problem = ours.get(&format!("/contacts?{query}")).await.problem(400, "query");
        assert!(problem["detail"].as_str().unwrap().starts_with("there is no"), "{query}: {problem}");
    }
    assert_eq!(ours.get("/contacts?field=City&field_is=rome").await.good()["data"], json!([]));
}

#[tokio::test]
async fn many_are_quoted_by_a_filter_and_exactly_they_start() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    import(&customer, "Phone,City\n+12125550121,Rome\n+12125550122,Rome\n+12125550123,Oslo\n").await;
    let workflow = customer.workflow("Leads").await;
    let quote = |more: Value| {
        let mut body = json!({ "workflow": workflow });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        customer.post("/quotes/many", body)
    };
    let rome = json!({ "field": "City", "field_is": "rome" });
    let quoted = quote(json!({ "filter": rome })).await.good();
    assert_eq!((&quoted["starts"], &quoted["refusals"]), (&json!(2), &json!(0)));
    // Who comes to fit it meanwhile was not quoted.
    import(&customer, "Phone,City\n+12125550124,Rome\n").await;
    let started = json!({ "quote": quoted["id"] });
    customer.post("/enrollments/quoted", started).await.good();
    crate::lists::done(&customer).await;
    assert_eq!(found(&customer, &format!("workflow={workflow}")).await, ["122", "121"]);
    let both = quote(json!({ "filter": { "standing": "never_texted" }, "contacts": [] })).await;
    for (refused, why) in [
        (both, "one can be given"),
        (quote(json!({ "filter": {} })).await, "asks nothing"),
        (quote(json!({ "filter": { "field": "City", "field_is": "Bern" } })).await, "fits nobody"),
        (quote(json!({ "filter": { "label": "Hot" } })).await, "no label"),
    ] {
        let problem = refused.problem(422, "selection");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
    quote(json!({ "filter": { "colour": "red" } })).await.problem(400, "json");
}
