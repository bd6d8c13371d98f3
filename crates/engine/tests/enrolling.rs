//! Enrolling, sending, replying and refunding, as a person lives it, on both databases.

use carrier::{CarrierEvent, Inbound};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::MessageId;
use domain::money::Micros;
use engine::bulk::Selection;
use engine::contacts::NewContact;
use engine::enrolling::EnrollRequest;
use engine::receive::Received;
use engine::workflows::{StepInput, WorkflowInput};

use crate::world::{Plan, on_both};

fn steps() -> [(i64, &'static str); 3] {
    [(0, "Hi {First Name|there}, still thinking of selling?"), (2, "Any news, {First Name}?"), (4, "Last try.")]
}

#[test]
fn a_whole_workflow_is_sent_on_its_days_and_earned() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, "+12125550111", &[("firstname", "Ann")]).await;
        let workflow = world.workflow(&steps()).await;
        let preview = world.engine.quote(&world.actor, contact, workflow, 1).await.unwrap();
        assert_eq!(preview.quote.amounts.credits, 3);
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: Some(preview.id), key: None };
        let enrolled = world.engine.enroll(&world.actor, request).await.unwrap();
        assert_eq!(world.balance("prepaid").await, (3, 0));
        world.play_days(10).await;
        let expected: Vec<String> = preview.quote.steps.iter().map(|step| step.text.clone()).collect();
        let mut texts = world.texts("+12125550111");
        texts.sort();
        let mut expected_sorted = expected.clone();
        expected_sorted.sort();
        assert_eq!(texts, expected_sorted);
        let row = world.engine.enrollment(&world.actor, enrolled.enrollment).await.unwrap();
        assert_eq!(row.state, EnrollmentState::Completed);
        assert_eq!(world.balance("prepaid").await, (0, 0));
        assert_eq!(world.balance("earned").await, (3, 0));
        world.end().await;
    });
}

#[test]
fn a_reply_stops_the_workflow_and_refunds_only_what_was_never_tried() {
    let plan = || Plan { credits: 1, ..Plan::default() };
    on_both(plan, async |world| {
        let contact = world.contact(1, "+12125550111", &[("firstname", "Ann")]).await;
        let workflow = world.workflow(&steps()).await;
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        let enrolled = world.engine.enroll(&world.actor, request).await.unwrap();
        assert_eq!(enrolled.charged_micros, Micros(30_000));
        world.play_days(1).await;
        world.reply("+12125550111", "who is this?").await;
        let row = world.engine.enrollment(&world.actor, enrolled.enrollment).await.unwrap();
        assert_eq!(row.state, EnrollmentState::Stopped(StopReason::Replied));
        assert_eq!(world.balance("available").await, (0, 100_000_000));
        assert_eq!(world.balance("earned").await, (1, 0));
        world.play_days(30).await;
        assert_eq!(world.texts("+12125550111").len(), 1);
        world.end().await;
    });
}

#[test]
fn a_job_for_everybody_leaves_out_who_came_after_it_began() {
    on_both(Plan::default, async |world| {
        world.contact(1, "+12125550111", &[("firstname", "Ann")]).await;
        let workflow = world.workflow(&steps()).await;
        let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
        let fields = vec![("First Name".to_owned(), "Late".to_owned())];
        let late = NewContact { phone: "+12125550112".to_owned(), region: None, name: None, fields, person: None };
        world.engine.create_contact(&world.actor, late).await.unwrap();
        let job = world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
        assert_eq!((job.total, job.started, job.refused), (1, 1, 0));
        assert_eq!(world.balance("prepaid").await, (3, 0));
        world.end().await;
    });
}

#[test]
fn a_text_that_its_carrier_reports_twice_is_taken_once() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, "+12125550111", &[("firstname", "Ann")]).await;
        let event = CarrierEvent::Inbound(Inbound {
            event_id: "one".to_owned(),
            from: "+12125550111".to_owned(),
            to: world.number.clone(),
            body: "HELP".to_owned(),
            media: 0,
            signal: None,
            at: world.engine.now(),
        });
        let first = world.engine.receive("simulator", event.clone()).await.unwrap();
        assert!(matches!(first, Received::Stored { .. }), "{first:?}");
        assert_eq!(world.engine.receive("simulator", event).await.unwrap(), Received::Repeat);
        world.play_days(1).await;
        let workspace = world.workspace();
        let read = move |db: &store::Read<'_>| store::messages::thread(db, workspace, contact, MessageId(i64::MAX), 10);
        let thread = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
        assert_eq!(thread.len(), 2, "the question and one answer");
        world.end().await;
    });
}

#[test]
fn a_job_of_a_workflow_that_was_edited_meanwhile_starts_nobody() {
    on_both(Plan::default, async |world| {
        world.contact(1, "+12125550111", &[("firstname", "Ann")]).await;
        let workflow = world.workflow(&steps()).await;
        let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
        let dearer = StepInput { gap_days: 0, text: "x".repeat(200) };
        let input = WorkflowInput { name: "Leads".to_owned(), steps: vec![dearer] };
        world.engine.edit_workflow(&world.actor, workflow, 1, input).await.unwrap();
        let job = world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
        assert_eq!((job.state.as_str(), job.started, job.refused), ("done", 0, 0));
        assert_eq!(world.balance("prepaid").await, (0, 0));
        world.end().await;
    });
}
