//! Some months of a hosted workspace: a trial, a plan, a file of leads, a bulk start, replies with their refunds, statements, a card that is
//! declined when a month is due, its recovery, the end of the plan. After each step the books balance, and every month's statement is the ledger's.
//!
//! `DRIPLINE_STORY_CONTACTS=100000` tells it at the size of a large customer; one in five of them is started.

use std::fmt::Write as _;
use std::io::Cursor;

use domain::ids::{ContactId, WorkflowId};
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::plan::{Standing, Terms};
use engine::Operator;
use engine::billing::Slip;
use engine::bulk::{Many, Selection};
use engine::cards::{CardUse, MOST_DECLINES};
use engine::import::{ImportOptions, ImportOutlets};
use engine::plans::NewPlan;
use engine::statement::{LineKind, Month, MonthStatement};

use crate::payments::stripe::{Imitation, Mood};
use crate::payments::with_cards;
use crate::summed;
use crate::world::{Plan, World, on_both};

const PRICE: Micros = Micros(49_000_000);
const CREDITS: i64 = 500;
const RATE: Micros = Micros(10_000);

fn size() -> usize {
    std::env::var("DRIPLINE_STORY_CONTACTS").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

/// A valid number of New York for each contact.
fn phone(n: usize) -> String {
    format!("+1{}{:03}{:04}", ["212", "646", "917", "718"][n / 7_000_000 % 4], 200 + n / 10_000 % 700, n % 10_000)
}

/// What holds after every step.
async fn sound(world: &World) {
    let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
    assert_eq!(report.faults, []);
    let mut closing = None;
    let mut months: Vec<Month> = world.engine.statement_months(&world.actor).await.unwrap();
    months.reverse();
    for month in months {
        let statement = world.engine.month_statement(&world.actor, month).await.unwrap();
        summed::is_the_ledgers(&world.engine, &world.actor, &statement).await;
        for (line, before) in statement.lines.iter().zip(afters(&statement)) {
            assert_eq!(line.after, before.plus(line.change), "{month}: {line:?}");
        }
        assert_eq!(
            statement.opening,
            closing.unwrap_or(Amounts::ZERO),
            "{month} does not begin where the one before ended"
        );
        closing = Some(statement.closing);
    }
    let (credits, micros) = world.balance("available").await;
    assert_eq!(
        closing,
        Some(Amounts { credits, micros: Micros(micros) }),
        "the last statement ends with what there is"
    );
}

/// What there was before each line.
fn afters(statement: &MonthStatement) -> impl Iterator<Item = Amounts> {
    std::iter::once(statement.opening).chain(statement.lines.iter().map(|line| line.after))
}

/// What all months tell of a kind of line: how often, and by how much the wallet changed.
async fn all_of(world: &World, kind: LineKind) -> (i64, i64) {
    let (mut count, mut micros) = (0, 0);
    for month in world.engine.statement_months(&world.actor).await.unwrap() {
        let statement = world.engine.month_statement(&world.actor, month).await.unwrap();
        for line in statement.lines.iter().filter(|line| line.kind == kind) {
            (count, micros) = (count + line.count.unwrap_or(1), micros + line.change.micros.0);
        }
    }
    (count, micros)
}

async fn days(world: &World, count: i64) {
    for _ in 0..count {
        world.play_days(1).await;
        world.engine.look_at_payments().await.unwrap();
        world.engine.charge_cards().await.unwrap();
        world.engine.turn_periods().await.unwrap();
    }
}

/// All of these are quoted, and started by that quote: three segments each, and exactly what was shown.
async fn launch(world: &World, workflow: WorkflowId, chosen: &[ContactId]) {
    let count = i64::try_from(chosen.len()).unwrap();
    let many = Many::at_once(workflow, Selection::These(chosen.to_vec()));
    let quote = world.engine.quote_many(&world.actor, many).await.unwrap();
    assert_eq!((quote.preview.starts, quote.preview.segments), (count, 3 * count));
    let before = world.balance("available").await;
    let job = world.engine.enroll_quoted(&world.actor, quote.id, Some("launch".to_owned())).await.unwrap();
    let done = world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
    assert_eq!((done.started, done.refused), (count, 0));
    let (after, shown) = (world.balance("available").await, quote.preview.amounts);
    assert_eq!((before.0 - after.0, before.1 - after.1), (shown.credits, shown.micros.0));
}

/// A person pays by card, and has it kept for the months of the plan.
async fn pay(world: &World, stripe: &Imitation, dollars: i64) {
    let (engine, actor) = (&world.engine, &world.actor);
    let begun = engine.begin_payment(actor, Micros(dollars * 1_000_000), true).await.unwrap();
    stripe.pay(begun.payment.session.as_deref().unwrap(), "4242");
    engine.refresh_payment(actor, begun.payment.id).await.unwrap();
    engine.use_card(actor, CardUse { recharge: None, pays_plan: true }).await.unwrap();
}

async fn standing(world: &World) -> Standing {
    world.engine.subscription(&world.actor).await.unwrap().course.unwrap().standing
}

async fn leads(world: &World, count: usize) -> Vec<ContactId> {
    let mut file = "Phone,First Name\n".to_owned();
    for n in 0..count {
        writeln!(file, "{},Lead{n}", phone(n)).unwrap();
    }
    let import = world.engine.import_contacts(
        &world.actor,
        Cursor::new(file),
        ImportOptions::default(),
        ImportOutlets::default(),
    );
    assert_eq!(import.await.unwrap().counts.created, count as u64);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = world.engine.contacts(&world.actor, after, "", engine::contacts::MAX_PAGE).await.unwrap();
        all.extend(page.contacts.into_iter().map(|contact| contact.id));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[test]
fn the_months_of_a_hosted_workspace_balance_at_every_step() {
    let empty = || Plan { credits: 0, wallet: Micros::ZERO, rate: RATE, ..Plan::default() };
    on_both(empty, async |world| {
        let stripe = with_cards(&world.engine);
        let terms =
            Terms { price: PRICE, credits: CREDITS, rate: RATE, numbers: Some(3), trial_days: 7, grace_days: 7 };
        let plan = world
            .engine
            .add_plan(&Operator::at_command_line(), NewPlan { name: "Growth".to_owned(), terms })
            .await
            .unwrap();
        world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
        sound(&world).await;

        let count = size();
        let contacts = leads(&world, count).await;
        let workflow = world.workflow(&[(0, "Hi {First Name|there}"), (12, "Still there?"), (30, "Bye")]).await;
        // Three segments each: the trial's credits and the wallet.
        let started = count / 5;
        let cost = 3 * i64::try_from(started).unwrap();
        pay(&world, &stripe, 2 * PRICE.0 / 1_000_000 + cost / 100).await;
        launch(&world, workflow, &contacts[..started]).await;
        sound(&world).await;
        assert_eq!(all_of(&world, LineKind::Added).await.0, i64::try_from(started).unwrap());

        days(&world, 1).await;
        // One in four answers the first message: two segments of each come back, to where they came from.
        let (held, free) = (world.balance("prepaid").await, world.balance("available").await);
        for n in (0..started).step_by(4) {
            world.reply(&phone(n), "who is this?").await;
        }
        let (held_after, free_after) = (world.balance("prepaid").await, world.balance("available").await);
        assert_eq!((held.0 - held_after.0, held.1 - held_after.1), (free_after.0 - free.0, free_after.1 - free.1));
        sound(&world).await;

        // The trial is over: the first month is paid, what was left of the trial's credits has ended.
        days(&world, 7).await;
        assert_eq!((standing(&world).await, world.balance("available").await.0), (Standing::Active, CREDITS));
        sound(&world).await;

        // The wallet lacks the second month, and the card is declined until nobody tries it any more.
        let wallet = world.balance("available").await.1;
        let rest = Micros((wallet - PRICE.0 + 1_000_000).max(1_000_000).min(wallet));
        let slip = Slip { note: "paid out on demand".to_owned(), idempotency_key: None };
        world.engine.withdraw(world.workspace(), rest, slip).await.unwrap();
        stripe.mood(Mood::Declines("insufficient_funds"));
        days(&world, 31).await;
        assert!(matches!(standing(&world).await, Standing::PastDue { .. }));
        assert_eq!(world.balance("available").await.0, 0);
        sound(&world).await;
        days(&world, 3).await;
        assert!(world.engine.needs(&world.actor).await.unwrap().card_stopped);
        let lacks = stripe.asked("POST /v1/payment_intents");
        assert_eq!(lacks, usize::try_from(MOST_DECLINES).unwrap());
        // Somebody has seen to the card: what the wallet lacks is charged once, and the month begins.
        stripe.mood(Mood::Good);
        let (charges, wallet) = (stripe.charged().0, world.balance("available").await.1);
        world.engine.use_card(&world.actor, CardUse { recharge: None, pays_plan: true }).await.unwrap();
        world.engine.charge_cards().await.unwrap();
        assert!(wallet < PRICE.0 && stripe.charged().0 == charges + 1);
        assert_eq!((standing(&world).await, world.balance("available").await), (Standing::Active, (CREDITS, 0)));
        sound(&world).await;

        world.engine.cancel_plan(&world.actor).await.unwrap();
        days(&world, 40).await;
        assert_eq!(standing(&world).await, Standing::Ended);
        assert_eq!((world.balance("prepaid").await, world.balance("available").await.0), ((0, 0), 0));
        sound(&world).await;
        // Over all months: who answered got one refund, two months of the plan were paid, and what was paid out was so once.
        let answered = i64::try_from(started.div_ceil(4)).unwrap();
        assert_eq!(all_of(&world, LineKind::Refund).await.0, answered);
        assert_eq!(all_of(&world, LineKind::Plan).await, (2, -2 * PRICE.0));
        assert_eq!(all_of(&world, LineKind::Withdrawal).await, (1, -rest.0));
        for n in 0..started {
            let texts = world.texts(&phone(n)).len();
            assert_eq!(texts, if n % 4 == 0 { 1 } else { 3 }, "{}", phone(n));
        }
        world.end().await;
    });
}
