//! The card that is kept, and what it is charged for without a person: once for each need, whatever gets lost.

use domain::money::Micros;
use domain::payment::{Kind, State};
use domain::plan::{Standing, Terms};
use engine::Operator;
use engine::billing::Slip;
use engine::cards::{CardError, CardUse, MOST_DECLINES, Recharge};
use engine::plans::NewPlan;

use super::stripe::{Imitation, Mood};
use super::{AMOUNT, end, later, poor, told, wallet, with_cards};
use crate::world::{Plan, World, on_both};

const RECHARGE: Recharge =
    Recharge { below: Micros(20_000_000), amount: Micros(50_000_000), most: Micros(100_000_000) };

/// Someone pays and has the card kept.
async fn kept(world: &World, stripe: &Imitation, last_four: &str) {
    let begun = world.engine.begin_payment(&world.actor, AMOUNT, true).await.unwrap();
    stripe.pay(begun.payment.session.as_deref().unwrap(), last_four);
    let row = world.engine.refresh_payment(&world.actor, begun.payment.id).await.unwrap();
    assert_eq!(row.report.state, State::Paid);
}

async fn using(world: &World, recharge: Option<Recharge>, pays_plan: bool) {
    world.engine.use_card(&world.actor, CardUse { recharge, pays_plan }).await.unwrap();
}

/// All but so much is spent.
async fn spend_to(world: &World, micros: i64) {
    let slip = Slip { note: "spent".to_owned(), idempotency_key: None };
    let spent = Micros(wallet(world).await - micros);
    world.engine.withdraw(world.workspace(), spent, slip).await.unwrap();
}

async fn look(world: &World, minutes: i64) {
    later(world, minutes);
    world.engine.look_at_payments().await.unwrap();
    world.engine.charge_cards().await.unwrap();
}

#[test]
fn a_card_is_kept_only_when_that_was_ticked_and_is_gone_when_it_is_removed() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        super::paid(&world, &stripe).await;
        assert_eq!(world.engine.card(&world.actor).await.unwrap(), None);
        let refused = world.engine.use_card(&world.actor, CardUse { recharge: Some(RECHARGE), pays_plan: false }).await;
        assert!(matches!(refused, Err(CardError::None)));
        kept(&world, &stripe, "4242").await;
        let card = world.engine.card(&world.actor).await.unwrap().unwrap();
        assert_eq!((card.brand.as_str(), card.last_four.as_str(), card.expires), ("visa", "4242", (2030, 4)));
        assert_eq!((card.recharge_below, card.pays_plan), (None, false), "nothing is charged unless somebody says so");
        for bad in [
            Recharge { below: Micros(0), ..RECHARGE },
            Recharge { amount: Micros(1_000_000), ..RECHARGE },
            Recharge { most: Micros(49_000_000), ..RECHARGE },
        ] {
            let refused = world.engine.use_card(&world.actor, CardUse { recharge: Some(bad), pays_plan: false }).await;
            let told = refused.unwrap_err().to_string();
            assert!(told.ends_with("is not"), "{bad:?}: {told}");
        }
        using(&world, Some(RECHARGE), true).await;
        // Another card takes over what the one before was for, at the same customer of Stripe's.
        kept(&world, &stripe, "1881").await;
        let other = world.engine.card(&world.actor).await.unwrap().unwrap();
        assert_eq!((other.last_four.as_str(), &other.customer), ("1881", &card.customer));
        assert_eq!((other.recharge_below, other.pays_plan), (Some(RECHARGE.below), true));
        world.engine.remove_card(&world.actor).await.unwrap();
        assert_eq!(world.engine.card(&world.actor).await.unwrap(), None);
        assert_eq!(stripe.detached(), [other.method.unwrap()]);
        assert!(matches!(world.engine.remove_card(&world.actor).await, Err(CardError::None)));
        spend_to(&world, 0).await;
        look(&world, 1).await;
        assert_eq!(wallet(&world).await, 0, "a card that is gone is not charged");
        end(world).await;
    });
}

#[test]
fn the_wallet_is_recharged_below_its_mark_and_never_above_the_days_limit() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        kept(&world, &stripe, "4242").await;
        using(&world, Some(RECHARGE), false).await;
        look(&world, 1).await;
        assert_eq!(stripe.charged().0, 1, "the wallet is above its mark");
        for round in 1..=2 {
            spend_to(&world, 1_000_000).await;
            // Nodes look at the same time.
            let (one, two) = tokio::join!(world.engine.charge_cards(), world.engine.charge_cards());
            assert_eq!(one.unwrap() + two.unwrap(), 1, "once for one need");
            assert_eq!((wallet(&world).await, stripe.charged().0), (51_000_000, 1 + round));
        }
        spend_to(&world, 1_000_000).await;
        look(&world, 60).await;
        assert_eq!(wallet(&world).await, 1_000_000, "a hundred dollars in 24 hours, and no more");
        look(&world, 24 * 60).await;
        assert_eq!(wallet(&world).await, 51_000_000);
        end(world).await;
    });
}

#[test]
fn a_charge_is_found_by_a_clock_that_is_hours_ahead_of_stripes() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        kept(&world, &stripe, "4242").await;
        using(&world, Some(RECHARGE), false).await;
        spend_to(&world, 0).await;
        stripe.lag(8 * 3_600);
        stripe.mood(Mood::LosesAnswer);
        world.engine.charge_cards().await.unwrap();
        stripe.mood(Mood::Good);
        for _ in 0..8 {
            look(&world, 5).await;
        }
        assert_eq!((wallet(&world).await, stripe.charged().0), (50_000_000, 2), "once");
        end(world).await;
    });
}

#[test]
fn a_charge_whose_answer_is_lost_is_found_and_never_made_again() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        kept(&world, &stripe, "4242").await;
        using(&world, Some(RECHARGE), false).await;
        spend_to(&world, 0).await;
        stripe.mood(Mood::LosesAnswer);
        world.engine.charge_cards().await.unwrap();
        stripe.mood(Mood::Good);
        assert_eq!((wallet(&world).await, stripe.charged().0), (0, 2), "Stripe has charged, and nobody knows");
        world.engine.charge_cards().await.unwrap();
        assert_eq!(stripe.asked("POST /v1/payment_intents"), 1, "as long as one is open there is no other");
        look(&world, 2).await;
        assert_eq!((wallet(&world).await, stripe.charged().0), (50_000_000, 2));
        // One that Stripe never got is given up after a while, and the need is there again.
        spend_to(&world, 0).await;
        stripe.mood(Mood::Down);
        world.engine.charge_cards().await.unwrap();
        stripe.mood(Mood::Good);
        look(&world, 2).await;
        assert_eq!((wallet(&world).await, stripe.charged().0), (0, 2));
        for _ in 0..8 {
            look(&world, 5).await;
        }
        assert_eq!((wallet(&world).await, stripe.charged().0), (50_000_000, 3));
        let card = world.engine.card(&world.actor).await.unwrap().unwrap();
        assert_eq!(card.declines, 0, "that is not the card's fault");
        end(world).await;
    });
}

#[test]
fn a_card_that_is_declined_three_times_is_charged_no_more_until_a_person_says_so() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        kept(&world, &stripe, "0341").await;
        using(&world, Some(RECHARGE), false).await;
        spend_to(&world, 0).await;
        stripe.mood(Mood::Declines("insufficient_funds"));
        look(&world, 1).await;
        look(&world, 30).await;
        assert_eq!(stripe.asked("POST /v1/payment_intents"), 1, "it is left alone for an hour");
        look(&world, 31).await;
        look(&world, 24 * 60 + 1).await;
        look(&world, 48 * 60).await;
        assert_eq!(stripe.asked("POST /v1/payment_intents"), usize::try_from(MOST_DECLINES).unwrap());
        let rows = world.engine.payments(&world.actor, None, 3).await.unwrap();
        let failed = |row: &store::payments::Payment| {
            row.report.state == State::Failed
                && row.failure.as_deref() == Some("insufficient_funds")
                && row.kind == Kind::Recharge
        };
        assert!(rows.iter().all(failed), "{rows:?}");
        let told = told(&world).await;
        assert_eq!(told.iter().filter(|kind| *kind == "payment.failed").count(), 3);
        assert_eq!(told.last().map(String::as_str), Some("card.stopped"));
        assert!(world.engine.needs(&world.actor).await.unwrap().card_stopped);
        stripe.mood(Mood::Good);
        using(&world, Some(RECHARGE), false).await;
        look(&world, 1).await;
        assert_eq!(wallet(&world).await, 50_000_000);
        assert!(!world.engine.needs(&world.actor).await.unwrap().card_stopped);
        end(world).await;
    });
}

#[test]
fn who_disputes_a_payment_is_not_charged_any_more() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        kept(&world, &stripe, "4242").await;
        using(&world, Some(RECHARGE), false).await;
        stripe.dispute(&stripe.intents()[0], 2_500, "needs_response");
        look(&world, 24 * 60 + 1).await;
        look(&world, 1).await;
        assert_eq!((wallet(&world).await, stripe.charged().0), (10_000_000, 1));
        assert_eq!(told(&world).await.last().map(String::as_str), Some("card.stopped"));
        end(world).await;
    });
}

async fn subscribed(world: &World) {
    let price = Micros(20_000_000);
    let terms = Terms { price, credits: 100, rate: Micros(12_000), numbers: None, trial_days: 0, grace_days: 7 };
    let plan = world
        .engine
        .add_plan(&Operator::at_command_line(), NewPlan { name: "Starter".to_owned(), terms })
        .await
        .unwrap();
    world.engine.choose_plan(&world.actor, plan.id).await.unwrap();
}

async fn standing(world: &World) -> Standing {
    world.engine.subscription(&world.actor).await.unwrap().course.unwrap().standing
}

/// Half an hour before the month is over, and as upkeep does it: charges first, then the plans.
async fn until_the_end(world: &World) {
    let until = world.engine.subscription(&world.actor).await.unwrap().course.unwrap().period.until;
    let minutes = until.duration_since(world.engine.now()).as_mins();
    look(world, minutes - 30).await;
    look(world, 31).await;
    world.engine.turn_periods().await.unwrap();
}

#[test]
fn the_card_pays_what_the_wallet_lacks_for_the_month_before_it_begins() {
    on_both(
        || Plan { wallet: Micros(1_000_000), ..poor() },
        async |world| {
            let stripe = with_cards(&world.engine);
            kept(&world, &stripe, "4242").await;
            using(&world, None, true).await;
            subscribed(&world).await;
            assert_eq!(wallet(&world).await, 6_000_000);
            until_the_end(&world).await;
            // Fourteen dollars were missing.
            assert_eq!((standing(&world).await, wallet(&world).await), (Standing::Active, 0));
            assert_eq!(stripe.charged(), (2, 2_500 + 1_400));
            assert!(!told(&world).await.contains(&"plan.past_due".to_owned()));
            end(world).await;
        },
    );
}

#[test]
fn a_declined_month_is_past_due_and_paid_once_the_card_works_again() {
    on_both(
        || Plan { wallet: Micros(1_000_000), ..poor() },
        async |world| {
            let stripe = with_cards(&world.engine);
            kept(&world, &stripe, "0341").await;
            using(&world, None, true).await;
            subscribed(&world).await;
            stripe.mood(Mood::Declines("card_declined"));
            until_the_end(&world).await;
            assert!(matches!(standing(&world).await, Standing::PastDue { .. }));
            stripe.mood(Mood::Good);
            look(&world, 61).await;
            assert_eq!((standing(&world).await, wallet(&world).await), (Standing::Active, 0));
            assert_eq!(told(&world).await.last().map(String::as_str), Some("plan.recovered"));
            end(world).await;
        },
    );
}
