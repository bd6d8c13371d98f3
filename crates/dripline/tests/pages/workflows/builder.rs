//! The builder: buttons that change the form, what is told in its places, conflicts, hostile texts; and the page of one workflow.

use domain::access::Role;
use engine::workflows::{StepInput, WorkflowInput};

use super::{enroll, first, made};
use crate::markup::sound;
use crate::site::Site;

#[tokio::test]
async fn a_workflow_is_built_by_buttons_alone_and_saved() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = owner.get("/workflows/new").await.good();
    sound(&page);
    assert!(page.has("Maria") || page.has("made-up"), "{}", page.text);
    assert!(!page.has("Give it a name"), "nothing is wrong before anything is typed");
    let form = "name=New&version=0&was=1&key=1&gap=0&text=Hi+%7Bfirst_name%7D";
    let more = owner.post("/workflows/new", &format!("{form}&do=add")).await.good();
    sound(&more);
    assert!(more.has("Message 2") && more.has("Hi Maria") && more.has("day 3"), "{}", more.text);
    assert!(!more.has("Write the message"));
    let form = format!("{form}&key=2&gap=4&text=Still+there%3F");
    let up = owner.post("/workflows/new", &format!("{form}&do=up-2")).await.good();
    assert!(up.text.find("Still there?").unwrap() < up.text.find("Hi Maria").unwrap());
    let saved = owner.post("/workflows/new", &format!("{form}&do=save")).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let page = owner.get(saved.header("location")).await.good();
    sound(&page);
    assert!(page.has("Hi {First Name}") && page.has("2 messages over 4 days"), "{}", page.text);
    let edit = owner.get(&format!("{}/edit", saved.header("location"))).await.good();
    sound(&edit);
    assert!(edit.has("Still there?"));
}

#[tokio::test]
async fn all_that_is_wrong_is_told_in_its_place_and_nothing_typed_is_lost() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let hostile = "%3C%2Ftextarea%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E+%7BNo+Such%7D";
    let form = format!("name=&version=0&key=1&gap=three&text={hostile}&key=2&gap=0&text=");
    let page = owner.post("/workflows/new", &format!("{form}&do=save")).await;
    assert_eq!(page.status, 422);
    sound(&page);
    for told in ["Give it a name", "Write 0 to 365 days", "No Such", "Write 1 to 365 days", "Write the message"] {
        assert!(page.has(told), "{told}: {}", page.text);
    }
    assert!(page.has("value=\"three\"") && page.has("5 things are wrong") && page.has("data-dirty"));
    assert!(!page.has("<script>alert"), "what was typed is text");
    let taken = owner.post("/workflows/new", "name=OURS+leads+&version=0&key=1&gap=0&text=Hi&do=save").await;
    assert_eq!(taken.status, 422);
    assert!(taken.has("Another workflow has this name"));
    let ten = (1..=10).map(|key| format!("&key={key}&gap=1&text=a")).collect::<String>();
    let many = owner.post("/workflows/new", &format!("name=Ten&version=0{ten}&do=save")).await;
    assert!(many.status == 422 && many.has("at most 9"), "{}", many.text);
}

#[tokio::test]
async fn what_a_text_costs_is_told_while_it_is_typed() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let contact = customer.contacts[1];
    let form = format!(
        "name=A&contact={contact}&key=4&gap=0&text=Hi+%7BFirst+Name%7D+%E2%80%9Cx%E2%80%9D+%E2%98%95+%7BCity%7C%7D"
    );
    let live = owner.script("POST", "/workflows/draft", &form).await.good();
    sound(&live);
    for told in [
        "reads-4",
        "Hi Ours1",
        "UCS-2",
        "☕ is not in GSM-7",
        "“ → &#34;",
        "of your 3 newest contacts",
        "As Ours1 reads it",
    ] {
        assert!(live.has(told), "{told}: {}", live.text);
    }
    let lacking = owner.script("POST", "/workflows/draft", "key=4&gap=0&text=In+%7BCity%7D").await.good();
    assert!(lacking.has("3 of 3 have no City"), "{}", lacking.text);
    let found = owner.script("POST", "/workflows/draft/contacts", "who=Ours2").await.good();
    assert!(found.has(&customer.contacts[2].to_string()) && !found.has(&customer.contacts[0].to_string()));
}

#[tokio::test]
async fn somebody_elses_change_is_told_and_neither_is_lost() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let id = first(&site, &customer).await;
    let theirs = WorkflowInput {
        name: "Ours leads".to_owned(),
        steps: vec![StepInput { gap_days: 0, text: "Theirs <i>".to_owned() }],
    };
    site.parts.engine.edit_workflow(&customer.operator, id, 1, theirs).await.unwrap();
    let address = format!("/workflows/{id}/edit");
    let form = "name=Ours+leads&version=1&key=1&gap=0&text=Mine&do=save";
    let page = owner.post(&address, form).await;
    assert_eq!(page.status, 422);
    sound(&page);
    assert!(
        page.has("Theirs &#60;i&#62;") && page.has("Mine") && page.has("name=\"over\" value=\"2\""),
        "{}",
        page.text
    );
    let now = site.parts.engine.workflow(&customer.operator, id).await.unwrap();
    assert_eq!(now.steps[0].template, "Theirs <i>");
    assert_eq!(owner.post(&address, &format!("{form}&over=2")).await.status, 303);
    let now = site.parts.engine.workflow(&customer.operator, id).await.unwrap();
    assert_eq!((now.steps[0].template.as_str(), now.summary.workflow.version), ("Mine", 3));
}

#[tokio::test]
async fn an_active_workflow_is_read_only_and_says_why() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let id = first(&site, &customer).await;
    enroll(&site, &customer, id, 2).await;
    let page = owner.get(&format!("/workflows/{id}/edit")).await.good();
    sound(&page);
    assert!(page.has("2 contacts") && page.has("refunds 6 credits") && page.has("Duplicate and edit the copy"));
    assert!(!page.has("<textarea"));
    let save =
        owner.post(&format!("/workflows/{id}/edit"), "name=Ours+leads&version=1&key=1&gap=0&text=Mine&do=save").await;
    assert_eq!(save.status, 422);
    assert!(save.has("2 contacts started in this workflow") && save.has("Mine"));
    let copy = owner.post(&format!("/workflows/{id}/duplicate"), "").await;
    assert_eq!(copy.status, 303);
    assert!(owner.get(copy.header("location")).await.good().has("Ours leads (copy)"));
}

#[tokio::test]
async fn the_page_of_a_workflow_shows_who_is_in_it_who_left_and_what_comes() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let id = first(&site, &customer).await;
    enroll(&site, &customer, id, 3).await;
    assert_eq!(owner.post("/simulator/clock", "by=hour").await.status, 303);
    let reply = format!("/simulator/{}/reply", customer.contacts[0]);
    assert_eq!(owner.post(&reply, "body=Yes&to=%2B12125550100").await.status, 303);
    let page = owner.get(&format!("/workflows/{id}")).await.good();
    sound(&page);
    assert!(page.has("Ours1") && page.has("Ours2") && !page.has(">Ours0<"), "{}", page.text);
    for told in
        ["<dt>Replied</dt><dd class=\"text-right\">1</dd>", "33.3 %", "4 messages, if nobody replies", "In it now"]
    {
        assert!(page.has(told), "{told}: {}", page.text);
    }
    let viewer = site.person(&customer, Role::Viewer).await;
    let page = viewer.get(&format!("/workflows/{id}")).await.good();
    assert!(!page.has("/edit") && !page.has("/remove"));
}

#[tokio::test]
async fn nobody_builds_without_the_permission_or_in_another_workspace() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let (owner, agent) = (site.person(&ours, Role::Owner).await, site.person(&ours, Role::Agent).await);
    let (id, foreign) = (made(&site, &ours, "Mine", "Hi").await, first(&site, &theirs).await);
    let form = "name=Stolen&version=1&key=1&gap=0&text=Hi";
    for path in [format!("/workflows/{id}/edit"), "/workflows/new".to_owned()] {
        assert_eq!(agent.get(&path).await.status, 403, "{path}");
        assert_eq!(agent.post(&path, form).await.status, 403, "{path}");
    }
    assert_eq!(agent.post("/workflows/draft", form).await.status, 403);
    let edit = format!("/workflows/{foreign}/edit");
    assert_eq!(owner.get(&edit).await.status, 404);
    assert_eq!(owner.post(&edit, form).await.status, 404);
    assert_eq!(owner.post(&edit, &format!("{form}&do=add")).await.status, 404);
    assert_eq!(owner.get(&format!("/workflows/{foreign}")).await.status, 404);
    let stranger = format!("{form}&contact={}", theirs.contacts[0]);
    assert!(!owner.script("POST", "/workflows/draft", &stranger).await.good().has("Theirs"));
}
