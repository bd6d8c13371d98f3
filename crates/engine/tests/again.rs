//! Starting a workflow from one of its later messages: what was tried before is neither sent nor charged again.

use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, WorkflowId};
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::refusal::Refusal;
use engine::enrolling::{EnrollError, EnrollRequest};
use jiff::civil::date;

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";

fn steps() -> [(i64, &'static str); 5] {
    [(0, "One, {Company}"), (2, "Two"), (4, "Three, {First Name}"), (3, "Four"), (7, "Five")]
}

fn from(contact: ContactId, workflow: WorkflowId, from_step: u8) -> EnrollRequest {
    EnrollRequest { contact, workflow, from_step, quote: None, key: None }
}

async fn clean(world: &World) {
    let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.faults);
}

#[test]
fn a_start_from_the_third_message_sends_and_charges_only_the_last_three() {
    let plan = || Plan { credits: 1, ..Plan::default() };
    on_both(plan, async |world| {
        // The company of the first message is not known, and need not be.
        let contact = world.contact(1, PHONE, &[("firstname", "Ann")]).await;
        let workflow = world.workflow(&steps()).await;
        let preview = world.engine.quote(&world.actor, contact, workflow, 3).await.unwrap();
        let quote = &preview.quote;
        let shown: Vec<_> = quote.steps.iter().map(|step| (step.step, step.text.as_str(), step.local.date())).collect();
        // At 10 in New York: the third goes at once, without its gap; the gaps after it count from there.
        let want =
            [(3, "Three, Ann", date(2026, 11, 24)), (4, "Four", date(2026, 11, 27)), (5, "Five", date(2026, 12, 4))];
        assert_eq!(shown, want);
        assert_eq!(quote.steps[0].due, world.engine.now());
        assert_eq!(quote.amounts, Amounts { credits: 1, micros: Micros(30_000) });
        let request = EnrollRequest { quote: Some(preview.id), ..from(contact, workflow, 3) };
        let enrolled = world.engine.enroll(&world.actor, request).await.unwrap();
        assert_eq!((enrolled.charged_credits, enrolled.charged_micros), (1, Micros(30_000)));
        let progress = world.engine.progress(&world.actor, contact).await.unwrap().unwrap();
        let coming: Vec<_> = progress.coming.iter().map(|one| (one.step, one.due)).collect();
        assert_eq!(coming, quote.steps.iter().map(|step| (step.step, step.due)).collect::<Vec<_>>());
        assert_eq!(progress.unsent, quote.amounts);
        clean(&world).await;
        world.play_days(30).await;
        let mut texts = world.texts(PHONE);
        texts.sort();
        assert_eq!(texts, ["Five", "Four", "Three, Ann"]);
        let row = world.engine.enrollment(&world.actor, enrolled.enrollment).await.unwrap();
        assert_eq!(row.state, EnrollmentState::Completed);
        assert_eq!((world.balance("prepaid").await, world.balance("earned").await), ((0, 0), (1, 30_000)));
        let funnel = world.engine.funnel(&world.actor, workflow).await.unwrap();
        let sent: Vec<_> = funnel.steps.iter().map(|step| step.sent).collect();
        assert_eq!((sent, funnel.whole.added_segments, funnel.whole.completed), (vec![0, 0, 1, 1, 1], 3, 1));
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn a_reply_gives_back_what_was_not_sent_and_the_next_start_goes_on_from_there() {
    let plan = || Plan { credits: 0, ..Plan::default() };
    on_both(plan, async |world| {
        let contact = world.contact(1, PHONE, &[("firstname", "Ann")]).await;
        let workflow = world.workflow(&steps()).await;
        let enrolled = world.engine.enroll(&world.actor, from(contact, workflow, 3)).await.unwrap();
        assert_eq!(enrolled.charged_micros, Micros(45_000));
        world.play_days(1).await;
        world.reply(PHONE, "who is this?").await;
        let row = world.engine.enrollment(&world.actor, enrolled.enrollment).await.unwrap();
        assert_eq!(row.state, EnrollmentState::Stopped(StopReason::Replied));
        assert_eq!((row.stopped_after, row.first_untried()), (Some(3), 4));
        assert_eq!((world.balance("prepaid").await, world.balance("earned").await), ((0, 0), (0, 15_000)));
        let again = world.engine.enroll(&world.actor, from(contact, workflow, row.first_untried())).await.unwrap();
        assert_eq!(again.charged_micros, Micros(30_000));
        // Out again before anything went: nothing was tried, so all of it comes back and the same message comes next.
        let ended = world.engine.remove(&world.actor, again.enrollment).await.unwrap();
        assert_eq!(ended.refunded, Amounts { credits: 0, micros: Micros(30_000) });
        let row = world.engine.enrollment(&world.actor, again.enrollment).await.unwrap();
        assert_eq!((row.stopped_after, row.first_untried()), (Some(0), 4));
        let funnel = world.engine.funnel(&world.actor, workflow).await.unwrap();
        let replied: Vec<_> = funnel.steps.iter().map(|step| step.replied).collect();
        assert_eq!((replied, funnel.whole.added), (vec![0, 0, 1, 0, 0], 2));
        world.play_days(30).await;
        assert_eq!(world.texts(PHONE).len(), 1);
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn a_quote_and_a_key_hold_for_their_first_message_only() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[("firstname", "Ann")]).await;
        let workflow = world.workflow(&[(0, "Same"), (1, "Same"), (1, "Same")]).await;
        let shown = world.engine.quote(&world.actor, contact, workflow, 2).await.unwrap();
        let with = |from_step| {
            let quote = Some(shown.id);
            EnrollRequest { quote, key: Some("once".to_owned()), ..from(contact, workflow, from_step) }
        };
        for other in [1, 3] {
            let error = world.engine.enroll(&world.actor, with(other)).await.unwrap_err();
            let EnrollError::QuoteChanged(now) = error else { panic!("{error}") };
            assert_eq!(now.quote.from_step(), other);
        }
        let first = world.engine.enroll(&world.actor, with(2)).await.unwrap();
        assert_eq!(world.engine.enroll(&world.actor, with(2)).await.unwrap(), first);
        let error = world.engine.enroll(&world.actor, with(3)).await.unwrap_err();
        assert!(matches!(error, EnrollError::KeyReused(_)), "{error}");
        assert_eq!(world.balance("prepaid").await, (2, 0));
        world.end().await;
    });
}

#[test]
fn a_message_that_the_workflow_does_not_have_is_refused_beside_all_else() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let workflow = world.workflow(&steps()).await;
        for step in [0, 6] {
            let error = world.engine.quote(&world.actor, contact, workflow, step).await.unwrap_err();
            let EnrollError::Refused(refusals) = error else { panic!("{error}") };
            assert!(refusals.contains(&Refusal::StepUnknown { step, steps: 5 }), "{refusals:?}");
        }
        // Messages keep the numbers that they have in the workflow.
        let error = world.engine.quote(&world.actor, contact, workflow, 2).await.unwrap_err();
        let EnrollError::Refused(refusals) = error else { panic!("{error}") };
        assert_eq!(refusals, [Refusal::MissingField { step: 3, field: "First Name".to_owned() }]);
        world.end().await;
    });
}
