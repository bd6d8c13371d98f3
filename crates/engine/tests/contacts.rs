//! Making, changing, deleting and suppressing contacts, on both databases.
use domain::access::Role;
use domain::enrollment::{EnrollmentState, StepPrice, StopReason};
use domain::ids::{ContactId, EnrollmentId, NumberId, PersonId, WorkflowId, WorkspaceId};
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::money::Micros;
use domain::suppression::Suppression;
use engine::Failure;
use engine::contacts::{Contact, ContactError, FieldError, MAX_CUSTOM_FIELDS, NewContact, SuppressError};
use store::enrollments::{self, NewEnrollment, Place, Start};
use store::numbers::{self, Number};
use store::{Lane, suppressions};

use crate::fresh::{self, WORKSPACE, World, actor, agent, start, worlds};

const NUMBER: NumberId = NumberId(11);
const ENROLLMENT: EnrollmentId = EnrollmentId(12);

fn new(phone: &str, fields: &[(&str, &str)]) -> NewContact {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    NewContact { phone: phone.to_owned(), fields, ..NewContact::default() }
}

fn make(world: &World, phone: &str, fields: &[(&str, &str)]) -> Result<Contact, ContactError> {
    world.run(world.engine.create_contact(&agent(), new(phone, fields)))
}

/// Gives the contact a number and a running enrollment of two steps that cost 3 credits.
fn enroll(world: &World, contact: ContactId) {
    let at = start();
    let number = Number {
        id: NUMBER,
        phone: "+13055550100".to_owned(),
        carrier: "simulator".to_owned(),
        state: "live".to_owned(),
        area: Some(305),
        region: "FL".to_owned(),
        messages_per_minute: 0,
        messages_per_day: 0,
        paced_until: at,
        day_start: at,
        day_count: 0,
        contacts: 0,
        created_at: at,
        used_at: None,
        campaign: None,
        registration: "draft".to_owned(),
        campaign_state: None,
        brand_state: None,
    };
    let done = world.db.store.write_blocking(Lane::Normal, move |tx| -> Result<(), Failure> {
        numbers::insert(tx, WORKSPACE, &number)?;
        numbers::load(tx, WORKSPACE, NUMBER, 1)?;
        store::contacts::assign(tx, WORKSPACE, &[(contact, NUMBER)])?;
        let credits = |credits| Amounts { credits, micros: Micros(0) };
        let top_up = Cause::top_up(domain::ids::TopUpId(1));
        store::ledger::post(tx, WORKSPACE, &ledger::transfers(top_up, Reason::TopUp, credits(10)), at)?;
        let charge = ledger::transfers(Cause::enrollment(ENROLLMENT), Reason::Charge, credits(3));
        store::ledger::post(tx, WORKSPACE, &charge, at)?;
        let zone = "America/New_York".to_owned();
        let (zones, rules, source) = (vec![zone.clone()], Vec::new(), "area_code".to_owned());
        let place = Place { zones, primary: zone, rules, source, smart: "on".to_owned() };
        let step = |credits: u32| StepPrice { segments: credits, credits: i64::from(credits), micros: Micros(0) };
        let row = NewEnrollment {
            id: ENROLLMENT,
            contact,
            number: NUMBER,
            place,
            values: Vec::new(),
            prices: vec![step(1), step(2)],
            due_at: at,
        };
        let start = Start {
            workflow: WorkflowId(5),
            version: 1,
            from_step: 1,
            rate: Micros(15_000),
            by: "test".to_owned(),
            at,
        };
        let workflow = store::workflows::Workflow {
            id: WorkflowId(5),
            name: "W".to_owned(),
            position: 1,
            version: 1,
            created_at: at,
            updated_at: at,
            archived_at: None,
        };
        store::workflows::insert(tx, WORKSPACE, &workflow, "w")?;
        Ok(enrollments::insert(tx, WORKSPACE, &start, &[row])?)
    });
    done.unwrap();
}

/// State of the enrollment, free credits, and how many contacts the number has.
fn aftermath(world: &World) -> (EnrollmentState, i64, i64) {
    let read = world.db.store.read_blocking(|db| -> Result<_, store::DbError> {
        let row = enrollments::find(db, WORKSPACE, ENROLLMENT)?.unwrap();
        let (credits, _) = store::ledger::read_available(db, WORKSPACE)?;
        let load = db.query_one(
            &store::Sql::Same("SELECT contacts FROM numbers WHERE workspace_id = $1"),
            &[WORKSPACE.0.into()],
        )?;
        Ok((row.state, credits, load.int(0)?))
    });
    read.unwrap()
}

#[test]
fn a_contact_is_made_with_clean_fields_and_a_name() {
    for world in worlds() {
        let given = [
            ("First_Name", " Ann\0 "),
            ("LAST NAME", "Lee"),
            ("Lot Size", "1"),
            ("Zip", ""),
            ("time zone", "america/denver"),
        ];
        let made = make(&world, "(212) 555-0134", &given).unwrap();
        let fields: Vec<_> = made.fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let expected = [("firstname", "Ann"), ("lastname", "Lee"), ("lotsize", "1"), ("timezone", "America/Denver")];
        assert_eq!(fields, expected, "{}", world.db.name);
        assert_eq!((made.phone.as_str(), made.name.as_str()), ("+12125550134", "Ann Lee"));
        assert_eq!(world.run(world.engine.contact(&agent(), made.id)).unwrap(), made);
        let custom = world.db.store.read_blocking(|db| store::contacts::custom_fields(db, WORKSPACE)).unwrap();
        assert_eq!(custom, [("lotsize".to_owned(), "Lot Size".to_owned())]);
        assert_eq!(world.events(), ["contact.created"]);
    }
}

#[test]
fn what_cannot_be_a_contact_says_why() {
    for world in worlds() {
        let first = make(&world, "2125550134", &[]).unwrap();
        let again = make(&world, "+1 212 555 0134", &[]);
        assert!(matches!(again, Err(ContactError::PhoneTaken { contact }) if contact == first.id), "{}", world.db.name);
        assert!(matches!(make(&world, "12", &[]), Err(ContactError::Phone(_))));
        let field = |fields: &[(&str, &str)]| match make(&world, "2125550135", fields) {
            Err(ContactError::Field(error)) => error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(field(&[("City", "a"), ("city", "b")]), FieldError::Twice { .. }));
        assert!(matches!(field(&[("Phone", "1")]), FieldError::Phone));
        assert!(matches!(field(&[("a{b", "1")]), FieldError::Name { .. }));
        assert!(matches!(field(&[("Time Zone", "Eastern")]), FieldError::Zone(_)));
        let alone = NewContact { person: Some(PersonId(99)), ..new("2125550135", &[]) };
        let lost = world.run(world.engine.create_contact(&agent(), alone));
        assert!(matches!(lost, Err(ContactError::PersonUnknown)));
        let viewer = world.run(world.engine.create_contact(&actor(Role::Viewer), new("2125550135", &[])));
        assert!(matches!(viewer, Err(ContactError::Forbidden(_))));
    }
}

#[test]
fn a_workspace_has_so_many_fields_of_its_own_and_no_more() {
    for world in worlds() {
        for batch in 0..MAX_CUSTOM_FIELDS / 100 {
            let names: Vec<String> = (0..100).map(|n| format!("own {batch} {n}")).collect();
            let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
            let _ = make(&world, &format!("212555{batch:04}"), &fields).unwrap();
        }
        let beyond = make(&world, "2125559999", &[("Own 0 0", "x"), ("One more", "x")]);
        assert!(matches!(beyond, Err(ContactError::TooManyCustomFields { name }) if name == "One more"));
        assert!(make(&world, "2125559999", &[("Own 0 0", "x")]).is_ok(), "{}", world.db.name);
    }
}

#[test]
fn contacts_are_listed_in_pages_and_found_by_name_or_phone() {
    for world in worlds() {
        for n in 0..5 {
            let _ = make(&world, &format!("212555000{n}"), &[("Full Name", &format!("Ann 100% {n}"))]).unwrap();
        }
        let page = |after, holds: &str, limit| world.run(world.engine.contacts(&agent(), after, holds, limit)).unwrap();
        let first = page(None, "", 3);
        assert_eq!((first.contacts.len(), first.next), (3, Some(first.contacts[2].id)), "{}", world.db.name);
        let rest = page(first.next, "", 3);
        assert_eq!((rest.contacts.len(), rest.next), (2, None));
        for (holds, found) in
            [("ann 100% 3", 1), ("100 AN", 5), ("5550004", 1), ("0004", 1), ("nn", 0), ("%", 0), ("\0", 5)]
        {
            assert_eq!(page(None, holds, 200).contacts.len(), found, "{holds:?}");
        }
        let first = page(None, "ann", 3);
        assert_eq!((first.contacts.len(), first.next), (3, Some(first.contacts[2].id)));
        let rest = page(first.next, "ann", 3);
        assert_eq!((rest.contacts.len(), rest.next), (2, None), "found ones go on where the page before ended");
    }
}

#[test]
fn an_edit_sets_takes_away_and_renames() {
    for world in worlds() {
        let made = make(&world, "2125550134", &[("First Name", "Ann"), ("City", "Rome")]).unwrap();
        let changes = vec![("first name".to_owned(), None), ("Company".to_owned(), Some("Acme".to_owned()))];
        let edited = world.run(world.engine.edit_contact(&agent(), made.id, changes.clone())).unwrap();
        assert_eq!((edited.name.as_str(), edited.fields.len()), ("Acme", 2), "{}", world.db.name);
        let again = world.run(world.engine.edit_contact(&agent(), made.id, changes)).unwrap();
        assert_eq!(world.run(world.engine.contact(&agent(), made.id)).unwrap(), again);
        assert_eq!(world.events(), ["contact.created", "contact.changed"]);
        let phone = vec![("Phone".to_owned(), Some("2125550135".to_owned()))];
        let refused = world.run(world.engine.edit_contact(&agent(), made.id, phone));
        assert!(matches!(refused, Err(ContactError::Field(FieldError::Phone))));
    }
}

#[test]
fn deleting_ends_what_runs_refunds_it_and_keeps_the_suppression() {
    for world in worlds() {
        let made = make(&world, "2125550134", &[]).unwrap();
        enroll(&world, made.id);
        assert_eq!(aftermath(&world), (EnrollmentState::Active, 7, 1), "{}", world.db.name);
        let hash = made.phone_hash;
        let opted_out = world.db.store.write_blocking(Lane::Normal, move |tx| {
            suppressions::add(tx, WORKSPACE, (hash, None), Suppression::OptedOut, "contact", start())
        });
        assert!(opted_out.unwrap());
        world.run(world.engine.delete_contact(&agent(), made.id)).unwrap();
        let deleted = EnrollmentState::Stopped(StopReason::ContactDeleted);
        assert_eq!(aftermath(&world), (deleted, 10, 0), "{}", world.db.name);
        assert_eq!(world.events(), ["contact.created", "enrollment.stopped", "contact.deleted"]);
        let gone = world.run(world.engine.contact(&agent(), made.id));
        assert!(matches!(gone, Err(ContactError::Unknown)));
        let twice = world.run(world.engine.delete_contact(&agent(), made.id));
        assert!(matches!(twice, Err(ContactError::Unknown)));
        let back = make(&world, "2125550134", &[]).unwrap();
        assert_ne!(back.id, made.id);
        assert_eq!(world.run(world.engine.suppressions(&agent(), back.id)).unwrap(), [Suppression::OptedOut]);
    }
}

#[test]
fn users_rule_over_their_own_lists_only() {
    for world in worlds() {
        let id = make(&world, "2125550134", &[]).unwrap().id;
        enroll(&world, id);
        let (engine, agent, admin) = (&world.engine, agent(), actor(Role::Admin));
        let put = |who: &engine::Actor, kind| world.run(engine.suppress(who, id, kind));
        let lift = |who: &engine::Actor, kind| world.run(engine.unsuppress(who, id, kind));
        for kind in [Suppression::OptedOut, Suppression::Undeliverable] {
            assert!(matches!(put(&admin, kind), Err(SuppressError::NotByHand(_))), "{}", world.db.name);
        }
        assert!(matches!(lift(&admin, Suppression::OptedOut), Err(SuppressError::NotByHand(_))));
        assert!(matches!(put(&agent, Suppression::ComplianceBlocked), Err(SuppressError::Forbidden(_))));
        assert_eq!(aftermath(&world).0, EnrollmentState::Active);
        assert!(put(&agent, Suppression::DoNotContact).unwrap());
        assert!(!put(&agent, Suppression::DoNotContact).unwrap());
        assert_eq!(aftermath(&world), (EnrollmentState::Stopped(StopReason::DoNotContact), 10, 1));
        assert!(put(&admin, Suppression::ComplianceBlocked).unwrap());
        let both = [Suppression::DoNotContact, Suppression::ComplianceBlocked];
        assert_eq!(world.run(engine.suppressions(&agent, id)).unwrap(), both);
        assert!(matches!(lift(&agent, Suppression::ComplianceBlocked), Err(SuppressError::Forbidden(_))));
        assert!(lift(&agent, Suppression::DoNotContact).unwrap());
        assert!(!lift(&agent, Suppression::DoNotContact).unwrap());
        assert!(lift(&admin, Suppression::ComplianceBlocked).unwrap());
        assert!(world.run(engine.suppressions(&agent, id)).unwrap().is_empty());
    }
}

#[test]
fn another_workspaces_contact_is_not_found() {
    for world in worlds() {
        let id = make(&world, "2125550134", &[]).unwrap().id;
        fresh::add_workspace(&world.db.store, WorkspaceId(8));
        let other = engine::Actor::operator(WorkspaceId(8));
        assert!(matches!(world.run(world.engine.contact(&other, id)), Err(ContactError::Unknown)));
        assert!(matches!(world.run(world.engine.delete_contact(&other, id)), Err(ContactError::Unknown)));
        let done = world.run(world.engine.suppress(&other, id, Suppression::DoNotContact));
        assert!(matches!(done, Err(SuppressError::Unknown)), "{}", world.db.name);
        let theirs = world.run(world.engine.create_contact(&other, new("2125550134", &[]))).unwrap();
        let ours = world.run(world.engine.contact(&agent(), id)).unwrap();
        assert_ne!(theirs.phone_hash, ours.phone_hash);
    }
}
