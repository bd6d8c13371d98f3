//! Files of contacts over the API: imported, and checked before that.

use serde_json::{Value, json};

use crate::site::{Ask, Customer, Site};

#[tokio::test]
async fn an_import_fills_or_overwrites_as_it_is_told() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let contact = customer.contact("+12125550123").await;
    let import = async |path: &str| {
        let body = b"Phone,First Name,City\n+12125550123,Anna,Miami\n".to_vec();
        let key = Some(customer.key.as_str());
        customer.site.ask(Ask { method: "POST", path, key, kind: Some("text/csv"), body, ..Ask::default() }).await
    };
    let fields = async || customer.get(&format!("/contacts/{contact}")).await.good()["fields"].clone();
    let (check, done) = ("/contacts/import/check?no_consent=true", "/contacts/import?no_consent=true");
    let found = import(&format!("{check}&on_duplicate=overwrite")).await.good();
    let name = json!({ "field": "First Name", "before": "Ann", "after": "Anna", "in_file": null });
    let city = json!({ "field": "City", "before": null, "after": "Miami", "in_file": null });
    assert_eq!((&found["changed"][0]["fields"], &found["suppressed"]), (&json!([city, name]), &json!(0)));
    assert_eq!(import(check).await.good()["changed"][0]["fields"], json!([city]), "what is there stays");
    assert_eq!(fields().await["firstname"], "Ann", "a check stores nothing");
    import(done).await.good();
    assert_eq!((&fields().await["firstname"], &fields().await["city"]), (&json!("Ann"), &json!("Miami")));
    let second = import(&format!("{done}&on_duplicate=overwrite&file_name=crm.csv")).await.good();
    assert_eq!(fields().await["firstname"], "Anna");
    import(&format!("{done}&on_duplicate=maybe")).await.problem(400, "query");
    import(&format!("{done}&rows=5")).await.problem(400, "query");
    import(&format!("{check}&on_duplicate=maybe")).await.problem(400, "query");
    for untold in ["/contacts/import", "/contacts/import/check", "/contacts/import?no_consent=false"] {
        let refused = import(untold).await.problem(422, "import_refused");
        assert!(refused["detail"].as_str().unwrap().contains("nobody says how the people"), "{refused}");
    }
    import("/contacts/import?consent_kind=written").await.problem(422, "import_refused");
    let told = "consent_kind=written&consent_source=paper&consent_date=2026-01-02";
    let both = import(&format!("/contacts/import?no_consent=true&{told}")).await.problem(422, "import_refused");
    assert!(both["detail"].as_str().unwrap().contains("say one of the two"), "{both}");
    let all = customer.get("/imports").await.good();
    assert_eq!(all["data"].as_array().unwrap().len(), 2, "{all}");
    assert_eq!((&all["data"][0]["id"], &all["data"][0]["file_name"]), (&second["import"], &json!("crm.csv")));
    let path = format!("/imports/{}", second["import"].as_str().unwrap());
    customer.post(&format!("{path}/undo"), json!({})).await.good();
    let undone = until(&customer, &path, "undone").await;
    assert_eq!((&undone["undoing"]["restored"], &undone["undoing"]["deleted"]), (&json!(1), &json!(0)));
    assert_eq!((&fields().await["firstname"], &fields().await["city"]), (&json!("Ann"), &json!("Miami")));
    customer.post(&format!("{path}/undo"), json!({})).await.problem(422, "import_refused");
}

/// Waits for an import, which is undone beside the requests.
pub(crate) async fn until(customer: &Customer<'_>, path: &str, state: &str) -> Value {
    for _ in 0..10_000 {
        let import = customer.get(path).await.good();
        if import["state"] == state {
            return import;
        }
        tokio::task::yield_now().await;
    }
    panic!("{path} is never {state}");
}
