//! Figures as a person reads them: by workflow, by message, by day, and what is coming.

use domain::enrollment::StopReason;
use domain::ids::{WorkflowId, WorkspaceId};
use domain::ledger::Amounts;
use domain::money::Micros;
use engine::Actor;
use engine::enrolling::EnrollRequest;
use engine::figures::FiguresError;
use engine::statement::StatementDay;
use jiff::Span;
use store::ledger::statement::Subject;

use crate::world::{Plan, World, on_both};

const STEPS: [(i64, &str); 3] = [(0, "Hi, still thinking of selling?"), (2, "Any news?"), (4, "Last try.")];

async fn enroll_two(world: &World) -> WorkflowId {
    let workflow = world.workflow(&STEPS).await;
    for (n, phone) in [(1, "+12125550111"), (2, "+12125550112")] {
        let contact = world.contact(n, phone, &[]).await;
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        world.engine.enroll(&world.actor, request).await.unwrap();
    }
    workflow
}

async fn coming(world: &World, workflow: Option<WorkflowId>) -> Vec<i64> {
    let days = world.engine.coming(&world.actor, workflow, 8).await.unwrap();
    days.iter().map(|day| day.messages).collect()
}

#[test]
fn what_is_coming_is_the_plan_of_all_that_run_and_shrinks_with_a_reply() {
    on_both(Plan::default, async |world| {
        let workflow = enroll_two(&world).await;
        assert_eq!(coming(&world, Some(workflow)).await, [2, 0, 2, 0, 0, 0, 2, 0]);
        world.play_days(1).await;
        assert_eq!(coming(&world, None).await, [0, 2, 0, 0, 0, 2, 0, 0]);
        world.reply("+12125550111", "who is this?").await;
        assert_eq!(coming(&world, None).await, [0, 1, 0, 0, 0, 1, 0, 0]);
        world.play_days(30).await;
        assert_eq!(coming(&world, None).await, [0; 8]);
        world.end().await;
    });
}

#[test]
fn a_reply_counts_at_the_message_after_which_it_came() {
    on_both(
        || Plan { credits: 1, ..Plan::default() },
        async |world| {
            let workflow = enroll_two(&world).await;
            world.play_days(3).await;
            world.reply("+12125550111", "who is this?").await;
            world.play_days(30).await;
            let funnel = world.engine.funnel(&world.actor, workflow).await.unwrap();
            let sent: Vec<i64> = funnel.steps.iter().map(|step| step.sent).collect();
            let replied: Vec<i64> = funnel.steps.iter().map(|step| step.replied).collect();
            assert_eq!((sent, replied), (vec![2, 2, 1], vec![0, 1, 0]));
            assert_eq!((funnel.whole.added, funnel.whole.added_segments, funnel.active), (2, 6, 0));
            assert_eq!((funnel.whole.completed, funnel.ended), (1, vec![(StopReason::Replied, 1)]));
            assert_eq!((funnel.whole.cost.credits, funnel.whole.cost.micros), (1, Micros(4 * 15_000)));
            let table = world.engine.workflow_figures(&world.actor).await.unwrap();
            assert_eq!(table[&workflow], funnel.whole);
            assert_eq!(table[&workflow].reply_rate(), Some(5_000));
            world.end().await;
        },
    );
}

#[test]
fn days_add_up_to_what_happened() {
    on_both(Plan::default, async |world| {
        let (first, _) = world.engine.today(&world.actor).await.unwrap();
        enroll_two(&world).await;
        world.play_days(1).await;
        world.reply("+12125550111", "STOP").await;
        world.play_days(30).await;
        let last = first.checked_add(Span::new().days(31)).unwrap();
        let days = world.engine.days(&world.actor, first, last).await.unwrap();
        assert_eq!(days.len(), 32);
        assert_eq!((days[0].date, days[0].figures.added), (first, 2));
        // The confirmation of the opt-out is a text as well.
        let sums = days.iter().fold((0, 0, 0, 0), |sum, day| {
            let figures = &day.figures;
            (sum.0 + figures.sent, sum.1 + figures.inbound, sum.2 + figures.opted_out, sum.3 + figures.completed)
        });
        assert_eq!(sums, (5, 1, 1, 1));
        world.end().await;
    });
}

#[test]
fn figures_of_another_workspace_are_not_found() {
    on_both(Plan::default, async |world| {
        let workflow = enroll_two(&world).await;
        world.play_days(30).await;
        let stranger = Actor::operator(WorkspaceId(999));
        let funnel = world.engine.funnel(&stranger, workflow).await;
        assert!(matches!(funnel, Err(FiguresError::Unknown)), "{funnel:?}");
        let coming = world.engine.coming(&stranger, Some(workflow), 7).await;
        assert!(matches!(coming, Err(FiguresError::Unknown)), "{coming:?}");
        assert!(world.engine.workflow_figures(&stranger).await.unwrap().is_empty());
        world.end().await;
    });
}

#[test]
fn the_statement_adds_up_to_the_balance_and_opens_to_what_its_sums_say() {
    on_both(
        || Plan { credits: 4, ..Plan::default() },
        async |world| {
            enroll_two(&world).await;
            world.play_days(3).await;
            world.reply("+12125550111", "who is this?").await;
            world.play_days(30).await;
            let balance = world.engine.balances(&world.actor).await.unwrap();
            let page = world.engine.statement(&world.actor, None, 10).await.unwrap();
            assert_eq!((page.days.len(), page.next), (2, None));
            let (ended, begun) = (page.days[0], page.days[1]);
            assert_eq!((ended.after.credits, ended.after.micros), (balance.credits, balance.wallet));
            assert_eq!((begun.added, begun.added_segments, begun.charged.credits), (2, 6, 4));
            assert_eq!(begun.manual_charged, Amounts::ZERO);
            assert_eq!((ended.refunds, ended.refunded.credits), (1, 1));
            assert_eq!(begun.paid_in.micros, Micros(100_000_000));
            let opened = world.engine.statement_day(&world.actor, begun.date, None, 2).await.unwrap();
            assert_eq!((opened.lines.len(), opened.day), (2, Some(StatementDay { after: Amounts::ZERO, ..begun })));
            let rest = world.engine.statement_day(&world.actor, begun.date, opened.next, 2).await.unwrap();
            let charged =
                opened.lines.iter().chain(&rest.lines).fold(Amounts::ZERO, |sum, line| sum.plus(line.charged));
            assert_eq!((charged, rest.next), (begun.charged, None));
            assert!(rest.lines.iter().any(|line| matches!(line.subject, Subject::Payment(_))), "{rest:?}");
            world.end().await;
        },
    );
}

#[test]
fn pages_of_the_statement_go_on_with_the_balance_of_the_day_before() {
    on_both(Plan::default, async |world| {
        enroll_two(&world).await;
        world.play_days(3).await;
        world.reply("+12125550111", "who is this?").await;
        world.play_days(3).await;
        let whole = world.engine.statement(&world.actor, None, 10).await.unwrap();
        let first = world.engine.statement(&world.actor, None, 1).await.unwrap();
        let second = world.engine.statement(&world.actor, first.next, 1).await.unwrap();
        assert_eq!([&first.days[..], &second.days[..]].concat(), whole.days);
        world.play_days(30).await;
        world.end().await;
    });
}

#[test]
fn a_charge_opens_to_its_messages() {
    on_both(Plan::default, async |world| {
        enroll_two(&world).await;
        world.play_days(3).await;
        let (today, _) = world.engine.today(&world.actor).await.unwrap();
        let begun = today.checked_sub(Span::new().days(3)).unwrap();
        let opened = world.engine.statement_day(&world.actor, begun, None, 10).await.unwrap();
        let charged = opened.lines.iter().find_map(|line| match &line.subject {
            Subject::Enrollment { id, .. } => Some(*id),
            Subject::Message { .. } | Subject::Payment(_) | Subject::Period { .. } => None,
        });
        let charge = world.engine.charge(&world.actor, charged.unwrap()).await.unwrap().unwrap();
        assert_eq!(charge.texts.iter().map(|text| (text.step, text.segments)).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
        assert_eq!((charge.enrollment.prices.len(), charge.moves.len()), (3, 3));
        let stranger = Actor::operator(WorkspaceId(999));
        assert!(world.engine.charge(&stranger, charged.unwrap()).await.unwrap().is_none());
        world.play_days(30).await;
        world.end().await;
    });
}
