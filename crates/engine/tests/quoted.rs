//! Quotes of many, on both databases: what is started is what was shown, the days are those that come, and all of it can be taken back.

use std::collections::BTreeMap;

use domain::ids::{ContactId, JobId, NumberId, WorkflowId};
use domain::money::Micros;
use domain::refusal::Refusal;
use domain::suppression::Suppression;
use domain::zones::Zone;
use engine::Actor;
use engine::bulk::{BulkError, Many, ManyQuote, Selection, WithdrawWhom};
use engine::numbers::NumberChange;
use engine::workflows::{StepInput, WorkflowInput};
use jiff::SignedDuration;
use jiff::civil::Date;
use store::bulk_quotes;
use store::jobs::Job;

use crate::world::{Plan, World, on_both};

const STEPS: [(i64, &str); 3] = [(0, "Hi {First Name|there}"), (2, "Any news?"), (4, "Last try.")];

fn phone(n: i64) -> String {
    format!("+1212555{n:04}")
}

/// So many contacts named Ann, of New York.
async fn people(world: &World, count: i64) -> Vec<ContactId> {
    let mut all = Vec::new();
    for n in 0..count {
        all.push(world.contact(n, &phone(1_000 + n), &[("firstname", "Ann")]).await);
    }
    all
}

async fn quote(world: &World, workflow: WorkflowId, selection: Selection) -> ManyQuote {
    world.engine.quote_many(&world.actor, Many::at_once(workflow, selection)).await.unwrap()
}

async fn start(world: &World, quote: &ManyQuote) -> Job {
    let job = world.engine.enroll_quoted(&world.actor, quote.id, None).await.unwrap();
    world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap()
}

async fn rename(world: &World, contact: ContactId, name: &str) {
    let field = ("First Name".to_owned(), Some(name.to_owned()));
    world.engine.edit_contact(&world.actor, contact, vec![field]).await.unwrap();
}

/// The codes with which a job has refused contacts.
async fn codes(world: &World, job: JobId) -> Vec<(ContactId, String)> {
    let items = world.engine.job_refusals(&world.actor, job, i64::MIN, 1_000).await.unwrap();
    let code = |item: &store::jobs::Item| {
        let reasons: serde_json::Value = serde_json::from_str(item.outcome.as_deref().unwrap()).unwrap();
        (ContactId(item.contact.unwrap()), reasons[0]["code"].as_str().unwrap().to_owned())
    };
    items.iter().map(code).collect()
}

#[test]
fn only_those_start_whose_text_and_price_are_what_was_shown() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&STEPS).await;
        let ids = people(&world, 5).await;
        world.engine.suppress(&world.actor, ids[3], Suppression::DoNotContact).await.unwrap();
        let shown = quote(&world, workflow, Selection::All).await;
        assert_eq!((shown.preview.starts, shown.preview.refusals, shown.preview.segments), (4, 1, 12));
        assert_eq!((shown.preview.amounts.credits, shown.preview.amounts.micros), (10, Micros(30_000)));
        assert_eq!(world.balance("prepaid").await, (0, 0), "a quote takes nothing");
        // Another text, another price, a reason against it that came, one that went, and one who was in no quote.
        rename(&world, ids[0], "Bob").await;
        rename(&world, ids[1], &"x".repeat(200)).await;
        world.engine.suppress(&world.actor, ids[2], Suppression::DoNotContact).await.unwrap();
        world.engine.unsuppress(&world.actor, ids[3], Suppression::DoNotContact).await.unwrap();
        world.contact(99, &phone(2_000), &[("firstname", "Late")]).await;
        let done = start(&world, &shown).await;
        assert_eq!((done.total, done.started, done.refused), (5, 1, 4));
        let changed = |id: ContactId| (id, "quote_changed".to_owned());
        let expected = vec![changed(ids[0]), changed(ids[1]), (ids[2], "do_not_contact".to_owned()), changed(ids[3])];
        assert_eq!(codes(&world, done.id).await, expected);
        assert_eq!(world.balance("prepaid").await, (3, 0));
        world.play_days(10).await;
        let texts = world.texts(&phone(1_004));
        assert_eq!(texts.len(), 3, "{texts:?}");
        world.end().await;
    });
}

#[test]
fn a_quote_that_is_no_longer_true_starts_nobody_and_answers_with_the_new_one() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&STEPS).await;
        let ids = people(&world, 5).await;
        let some = Selection::These(ids[..4].to_vec());
        let refused = async |shown: &ManyQuote| match world
            .engine
            .enroll_quoted(&world.actor, shown.id, Some("k".to_owned()))
            .await
        {
            Err(BulkError::QuoteChanged(new)) => *new,
            other => panic!("{other:?}"),
        };
        // The rate.
        let shown = quote(&world, workflow, some.clone()).await;
        world.engine.change_rate(world.workspace(), Micros(20_000)).await.unwrap();
        let new = refused(&shown).await;
        assert_eq!((shown.preview.amounts.micros, new.preview.amounts.micros), (Micros(30_000), Micros(40_000)));
        assert_eq!((new.preview.starts, new.preview.refusals), (4, 0), "the same people");
        // The text.
        let step = |text: &str| StepInput { gap_days: 0, text: text.to_owned() };
        let input = WorkflowInput { name: "Leads".to_owned(), steps: vec![step("Another text")] };
        world.engine.edit_workflow(&world.actor, workflow, 1, input).await.unwrap();
        let new = refused(&new).await;
        assert_eq!((new.preview.segments, new.preview.amounts.credits), (4, 4));
        // The balances: somebody else takes the credits.
        let other =
            world.engine.enroll_many(&world.actor, workflow, Selection::These(vec![ids[4]]), None).await.unwrap();
        world.engine.run_job(&world.actor, other.id, |_| {}).await.unwrap();
        let fits = world.engine.enroll_quoted(&world.actor, new.id, Some("k".to_owned())).await.unwrap();
        assert_eq!(fits.total, 4, "nine credits are enough for four");
        assert_eq!(world.balance("prepaid").await, (1, 0), "nobody started by a refused quote");
        world.end().await;
    });
}

#[test]
fn a_quote_holds_for_a_quarter_of_an_hour_in_its_own_workspace_and_starts_once() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&STEPS).await;
        people(&world, 2).await;
        let (first, second) =
            (quote(&world, workflow, Selection::All).await, quote(&world, workflow, Selection::All).await);
        let stranger = Actor::operator(domain::ids::WorkspaceId(2));
        let theirs = world.engine.enroll_quoted(&stranger, first.id, None).await;
        assert!(matches!(theirs, Err(BulkError::QuoteUnknown)), "{theirs:?}");
        assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(899)));
        let begun = (0..8).map(|_| {
            let (engine, actor, id) = (world.engine.clone(), world.actor.clone(), first.id);
            tokio::spawn(async move { engine.enroll_quoted(&actor, id, None).await.unwrap().id })
        });
        let mut jobs = Vec::new();
        for job in begun.collect::<Vec<_>>() {
            jobs.push(job.await.unwrap());
        }
        jobs.dedup();
        assert_eq!(jobs.len(), 1, "one quote began {jobs:?}");
        assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(1)));
        let late = world.engine.enroll_quoted(&world.actor, second.id, None).await;
        assert!(matches!(late, Err(BulkError::QuoteUnknown)), "{late:?}");
        let again = world.engine.enroll_quoted(&world.actor, first.id, None).await.unwrap();
        assert_eq!(again.id, jobs[0], "what it has begun is found for ever");
        world.engine.run_job(&world.actor, again.id, |_| {}).await.unwrap();
        assert_eq!(world.balance("prepaid").await, (6, 0));
        world.end().await;
    });
}

#[test]
fn who_is_decided_while_others_are_written_gets_what_those_have_left() {
    let plan = || Plan { credits: 180, wallet: Micros::ZERO, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&STEPS).await;
        let ids = people(&world, 100).await;
        // A quarter of the part is decided first: one of those is refused, and one of the others.
        for nth in [3, 50] {
            world.engine.suppress(&world.actor, ids[nth], Suppression::DoNotContact).await.unwrap();
        }
        let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
        let done = world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
        assert_eq!((done.started, done.refused), (60, 40));
        let refused: Vec<ContactId> = codes(&world, done.id).await.into_iter().map(|(contact, _)| contact).collect();
        let expected: Vec<ContactId> = [ids[3], ids[50]].into_iter().chain(ids[62..].iter().copied()).collect();
        assert_eq!(refused, expected, "the money lasts for the first");
        assert_eq!((world.balance("available").await, world.balance("prepaid").await), ((0, 0), (180, 0)));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        // Everybody is noted as started by it, whichever piece of it they were in.
        let held = world.engine.withdraw_job(&world.actor, done.id, WithdrawWhom::Everybody).await.unwrap();
        let held = world.engine.run_withdrawal(&world.actor, held.id).await.unwrap();
        assert_eq!((held.started, world.balance("available").await), (60, (180, 0)));
        world.end().await;
    });
}

#[test]
fn a_job_takes_no_more_than_its_quote_though_others_take_the_credits_meanwhile() {
    let plan = || Plan { credits: 3_300, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&STEPS).await;
        let ids = people(&world, 1_200).await;
        let shown = quote(&world, workflow, Selection::These(ids[..1_100].to_vec())).await;
        assert_eq!((shown.preview.starts, shown.preview.amounts.credits), (1_100, 3_300));
        assert_eq!(shown.preview.amounts.micros, Micros::ZERO);
        let job = world.engine.enroll_quoted(&world.actor, shown.id, None).await.unwrap();
        let (engine, actor, others) = (world.engine.clone(), world.actor.clone(), ids[1_100..].to_vec());
        let other = world.engine.enroll_many(&actor, workflow, Selection::These(others), None).await.unwrap();
        let mut turns = 0;
        let done = engine
            .run_job(&actor, job.id, |_| {
                turns += 1;
                if turns == 1 {
                    let (engine, actor) = (world.engine.clone(), world.actor.clone());
                    let other = other.id;
                    std::thread::scope(|scope| {
                        scope.spawn(|| {
                            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                            runtime.block_on(async { engine.run_job(&actor, other, |_| {}).await.unwrap() });
                        });
                    });
                }
            })
            .await
            .unwrap();
        // 3,000 credits went to the first two parts and 300 to the hundred others: for the third the wallet has money, and nobody was shown that.
        assert_eq!((done.started, done.refused), (1_000, 100));
        assert!(codes(&world, done.id).await.iter().all(|(_, code)| code == Refusal::QuoteChanged.code()));
        assert_eq!(world.balance("available").await, (0, 100_000_000), "no money was taken");
        world.end().await;
    });
}

/// The messages that went on each day of New York.
async fn sent(world: &World, count: i64) -> BTreeMap<Date, i64> {
    let zone = Zone::named("America/New_York").unwrap();
    let mut days = BTreeMap::new();
    for n in 0..count {
        for text in world.simulator.inbox(&phone(1_000 + n), 0, 1_000).unwrap() {
            *days.entry(zone.local(text.at).date()).or_insert(0) += 1;
        }
    }
    days
}

#[test]
fn the_days_of_a_quote_are_those_on_which_the_texts_go() {
    for (per_minute, per_day, most) in [(0, 0, None), (0, 45, None), (0, 0, Some(30)), (1, 70, Some(60))] {
        on_both(Plan::default, async |world| {
            let change = NumberChange { per_minute: Some(per_minute), per_day: Some(per_day), state: None };
            world.engine.change_number(&world.actor, NumberId(5), change).await.unwrap();
            let workflow = world.workflow(&STEPS).await;
            people(&world, 100).await;
            let many = Many { workflow, selection: Selection::All, per_day: most };
            let shown = world.engine.quote_many(&world.actor, many).await.unwrap();
            let told: BTreeMap<Date, i64> =
                shown.preview.forecast.days.iter().map(|(date, day)| (*date, day.messages)).collect();
            assert_eq!(start(&world, &shown).await.started, 100);
            world.play_days(30).await;
            let sent = sent(&world, 100).await;
            let case = format!("{per_minute} a minute, {per_day} a day, {most:?} start a day");
            assert_eq!(sent.values().sum::<i64>(), 300, "{case}");
            // By the end of each day as many as were told, give or take what a number may send in ten minutes.
            let (mut here, mut there) = (0, 0);
            for date in told.keys().chain(sent.keys()).collect::<std::collections::BTreeSet<_>>() {
                here += told.get(date).copied().unwrap_or(0);
                there += sent.get(date).copied().unwrap_or(0);
                assert!(
                    (here - there).abs() <= 10 * per_minute,
                    "{case}: {date}: {here} told, {there} sent: {told:?} {sent:?}"
                );
            }
            let last = sent.last_key_value().map(|(date, _)| *date);
            let zone = Zone::named("America/New_York").unwrap();
            assert_eq!(shown.preview.last_at.map(|at| zone.local(at).date()), last, "{case}");
            world.end().await;
        });
    }
}

#[test]
fn the_days_of_a_second_start_know_of_the_first() {
    on_both(Plan::default, async |world| {
        let change = NumberChange { per_minute: Some(0), per_day: Some(40), state: None };
        world.engine.change_number(&world.actor, NumberId(5), change).await.unwrap();
        let workflow = world.workflow(&STEPS).await;
        let ids = people(&world, 120).await;
        let begun = quote(&world, workflow, Selection::These(ids[..70].to_vec())).await;
        assert_eq!(begun.preview.planned, 0);
        assert_eq!(start(&world, &begun).await.started, 70);
        let shown = quote(&world, workflow, Selection::These(ids[70..].to_vec())).await;
        assert_eq!(shown.preview.planned, 70);
        assert_eq!(start(&world, &shown).await.started, 50);
        world.play_days(30).await;
        let (mut told, mut sent) = (Vec::new(), Vec::new());
        let zone = Zone::named("America/New_York").unwrap();
        for n in 70..120 {
            for text in world.simulator.inbox(&phone(1_000 + n), 0, 1_000).unwrap() {
                sent.push(zone.local(text.at).date());
            }
        }
        for (date, day) in &shown.preview.forecast.days {
            told.extend(std::iter::repeat_n(*date, usize::try_from(day.messages).unwrap()));
        }
        sent.sort_unstable();
        assert_eq!((told.len(), sent.len()), (150, 150));
        // Each text within a day of what was told; without the first start half of them would go two days before.
        let days = |date: &Date| i64::from(date.day_of_year()) + 365 * i64::from(date.year());
        let off = told.iter().zip(&sent).filter(|(told, sent)| (days(told) - days(sent)).abs() > 1).count();
        assert!(off == 0, "{off}: {told:?}\n{sent:?}");
        assert_eq!(told.first(), sent.first(), "{told:?}\n{sent:?}");
        world.end().await;
    });
}

#[test]
fn a_start_in_the_evening_puts_no_two_days_into_one() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi")]).await;
        people(&world, 30).await;
        // Ten in the evening in New York: nobody is texted before the morning.
        assert!(world.engine.clock().move_to("2026-11-28T03:02:00Z".parse().unwrap()));
        let many = Many { workflow, selection: Selection::All, per_day: Some(10) };
        let shown = world.engine.quote_many(&world.actor, many).await.unwrap();
        assert_eq!(start(&world, &shown).await.started, 30);
        world.play_days(5).await;
        let days: Vec<(String, i64)> =
            sent(&world, 30).await.into_iter().map(|(day, sent)| (day.to_string(), sent)).collect();
        let told = [28, 29, 30].map(|day| (format!("2026-11-{day}"), 10));
        assert_eq!(days, told);
        world.end().await;
    });
}

#[test]
fn what_has_not_begun_is_held_back_with_its_money_and_goes_on_by_a_new_quote() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&STEPS).await;
        let ids = people(&world, 9).await;
        let many = Many { workflow, selection: Selection::All, per_day: Some(3) };
        let shown = world.engine.quote_many(&world.actor, many.clone()).await.unwrap();
        let job = start(&world, &shown).await;
        assert_eq!(job.started, 9);
        assert_eq!(world.balance("prepaid").await, (10, 255_000), "all are charged at the start");
        world.play_days(1).await;
        world.reply(&phone(1_000), "who is this?").await;
        let held = world.engine.withdraw_job(&world.actor, job.id, WithdrawWhom::Unbegun).await.unwrap();
        let held = world.engine.run_withdrawal(&world.actor, held.id).await.unwrap();
        // Three began yesterday and three this morning at nine; the last three wait for tomorrow.
        let begun = i64::try_from(
            ids.iter().enumerate().filter(|(n, _)| !world.texts(&phone(1_000 + *n as i64)).is_empty()).count(),
        )
        .unwrap();
        assert_eq!((held.started, held.refused), (9 - begun, begun));
        assert_eq!(world.engine.left_by(&world.actor, held.id).await.unwrap(), 9 - begun);
        let again = world.engine.run_withdrawal(&world.actor, held.id).await.unwrap();
        assert_eq!(again, held, "what is done is done");
        let rest = quote(&world, workflow, Selection::RestOf(held.id)).await;
        assert_eq!((rest.preview.starts, rest.preview.refusals), (9 - begun, 0));
        assert_eq!(start(&world, &rest).await.started, 9 - begun);
        // Everybody out: those who wait for a later message too.
        let stopped = world.engine.withdraw_job(&world.actor, job.id, WithdrawWhom::Everybody).await.unwrap();
        let stopped = world.engine.run_withdrawal(&world.actor, stopped.id).await.unwrap();
        assert_eq!(stopped.started, begun - 1, "who replied was out already, and who went on belongs to another job");
        world.play_days(20).await;
        let texts: Vec<usize> = (0..9).map(|n| world.texts(&phone(1_000 + n)).len()).collect();
        let expected: Vec<usize> = (0..9).map(|n| if n < begun { 1 } else { 3 }).collect();
        assert_eq!(texts, expected);
        assert_eq!(world.balance("prepaid").await, (0, 0));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn a_withdrawal_ends_the_job_first_and_an_interrupted_one_is_finished() {
    let plan = || Plan { credits: 10_000, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&STEPS).await;
        people(&world, 1_200).await;
        let shown = quote(&world, workflow, Selection::All).await;
        let job = world.engine.enroll_quoted(&world.actor, shown.id, None).await.unwrap();
        let mut withdrawal = None;
        let done = world
            .engine
            .run_job(&world.actor, job.id, |job| {
                // After two of three parts somebody presses the button.
                if withdrawal.is_none() {
                    let (engine, actor, id) = (world.engine.clone(), world.actor.clone(), job.id);
                    let held = std::thread::scope(|scope| {
                        let task = scope.spawn(|| {
                            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                            runtime.block_on(engine.withdraw_job(&actor, id, WithdrawWhom::Everybody)).unwrap()
                        });
                        task.join().unwrap()
                    });
                    withdrawal = Some(held);
                }
            })
            .await
            .unwrap();
        assert_eq!((done.state.as_str(), done.started), ("done", 1_000), "it ended where it was");
        // Its node dies before it has done anything: another one finishes it.
        let minute = SignedDuration::from_mins(1);
        assert!(world.engine.clock().move_to(world.engine.now() + minute));
        assert_eq!(world.engine.resume_withdrawals(minute).await.unwrap(), 1);
        let held = world.engine.job(&world.actor, withdrawal.unwrap().id).await.unwrap();
        assert_eq!((held.state.as_str(), held.started, held.refused), ("done", 1_000, 200));
        assert_eq!(world.engine.left_by(&world.actor, held.id).await.unwrap(), 1_200);
        assert_eq!(world.balance("available").await, (10_000, 100_000_000));
        let rest = quote(&world, workflow, Selection::RestOf(held.id)).await;
        assert_eq!(start(&world, &rest).await.started, 1_200);
        world.end().await;
    });
}

#[test]
fn only_a_job_that_enrolls_is_withdrawn_and_only_a_withdrawal_has_left_somebody() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&STEPS).await;
        people(&world, 1).await;
        let job = start(&world, &quote(&world, workflow, Selection::All).await).await;
        let rest = world.engine.quote_many(&world.actor, Many::at_once(workflow, Selection::RestOf(job.id))).await;
        assert!(matches!(rest, Err(BulkError::NotWithdrawing)), "{rest:?}");
        let held = world.engine.withdraw_job(&world.actor, job.id, WithdrawWhom::Everybody).await.unwrap();
        let twice = world.engine.withdraw_job(&world.actor, held.id, WithdrawWhom::Everybody).await;
        assert!(matches!(twice, Err(BulkError::NotEnrolling)), "{twice:?}");
        let stranger = Actor::operator(domain::ids::WorkspaceId(2));
        let theirs = world.engine.withdraw_job(&stranger, job.id, WithdrawWhom::Everybody).await;
        assert!(matches!(theirs, Err(BulkError::JobUnknown)), "{theirs:?}");
        let theirs = world.engine.left_by(&stranger, held.id).await;
        assert!(matches!(theirs, Err(BulkError::JobUnknown)), "{theirs:?}");
        world.engine.run_withdrawal(&world.actor, held.id).await.unwrap();
        world.end().await;
    });
}

#[test]
fn quotes_that_were_not_started_are_let_go_and_those_that_were_stay() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&STEPS).await;
        people(&world, 2).await;
        let (unused, used) =
            (quote(&world, workflow, Selection::All).await, quote(&world, workflow, Selection::All).await);
        start(&world, &used).await;
        assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(25)));
        assert_eq!(world.engine.sweep_old().await.unwrap(), 1);
        let workspace = world.workspace();
        for (id, kept) in [(unused.id, 0), (used.id, 1)] {
            let read = move |db: &store::Read<'_>| {
                let parts = bulk_quotes::parts(db, workspace, id, -1, 10)?.len();
                Ok((bulk_quotes::find(db, workspace, id)?.map_or(0, |_| 1), parts))
            };
            let found = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
            assert_eq!(found, (kept, kept));
        }
        world.end().await;
    });
}
