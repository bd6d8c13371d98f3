//! Plans as time goes by: trial, months, what is owed, warnings, the end with its refunds. On both databases.

use domain::ids::{ContactId, EventId, NumberId, WorkflowId};
use domain::money::Micros;
use domain::plan::{Standing, Terms, TermsError};
use engine::Operator;
use engine::billing::Slip;
use engine::bulk::{Many, Selection};
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::numbers::{NewNumber, NumberChange, NumberError, NumberState};
use engine::plans::{NewPlan, PlanError};
use engine::subscriptions::SubscriptionError;
use jiff::Timestamp;
use store::plans::Plan as Offered;

use crate::world::{Plan, World, on_both};

const PRICE: Micros = Micros(29_000_000);

/// No credits and so much money; it is the 24th of November, ten in the morning in New York.
fn with_wallet(dollars: i64) -> Plan {
    Plan { credits: 0, wallet: Micros(dollars * 1_000_000), ..Plan::default() }
}

fn terms(trial_days: i64) -> Terms {
    Terms { price: PRICE, credits: 100, rate: Micros(12_000), numbers: Some(1), trial_days, grace_days: 7 }
}

async fn offered(world: &World, name: &str, terms: Terms) -> Offered {
    world.engine.add_plan(&Operator::at_command_line(), NewPlan { name: name.to_owned(), terms }).await.unwrap()
}

async fn standing(world: &World) -> Standing {
    world.engine.subscription(&world.actor).await.unwrap().course.unwrap().standing
}

/// The days go by, each with a look at the plans, as a server has it every half minute.
async fn days(world: &World, count: i64) {
    for _ in 0..count {
        world.play_days(1).await;
        world.engine.turn_periods().await.unwrap();
    }
}

async fn top_up(world: &World, dollars: i64) {
    let amount = Micros(dollars * 1_000_000);
    world.engine.top_up(world.workspace(), amount, Slip::default()).await.unwrap();
}

/// What the history tells of the plan, oldest first.
async fn told(world: &World) -> Vec<String> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::page(db, workspace, EventId(0), 1_000);
    let events = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    events.into_iter().map(|event| event.kind).filter(|kind| kind.starts_with("plan.")).collect()
}

async fn end(world: World) {
    let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
    assert_eq!(report.faults, []);
    world.end().await;
}

async fn enrolled(world: &World, n: i64) -> ContactId {
    let phone = format!("+1212555{:04}", 100 + n);
    let contact = world.contact(n, &phone, &[]).await;
    world.engine.enroll(&world.actor, request(contact)).await.unwrap();
    contact
}

fn request(contact: ContactId) -> EnrollRequest {
    EnrollRequest { contact, workflow: WorkflowId(77), from_step: 1, quote: None, key: None }
}

fn local(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_quote_says_that_the_plan_ends_before_its_last_message() {
    on_both(
        || with_wallet(100),
        async |world| {
            let workflow = world.workflow(&[(0, "Hi"), (40, "Still there?")]).await;
            let contact = world.contact(1, "+12125550101", &[]).await;
            let shown = async || {
                let one = world.engine.quote(&world.actor, contact, workflow, 1).await.unwrap().plan_ends_at;
                let many = Many { workflow, selection: Selection::All, per_day: None };
                let many = world.engine.preview_many(&world.actor, many).await.unwrap().plan_ends_at;
                assert_eq!(one, many);
                one
            };
            assert_eq!(shown().await, None, "there is no plan");
            let plan = offered(&world, "Month", terms(0)).await;
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            assert_eq!(shown().await, None, "it goes on");
            world.engine.cancel_plan(&world.actor).await.unwrap();
            let ends = world.engine.subscription(&world.actor).await.unwrap().course.unwrap().ends_at();
            assert!(ends.is_some());
            assert_eq!(shown().await, ends);
            end(world).await;
        },
    );
}

#[test]
fn a_trial_becomes_a_paid_month_and_credits_end_with_their_period() {
    on_both(
        || with_wallet(100),
        async |world| {
            let plan = offered(&world, "Starter", terms(14)).await;
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            assert_eq!(
                (standing(&world).await, world.balance("available").await),
                (Standing::Trialing, (100, 100_000_000))
            );
            let row = world.engine.workspace(&world.actor).await.unwrap().workspace;
            assert_eq!(row.rate, Micros(12_000), "the rate is the plan's");
            // Three segments of the trial's credits are held by what runs over its end.
            world.workflow(&[(0, "Hi"), (20, "Still there?"), (20, "Bye")]).await;
            enrolled(&world, 1).await;
            days(&world, 13).await;
            assert_eq!(standing(&world).await, Standing::Trialing);
            days(&world, 1).await;
            assert_eq!(standing(&world).await, Standing::Active);
            // 97 credits were left and ended; the month's came, for its price.
            assert_eq!(world.balance("available").await, (100, 71_000_000));
            // What comes back belongs to the month that runs.
            world.reply("+12125550101", "stop texting and call me").await;
            assert_eq!(world.balance("available").await, (102, 71_000_000));
            days(&world, 31).await;
            assert_eq!(world.balance("available").await, (100, 42_000_000));
            assert_eq!(told(&world).await, ["plan.started", "plan.renewed", "plan.renewed"]);
            let periods = world.engine.plan_periods(&world.actor, None, 10).await.unwrap();
            let seen: Vec<_> =
                periods.iter().map(|row| (row.period.number, row.price, row.paid_at.is_some())).collect();
            assert_eq!(seen, [(2, PRICE, true), (1, PRICE, true), (0, Micros::ZERO, true)]);
            assert_eq!(periods[0].period.until, local("2027-02-08T05:00:00Z"), "midnight of the 8th in New York");
            // A second trial is not given: whoever comes back pays from the first day on.
            world.engine.cancel_plan(&world.actor).await.unwrap();
            days(&world, 32).await;
            assert_eq!(standing(&world).await, Standing::Ended);
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            assert_eq!(
                (standing(&world).await, world.balance("available").await),
                (Standing::Active, (100, 13_000_000))
            );
            end(world).await;
        },
    );
}

#[test]
fn what_is_not_paid_goes_on_for_its_grace_and_is_paid_by_the_first_payment_that_covers_it() {
    on_both(
        || with_wallet(40),
        async |world| {
            let plan = offered(&world, "Starter", terms(0)).await;
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            assert_eq!(world.balance("available").await, (100, 11_000_000));
            world.workflow(&[(0, "Hi"), (60, "Still there?")]).await;
            enrolled(&world, 1).await;
            days(&world, 30).await;
            let view = world.engine.subscription(&world.actor).await.unwrap();
            let ending = view.ending.unwrap();
            assert_eq!((ending.owed, ending.at), (Some(PRICE), local("2026-12-31T05:00:00Z")));
            assert_eq!(world.balance("available").await.0, 0, "the credits of the month before have ended");
            assert_eq!(world.engine.needs(&world.actor).await.unwrap().plan_ending, Some(ending));
            // It may still send and start, for its money.
            enrolled(&world, 2).await;
            let refused = world.engine.choose_plan(&world.actor, plan.id).await;
            assert!(matches!(refused, Err(SubscriptionError::Owing { owed: PRICE })), "{refused:?}");
            top_up(&world, 18).await;
            assert!(matches!(standing(&world).await, Standing::PastDue { .. }), "that is not enough");
            top_up(&world, 1).await;
            assert_eq!(standing(&world).await, Standing::Active);
            assert_eq!(world.balance("available").await, (100, 11_000_000 - 24_000 - 10_000_000));
            let kinds = ["plan.started", "plan.past_due", "plan.ending", "plan.recovered"];
            assert_eq!(told(&world).await, kinds);
            end(world).await;
        },
    );
}

#[test]
fn whoever_does_not_pay_is_warned_and_ended_with_every_refund() {
    on_both(
        || with_wallet(30),
        async |world| {
            let plan = offered(&world, "Starter", terms(0)).await;
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            world.workflow(&[(0, "Hi"), (60, "Still there?"), (60, "Bye")]).await;
            let contact = enrolled(&world, 1).await;
            days(&world, 29).await;
            assert_eq!(world.balance("prepaid").await, (2, 0));
            days(&world, 8).await;
            assert_eq!(standing(&world).await, Standing::Ended);
            // Its credits came back before the last ones ended.
            assert_eq!((world.balance("prepaid").await, world.balance("available").await), ((0, 0), (0, 1_000_000)));
            let kinds = ["plan.started", "plan.past_due", "plan.ending", "plan.ending", "plan.ended", "plan.closed"];
            assert_eq!(told(&world).await, kinds);
            assert!(world.engine.needs(&world.actor).await.unwrap().plan_ended);
            let refused = world.engine.enroll(&world.actor, request(contact)).await;
            assert!(matches!(refused, Err(EnrollError::Refused(_))), "{refused:?}");
            let texts = world.texts("+12125550101").len();
            days(&world, 90).await;
            assert_eq!(world.texts("+12125550101").len(), texts, "nothing is sent without a plan");
            end(world).await;
        },
    );
}

#[test]
fn a_canceled_plan_runs_to_the_end_of_its_period_unless_it_goes_on_after_all() {
    on_both(
        || with_wallet(100),
        async |world| {
            let plan = offered(&world, "Starter", terms(0)).await;
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            world.engine.cancel_plan(&world.actor).await.unwrap();
            days(&world, 10).await;
            assert_eq!(world.engine.needs(&world.actor).await.unwrap().plan_ending, None, "three weeks are far");
            days(&world, 10).await;
            assert!(world.engine.needs(&world.actor).await.unwrap().plan_ending.is_some());
            world.engine.resume_plan(&world.actor).await.unwrap();
            assert_eq!(world.engine.needs(&world.actor).await.unwrap().plan_ending, None);
            days(&world, 15).await;
            assert_eq!(
                (standing(&world).await, world.balance("available").await),
                (Standing::Active, (100, 42_000_000))
            );
            world.engine.cancel_plan(&world.actor).await.unwrap();
            days(&world, 30).await;
            assert_eq!((standing(&world).await, world.balance("available").await), (Standing::Ended, (0, 42_000_000)));
            let gone = world.engine.cancel_plan(&world.actor).await;
            assert!(matches!(gone, Err(SubscriptionError::None)), "{gone:?}");
            let kinds = told(&world).await;
            assert_eq!(
                kinds.iter().filter(|kind| *kind == "plan.ending").count(),
                3,
                "once before it went on: {kinds:?}"
            );
            end(world).await;
        },
    );
}

#[test]
fn another_plan_follows_at_the_end_of_the_period_with_its_own_terms() {
    on_both(
        || with_wallet(200),
        async |world| {
            let starter = offered(&world, "Starter", terms(0)).await;
            let larger =
                Terms { price: Micros(99_000_000), credits: 2_000, rate: Micros(9_000), numbers: None, ..terms(30) };
            let larger = offered(&world, "Larger", larger).await;
            world.engine.choose_plan(&world.actor, starter.id).await.unwrap();
            let number = |last: i64| NewNumber {
                phone: format!("+1305555{last:04}"),
                carrier: "simulator".to_owned(),
                per_minute: 0,
                per_day: 0,
            };
            let full = world.engine.add_number(&world.actor, number(101)).await;
            assert!(matches!(full, Err(NumberError::Included { included: 1 })), "{full:?}");
            // One that was lost makes room, and does not come back where that was taken.
            let change = |state| NumberChange { state: Some(state), ..NumberChange::default() };
            world.engine.change_number(&world.actor, NumberId(5), change(NumberState::Lost)).await.unwrap();
            let added = world.engine.add_number(&world.actor, number(101)).await.unwrap().id;
            let back = world.engine.change_number(&world.actor, NumberId(5), change(NumberState::Live)).await;
            assert!(matches!(back, Err(NumberError::Included { included: 1 })), "{back:?}");
            world.engine.change_number(&world.actor, added, change(NumberState::Lost)).await.unwrap();
            world.engine.change_number(&world.actor, NumberId(5), change(NumberState::Live)).await.unwrap();
            let offer = world.engine.plan_offer(&world.actor, larger.id).await.unwrap();
            assert_eq!(
                (offer.now, offer.charge, offer.first.from),
                (false, Micros::ZERO, local("2026-12-24T05:00:00Z"))
            );
            let view = world.engine.choose_plan(&world.actor, larger.id).await.unwrap();
            assert_eq!((view.plan.unwrap().id, view.next.unwrap().id), (starter.id, larger.id));
            days(&world, 30).await;
            assert_eq!(world.balance("available").await, (2_000, 72_000_000));
            let row = world.engine.workspace(&world.actor).await.unwrap().workspace;
            assert_eq!(row.rate, Micros(9_000));
            world.engine.add_number(&world.actor, number(102)).await.unwrap();
            let back = world.engine.choose_plan(&world.actor, starter.id).await;
            assert!(matches!(back, Err(SubscriptionError::Numbers { included: 1, have: 2 })), "{back:?}");
            end(world).await;
        },
    );
}

#[test]
fn what_cannot_be_is_refused_and_moves_nothing() {
    on_both(
        || with_wallet(28),
        async |world| {
            let plan = offered(&world, "Starter", terms(0)).await;
            let refused = world.engine.choose_plan(&world.actor, plan.id).await;
            assert!(matches!(refused, Err(SubscriptionError::Funds { lacks: Micros(1_000_000) })), "{refused:?}");
            let offer = world.engine.plan_offer(&world.actor, plan.id).await.unwrap();
            assert_eq!((offer.now, offer.charge, offer.lacks), (true, PRICE, Micros(1_000_000)));
            let twice = world
                .engine
                .add_plan(&Operator::at_command_line(), NewPlan { name: " starter ".to_owned(), terms: terms(0) })
                .await;
            assert!(matches!(twice, Err(PlanError::NameTaken { .. })), "{twice:?}");
            let wrong = Terms { credits: -1, ..terms(0) };
            let wrong = world
                .engine
                .add_plan(&Operator::at_command_line(), NewPlan { name: "Wrong".to_owned(), terms: wrong })
                .await;
            assert!(matches!(wrong, Err(PlanError::Terms(TermsError::Credits(-1)))), "{wrong:?}");
            world.engine.withdraw_plan(&Operator::at_command_line(), plan.id).await.unwrap();
            let gone = world.engine.choose_plan(&world.actor, plan.id).await;
            assert!(matches!(gone, Err(SubscriptionError::Unknown)), "{gone:?}");
            // Its name is free again.
            offered(&world, "Starter", terms(0)).await;
            let taken = world.engine.offer_plan(&Operator::at_command_line(), plan.id).await;
            assert!(matches!(taken, Err(PlanError::NameTaken { .. })), "{taken:?}");
            assert_eq!(world.balance("available").await, (0, 28_000_000));
            assert_eq!(world.engine.subscription(&world.actor).await.unwrap().course, None);
            end(world).await;
        },
    );
}

#[test]
fn periods_that_two_nodes_turn_at_once_are_paid_once() {
    on_both(
        || with_wallet(100),
        async |world| {
            let plan = offered(&world, "Starter", terms(0)).await;
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            world.play_days(31).await;
            let turns: Vec<_> = (0..8)
                .map(|_| {
                    let engine = world.engine.clone();
                    tokio::spawn(async move { engine.turn_periods().await })
                })
                .collect();
            for turn in turns {
                turn.await.unwrap().unwrap();
            }
            assert_eq!(world.balance("available").await, (100, 42_000_000));
            assert_eq!(told(&world).await, ["plan.started", "plan.renewed"]);
            end(world).await;
        },
    );
}
