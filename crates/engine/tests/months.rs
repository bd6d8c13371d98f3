//! The statement of a month: opening and lines add up to closing, and all three are what the ledger held.

use domain::access::Permissions;
use domain::ids::{ContactId, KeyId, WorkflowId};
use domain::ledger::Amounts;
use domain::money::Micros;
use engine::Actor;
use engine::billing::{BillingError, Slip};
use engine::enrolling::EnrollRequest;
use engine::ledger_export::{Days, Taken, Total};
use engine::statement::{LineKind, Month, MonthStatement};
use jiff::Timestamp;
use jiff::civil::date;

use crate::world::{Plan, World, on_both};

/// What the ledger held at an instant: free and held.
type Held = (Amounts, Amounts);

async fn ledger(world: &World) -> Held {
    let amounts = |(credits, micros): (i64, i64)| Amounts { credits, micros: Micros(micros) };
    (amounts(world.balance("available").await), amounts(world.balance("prepaid").await))
}

async fn enroll(world: &World, contact: ContactId, workflow: WorkflowId) {
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.unwrap();
}

async fn play_to(world: &World, at: &str) {
    let at: Timestamp = at.parse().unwrap();
    world.engine.play(&world.simulator, at).await.unwrap();
}

async fn statement(world: &World, month: &str) -> MonthStatement {
    world.engine.month_statement(&world.actor, month.parse().unwrap()).await.unwrap()
}

/// Every line must lead from the balance before it to the one after it.
fn adds_up(statement: &MonthStatement) {
    let mut sum = statement.opening;
    for line in &statement.lines {
        sum = sum.plus(line.change);
        assert_eq!(line.after, sum, "{line:?}");
        assert_eq!(Month::of(line.date), statement.month, "{line:?}");
    }
    assert_eq!(sum, statement.closing);
}

fn of_kind(statement: &MonthStatement, kind: LineKind) -> (i64, Amounts) {
    let lines = statement.lines.iter().filter(|line| line.kind == kind);
    lines.fold((0, Amounts::ZERO), |(count, sum), line| (count + line.count.unwrap_or(0), sum.plus(line.change)))
}

/// Five weeks over the end of November in New York: contacts are added in both months, some at an hour that is December in
/// Greenwich and November in New York; some reply in the month after; money and credits come in. Answers what the ledger
/// held when November was over.
async fn story(world: &World) -> Held {
    let workflow = world.workflow(&[(0, "Hi"), (5, "Still there?"), (20, "Last one")]).await;
    let mut contacts = Vec::new();
    for n in 0..6 {
        contacts.push(world.contact(n, &format!("+1212555011{n}"), &[]).await);
    }
    enroll(world, contacts[0], workflow).await;
    enroll(world, contacts[1], workflow).await;
    play_to(world, "2026-11-25T16:00:00Z").await;
    world.reply("+12125550110", "Yes?").await;
    world.engine.send_message(&world.actor, contacts[0], "Thank you for writing back").await.unwrap();
    play_to(world, "2026-11-28T16:00:00Z").await;
    world.engine.top_up(world.workspace(), Micros(5_000_000), Slip::default()).await.unwrap();
    world.engine.grant_credits(world.workspace(), 7, Slip::default()).await.unwrap();
    // Half past eleven in the evening of November 30 in New York, and December in Greenwich.
    play_to(world, "2026-12-01T04:30:00Z").await;
    enroll(world, contacts[2], workflow).await;
    enroll(world, contacts[3], workflow).await;
    let over = ledger(world).await;
    // Half an hour after midnight.
    play_to(world, "2026-12-01T05:30:00Z").await;
    assert_eq!(ledger(world).await, over, "nothing moved around midnight");
    enroll(world, contacts[4], workflow).await;
    play_to(world, "2026-12-05T16:00:00Z").await;
    world.reply("+12125550111", "Stop it please").await;
    world.reply("+12125550112", "Who is this?").await;
    world.engine.send_message(&world.actor, contacts[2], "It is Acme").await.unwrap();
    world.engine.top_up(world.workspace(), Micros(1_000_001), Slip::default()).await.unwrap();
    play_to(world, "2026-12-29T16:00:00Z").await;
    over
}

#[test]
fn the_lines_of_each_month_add_up_to_what_the_ledger_held_at_both_its_ends() {
    on_both(Plan::default, async |world| {
        let (november_end, held_then) = story(&world).await;
        let (now, held_now) = ledger(&world).await;
        let november = statement(&world, "2026-11").await;
        let december = statement(&world, "2026-12").await;
        for month in [&november, &december] {
            adds_up(month);
        }
        assert_eq!((november.opening, november.closing, november.held), (Amounts::ZERO, november_end, held_then));
        assert_eq!((december.opening, december.closing, december.held), (november_end, now, held_now));
        assert_eq!((november.until, december.until), (None, Some(date(2026, 12, 29))));

        let added = |month| of_kind(month, LineKind::Added).0;
        assert_eq!((added(&november), added(&december)), (4, 1), "two of them on the last evening in New York");
        let kinds = |month, kind| of_kind(month, kind);
        for month in [&november, &december] {
            assert_eq!(kinds(month, LineKind::ByHand).0, 1);
            assert!(kinds(month, LineKind::Refund).0 > 0, "{:?}", month.lines);
        }
        assert_eq!(kinds(&november, LineKind::TopUp).1.micros, Micros(105_000_000));
        assert_eq!(kinds(&november, LineKind::Credits).1.credits, 17);
        assert_eq!(kinds(&december, LineKind::TopUp).1.micros, Micros(1_000_001));
        assert_ne!(held_then, Amounts::ZERO);
        world.end().await;
    });
}

async fn exported(world: &World, days: Days) -> Taken<Vec<String>> {
    let each = |out: &mut Vec<String>, movement: &engine::ledger_export::Movement| {
        let at = movement.at.as_microsecond();
        out.push(format!("{at:020} {} {} {} {}", movement.reference, movement.reason, movement.unit, movement.amount));
        Ok(())
    };
    world.engine.export_ledger(world.workspace(), days, || Ok(Vec::new()), each).await.unwrap()
}

fn available(totals: &[Total]) -> (Amounts, Amounts) {
    let of = |pick: fn(&Total) -> i64| {
        let find = |unit: &str| {
            let found = totals.iter().find(|row| row.account.word() == "available" && row.unit.word() == unit);
            pick(found.unwrap())
        };
        Amounts { credits: find("segments"), micros: Micros(find("micros")) }
    };
    (of(|row| row.before), of(Total::after))
}

#[test]
fn the_export_of_a_months_days_adds_up_to_the_same_as_its_statement() {
    on_both(Plan::default, async |world| {
        story(&world).await;
        let all = exported(&world, Days::default()).await;
        assert!(all.out.is_sorted_by_key(|line| line[..20].to_owned()), "oldest first");
        assert!(all.totals.iter().all(Total::is_right), "{:?}", all.totals);
        let verified = world.engine.verify_ledger(world.workspace()).await.unwrap();
        assert_eq!((all.count, verified.faults.len()), (u64::try_from(verified.transfers).unwrap(), 0));
        for part in ["top_", "enr_", "msg_"] {
            assert!(all.out.iter().any(|line| line[21..].starts_with(part)), "{part}");
        }
        let mut parts = Vec::new();
        for (month, from, to) in
            [("2026-11", None, Some(date(2026, 11, 30))), ("2026-12", Some(date(2026, 12, 1)), None)]
        {
            let taken = exported(&world, Days { from, to }).await;
            let statement = statement(&world, month).await;
            assert_eq!(available(&taken.totals), (statement.opening, statement.closing), "{month}");
            assert!(taken.totals.iter().all(Total::is_right), "{:?}", taken.totals);
            parts.extend(taken.out);
        }
        assert_eq!(parts, all.out);
        let none = Days { from: Some(date(2026, 12, 2)), to: Some(date(2026, 12, 1)) };
        let refused = world.engine.export_ledger(world.workspace(), none, || Ok(()), |(), _| Ok(())).await;
        assert!(refused.is_err());
        world.end().await;
    });
}

#[test]
fn there_is_a_statement_of_each_month_from_the_first_to_this_one() {
    on_both(Plan::default, async |world| {
        play_to(&world, "2027-02-10T16:00:00Z").await;
        let months = world.engine.statement_months(&world.actor).await.unwrap();
        let names: Vec<String> = months.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["2027-02", "2027-01", "2026-12", "2026-11"]);
        for month in months {
            let statement = world.engine.month_statement(&world.actor, month).await.unwrap();
            adds_up(&statement);
            assert_eq!(statement.lines.is_empty(), month.to_string() != "2026-11");
        }
        for month in ["2026-10", "2027-03"] {
            let refused = world.engine.month_statement(&world.actor, month.parse().unwrap()).await.unwrap_err();
            assert!(matches!(refused, BillingError::NoMonth { .. }), "{refused}");
        }
        let nobody = Actor::key(world.workspace(), KeyId(1), Permissions::default());
        let refused = world.engine.month_statement(&nobody, "2026-11".parse().unwrap()).await;
        assert!(matches!(refused, Err(BillingError::Forbidden(_))));
        world.end().await;
    });
}
