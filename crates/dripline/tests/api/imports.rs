//! Files of contacts over the API: imported, and checked before that.

use serde_json::json;

use crate::site::{Ask, Site};

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
    let check = "/contacts/import/check";
    let found = import(&format!("{check}?on_duplicate=overwrite")).await.good();
    let name = json!({ "field": "First Name", "before": "Ann", "after": "Anna", "in_file": null });
    let city = json!({ "field": "City", "before": null, "after": "Miami", "in_file": null });
    assert_eq!((&found["changed"][0]["fields"], &found["suppressed"]), (&json!([city, name]), &json!(0)));
    assert_eq!(import(check).await.good()["changed"][0]["fields"], json!([city]), "what is there stays");
    assert_eq!(fields().await["firstname"], "Ann", "a check stores nothing");
    import("/contacts/import").await.good();
    assert_eq!((&fields().await["firstname"], &fields().await["city"]), (&json!("Ann"), &json!("Miami")));
    import("/contacts/import?on_duplicate=overwrite").await.good();
    assert_eq!(fields().await["firstname"], "Anna");
    import("/contacts/import?on_duplicate=maybe").await.problem(400, "query");
    import("/contacts/import?rows=5").await.problem(400, "query");
    import(&format!("{check}?on_duplicate=maybe")).await.problem(400, "query");
}
