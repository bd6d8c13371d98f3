//! When a low balance is told, and when it is not.

use domain::access::Role;
use domain::balance::BELOW;
use domain::ids::UserId;
use domain::money::Micros;
use engine::Actor;
use engine::low_balance::NoticeError;
use serde_json::json;

use super::{DOLLAR, look, lows, node, plan, wallet};
use crate::world::{Plan, on_both};

#[test]
fn a_fall_is_told_once_and_again_only_after_the_wallet_was_at_the_mark() {
    on_both(plan, async |world| {
        assert_eq!(look(&world.engine).await, 0, "nobody has said anything, and there is enough");
        wallet(&world, BELOW.0).await;
        assert_eq!(look(&world.engine).await, 0, "the mark itself is not below it");
        wallet(&world, BELOW.0 - 1).await;
        assert_eq!(look(&world.engine).await, 1);
        let first = json!({ "below": 10_000_000, "wallet": 9_999_999, "credits": 12, "mails": 0 });
        assert_eq!(lows(&world).await, [first]);
        for micros in [4 * DOLLAR, 0, BELOW.0 - 1] {
            wallet(&world, micros).await;
            assert_eq!(look(&world.engine).await, 0, "it was told already");
        }
        wallet(&world, BELOW.0).await;
        assert_eq!(look(&world.engine).await, 0, "it has risen again");
        wallet(&world, 3 * DOLLAR).await;
        assert_eq!(look(&world.engine).await, 1);
        assert_eq!(lows(&world).await.len(), 2);
        world.end().await;
    });
}

#[test]
fn who_never_had_so_much_is_told_nothing_until_they_ask() {
    on_both(
        || Plan { wallet: Micros(3 * DOLLAR), ..plan() },
        async |world| {
            assert_eq!(look(&world.engine).await, 0);
            wallet(&world, 0).await;
            assert_eq!(look(&world.engine).await, 0);
            world.engine.set_balance_notice(&world.actor, Some(BELOW), false).await.unwrap();
            assert_eq!(look(&world.engine).await, 1, "who says it expressly wants to know it now");
            world.end().await;
        },
    );
}

#[test]
fn nodes_that_look_at_the_same_time_tell_once() {
    on_both(plan, async |world| {
        let other = node(&world).await;
        look(&world.engine).await;
        for round in 1..=5 {
            wallet(&world, DOLLAR).await;
            let (one, two, three) = tokio::join!(look(&world.engine), look(&other), look(&world.engine));
            assert_eq!((one + two + three, lows(&world).await.len()), (1, round));
            wallet(&world, 25 * DOLLAR).await;
            tokio::join!(look(&world.engine), look(&other));
        }
        world.end().await;
    });
}

#[test]
fn a_mark_that_is_off_or_another_one_is_another_question() {
    on_both(plan, async |world| {
        let set = async |below: Option<i64>| {
            world.engine.set_balance_notice(&world.actor, below.map(Micros), true).await.unwrap()
        };
        look(&world.engine).await;
        assert_eq!(set(None).await.below, None);
        wallet(&world, 5 * DOLLAR).await;
        assert_eq!(look(&world.engine).await, 0, "it is off");
        set(Some(4 * DOLLAR)).await;
        assert_eq!(look(&world.engine).await, 0, "the wallet is above that");
        set(Some(6 * DOLLAR)).await;
        assert_eq!(look(&world.engine).await, 1, "and below that already");
        set(Some(6 * DOLLAR)).await;
        world.engine.set_balance_notice(&world.actor, Some(Micros(6 * DOLLAR)), false).await.unwrap();
        assert_eq!(look(&world.engine).await, 0, "the same mark, saved again, tells nothing twice");
        set(None).await;
        set(Some(6 * DOLLAR)).await;
        assert_eq!(look(&world.engine).await, 1, "who switches it on again asks again");
        world.end().await;
    });
}

#[test]
fn only_who_may_pay_says_it_and_only_marks_that_can_be_fallen_below() {
    on_both(plan, async |world| {
        let agent = Actor::user(world.workspace(), UserId(1), Role::Agent.permissions());
        assert_eq!(world.engine.balance_notice(&agent).await.unwrap().below, Some(BELOW));
        let refused = world.engine.set_balance_notice(&agent, None, false).await;
        assert!(matches!(refused, Err(NoticeError::Forbidden(_))));
        for bad in [0, -1, 10_000 * DOLLAR + 1, i64::MAX] {
            let refused = world.engine.set_balance_notice(&world.actor, Some(Micros(bad)), true).await.unwrap_err();
            assert!(refused.to_string().ends_with("is not"), "{bad}: {refused}");
        }
        assert_eq!(world.engine.balance_notice(&world.actor).await.unwrap().below, Some(BELOW));
        for good in [1, 10_000 * DOLLAR] {
            world.engine.set_balance_notice(&world.actor, Some(Micros(good)), true).await.unwrap();
        }
        world.end().await;
    });
}
