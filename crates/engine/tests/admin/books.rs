//! The audit of the books finds each way in which they can be wrong.

use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId};
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use store::messages::Message;
use store::{Sql, Value};

use crate::admin::office::{Office, offices};

/// Two enrollments, the second paid with money in part, and the first step of the first one sent.
async fn busy(office: &Office) -> Vec<EnrollmentId> {
    let workflow = office.workflow().await;
    let enrolled = office.enroll(workflow, NumberId(1), 4);
    let (workspace, now, first) = (office.workspace, office.clock.now(), enrolled[0]);
    office.write(move |tx| {
        let sent = ledger::transfers(Cause::step(first, 1), Reason::Earn, Amounts { credits: 1, micros: Micros::ZERO });
        store::ledger::post(tx, workspace, &sent, now).unwrap();
        let due = Some(now.as_microsecond());
        let next = store::claims::Advance { enrollment: first, step: 2, due, hour: None, completes: None };
        store::claims::advance(tx, workspace, &[next], now)
    });
    assert_eq!(office.faults().await, Vec::<String>::new(), "{}", office.db.name);
    enrolled
}

async fn finds(office: &Office, words: &[&str]) {
    let faults = office.faults().await;
    for word in words {
        assert!(faults.iter().any(|fault| fault.contains(word)), "{}: {word:?} is not in {faults:#?}", office.db.name);
    }
}

static BALANCE: Sql =
    Sql::Same("UPDATE accounts SET balance = balance + $4 WHERE workspace_id = $1 AND account = $2 AND unit = $3");
static TRANSFER: Sql = Sql::Same(
    "INSERT INTO transfers (workspace_id, subject, step, reason, unit, debit, credit, amount, at)
    VALUES ($1, $2, $3, $4, 'segments', $5, $6, $7, 0)",
);

impl Office {
    fn transfer(&self, subject: i64, step: i64, reason: &str, accounts: (&str, &str), amount: i64) {
        let (debit, credit) = accounts;
        let params: Vec<Value> = vec![
            self.workspace.0.into(),
            subject.into(),
            step.into(),
            reason.into(),
            debit.into(),
            credit.into(),
            amount.into(),
        ];
        self.corrupt(&TRANSFER, params);
    }

    fn balance(&self, account: &str, change: i64) {
        let params = vec![self.workspace.0.into(), account.into(), "segments".into(), change.into()];
        self.corrupt(&BALANCE, params);
    }
}

#[tokio::test]
async fn a_balance_changed_by_hand_is_found() {
    for office in offices().await {
        busy(&office).await;
        office.balance("available", 3);
        let words =
            ["the account available holds 3 segments, but its transfers add up to 0", "add up to 3, not to zero"];
        finds(&office, &words).await;
    }
}

#[tokio::test]
async fn a_missing_account_is_found() {
    static GONE: Sql = Sql::Same("DELETE FROM accounts WHERE workspace_id = $1 AND account = 'earned'");
    for office in offices().await {
        busy(&office).await;
        office.corrupt(&GONE, vec![office.workspace.0.into()]);
        finds(&office, &["the account earned in segments is missing"]).await;
    }
}

#[tokio::test]
async fn a_transfer_against_its_reason_and_one_without_its_cause_are_found() {
    for office in offices().await {
        busy(&office).await;
        office.transfer(77, 0, "refund", ("earned", "available"), 1);
        let (stray, kind) =
            ("a refund of 1 segments names enr_", "1 transfers of reason refund go from earned to available");
        finds(&office, &[stray, kind]).await;
    }
}

#[tokio::test]
async fn a_charge_that_is_gone_is_found() {
    static GONE: Sql = Sql::Same("DELETE FROM transfers WHERE workspace_id = $1 AND subject = $2");
    for office in offices().await {
        let enrolled = busy(&office).await;
        office.corrupt(&GONE, vec![office.workspace.0.into(), enrolled[1].0.into()]);
        let charge = format!("{} was charged 0 segments, but its price is 3", enrolled[1]);
        finds(&office, &[&charge, "the account available holds 0 segments"]).await;
    }
}

#[tokio::test]
async fn a_step_that_was_earned_and_returned_is_found() {
    for office in offices().await {
        let enrolled = busy(&office).await;
        office.transfer(enrolled[0].0, 1, "return", ("prepaid", "available"), 1);
        office.balance("prepaid", -1);
        office.balance("available", 1);
        let step = format!("{} step 1: 2 segments were earned or returned, but its price is 1", enrolled[0]);
        let held = format!("{}: of 3 segments charged, 1 were earned, 0 refunded and 1 returned", enrolled[0]);
        finds(&office, &[&step, &held, "the account prepaid holds 8 segments, but unsent messages hold 9"]).await;
    }
}

#[tokio::test]
async fn a_refund_of_what_still_runs_or_was_refunded_before_is_found() {
    static MOVE: Sql = Sql::Same(
        "UPDATE transfers SET amount = 2 * amount WHERE workspace_id = $1 AND subject = $2 AND reason = 'refund'",
    );
    for office in offices().await {
        let enrolled = busy(&office).await;
        office.transfer(enrolled[1].0, 0, "refund", ("prepaid", "available"), 3);
        finds(&office, &["0 were earned, 3 refunded and 0 returned, which leaves 0 held instead of 3"]).await;
    }
    for office in offices().await {
        let enrolled = busy(&office).await;
        let workflow = office.stored(enrolled[0]).workflow;
        office.engine.pause_workflow(&office.owner, workflow).await.unwrap();
        assert_eq!(office.faults().await, Vec::<String>::new());
        office.corrupt(&MOVE, vec![office.workspace.0.into(), enrolled[0].0.into()]);
        let twice = format!(
            "{}: of 3 segments charged, 1 were earned, 4 refunded and 0 returned, which leaves -2 held",
            enrolled[0]
        );
        finds(&office, &[&twice]).await;
    }
}

#[tokio::test]
async fn an_enrollment_stopped_without_its_refund_is_found() {
    static STOP: Sql = Sql::Same(
        "UPDATE enrollments SET state = 'stopped', reason = 'replied' WHERE workspace_id = $1 AND enrollment_id = $2",
    );
    static GARBLE: Sql =
        Sql::Same("UPDATE enrollments SET prices = '[[1' WHERE workspace_id = $1 AND enrollment_id = $2");
    for office in offices().await {
        let enrolled = busy(&office).await;
        office.corrupt(&STOP, vec![office.workspace.0.into(), enrolled[0].0.into()]);
        office.corrupt(&GARBLE, vec![office.workspace.0.into(), enrolled[1].0.into()]);
        let left = format!(
            "{}: of 3 segments charged, 1 were earned, 0 refunded and 0 returned, which leaves 2 held instead of 0",
            enrolled[0]
        );
        let garbled = format!("{}: its prices cannot be read", enrolled[1]);
        let still_in = format!("{}: it runs and its contact is in no workflow, or the other way round", enrolled[0]);
        finds(&office, &[&left, &garbled, "the account prepaid holds", &still_in]).await;
    }
}

#[tokio::test]
async fn a_step_that_is_on_its_way_in_no_row_or_in_two_is_found() {
    static FORGET: Sql =
        Sql::Same("UPDATE enrollments SET claimed_at = NULL WHERE workspace_id = $1 AND enrollment_id = $2");
    static WRITE: Sql = Sql::Same(
        "UPDATE messages SET message_id = (SELECT message_id FROM enrollments WHERE workspace_id = $1 AND enrollment_id = $2)
         WHERE workspace_id = $1 AND enrollment_id = $3",
    );
    static UNNAME: Sql =
        Sql::Same("UPDATE enrollments SET claimed_at = 1 WHERE workspace_id = $1 AND enrollment_id = $2");
    for office in offices().await {
        let enrolled = busy(&office).await;
        let (first, second, third) = (enrolled[1], enrolled[2], enrolled[3]);
        office.claimed(first, MessageState::Sending);
        office.claimed(second, MessageState::Sending);
        let queued = office.claimed(third, MessageState::Queued);
        assert_eq!(office.faults().await, Vec::<String>::new());
        let workspace: Value = office.workspace.0.into();
        office.corrupt(&FORGET, vec![workspace.clone(), first.0.into()]);
        office.corrupt(&WRITE, vec![workspace.clone(), second.0.into(), third.0.into()]);
        office.corrupt(&UNNAME, vec![workspace, enrolled[0].0.into()]);
        let words = |id| format!("{id}: its step is on its way and has a message already, or is not and has none");
        // The third's message is the second's now.
        assert_ne!(office.stored(second).message, Some(queued));
        finds(&office, &[&words(enrolled[0]), &words(first), &words(second), &words(third)]).await;
    }
}

#[tokio::test]
async fn a_correction_beyond_what_was_earned_is_found() {
    for office in offices().await {
        let enrolled = busy(&office).await;
        office.transfer(enrolled[0].0, 1, "correction", ("earned", "available"), 2);
        let words = format!("{} step 1: 2 segments were corrected, but 1 were earned", enrolled[0]);
        finds(&office, &[&words]).await;
    }
}

#[tokio::test]
async fn a_manual_message_holds_its_charge_until_it_is_sent_or_returned() {
    for office in offices().await {
        let id: MessageId = office.ids.message(office.clock.now());
        let (workspace, now) = (office.workspace, office.clock.now());
        let amounts = Amounts { credits: 1, micros: Micros::ZERO };
        let queued = Message::new(id, ContactId(1), MessageKind::Manual, NumberId(1), "Hi".to_owned(), 1, now);
        let sending = Message { state: MessageState::Sending, amounts, ..queued };
        let failed = Message { state: MessageState::Failed, ..sending.clone() };
        office.write(move |tx| {
            store::messages::insert(tx, workspace, std::slice::from_ref(&sending), now)?;
            store::messages::save(tx, workspace, &sending)?;
            store::ledger::post(tx, workspace, &ledger::transfers(Cause::message(id), Reason::Charge, amounts), now)
                .expect("there are credits");
            Ok(())
        });
        assert_eq!(office.faults().await, Vec::<String>::new(), "{}", office.db.name);
        office.write(move |tx| store::messages::save(tx, workspace, &failed));
        let left = format!(
            "{id}: of 1 segments charged, 0 were earned, 0 refunded and 0 returned, which leaves 1 held instead of 0"
        );
        finds(&office, &[&left, "the account prepaid holds 1 segments, but unsent messages hold 0"]).await;
    }
}
