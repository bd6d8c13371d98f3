//! The workspace's own fields: on their page, and wherever a field can be chosen.

use domain::access::Role;
use engine::workflows::{StepInput, WorkflowInput};

use crate::contacts::upload;
use crate::markup::sound;
use crate::site::Site;

#[tokio::test]
async fn a_field_that_is_added_can_be_chosen_everywhere() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let empty = owner.get("/settings/fields").await.good();
    sound(&empty);
    assert!(empty.has("No fields of your own yet"));
    assert_eq!(owner.post("/settings/fields", "name=Lot+%26+Size").await.status, 303);
    let contact = format!("/contacts/{}", customer.contacts[0]);
    assert!(owner.get(&contact).await.good().has("name=\"lot&#38;size\""), "on the contact's page");
    let builder = owner.get("/workflows/new").await.good();
    assert!(builder.has("Lot &#38; Size"), "in the builder's picker");
    let import = upload(&owner, "a.csv", b"Phone,Plot\n7865550110,4\n").await.header("location").to_owned();
    assert!(owner.get(&import).await.good().has("value=\"field:Lot &#38; Size\""), "in the mapping of a file");
    let side = owner.get(&format!("/messenger/{}?pane=side", customer.contacts[0])).await.good();
    assert!(side.has("<option>Lot &#38; Size</option>"), "in the Messenger");
    assert_eq!(owner.post(&contact, "lot%26size=4+acres").await.status, 303);
    let page = owner.get("/settings/fields").await.good();
    sound(&page);
    assert!(page.has("filled for 1 of 3 contacts") && page.has("{Lot &#38; Size}"), "{}", page.text);
}

#[tokio::test]
async fn a_field_is_renamed_in_spelling_and_removed_unless_a_workflow_uses_it() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let owner = site.person(&ours, Role::Owner).await;
    assert_eq!(owner.post("/settings/fields", "name=lot+size").await.status, 303);
    for (path, form, why) in [
        ("/settings/fields", "name=Lot_Size", "already"),
        ("/settings/fields", "name=City", "every contact"),
        ("/settings/fields", "name=", "no field can be named"),
        ("/settings/fields/rename", "field=lotsize&name=Parcel", "another field"),
    ] {
        let answer = owner.post(path, form).await;
        assert_eq!(answer.status, 422, "{form}");
        sound(&answer);
        let typed = form.rsplit('=').next().unwrap();
        assert!(
            answer.text.to_lowercase().contains(why) && answer.has(&format!("value=\"{typed}\"")),
            "{}",
            answer.text
        );
    }
    let form = owner.get("/settings/fields?rename=lotsize").await.good();
    sound(&form);
    assert!(form.has("value=\"lot size\""));
    assert_eq!(owner.post("/settings/fields/rename", "field=lotsize&name=Lot+Size").await.status, 303);
    let steps = vec![StepInput { gap_days: 0, text: "Your {Lot Size|lot}".to_owned() }];
    let input = WorkflowInput { name: "Lots".to_owned(), steps };
    let flow = site.parts.engine.create_workflow(&ours.operator, input).await.unwrap().summary.workflow.id;
    let page = owner.get("/settings/fields").await.good();
    assert!(page.has(&format!("href=\"/workflows/{flow}\"")) && page.has("{Lot Size}"), "{}", page.text);
    let refused = owner.post("/settings/fields/remove", "field=lotsize").await;
    assert_eq!(refused.status, 422);
    sound(&refused);
    assert!(refused.has("is used by &#34;Lots&#34;"), "{}", refused.text);
    let other = site.person(&theirs, Role::Owner).await;
    for (path, form) in
        [("/settings/fields/remove", "field=lotsize"), ("/settings/fields/rename", "field=lotsize&name=LOT+SIZE")]
    {
        assert_eq!(other.post(path, form).await.status, 404, "another workspace's field");
    }
    assert_eq!(other.get("/settings/fields?rename=lotsize").await.status, 404);
    for role in [Role::Viewer, Role::Agent] {
        let person = site.person(&ours, role).await;
        let page = person.get("/settings/fields").await.good();
        sound(&page);
        assert!(page.has("Lot Size") && !page.has("Remove field") && !page.has("id=\"form\""));
        assert_eq!(person.post("/settings/fields", "name=Other").await.status, 403);
        assert_eq!(person.post("/settings/fields/remove", "field=lotsize").await.status, 403);
    }
    site.parts.engine.delete_workflow(&ours.operator, flow).await.unwrap();
    assert_eq!(owner.post("/settings/fields/remove", "field=lotsize").await.status, 303);
    assert!(owner.get("/settings/fields").await.good().has("No fields of your own yet"));
}
