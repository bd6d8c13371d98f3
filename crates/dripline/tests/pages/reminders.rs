//! Reminders on the pages: set beside a conversation, listed, on Home when they are due, done.

use domain::access::Role;
use engine::workflows::{StepInput, WorkflowInput};
use jiff::SignedDuration;

use crate::contacts::world;
use crate::markup::sound;

#[tokio::test]
async fn one_is_set_beside_a_conversation_and_comes_back_when_it_is_due() {
    let (site, customer) = world().await;
    let agent = site.person(&customer, Role::Agent).await;
    let id = customer.contacts[0];
    let steps = vec![StepInput { gap_days: 0, text: "Still interested?".to_owned() }];
    let input = WorkflowInput { name: "Ask again".to_owned(), steps };
    let workflow = site.parts.engine.create_workflow(&customer.operator, input).await.unwrap().summary.workflow.id;
    let empty = agent.get("/reminders").await.good();
    sound(&empty);
    assert!(empty.has("No reminders"));
    let form = format!("on=2027-01-15&note=Back+from+%3Cvacation%3E&workflow={workflow}");
    let set = agent.post(&format!("/contacts/{id}/remind"), &form).await;
    assert_eq!(set.status, 303, "{}", set.text);
    let beside = agent.get(&format!("/contacts/{id}")).await.good();
    sound(&beside);
    assert!(beside.has("Back from &#60;vacation&#62;") && beside.has("Jan 15"), "{}", beside.text);
    let quick = agent.script("POST", &format!("/messenger/{id}/remind"), "days=1&note=Soon").await.good();
    assert!(quick.has("Soon") && !quick.has("vacation"), "in place of the one before: {}", quick.text);
    assert!(!agent.get("/").await.good().has("reminder is due"));
    let clock = site.parts.engine.clock();
    assert!(clock.move_to(clock.now() + SignedDuration::from_hours(24)));
    assert!(agent.get("/").await.good().has("1 reminder is due"));
    let list = agent.get("/reminders").await.good();
    sound(&list);
    assert!(list.has("Soon") && list.has(">due<") && !list.has("See the price"), "{}", list.text);
    agent.post(&format!("/contacts/{id}/remind"), &format!("days=3&workflow={workflow}")).await;
    let list = agent.get("/reminders").await.good();
    assert!(list.has("See the price of “Ask again”") && !list.has(">due<"), "{}", list.text);
    agent.get(&format!("/enroll?contact={id}&workflow={workflow}")).await.good();
    assert_eq!(agent.post(&format!("/reminders/{id}/later"), "").await.status, 303);
    assert!(agent.get("/reminders").await.good().has("See the price of “Ask again”"), "it keeps what for");
    assert_eq!(agent.post(&format!("/reminders/{id}/done"), "").await.status, 303);
    assert!(agent.get("/reminders").await.good().has("No reminders"));
    for (form, says) in
        [("", "choose a day"), ("on=2020-01-01", "not in the future"), ("days=9999", "more than a year")]
    {
        let wrong = agent.post(&format!("/contacts/{id}/remind"), form).await;
        assert!(wrong.status == 422 && wrong.text.to_lowercase().contains(says), "{form}: {}", wrong.text);
    }
    let viewer = site.person(&customer, Role::Viewer).await;
    assert!(!viewer.get(&format!("/contacts/{id}")).await.good().has("/remind"));
    assert_eq!(viewer.post(&format!("/contacts/{id}/remind"), "days=1").await.status, 403);
}
