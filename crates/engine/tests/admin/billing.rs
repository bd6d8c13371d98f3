//! Money and credits by hand.

use domain::ids::WorkspaceId;
use domain::money::Micros;
use engine::billing::{BillingError, MAX_TOP_UP, Slip};

use crate::admin::office::offices;

fn slip(key: &str) -> Slip {
    Slip { note: "invoice 7".to_owned(), idempotency_key: Some(key.to_owned()) }
}

#[tokio::test]
async fn a_repeat_under_its_key_posts_nothing_and_gets_the_first_answer() {
    for office in offices().await {
        let pay = |micros| office.engine.top_up(office.workspace, Micros(micros), slip("k1"));
        let (a, b) = tokio::join!(pay(5_000_000), pay(5_000_000));
        let first = a.unwrap();
        assert_eq!(first, b.unwrap(), "{}", office.db.name);
        assert_eq!(pay(5_000_000).await.unwrap(), first);
        assert!(matches!(pay(6_000_000).await, Err(BillingError::KeyReused(_))));
        let credits = office.engine.grant_credits(office.workspace, 5, slip("k1")).await;
        assert!(matches!(credits, Err(BillingError::KeyReused(_))));
        office.engine.grant_credits(office.workspace, 5, slip("k2")).await.unwrap();
        let balances = office.engine.balances(&office.owner).await.unwrap();
        assert_eq!((balances.wallet, balances.credits), (Micros(105_000_000), 15));
        assert_eq!(office.faults().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn nothing_less_than_nothing_and_too_much_are_refused() {
    for office in offices().await {
        for micros in [0, -1, MAX_TOP_UP.0 + 1, i64::MAX, i64::MIN] {
            let refused = office.engine.top_up(office.workspace, Micros(micros), Slip::default()).await;
            assert!(matches!(refused, Err(BillingError::Amount { .. })), "{micros}");
            let refused = office.engine.grant_credits(office.workspace, micros, Slip::default()).await;
            assert!(matches!(refused, Err(BillingError::Credits { .. })), "{micros}");
        }
        let nobody = office.engine.top_up(WorkspaceId(1), Micros(1), Slip::default()).await;
        assert!(matches!(nobody, Err(BillingError::Unknown)));
        let noted = Slip { note: "a\nb".to_owned(), ..Slip::default() };
        let refused = office.engine.top_up(office.workspace, Micros(1), noted).await;
        assert!(matches!(refused, Err(BillingError::Note(_))));
    }
}

#[tokio::test]
async fn what_is_taken_back_is_there_says_why_and_is_taken_once() {
    for office in offices().await {
        let take = |micros, key| office.engine.withdraw(office.workspace, Micros(micros), slip(key));
        let first = take(40_000_000, "w1").await.unwrap();
        assert_eq!(take(40_000_000, "w1").await.unwrap(), first);
        assert!(matches!(
            office.engine.top_up(office.workspace, Micros(1), slip("w1")).await,
            Err(BillingError::KeyReused(_))
        ));
        let short = take(60_000_001, "w2").await;
        assert!(matches!(&short, Err(BillingError::Short { have, .. }) if have == "$60.00"), "{short:?}");
        office.engine.revoke_credits(office.workspace, 4, slip("w3")).await.unwrap();
        let short = office.engine.revoke_credits(office.workspace, 7, slip("w4")).await;
        assert!(matches!(short, Err(BillingError::Short { .. })), "{short:?}");
        let silent = office.engine.withdraw(office.workspace, Micros(1), Slip::default()).await;
        assert!(matches!(silent, Err(BillingError::Note(_))), "{silent:?}");
        // What runs holds the rest of the credits: it is not free.
        let workflow = office.workflow().await;
        office.enroll(workflow, domain::ids::NumberId(1), 1);
        let balances = office.engine.balances(&office.owner).await.unwrap();
        let held = office.engine.revoke_credits(office.workspace, balances.credits + 1, slip("w5")).await;
        assert!(balances.held_credits > 0 && matches!(held, Err(BillingError::Short { .. })), "{held:?}");
        assert_eq!((balances.wallet, balances.credits + balances.held_credits), (Micros(60_000_000), 6));
        assert_eq!(office.faults().await, Vec::<String>::new());
    }
}
