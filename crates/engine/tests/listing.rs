//! Searching, filtering and sorting contacts, on both databases.
use domain::ids::{ContactId, ImportId, WorkflowId, WorkspaceId};
use domain::suppression::Suppression;
use engine::bulk::{BulkError, Selection};
use engine::changes::{Change, Whom};
use engine::contacts::NewContact;
use engine::contacts::list::{Activity, Counted, Filter, History, Sort, Standing};
use engine::contacts::wish::{FieldWish, Wish};
use engine::enrolling::EnrollRequest;
use engine::search::Why;
use engine::{Actor, Failure};
use store::Lane;
use store::contacts::ContactRow;

use crate::world::{Plan, World, on_both};

async fn make(world: &World, phone: &str, fields: &[(&str, &str)]) -> ContactId {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let new = NewContact { phone: phone.to_owned(), fields, ..NewContact::default() };
    world.engine.create_contact(&world.actor, new).await.unwrap().id
}

async fn names(world: &World, filter: &Filter, sort: Sort) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        // Pages of two: each test walks through several.
        let page = world.engine.list_contacts(&world.actor, filter, sort, &cursor, 2).await.unwrap();
        all.extend(page.contacts.into_iter().map(|contact| contact.name));
        match page.next {
            Some(next) => cursor = next,
            None => return all,
        }
    }
}

fn start(contact: ContactId, workflow: WorkflowId) -> EnrollRequest {
    EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None }
}

fn words(text: &str) -> Filter {
    Filter { search: text.to_owned(), ..Filter::default() }
}

fn standing(standing: Standing) -> Filter {
    Filter { standing: Some(standing), ..Filter::default() }
}

#[test]
fn contacts_are_found_by_what_names_them_in_any_spelling() {
    on_both(Plan::default, async |world| {
        let ann = [("Full Name", "Ann Mae O'Brien"), ("Email", "ann@x.example"), ("Address", "12 Oak Street")];
        make(&world, "+13055550177", &ann).await;
        let jose = make(&world, "+13055550188", &[("First Name", "José"), ("Last Name", "Müller")]).await;
        make(&world, "+442071838750", &[("Company", "Acme & Sons")]).await;
        for (asked, found) in [
            ("ann", &["Ann Mae O'Brien"][..]),
            ("obri an", &["Ann Mae O'Brien"]),
            ("O’BRIEN mae ann", &["Ann Mae O'Brien"]),
            ("nn", &[]),
            ("ann@x", &["Ann Mae O'Brien"]),
            ("oak st", &["Ann Mae O'Brien"]),
            ("12 oak", &["Ann Mae O'Brien"]),
            ("jose mul", &["José Müller"]),
            ("acme", &["Acme & Sons"]),
            ("(305) 555-01", &["José Müller", "Ann Mae O'Brien"]),
            ("+1 305-555-0188", &["José Müller"]),
            ("555 0177", &["Ann Mae O'Brien"]),
            ("0188", &["José Müller"]),
            ("+44 20 7183", &["Acme & Sons"]),
            ("% _", &["Acme & Sons", "José Müller", "Ann Mae O'Brien"]),
        ] {
            assert_eq!(names(&world, &words(asked), Sort::Newest).await, found, "{asked}");
        }
        // What is changed or deleted is found by what it is now.
        let change = vec![("Last Name".to_owned(), Some("Schmidt".to_owned()))];
        world.engine.edit_contact(&world.actor, jose, change).await.unwrap();
        assert_eq!(names(&world, &words("jose mul"), Sort::Newest).await, Vec::<String>::new());
        assert_eq!(names(&world, &words("schmidt"), Sort::Newest).await, ["José Schmidt"]);
        world.engine.delete_contact(&world.actor, jose).await.unwrap();
        assert_eq!(names(&world, &words("schmidt"), Sort::Newest).await, Vec::<String>::new());
        let other = Actor::operator(WorkspaceId(2));
        assert!(world.engine.search(&other, "ann", 10).await.unwrap().is_empty());
        world.end().await;
    });
}

#[test]
fn what_people_wrote_is_found_and_what_workflows_say_is_not() {
    on_both(Plan::default, async |world| {
        let ann = make(&world, "+13055550177", &[("Full Name", "Ann Lee")]).await;
        let workflow = world.workflow(&[(0, "Hello from the workflow")]).await;
        world.engine.enroll(&world.actor, start(ann, workflow)).await.unwrap();
        world.play_days(1).await;
        world.reply("+13055550177", "Still available?").await;
        world.reply("+13055550177", "My house is available in May, yes").await;
        let found = |hits: Vec<engine::search::Hit>| -> Vec<String> {
            let word = |hit: engine::search::Hit| match hit.why {
                Why::Message { before, word, after, .. } => format!("{before}[{word}]{after}"),
                other => format!("{} {other:?}", hit.contact.name),
            };
            hits.into_iter().map(word).collect()
        };
        for (asked, expected) in [
            ("avail", &["My house is [available] in May, yes", "Still [available]?"][..]),
            ("AVAILABLE house", &["My [house] is available in May, yes"]),
            ("workflow", &[]),
            ("ann", &["Ann Lee Name"]),
            ("0177", &["Ann Lee Phone"]),
        ] {
            let hits = world.engine.search(&world.actor, asked, 10).await.unwrap();
            assert_eq!(found(hits), expected, "{asked}");
        }
        world.engine.delete_contact(&world.actor, ann).await.unwrap();
        assert!(world.engine.search(&world.actor, "available", 10).await.unwrap().is_empty());
        world.end().await;
    });
}

#[test]
fn lists_are_sorted_and_filtered_over_many_pages() {
    on_both(Plan::default, async |world| {
        let mut ids = Vec::new();
        for (phone, name) in [
            ("+13055550101", "Dora"),
            ("+13055550102", "anton"),
            ("+13055550103", "Bea"),
            ("+13055550104", "Ähm"),
            ("+13055550105", "Bea"),
        ] {
            ids.push(make(&world, phone, &[("Full Name", name)]).await);
        }
        let all = Filter::default();
        assert_eq!(names(&world, &all, Sort::Newest).await, ["Bea", "Ähm", "Bea", "anton", "Dora"]);
        assert_eq!(names(&world, &all, Sort::Name).await, ["Ähm", "anton", "Bea", "Bea", "Dora"]);
        let workflow = world.workflow(&[(0, "Hi"), (3, "Still there?")]).await;
        for id in [ids[0], ids[2]] {
            world.engine.enroll(&world.actor, start(id, workflow)).await.unwrap();
        }
        world.play_days(1).await;
        world.reply("+13055550101", "STOP").await;
        world.engine.suppress(&world.actor, ids[1], Suppression::DoNotContact).await.unwrap();
        assert_eq!(names(&world, &all, Sort::Activity).await, ["Dora", "Bea", "Bea", "Ähm", "anton"]);
        assert_eq!(names(&world, &standing(Standing::InWorkflow), Sort::Name).await, ["Bea"]);
        assert_eq!(names(&world, &standing(Standing::OptedOut), Sort::Newest).await, ["Dora"]);
        assert_eq!(names(&world, &standing(Standing::DoNotContact), Sort::Activity).await, ["anton"]);
        assert_eq!(names(&world, &standing(Standing::NeverTexted), Sort::Name).await, ["Ähm", "anton", "Bea"]);
        let both = Filter { search: "bea".to_owned(), ..standing(Standing::InWorkflow) };
        assert_eq!(names(&world, &both, Sort::Newest).await, ["Bea"]);
        let count = async |filter: &Filter| world.engine.count_contacts(&world.actor, filter).await.unwrap();
        assert_eq!(count(&all).await, Counted::Exactly(5));
        assert_eq!(count(&both).await, Counted::Exactly(1));
        assert_eq!(count(&standing(Standing::NeverTexted)).await, Counted::Exactly(3));
        // A phone that comes back is on its list still.
        world.engine.delete_contact(&world.actor, ids[1]).await.unwrap();
        assert_eq!(count(&standing(Standing::DoNotContact)).await, Counted::Exactly(0));
        make(&world, "+13055550102", &[("Full Name", "Anton again")]).await;
        assert_eq!(names(&world, &standing(Standing::DoNotContact), Sort::Newest).await, ["Anton again"]);
        world.end().await;
    });
}

#[test]
fn what_a_contact_had_to_do_with_a_workflow_and_when_it_moved_combine() {
    on_both(Plan::default, async |world| {
        let mut ids = Vec::new();
        for (n, name) in ["Ann", "Bea", "Cyd", "Dora"].into_iter().enumerate() {
            ids.push(make(&world, &format!("+1305555010{n}"), &[("Full Name", name)]).await);
        }
        let workflow = world.workflow(&[(0, "Hi"), (9, "Still there?")]).await;
        for id in &ids[..2] {
            world.engine.enroll(&world.actor, start(*id, workflow)).await.unwrap();
        }
        world.play_days(1).await;
        world.reply("+13055550100", "who is this?").await;
        world.play_days(1).await;
        let middle = world.engine.now();
        world.play_days(1).await;
        world.reply("+13055550100", "Are you there?").await;
        world.reply("+13055550102", "Hello?").await;
        let of = |history| Filter { history: Some(history), ..Filter::default() };
        let moved = |activity| Filter { activity: Some(activity), ..Filter::default() };
        for (filter, fits) in [
            (of(History::Running(workflow)), &["Bea"][..]),
            (of(History::Been(workflow)), &["Ann", "Bea"]),
            (of(History::Never(workflow)), &["Cyd", "Dora"]),
            (of(History::Been(WorkflowId(7))), &[]),
            (moved(Activity::Since(middle)), &["Ann", "Cyd"]),
            (moved(Activity::NotSince(middle)), &["Bea", "Dora"]),
            (Filter { activity: Some(Activity::Since(middle)), ..of(History::Been(workflow)) }, &["Ann"]),
            (Filter { activity: Some(Activity::NotSince(middle)), ..of(History::Been(workflow)) }, &["Bea"]),
            (Filter { search: "bea".to_owned(), ..of(History::Never(workflow)) }, &[]),
            (Filter { search: "bea".to_owned(), ..moved(Activity::NotSince(middle)) }, &["Bea"]),
        ] {
            for sort in [Sort::Newest, Sort::Name, Sort::Activity] {
                let mut found = names(&world, &filter, sort).await;
                found.sort();
                assert_eq!(found, fits, "{filter:?} {sort:?}");
            }
            let count = world.engine.count_contacts(&world.actor, &filter).await.unwrap();
            assert_eq!(count, Counted::Exactly(fits.len() as u64), "{filter:?}");
            let kept: Filter = serde_json::from_str(&serde_json::to_string(&filter).unwrap()).unwrap();
            assert_eq!(kept, filter, "as a job keeps it");
        }
        world.end().await;
    });
}

#[test]
fn what_a_field_holds_chooses_contacts_beside_all_else() {
    on_both(Plan::default, async |world| {
        for (n, city) in ["Boston", "BOSTON ", "South Boston", "", "Bóston"].into_iter().enumerate() {
            let name = format!("P{n}");
            let fields = [("Full Name", name.as_str()), ("City", city)];
            let id = make(&world, &format!("+1305555010{n}"), &fields[..if city.is_empty() { 1 } else { 2 }]).await;
            if n == 1 {
                world.engine.suppress(&world.actor, id, Suppression::DoNotContact).await.unwrap();
            }
        }
        let of = |wish| Filter { field: Some(FieldWish { key: "city".to_owned(), wish }), ..Filter::default() };
        let (is, has) = (|text: &str| of(Wish::Is(text.to_owned())), |text: &str| of(Wish::Has(text.to_owned())));
        let blocked = Some(Standing::DoNotContact);
        for (filter, fits) in [
            (is("boston"), &["P0", "P1", "P4"][..]),
            (has("bost"), &["P0", "P1", "P2", "P4"]),
            (of(Wish::Empty), &["P3"]),
            (of(Wish::Filled), &["P0", "P1", "P2", "P4"]),
            (is("Chicago"), &[]),
            (Filter { standing: blocked, ..is("boston") }, &["P1"]),
            (Filter { standing: blocked, ..of(Wish::Empty) }, &[]),
            (Filter { search: "p2".to_owned(), ..has("boston") }, &["P2"]),
            (Filter { search: "p2".to_owned(), ..is("boston") }, &[]),
        ] {
            for sort in [Sort::Newest, Sort::Name, Sort::Activity] {
                let mut found = names(&world, &filter, sort).await;
                found.sort();
                assert_eq!(found, fits, "{filter:?} {sort:?}");
            }
            let (ids, _) = world.engine.matching_contacts(&world.actor, &filter, None, 100).await.unwrap();
            assert_eq!(ids.len(), fits.len(), "{filter:?}: whom a job changes");
            let kept: Filter = serde_json::from_str(&serde_json::to_string(&filter).unwrap()).unwrap();
            assert_eq!(kept, filter, "as a job keeps it");
        }
        world.end().await;
    });
}

#[test]
fn a_filter_that_fits_few_of_many_shows_short_pages_and_loses_nobody() {
    on_both(Plan::default, async |world| {
        let (workspace, now) = (world.workspace(), world.engine.now());
        let row = |n: i64| ContactRow {
            id: ContactId(n),
            phone: format!("+1305{:07}", 2_000_000 + n),
            phone_hash: n,
            person: None,
            name: format!("Person {n}"),
            fields: Vec::new(),
        };
        let rows: Vec<ContactRow> = (1..=12_000).map(row).collect();
        let done = world.engine.store().write::<_, Failure, _>(Lane::Normal, move |tx| {
            for chunk in rows.chunks(1_000) {
                store::contacts::insert(tx, workspace, chunk, now)?;
            }
            let import = Some(ImportId(9));
            let own = ContactRow { phone: "+13055550199".to_owned(), ..row(0) };
            store::contacts::insert_imported(tx, workspace, &[own], import, store::contacts::Found::AtOnce, now)?;
            Ok(())
        });
        done.await.unwrap();
        let filter = Filter { import: Some(ImportId(9)), ..standing(Standing::NeverTexted) };
        assert_eq!(names(&world, &filter, Sort::Newest).await, ["Person 0"]);
        let blocked = world.engine.suppress(&world.actor, ContactId(1), Suppression::DoNotContact).await;
        blocked.unwrap();
        let rare = Filter { search: "person".to_owned(), ..Filter::default() };
        let page = world.engine.list_contacts(&world.actor, &rare, Sort::Newest, "", 50).await.unwrap();
        assert!(page.too_many_found);
        assert_eq!(world.engine.count_contacts(&world.actor, &rare).await.unwrap(), Counted::MoreThan(2_000));
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let never = standing(Standing::NeverTexted);
            let (ids, next) = world.engine.matching_contacts(&world.actor, &never, before, 5_000).await.unwrap();
            all.extend(ids);
            before = next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(all.len(), 12_001);
        assert!(all.is_sorted_by(|one, other| one > other), "each once, the newest first");
        match world.engine.whom_it_fits(&world.actor, &standing(Standing::NeverTexted)).await.unwrap() {
            Selection::These(ids) => assert_eq!(ids, all),
            other => panic!("{other:?}"),
        }
        let found = world.engine.whom_it_fits(&world.actor, &rare).await;
        assert!(matches!(found, Err(BulkError::TooManyFound)), "nobody is left out silently: {found:?}");
        let whom = || Whom::Matching(rare.clone());
        for change in [Change::Delete, Change::DoNotContact] {
            let refused = world.engine.change_many(&world.actor, change, whom()).await;
            assert!(matches!(refused, Err(BulkError::TooManyFound)), "{refused:?}");
        }
        let nobody = Filter { search: "zebra".to_owned(), ..Filter::default() };
        let found = world.engine.whom_it_fits(&world.actor, &nobody).await;
        assert!(matches!(found, Err(BulkError::NobodyFits)), "{found:?}");
        world.end().await;
    });
}
