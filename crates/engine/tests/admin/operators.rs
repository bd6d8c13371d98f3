//! Operators in the browser: who is one, what they post under their name, the list of all workspaces.

use domain::access::Role;
use domain::ids::{EventId, WorkspaceId};
use domain::money::Micros;
use domain::plan::{Standing, Terms};
use engine::billing::{Adjustment, BillingError, Slip};
use engine::invitations::InvitationError;
use engine::plans::NewPlan;
use engine::sessions::{Attempt, Presence};
use engine::users::UserError;
use engine::{Actor, Operator};
use store::events::Event;

use crate::admin::office::{CREDITS, Office, offices, open, role};

const PASSWORD: &str = "correct horse battery";
const ANN: &str = "ann@example.com";

async fn presence(office: &Office) -> Presence {
    let (email, password) = (ANN.to_owned(), PASSWORD.to_owned());
    let attempt = Attempt { email, password, from: "10.0.0.1".to_owned(), agent: String::new() };
    let token = office.engine.sign_in(attempt).await.unwrap().token;
    office.engine.session(&token).await.unwrap()
}

/// An operator as the browser has one.
async fn ann(office: &Office) -> Operator {
    office.engine.create_user(&office.owner, ANN, "Ann Lee", Role::Viewer, PASSWORD).await.unwrap();
    office.engine.appoint_operator(office.workspace, " ANN@example.com ").await.unwrap();
    presence(office).await.operator.unwrap()
}

fn events(office: &Office, workspace: WorkspaceId) -> Vec<Event> {
    let read = move |db: &store::Read<'_>| store::events::page(db, workspace, EventId(0), 1_000);
    office.db.store.read_blocking(read).unwrap()
}

fn slip(note: &str, key: &str) -> Slip {
    Slip { note: note.to_owned(), idempotency_key: Some(key.to_owned()) }
}

#[tokio::test]
async fn whoever_the_command_line_names_is_one_at_once_and_no_longer_when_it_takes_that_back() {
    for office in offices().await {
        let engine = &office.engine;
        let user = engine.create_user(&office.owner, ANN, "Ann Lee", Role::Owner, PASSWORD).await.unwrap();
        assert!(presence(&office).await.operator.is_none(), "an owner is no operator");
        let nobody = engine.appoint_operator(office.workspace, "bob@example.com").await;
        assert!(matches!(nobody, Err(UserError::Unknown)));
        for _ in 0..2 {
            assert!(engine.appoint_operator(office.workspace, ANN).await.unwrap().operator_at.is_some());
        }
        assert_eq!(presence(&office).await.operator.unwrap().name(), "operator Ann Lee");
        // The same address elsewhere is somebody else.
        let other = open(engine, "Other").await;
        engine
            .create_user(&role(other, Role::Owner), ANN, "Mallory", Role::Owner, "another horse battery")
            .await
            .unwrap();
        let attempt = Attempt {
            email: ANN.to_owned(),
            password: "another horse battery".to_owned(),
            from: "10.0.0.2".to_owned(),
            agent: String::new(),
        };
        let token = engine.sign_in(attempt).await.unwrap().token;
        assert!(engine.session(&token).await.unwrap().operator.is_none());
        engine.dismiss_operator(office.workspace, ANN).await.unwrap();
        assert!(presence(&office).await.operator.is_none());
        assert_eq!((office.events("user.operator_appointed"), office.events("user.operator_dismissed")), (1, 1));
        assert!(
            engine.users(&office.owner).await.unwrap().iter().any(|one| one.id == user.id && one.operator_at.is_none())
        );
    }
}

#[tokio::test]
async fn nobody_becomes_an_operator_by_a_link_for_their_password() {
    for office in offices().await {
        let engine = &office.engine;
        let admin = engine.create_user(&office.owner, "olga@example.com", "Olga", Role::Owner, PASSWORD).await.unwrap();
        let admin = Actor::user(office.workspace, admin.id, Role::Owner.permissions());
        let user = engine.create_user(&admin, ANN, "Ann", Role::Viewer, PASSWORD).await.unwrap();
        let (_, before) = engine.password_link(&admin, user.id).await.unwrap();
        engine.appoint_operator(office.workspace, ANN).await.unwrap();
        let late = engine.accept(&before, "", "a third horse battery").await;
        assert!(matches!(late, Err(InvitationError::Ended)), "{late:?}");
        let refused = engine.password_link(&admin, user.id).await;
        assert!(matches!(refused, Err(InvitationError::Operator)), "{refused:?}");
        assert!(presence(&office).await.operator.is_some(), "the password is what it was");
        let (_, link) = engine.password_link(&Actor::operator(office.workspace), user.id).await.unwrap();
        engine.accept(&link, "", PASSWORD).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_posted_by_hand_says_why_and_who_balances_and_is_posted_once() {
    for office in offices().await {
        let (engine, by) = (&office.engine, ann(&office).await);
        let customer = open(engine, "Acme Homes").await;
        let adjust = |what, slip| engine.adjust(&by, customer, what, slip);
        let first = adjust(Adjustment::TopUp(Micros(5_000_000)), slip("sorry", "a")).await.unwrap();
        assert_eq!(adjust(Adjustment::TopUp(Micros(5_000_000)), slip("sorry", "a")).await.unwrap(), first);
        let reused = adjust(Adjustment::TopUp(Micros(6_000_000)), slip("sorry", "a")).await;
        assert!(matches!(reused, Err(BillingError::KeyReused(_))), "{reused:?}");
        for what in [Adjustment::TopUp(Micros(1)), Adjustment::Grant(1), Adjustment::Revocation(1)] {
            let silent = adjust(what, slip(" ", "b")).await;
            assert!(matches!(silent, Err(BillingError::Note(_))), "{what:?}: {silent:?}");
        }
        adjust(Adjustment::Withdrawal(Micros(2_000_000)), slip("slip", "c")).await.unwrap();
        adjust(Adjustment::Grant(7), slip("for the outage", "d")).await.unwrap();
        adjust(Adjustment::Revocation(2), slip("too many", "e")).await.unwrap();
        let short = adjust(Adjustment::Withdrawal(Micros(4_000_000)), slip("slip", "f")).await;
        assert!(matches!(short, Err(BillingError::Short { .. })), "{short:?}");
        let balances = engine.balances(&Actor::operator(customer)).await.unwrap();
        assert_eq!((balances.wallet, balances.credits), (Micros(3_000_000), CREDITS + 5));
        let report = engine.verify_ledger(customer).await.unwrap();
        assert_eq!(report.faults, [], "{}", office.db.name);
        let told: Vec<_> =
            events(&office, customer).into_iter().filter(|event| event.kind.starts_with("ledger.")).collect();
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|event| event.actor == "operator Ann Lee"), "{told:?}");
        assert!(told[0].payload.contains("sorry") && told[3].payload.contains("too many"), "{told:?}");
    }
}

#[tokio::test]
async fn the_list_has_every_workspace_once_with_what_it_has_and_finds_parts_of_names() {
    for office in offices().await {
        let (engine, by) = (&office.engine, ann(&office).await);
        let mut all = vec![office.workspace];
        for nth in 0..60 {
            all.push(open(engine, &format!("Acme Ünïon {nth:02}")).await);
        }
        all.reverse();
        let first = engine.customers(&by, "", None).await.unwrap();
        assert_eq!((first.lines.len(), first.next), (50, Some(all[49])));
        let rest = engine.customers(&by, "", first.next).await.unwrap();
        assert_eq!((rest.lines.len(), rest.next), (11, None), "{}", office.db.name);
        let listed: Vec<_> = first.lines.iter().chain(&rest.lines).map(|line| line.customer.workspace.id).collect();
        assert_eq!(listed, all);
        let found = engine.customers(&by, " ÜNÏON 5", None).await.unwrap();
        assert_eq!(found.lines.len(), 10, "case is no matter in any script");
        assert_eq!(engine.customers(&by, "nobody", None).await.unwrap().lines.len(), 0);
        // One of them has a plan, which costs, and is suspended.
        let one = all[7];
        let terms = Terms {
            price: Micros(29_000_000),
            credits: 100,
            rate: Micros(12_000),
            numbers: None,
            trial_days: 0,
            grace_days: 7,
        };
        let plan = engine.add_plan(&by, NewPlan { name: "Starter".to_owned(), terms }).await.unwrap();
        engine.adjust(&by, one, Adjustment::TopUp(Micros(40_000_000)), slip("paid", "a")).await.unwrap();
        engine.choose_plan(&by.within(one), plan.id).await.unwrap();
        engine.suspend_workspace(&by, one, "complaints").await.unwrap();
        let line = engine.customers(&by, "", None).await.unwrap().lines.remove(7);
        assert_eq!((line.customer.plan.as_deref(), line.customer.standing), (Some("Starter"), Some(Standing::Active)));
        assert_eq!(
            (line.credits, line.wallet, line.brought.revenue),
            (CREDITS + 100, Micros(11_000_000), Micros(29_000_000))
        );
        assert_eq!(line.customer.workspace.suspended.unwrap().reason, "complaints");
        let months = engine.brought(&by, one).await.unwrap();
        assert_eq!((months.len(), months[0].1.revenue), (1, Micros(29_000_000)));
        let health = engine.health(&by).await.unwrap();
        assert_eq!((health.sent, health.failed, health.backlog.in_doubt), (0, 0, 0));
    }
}
