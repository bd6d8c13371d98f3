//! Lists of phones from files: what they forbid, what they end, what is free again when they go. On both databases.

use std::io::Cursor;

use domain::access::Role;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, ListId, UserId, WorkflowId};
use domain::phone::{Phone, Region};
use domain::suppression::Suppression;
use engine::Actor;
use engine::changes::{Change, Whom};
use engine::contacts::{NewContact, SuppressError};
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::suppression_lists::{List, ListCounts, ListError, NewList};

use crate::world::{Plan, World, on_both};

async fn made(world: &World, phone: &str) -> ContactId {
    let new = NewContact { phone: phone.to_owned(), ..NewContact::default() };
    world.engine.create_contact(&world.actor, new).await.unwrap().id
}

async fn start(world: &World, contact: ContactId, workflow: WorkflowId) -> Result<EnrollmentId, EnrollError> {
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.map(|enrolled| enrolled.enrollment)
}

fn new(name: &str, kind: Suppression) -> NewList {
    let (name, source) = (name.to_owned(), "Vendor".to_owned());
    NewList { name, kind, source, file_name: "list.csv".to_owned(), dated: "2026-11-01".parse().ok() }
}

async fn list(world: &World, name: &str, kind: Suppression, file: &str) -> List {
    let list = world.engine.create_list(&world.actor, new(name, kind)).await.unwrap();
    fill(world, list.id, file).await
}

async fn fill(world: &World, id: ListId, file: &str) -> List {
    let source = Cursor::new(file.as_bytes().to_vec());
    world.engine.fill_list(&world.actor, id, source, Region::US, |_| {}).await.unwrap()
}

async fn lists(world: &World, phone: &str) -> Vec<Suppression> {
    world.engine.phone_lists(&world.actor, Phone::stored(phone).unwrap()).await.unwrap().lists
}

const BLOCKED: Suppression = Suppression::ComplianceBlocked;

#[test]
fn a_list_ends_what_runs_and_blocks_who_comes_later() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (3, "Any news?")]).await;
        let contact = made(&world, "+12125550111").await;
        let run = start(&world, contact, workflow).await.unwrap();
        let before = world.balance("available").await;
        let list =
            list(&world, "Litigators", BLOCKED, "Phone\n(212) 555-0111\n2125550112\n2125550112\nno phone\n\n").await;
        let counts = ListCounts::of(&list);
        assert_eq!((counts.rows, counts.phones, counts.rejected, counts.ended), (4, 2, 1, 1), "{counts:?}");
        assert_eq!(counts.rejects[0].row, 5);
        assert_eq!((list.state.as_str(), list.dated.as_deref()), ("kept", Some("2026-11-01")));
        let ended = world.engine.enrollment(&world.actor, run).await.unwrap().state;
        assert_eq!(ended, EnrollmentState::Stopped(StopReason::ComplianceBlocked));
        assert_eq!(world.balance("available").await.0, before.0 + 2, "both messages come back");
        let later = made(&world, "+12125550112").await;
        assert!(matches!(start(&world, later, workflow).await, Err(EnrollError::Refused(_))));
        world.play_days(5).await;
        assert!(world.texts("+12125550111").is_empty());
        world.end().await;
    });
}

#[test]
fn removing_a_list_frees_only_what_nothing_else_holds() {
    on_both(Plan::default, async |world| {
        made(&world, "+12125550111").await;
        let one = list(&world, "One", BLOCKED, "2125550111\n2125550112\n2125550113\n2125550114\n").await;
        let two = list(&world, "Two", BLOCKED, "2125550112\n").await;
        // A user puts one there too, before or after: the user's word stays.
        world.engine.suppress_phone(&world.actor, Phone::stored("+12125550113").unwrap(), BLOCKED).await.unwrap();
        // The same phone on a list of another kind holds for its own kind alone.
        list(&world, "Ours", Suppression::DoNotContact, "2125550114\n").await;
        let gone = world.engine.remove_list(&world.actor, one.id).await.unwrap();
        assert_eq!((gone.state.as_str(), ListCounts::of(&gone).freed), ("removed", 2));
        assert_eq!(lists(&world, "+12125550111").await, []);
        assert_eq!(lists(&world, "+12125550112").await, [BLOCKED]);
        assert_eq!(lists(&world, "+12125550113").await, [BLOCKED]);
        assert_eq!(lists(&world, "+12125550114").await, [Suppression::DoNotContact]);
        world.engine.remove_list(&world.actor, two.id).await.unwrap();
        assert_eq!(lists(&world, "+12125550112").await, []);
        // Removed once is removed; nothing is added to it.
        assert_eq!(world.engine.remove_list(&world.actor, one.id).await.unwrap(), gone);
        let more = world.engine.add_to_list(&world.actor, one.id, vec!["2125550115".to_owned()], Region::US).await;
        assert!(matches!(more, Err(ListError::NotNow { .. })));
        world.end().await;
    });
}

#[test]
fn a_phone_that_a_file_holds_is_not_taken_off_by_hand_but_off_that_list() {
    on_both(Plan::default, async |world| {
        let (engine, actor, kind) = (&world.engine, &world.actor, Suppression::DoNotContact);
        let contact = made(&world, "+12125550111").await;
        let phones = ["+12125550111", "+12125550112"].map(|phone| Phone::stored(phone).unwrap());
        let file = "2125550111\n2125550112\n";
        let ours = list(&world, "Ours", kind, file).await;
        // By whatever way: the contact, its phone, a phone without a contact, many at once.
        let refused = engine.unsuppress(actor, contact, kind).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the list “Ours” of 2026-11-01 holds the phone; take it off there, or remove the list"
        );
        for phone in phones {
            let refused = engine.unsuppress_phone(actor, phone, kind).await;
            assert!(matches!(&refused, Err(SuppressError::Held(lists)) if lists[0].list == ours.id), "{refused:?}");
        }
        let job = engine.change_many(actor, Change::Contact, Whom::These(vec![contact])).await.unwrap();
        engine.run_changes(actor, job.id).await.unwrap();
        assert_eq!(lists(&world, "+12125550111").await, [kind]);

        for phone in phones {
            assert!(engine.drop_from_list(actor, ours.id, phone).await.unwrap());
            assert!(!engine.drop_from_list(actor, ours.id, phone).await.unwrap(), "it is off already");
        }
        assert_eq!((lists(&world, "+12125550111").await, lists(&world, "+12125550112").await), (vec![], vec![]));
        let counts = ListCounts::of(&engine.suppression_list(actor, ours.id).await.unwrap());
        assert_eq!(counts.phones, 0);
        // The file says what it says: read again, it holds them again.
        fill(&world, ours.id, file).await;
        assert_eq!(lists(&world, "+12125550111").await, [kind]);

        // Another list of the kind holds on, and so does a user's word; another workspace has no such list.
        let other = list(&world, "Other", kind, "2125550111\n").await;
        engine.suppress_phone(actor, phones[1], kind).await.unwrap();
        for phone in phones {
            assert!(engine.drop_from_list(actor, ours.id, phone).await.unwrap());
        }
        assert_eq!(
            (lists(&world, "+12125550111").await, lists(&world, "+12125550112").await),
            (vec![kind], vec![kind])
        );
        assert!(engine.unsuppress_phone(actor, phones[1], kind).await.unwrap());
        assert!(engine.drop_from_list(actor, other.id, phones[0]).await.unwrap());
        assert_eq!((lists(&world, "+12125550111").await, lists(&world, "+12125550112").await), (vec![], vec![]));
        let stranger = Actor::operator(domain::ids::WorkspaceId(2));
        assert!(matches!(engine.drop_from_list(&stranger, ours.id, phones[0]).await, Err(ListError::Unknown)));
        world.end().await;
    });
}

#[test]
fn a_file_that_is_read_again_counts_nothing_twice() {
    on_both(Plan::default, async |world| {
        let file: String = (0..1_200).map(|n| format!("+1212556{n:04}\n")).collect();
        let half: String = file.lines().take(700).map(|line| format!("{line}\n")).collect();
        let list = list(&world, "Long", BLOCKED, &half).await;
        assert_eq!(ListCounts::of(&list).phones, 700);
        let list = fill(&world, list.id, &file).await;
        let counts = ListCounts::of(&list);
        assert_eq!((counts.rows, counts.phones), (1_200, 1_200));
        assert_eq!(lists(&world, "+12125561199").await, [BLOCKED]);
        let gone = world.engine.remove_list(&world.actor, list.id).await.unwrap();
        assert_eq!(ListCounts::of(&gone).freed, 1_200);
        assert_eq!(lists(&world, "+12125561199").await, []);
        world.end().await;
    });
}

#[test]
fn who_may_and_what_cannot_be() {
    on_both(Plan::default, async |world| {
        let agent = Actor::user(world.workspace(), UserId(9), Role::Agent.permissions());
        let refused = world.engine.create_list(&agent, new("A", BLOCKED)).await;
        assert!(matches!(refused, Err(ListError::Forbidden(_))));
        let ours = world.engine.create_list(&agent, new("Ours", Suppression::DoNotContact)).await.unwrap();
        for kind in [Suppression::OptedOut, Suppression::Undeliverable] {
            assert!(matches!(world.engine.create_list(&world.actor, new("A", kind)).await, Err(ListError::Kind(_))));
        }
        let unnamed = world.engine.create_list(&world.actor, new(" ", BLOCKED)).await;
        assert!(matches!(unnamed, Err(ListError::Name)));
        let future = NewList { dated: "2027-11-01".parse().ok(), ..new("A", BLOCKED) };
        assert!(matches!(world.engine.create_list(&world.actor, future).await, Err(ListError::Date(_))));
        let phones = vec!["2125550111".to_owned(), "nobody".to_owned()];
        let added = world.engine.add_to_list(&agent, ours.id, phones, Region::US).await.unwrap();
        assert_eq!((added.added, added.rejects[0].row), (1, 2));
        let stranger = Actor::operator(domain::ids::WorkspaceId(2));
        assert!(matches!(world.engine.remove_list(&stranger, ours.id).await, Err(ListError::Unknown)));
        let empty = world.engine.fill_list(&world.actor, ours.id, Cursor::new(Vec::new()), Region::US, |_| {}).await;
        assert!(matches!(empty, Err(ListError::File(_))));
        // It is not taken for whole, and its file may be read again.
        assert_eq!(world.engine.suppression_list(&world.actor, ours.id).await.unwrap().state, "filling");
        let torn = "Phone,Name\n2125550401,Ann\n2125550402,\"Bob\n2125550403,Cat\n".to_owned().into_bytes();
        let refused = world.engine.fill_list(&world.actor, ours.id, Cursor::new(torn), Region::US, |_| {}).await;
        assert!(matches!(refused, Err(ListError::File(_))), "{refused:?}");
        let list = world.engine.suppression_list(&world.actor, ours.id).await.unwrap();
        let counts = ListCounts::of(&list);
        assert_eq!(
            (list.state.as_str(), counts.phones),
            ("filling", 2),
            "what stands before the open quote is in force"
        );
        assert!(counts.broken.is_some_and(|why| why.starts_with("row 3: a quotation mark")));
        let mended = "Phone,Mobile\n2125550401,\n2125550402,2125550404\n".to_owned().into_bytes();
        let list =
            world.engine.fill_list(&world.actor, ours.id, Cursor::new(mended), Region::US, |_| {}).await.unwrap();
        let counts = ListCounts::of(&list);
        assert_eq!((list.state.as_str(), counts.rows, counts.phones, counts.broken), ("kept", 2, 4, None));
        let half = world.engine.create_list(&world.actor, new("Half", BLOCKED)).await.unwrap();
        assert_eq!(half.state, "filling", "one with a file waits for it");
        world.end().await;
    });
}
