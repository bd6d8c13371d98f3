//! What the operator's commands stand on: picking by name, keys of bulk jobs, engines that come and go.

use domain::ids::ContactId;
use engine::bulk::{BulkError, Selection};
use engine::contacts::NewContact;
use engine::pick::PickError;
use engine::{Actor, Carriers, Clock, Engine};
use jiff::SignedDuration;
use store::Store;

use crate::admin::office::{Office, offices, open};

async fn contact(office: &Office, phone: &str, name: &str) -> ContactId {
    let new = NewContact { phone: phone.to_owned(), name: Some(name.to_owned()), ..NewContact::default() };
    office.engine.create_contact(&office.owner, new).await.unwrap().id
}

#[tokio::test]
async fn a_workspace_is_picked_by_name_or_identifier_or_because_it_is_the_only_one() {
    for office in offices().await {
        let pick = async |wanted: Option<&str>| office.engine.pick_workspace(wanted).await.map(|found| found.id);
        assert_eq!(pick(None).await.unwrap(), office.workspace, "{}", office.db.name);
        let second = open(&office.engine, "Second").await;
        assert_eq!(pick(Some(" second ")).await.unwrap(), second);
        assert_eq!(pick(Some(&second.to_string())).await.unwrap(), second);
        assert!(matches!(pick(None).await, Err(PickError::Unnamed { there, .. }) if there.len() == 2));
        assert!(matches!(pick(Some("Third")).await, Err(PickError::Unknown { there, .. }) if there.len() == 2));
        let third = open(&office.engine, "SECOND").await;
        let several = pick(Some("second")).await.unwrap_err().to_string();
        assert!(several.contains(&second.to_string()) && several.contains(&third.to_string()), "{several}");
    }
}

#[tokio::test]
async fn workflows_keys_and_contacts_are_picked_in_their_own_workspace_only() {
    for office in offices().await {
        let (engine, owner) = (&office.engine, &office.owner);
        let stranger = Actor::operator(open(engine, "Stranger").await);
        let workflow = office.workflow().await;
        assert_eq!(engine.pick_workflow(owner, "spring LEADS").await.unwrap(), workflow, "{}", office.db.name);
        assert!(matches!(engine.pick_workflow(&stranger, "spring leads").await, Err(PickError::NoneThere { .. })));
        let key = engine.create_key(owner, "Zap", owner.permissions()).await.unwrap().0.id;
        assert_eq!(engine.pick_key(owner, "zap").await.unwrap(), key);
        assert!(matches!(engine.pick_key(&stranger, &key.to_string()).await, Err(PickError::NoneThere { .. })));
        let ann = contact(&office, "(212) 555-0134", "Ann Lee").await;
        for wanted in ["212-555-0134", "+12125550134", "ann lee", &ann.to_string()] {
            assert_eq!(engine.pick_contact(owner, wanted).await.unwrap(), ann, "{wanted}");
            let foreign = engine.pick_contact(&stranger, wanted).await;
            assert!(matches!(foreign, Err(PickError::NoContact { .. })), "{wanted}: {foreign:?}");
        }
        contact(&office, "212 555 0135", "Ann Lee").await;
        let both = engine.pick_contact(owner, "Ann Lee").await.unwrap_err();
        assert!(matches!(&both, PickError::Several { found, .. } if found.len() == 2), "{both}");
        assert!(matches!(engine.pick_contact(owner, "Ann").await, Err(PickError::NoContact { .. })));
    }
}

#[tokio::test]
async fn a_key_of_a_bulk_job_stands_for_its_workflow_and_its_contacts() {
    for office in offices().await {
        let (engine, owner) = (&office.engine, &office.owner);
        let workflow = office.workflow().await;
        let (ann, bob) = (contact(&office, "2125550134", "Ann").await, contact(&office, "2125550135", "Bob").await);
        let ask = async |selection: Selection| {
            engine.enroll_many(owner, workflow, selection, Some("spring".to_owned())).await.map(|job| job.id)
        };
        let both = Selection::These(vec![ann, bob]);
        assert!(engine.begun_job(owner, workflow, &both, "spring").await.unwrap().is_none(), "{}", office.db.name);
        let first = ask(both.clone()).await.unwrap();
        assert_eq!(ask(Selection::These(vec![bob, ann, bob])).await.unwrap(), first, "the same contacts");
        let begun = engine.begun_job(owner, workflow, &both, "spring").await.unwrap();
        assert_eq!(begun.map(|job| (job.id, job.total)), Some((first, 2)));
        for other in [Selection::These(vec![ann]), Selection::All] {
            let known = engine.begun_job(owner, workflow, &other, "spring").await;
            assert!(matches!(known, Err(BulkError::KeyReused(_))), "{other:?}: {known:?}");
            assert!(matches!(ask(other).await, Err(BulkError::KeyReused(_))));
        }
    }
}

#[tokio::test]
async fn a_node_that_left_makes_room_and_a_reader_takes_none() {
    for office in offices().await {
        let enter = || Engine::open(office.db.store.clone(), office.clock.clone(), Carriers::new()).unwrap();
        let second = enter();
        second.leave_node().await.unwrap();
        let third = enter();
        assert_ne!(third.node(), second.node(), "its last identifiers are of this very instant");
        third.leave_node().await.unwrap();
        office.clock.move_to(office.clock.now() + SignedDuration::from_secs(1));
        assert_eq!(enter().node(), second.node(), "{}", office.db.name);

        let address = office.db.address.clone();
        let beside = std::thread::spawn(move || Store::open_to_read(&address).unwrap()).join().unwrap();
        let reader = Engine::reader(beside, Clock::manual(office.clock.now()), None);
        assert_eq!(reader.pick_workspace(None).await.unwrap().id, office.workspace);
        assert!(reader.verify_ledger(office.workspace).await.unwrap().is_clean());
        assert!(reader.end_plan(office.workspace).await.is_err(), "it cannot write");
        std::thread::spawn(move || drop(reader)).join().unwrap();
    }
}
