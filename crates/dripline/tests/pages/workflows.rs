//! The workflows: their table and order, copying, pausing and deleting.

mod builder;

use domain::access::Role;
use domain::ids::WorkflowId;
use engine::enrolling::EnrollRequest;
use engine::workflows::{StepInput, WorkflowInput};

use crate::markup::sound;
use crate::site::{Customer, Site};

pub(crate) async fn first(site: &Site, customer: &Customer) -> WorkflowId {
    site.parts.engine.workflows(&customer.operator).await.unwrap()[0].workflow.id
}

pub(crate) async fn made(site: &Site, customer: &Customer, name: &str, text: &str) -> WorkflowId {
    let steps = vec![StepInput { gap_days: 0, text: text.to_owned() }];
    let input = WorkflowInput { name: name.to_owned(), steps };
    site.parts.engine.create_workflow(&customer.operator, input).await.unwrap().summary.workflow.id
}

pub(crate) async fn enroll(site: &Site, customer: &Customer, workflow: WorkflowId, contacts: usize) {
    for contact in &customer.contacts[..contacts] {
        let request = EnrollRequest { contact: *contact, workflow, from_step: 1, quote: None, key: None };
        site.parts.engine.enroll(&customer.operator, request).await.unwrap();
    }
}

#[tokio::test]
async fn the_order_is_saved_whole_or_by_a_press_and_a_stale_one_is_refused() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let (a, b) = (first(&site, &customer).await, made(&site, &customer, "B <b>", "Hi").await);
    let c = made(&site, &customer, "C", "Hi").await;
    let page = owner.get("/workflows").await.good();
    sound(&page);
    assert!(page.has("B &#60;b&#62;") && !page.has("B <b>"));
    let now = async || {
        let all = site.parts.engine.workflows(&customer.operator).await.unwrap();
        all.into_iter().map(|one| one.workflow.id).collect::<Vec<_>>()
    };
    let form = format!("workflow={c}&workflow={a}&workflow={b}");
    assert_eq!(owner.script("POST", "/workflows/order", &form).await.status, 204);
    assert_eq!(now().await, [c, a, b]);
    assert_eq!(owner.post("/workflows/order", &format!("{form}&up={b}")).await.status, 303);
    assert_eq!(now().await, [c, b, a]);
    let form = format!("workflow={c}&workflow={b}&workflow={a}&down={c}");
    owner.post("/workflows/order", &form).await;
    assert_eq!(now().await, [b, c, a]);
    let stale = owner.script("POST", "/workflows/order", &format!("workflow={a}&workflow={b}")).await;
    assert!(stale.status == 422 || stale.status == 400, "{}", stale.status);
    assert!(stale.header("hx-trigger").contains("must name each"), "{:?}", stale.headers);
    assert_eq!(now().await, [b, c, a]);
    let found = owner.get("/workflows?q=b+%3C").await.good();
    assert!(found.has(&b.to_string()) && !found.has(&c.to_string()) && !found.has("data-handle"));
    assert!(owner.get("/workflows?q=zzz").await.good().has("Nothing found"));
}

#[tokio::test]
async fn a_pause_names_who_leaves_and_what_comes_back_and_that_is_what_happens() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let id = first(&site, &customer).await;
    enroll(&site, &customer, id, 3).await;
    let list = owner.get("/workflows").await.good();
    sound(&list);
    assert!(list.has(">active<") && list.has(&format!("/workflows/{id}/pause")));
    let ask = owner.get(&format!("/workflows/{id}/pause?then=edit")).await.good();
    sound(&ask);
    assert!(ask.has("3 contacts are") && ask.has("9 credits"), "{}", ask.text);
    sound(&owner.script("GET", &format!("/workflows/{id}/pause"), "").await.good());
    let done = owner.post(&format!("/workflows/{id}/pause"), "then=edit").await;
    assert_eq!((done.status, done.header("location")), (303, format!("/workflows/{id}/edit").as_str()));
    assert_eq!(site.parts.engine.balances(&customer.operator).await.unwrap().credits, 100);
    assert!(owner.get(&format!("/workflows/{id}/pause")).await.good().has("Nobody is in it"));
    let gone = owner.post(&format!("/workflows/{id}/delete"), "").await;
    assert_eq!((gone.status, gone.header("location")), (303, "/workflows"));
    assert!(owner.get("/workflows").await.good().has("No workflows yet"));
    assert_eq!(owner.get(&format!("/workflows/{id}/delete")).await.status, 404);
}

#[tokio::test]
async fn who_may_only_look_changes_no_workflow_and_other_workspaces_have_none() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let (id, foreign) = (first(&site, &ours).await, first(&site, &theirs).await);
    let (owner, agent) = (site.person(&ours, Role::Owner).await, site.person(&ours, Role::Agent).await);
    let page = agent.get("/workflows").await.good();
    sound(&page);
    assert!(!page.has("/duplicate") && !page.has("data-handle") && !page.has("/workflows/new"));
    for path in ["duplicate", "pause", "delete"] {
        assert_eq!(agent.post(&format!("/workflows/{id}/{path}"), "").await.status, 403, "{path}");
        assert_eq!(owner.post(&format!("/workflows/{foreign}/{path}"), "").await.status, 404, "{path}");
        if path != "duplicate" {
            assert_eq!(agent.get(&format!("/workflows/{id}/{path}")).await.status, 403, "{path}");
            assert_eq!(owner.get(&format!("/workflows/{foreign}/{path}")).await.status, 404, "{path}");
        }
    }
    assert_eq!(agent.post("/workflows/order", &format!("workflow={id}")).await.status, 403);
    let order = owner.post("/workflows/order", &format!("workflow={foreign}")).await;
    assert!((400..500).contains(&order.status));
    assert!(!owner.get("/workflows").await.good().has("Theirs leads"));
    assert!(agent.get("/workflows").await.good().has("Ours leads"), "nothing was done");
}
