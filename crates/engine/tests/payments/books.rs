//! What goes of a payment again: refunds and disputes, in the books.

use domain::ledger::Reason;
use domain::money::Micros;
use domain::payment::Verdict;
use engine::Operator;
use engine::billing::Slip;
use engine::statement::{LineKind, Month};

use super::{end, later, paid, poor, told, wallet, with_cards};
use crate::summed;
use crate::world::{Plan, World, on_both};

/// A day later, when the provider is asked about what is paid.
const DAY: i64 = 24 * 60 + 1;

#[test]
fn a_dispute_takes_the_money_at_once_and_gives_it_back_when_it_is_won() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let (row, intent) = paid(&world, &stripe).await;
        stripe.dispute(&intent, 2_500, "needs_response");
        // The call names only Stripe's payment.
        let dispute = serde_json::json!({ "object": "dispute", "id": "dp_1", "payment_intent": intent });
        let (signed, body) = stripe.event(&dispute, world.engine.now().as_second());
        for _ in 0..2 {
            assert!(world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap());
        }
        assert_eq!(wallet(&world).await, 10_000_000);
        let seen = world.engine.payments(&world.actor, None, 1).await.unwrap();
        assert_eq!(seen[0].report.dispute.map(|dispute| dispute.verdict), Some(Verdict::Open));
        stripe.decide("won");
        assert!(world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap());
        assert_eq!(wallet(&world).await, 35_000_000);
        // A second dispute of the same payment counts again; this one is lost, and no call tells it.
        stripe.dispute(&intent, 2_500, "lost");
        later(&world, 2 * DAY);
        world.engine.look_at_payments().await.unwrap();
        assert_eq!(wallet(&world).await, 10_000_000);
        world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        let events =
            ["payment.begun", "ledger.topped_up", "payment.disputed", "payment.dispute_won", "payment.dispute_lost"];
        assert_eq!(told(&world).await, events);
        end(world).await;
    });
}

/// The lines of this month, and that it ends with what the ledger has.
async fn month(world: &World) -> Vec<(LineKind, i64)> {
    let (today, _) = world.engine.today(&world.actor).await.unwrap();
    let statement = world.engine.month_statement(&world.actor, Month::of(today)).await.unwrap();
    summed::is_the_ledgers(&world.engine, &world.actor, &statement).await;
    assert_eq!(statement.closing.micros, Micros(wallet(world).await));
    statement.lines.iter().map(|line| (line.kind, line.change.micros.0 / 1_000_000)).collect()
}

#[test]
fn the_statement_tells_a_dispute_that_is_open_one_that_is_won_and_one_that_is_lost() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let (row, intent) = paid(&world, &stripe).await;
        stripe.dispute(&intent, 2_500, "needs_response");
        world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        let (paid_in, disputed) = ((LineKind::TopUp, 35), (LineKind::Disputed, -25));
        assert_eq!(month(&world).await, [paid_in, disputed]);
        stripe.decide("won");
        world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        let won = [paid_in, (LineKind::DisputeReturned, 25), disputed];
        assert_eq!(month(&world).await, won);
        // Another payment on another day, whose dispute is lost: nothing more moves.
        later(&world, DAY);
        let (row, intent) = paid(&world, &stripe).await;
        stripe.dispute(&intent, 2_500, "needs_response");
        world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        stripe.decide("lost");
        world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        let all = month(&world).await;
        assert_eq!(all[3..], [(LineKind::TopUp, 25), (LineKind::Disputed, -25)]);
        assert_eq!(all[..3], won);
        // The day opens to the payment, and says why it moved.
        let (today, _) = world.engine.today(&world.actor).await.unwrap();
        for (date, reasons) in [
            (today.yesterday().unwrap(), vec![Reason::TopUp, Reason::Dispute, Reason::DisputeWon]),
            (today, vec![Reason::TopUp, Reason::Dispute]),
        ] {
            let opened = world.engine.statement_day(&world.actor, date, None, 10).await.unwrap();
            assert_eq!(opened.reasons.values().last(), Some(&reasons), "{date}");
        }
        end(world).await;
    });
}

#[test]
fn what_the_wallet_lacks_for_a_dispute_is_owed_and_paid_by_what_comes_next() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let (row, intent) = paid(&world, &stripe).await;
        let slip = || Slip { note: "spent".to_owned(), idempotency_key: None };
        world.engine.withdraw(world.workspace(), Micros(30_000_000), slip()).await.unwrap();
        stripe.dispute(&intent, 2_500, "under_review");
        let row = world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        assert_eq!((wallet(&world).await, row.owed), (0, Micros(20_000_000)));
        assert_eq!(world.engine.owed_of_payments(&world.actor).await.unwrap(), Micros(20_000_000));
        // Whatever comes in pays it first, by hand or by card.
        world.engine.top_up(world.workspace(), Micros(8_000_000), Slip::default()).await.unwrap();
        assert_eq!(wallet(&world).await, 0);
        let (_, _) = paid(&world, &stripe).await;
        assert_eq!(wallet(&world).await, 13_000_000);
        assert_eq!(world.engine.owed_of_payments(&world.actor).await.unwrap(), Micros::ZERO);
        // Won: all of it is back, from the wallet and from what came since.
        stripe.decide("won");
        world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        assert_eq!(wallet(&world).await, 38_000_000);
        assert_eq!(told(&world).await.iter().filter(|kind| *kind == "payment.collected").count(), 2);
        end(world).await;
    });
}

#[test]
fn what_is_given_back_at_stripe_goes_out_of_the_wallet_and_nothing_goes_twice() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let (row, intent) = paid(&world, &stripe).await;
        stripe.refund(&intent, 400);
        let (signed, body) = stripe.event(&stripe.intent(&intent)["latest_charge"], world.engine.now().as_second());
        for _ in 0..2 {
            assert!(world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap());
        }
        assert_eq!(wallet(&world).await, 31_000_000);
        stripe.refund(&intent, 600);
        // Of the rest somebody disputes more than is left.
        stripe.dispute(&intent, 2_500, "needs_response");
        world.engine.refresh_payment(&world.actor, row.id).await.unwrap();
        assert_eq!(wallet(&world).await, 10_000_000);
        let day = world.engine.statement(&world.actor, None, 10).await.unwrap().days.remove(0);
        // What was given back is paid out; what the bank holds back is not.
        assert_eq!((day.paid_out.micros, day.disputed.micros), (Micros(10_000_000), Micros(15_000_000)));
        assert_eq!(day.after.micros, Micros(10_000_000));
        end(world).await;
    });
}

#[test]
fn a_payment_pays_what_is_owed_for_the_plan() {
    on_both(
        || Plan { credits: 0, wallet: Micros(29_000_000), ..Plan::default() },
        async |world| {
            let stripe = with_cards(&world.engine);
            let terms = domain::plan::Terms {
                price: Micros(20_000_000),
                credits: 100,
                rate: Micros(12_000),
                numbers: None,
                trial_days: 0,
                grace_days: 7,
            };
            let plan = engine::plans::NewPlan { name: "Starter".to_owned(), terms };
            let plan = world.engine.add_plan(&Operator::at_command_line(), plan).await.unwrap();
            world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
            later(&world, 32 * 24 * 60);
            world.engine.turn_periods().await.unwrap();
            assert!(told(&world).await.contains(&"plan.past_due".to_owned()));
            paid(&world, &stripe).await;
            assert_eq!(world.balance("available").await, (100, 14_000_000));
            assert_eq!(told(&world).await.last().map(String::as_str), Some("plan.recovered"));
            end(world).await;
        },
    );
}
