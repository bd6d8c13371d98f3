//! Sending numbers.

use domain::enrollment::{EnrollmentState, StopReason};
use domain::message::MessageState;
use engine::numbers::{NewNumber, NumberChange, NumberError, NumberState};

use crate::admin::office::{Office, offices, open};

fn number(phone: &str) -> NewNumber {
    NewNumber { phone: phone.to_owned(), carrier: "simulator".to_owned(), per_minute: 60, per_day: 0 }
}

const LOST: NumberChange = NumberChange { state: Some(NumberState::Lost), per_minute: None, per_day: None };

async fn add(office: &Office, phone: &str) -> store::numbers::Number {
    office.engine.add_number(&office.owner, number(phone)).await.unwrap()
}

#[tokio::test]
async fn a_number_is_known_by_its_area_and_belongs_to_one_workspace() {
    for office in offices().await {
        let added = add(&office, "(305) 555-0123").await;
        assert_eq!((added.phone.as_str(), added.area, added.region.as_str()), ("+13055550123", Some(305), "FL"));
        let other = engine::Actor::operator(open(&office.engine, "Other").await);
        let taken = office.engine.add_number(&other, number("+1 305 555 0123")).await;
        assert!(matches!(taken, Err(NumberError::PhoneTaken)));
        let carrier = NewNumber { carrier: "smoke".to_owned(), ..number("+13055550124") };
        assert!(matches!(office.engine.add_number(&office.owner, carrier).await, Err(NumberError::Carrier { .. })));
        assert!(matches!(office.engine.add_number(&office.owner, number("12")).await, Err(NumberError::Phone(_))));
        let fast = NewNumber { per_minute: -1, ..number("+13055550124") };
        assert!(matches!(office.engine.add_number(&office.owner, fast).await, Err(NumberError::Pace { given: -1 })));
        assert!(matches!(office.engine.change_number(&other, added.id, LOST).await, Err(NumberError::Unknown)));
        assert_eq!(office.engine.numbers(&office.owner).await.unwrap(), [added]);
    }
}

#[tokio::test]
async fn of_two_that_add_a_phone_at_once_one_learns_that_it_is_taken() {
    for office in offices().await {
        let other = engine::Actor::operator(open(&office.engine, "Other").await);
        let (a, b) = tokio::join!(
            office.engine.add_number(&office.owner, number("+13055550123")),
            office.engine.add_number(&other, number("+13055550123"))
        );
        let refused = [&a, &b].into_iter().filter(|made| matches!(made, Err(NumberError::PhoneTaken))).count();
        assert_eq!((refused, a.is_ok() || b.is_ok()), (1, true), "{}: {a:?} {b:?}", office.db.name);
    }
}

#[tokio::test]
async fn a_lost_number_hands_over_what_is_not_with_the_carrier() {
    for office in offices().await {
        let (lost, heir) = (add(&office, "+13055550123").await, add(&office, "+13055550124").await);
        let workflow = office.workflow().await;
        let enrolled = office.enroll(workflow, lost.id, 3);
        office.claimed(enrolled[0], MessageState::Sending);
        let changed = office.engine.change_number(&office.owner, lost.id, LOST).await.unwrap();
        assert_eq!((changed.reassigned, changed.removed.contacts), (2, 0), "{}", office.db.name);
        assert!(!changed.waiting);
        let numbers: Vec<_> = enrolled.iter().map(|id| office.stored(*id).number).collect();
        assert_eq!(numbers, [lost.id, heir.id, heir.id]);
        assert_eq!(office.faults().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_paused_number_inherits_where_no_other_is_live() {
    for office in offices().await {
        let (lost, paused) = (add(&office, "+13055550123").await, add(&office, "+13055550124").await);
        let workflow = office.workflow().await;
        let enrolled = office.enroll(workflow, lost.id, 2);
        let pause = NumberChange { state: Some(NumberState::Paused), ..NumberChange::default() };
        office.engine.change_number(&office.owner, paused.id, pause).await.unwrap();
        let changed = office.engine.change_number(&office.owner, lost.id, LOST).await.unwrap();
        assert_eq!((changed.reassigned, changed.removed.contacts), (2, 0), "{}", office.db.name);
        assert!(changed.waiting);
        for id in enrolled {
            let row = office.stored(id);
            assert_eq!((row.state, row.number), (EnrollmentState::Active, paused.id));
        }
        assert_eq!(office.faults().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_last_number_that_is_lost_ends_its_enrollments_with_a_refund() {
    for office in offices().await {
        let (lost, before) = (add(&office, "+13055550123").await, add(&office, "+13055550124").await);
        office.engine.change_number(&office.owner, before.id, LOST).await.unwrap();
        let workflow = office.workflow().await;
        let enrolled = office.enroll(workflow, lost.id, 501);
        let changed = office.engine.change_number(&office.owner, lost.id, LOST).await.unwrap();
        assert_eq!((changed.reassigned, changed.removed.contacts), (0, 501), "{}", office.db.name);
        for id in [enrolled[0], enrolled[500]] {
            assert_eq!(office.stored(id).state, EnrollmentState::Stopped(StopReason::NumberLost));
        }
        let balances = office.engine.balances(&office.owner).await.unwrap();
        assert_eq!((balances.credits, balances.held_credits, balances.held_micros.0), (10, 0, 0));
        assert_eq!(office.faults().await, Vec::<String>::new());
    }
}
