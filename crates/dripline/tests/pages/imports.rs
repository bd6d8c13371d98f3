//! The check of an upload before its import, and an import while it runs, as their pages tell them.

use domain::access::Role;
use engine::import::{ImportOptions, ImportOutlets, ImportProgress, Pace};
use engine::imports::{Choices, Import};
use jiff::SignedDuration;
use store::{DbError, Lane};

use crate::contacts::{ended, upload};
use crate::markup::sound;
use crate::site::{Answer, Person, Site};

#[tokio::test]
async fn a_running_import_tells_its_share_its_rate_and_the_time_that_is_left_while_it_knows_them() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = upload(&owner, "a.csv", b"Phone,Name\n7865550110,Ann\n").await.header("location").to_owned();
    let (engine, id) = (&site.parts.engine, page.rsplit('/').next().unwrap().parse().unwrap());
    let begun = engine.start_import(&customer.operator, id, &Choices::default()).await.unwrap();
    let fresh = owner.get(&page).await.good();
    sound(&fresh);
    assert!(
        fresh.has("<progress") && !fresh.has("value=\"0\" max=\"100\"") && !fresh.has(" left</p>"),
        "{}",
        fresh.text
    );
    let pace = Pace { bytes: 41_900, of_bytes: Some(100_000), rows_per_second: Some(10_400), seconds_left: Some(150) };
    let counts = serde_json::to_string(&ImportProgress { rows: 1_000, pace, ..ImportProgress::default() }).unwrap();
    let (workspace, now) = (customer.operator.workspace(), engine.now());
    let moved = Import { counts, updated_at: now, ..begun };
    let save = move |tx: &mut store::Tx<'_>| store::imports::save(tx, workspace, &moved);
    engine.store().write::<_, DbError, _>(Lane::Normal, save).await.unwrap();
    let running = owner.get(&page).await.good();
    sound(&running);
    assert!(running.has("41 % · 10,400 rows a second · about 3 minutes left"), "{}", running.text);
    assert!(running.has("value=\"41\" max=\"100\""));
    // What was noted a while ago says nothing of now.
    assert!(engine.clock().move_to(now + SignedDuration::from_secs(30)));
    let silent = owner.get(&page).await.good();
    assert!(silent.has("value=\"41\"") && !silent.has("rows a second"), "{}", silent.text);
}

/// Asks for the part of the page that tells of a check, until the check is over.
async fn checked(person: &Person<'_>, page: &str) -> Answer {
    for _ in 0..10_000 {
        let part = person.script("GET", &format!("{page}/check"), "").await.good();
        if !part.has("every 1s") {
            return part;
        }
        tokio::task::yield_now().await;
    }
    panic!("{page} is checked for ever");
}

const MAPPING: &str =
    "header=Who&target=field%3AFull+Name&header=Mobile&target=phone&header=Plot&target=field%3APlot&consent_kind=none";

#[tokio::test]
async fn a_whole_file_is_checked_before_it_is_imported_and_nothing_is_stored() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let (engine, actor) = (&site.parts.engine, &customer.operator);
    let everybody = async || engine.contacts(actor, None, "", 200).await.unwrap().contacts;
    let before = everybody().await;
    let there = before[0].phone.clone();
    let csv = format!(
        "Who;Mobile;Plot\n<b>Ann</b>;{there};7\nBob;(786) 555-0111;\nCid;12;\nBob;7865550111;\nBO MCNEIL;7865550112;\n"
    );
    let page = upload(&owner, "leads.csv", csv.as_bytes()).await.header("location").to_owned();
    let choose = owner.get(&page).await.good();
    sound(&choose);
    assert!(choose.has("Check the whole file first") && !choose.has("What the import would do"));
    let overwrite = format!("{MAPPING}&overwrite=1");
    let begun = owner.post(&format!("{page}/check"), &overwrite).await;
    assert_eq!((begun.status, begun.header("location")), (303, format!("{page}#check").as_str()), "{}", begun.text);
    let part = checked(&owner, &page).await;
    let figure = |name: &str| {
        let (_, after) = part.text.split_once(&format!(">{name}</dt>")).unwrap_or_else(|| panic!("{}", part.text));
        after.split("</dd>").next().unwrap().rsplit('>').next().unwrap().to_owned()
    };
    let figures = ["Rows read", "Would be made", "Would change", "Repeats in the file", "Would be rejected"];
    assert_eq!(figures.map(figure), ["5", "2", "1", "1", "1"]);
    for says in
        ["badge-info\">Plot<", "<ins class=\"no-underline\">7</ins>", "empty", "1 row would be rejected", "too short"]
    {
        assert!(part.has(says), "{says}: {}", part.text);
    }
    assert!(part.has("&#60;b&#62;Ann") && !part.has("<b>Ann"), "{}", part.text);
    assert_eq!(everybody().await, before, "a check stores nothing");
    assert!(engine.custom_fields(actor).await.unwrap().fields.is_empty());
    // The page comes back as it was checked, and a change of the form lets go of what no longer holds.
    let again = owner.get(&page).await.good();
    sound(&again);
    assert!(
        again.has("What the import would do") && again.has("name=\"overwrite\" value=\"1\" checked"),
        "{}",
        again.text
    );
    let rejected = owner.get(&format!("{page}/check/rejected.csv")).await.good();
    assert!(rejected.has("Rejected Because") && rejected.has("Cid"), "{}", rejected.text);
    assert!(owner.post(&page, &overwrite).await.good().has("What the import would do"));
    assert!(!owner.post(&page, &format!("{MAPPING}&overwrite=")).await.good().has("What the import would do"));
    assert!(!owner.post(&page, &overwrite).await.good().has("What the import would do"), "it is gone");
    // Names in capitals are a choice of their own, ticked at first.
    assert!(choose.has("name=\"recase\" value=\"1\" checked") && !again.has("name=\"recase\" value=\"1\" checked"));
    assert_eq!(owner.post(&format!("{page}/check"), &format!("{overwrite}&recase=1")).await.status, 303);
    let part = checked(&owner, &page).await;
    assert!(part.has("Bo McNeil") && part.has("the file has BO MCNEIL"), "{}", part.text);
    assert!(part.has("Names recapitalized"));
    // What was said comes true.
    assert_eq!(owner.post(&format!("{page}/check"), &overwrite).await.status, 303);
    checked(&owner, &page).await;
    assert_eq!(owner.post(&format!("{page}/start"), &overwrite).await.status, 303);
    let done = ended(&owner, &page).await;
    assert!(done.has("1 row was rejected"), "{}", done.text);
    assert_eq!(everybody().await.len(), before.len() + 2);
    assert_eq!(owner.get(&format!("{page}/check/rejected.csv")).await.status, 404);
    let late = owner.post(&format!("{page}/check"), &overwrite).await;
    assert_eq!((late.status, late.header("location")), (303, page.as_str()), "there is nothing to check any more");
}

#[tokio::test]
async fn a_check_is_its_workspaces_own_and_says_what_is_wrong() {
    let site = Site::new();
    let (customer, other) =
        (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+12125550200").await);
    let (owner, stranger) = (site.person(&customer, Role::Owner).await, site.person(&other, Role::Owner).await);
    let viewer = site.person(&customer, Role::Viewer).await;
    let page = upload(&owner, "a.csv", b"Phone,Name\n7865550110,Ann\n").await.header("location").to_owned();
    assert_eq!(owner.post(&format!("{page}/check"), "").await.status, 303);
    checked(&owner, &page).await;
    for path in [format!("{page}/check"), format!("{page}/check/rejected.csv")] {
        assert_eq!(stranger.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(stranger.post(&format!("{page}/check"), "").await.status, 404);
    assert_eq!(viewer.post(&format!("{page}/check"), "").await.status, 403);
    assert_eq!(viewer.get(&format!("{page}/check")).await.status, 403);
    let none = owner.post(&format!("{page}/check"), "header=Phone&target=ignore&header=Name&target=ignore").await;
    assert!(none.status == 200 && none.has("No column is a phone"), "{}", none.text);
    let open = format!("Phone,Note\n{}1,\"{}", "7865550110,x\n".repeat(20), "x".repeat(2_000_000));
    let page = upload(&owner, "b.csv", open.as_bytes()).await.header("location").to_owned();
    assert_eq!(owner.post(&format!("{page}/check"), "").await.status, 303);
    let part = checked(&owner, &page).await;
    assert!(part.has("role=\"alert\"") && part.has("is longer than"), "{}", part.text);
}

#[tokio::test]
async fn a_file_starts_once_somebody_says_how_its_people_agreed_or_that_nobody_knows() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = upload(&owner, "leads.csv", b"Who,Mobile\nAnn,7865550111\n").await.header("location").to_owned();
    let mapping = "header=Who&target=field%3AFull+Name&header=Mobile&target=phone&overwrite=";
    let start = async |more: &str| owner.post(&format!("{page}/start"), &format!("{mapping}{more}")).await;
    for (said, told) in [
        ("", "Say how these people agreed to be texted, or that none is recorded."),
        ("&consent_kind=written", "nobody says how it came about"),
        ("&consent_kind=written&consent_source=Paper&consent_date=2199-01-01", "is still to come"),
        ("&consent_kind=none&consent_source=Paper", "nobody says of which kind it is"),
    ] {
        let refused = start(said).await;
        sound(&refused);
        assert!(refused.status == 422 && refused.has(told), "{said}: {}", refused.text);
        assert!(refused.has("Ann"), "the rows stay in sight: {}", refused.text);
    }
    let silent = owner.post(&format!("{page}/start"), "").await;
    assert!(silent.status == 422 && silent.has("Say how these people agreed"), "{}", silent.text);
    // Looking says what is wrong, and not that nothing was chosen yet.
    let looked = owner.post(&page, mapping).await.good();
    assert!(!looked.has("role=\"alert\""), "{}", looked.text);
    let looked = owner.post(&page, &format!("{mapping}&consent_kind=written")).await.good();
    assert!(looked.has("nobody says how it came about"), "{}", looked.text);
    assert_eq!(start("&consent_kind=written&consent_source=Paper&consent_date=2025-01-02").await.status, 303);
    assert!(ended(&owner, &page).await.has("Consents recorded"));
    // A column of the file says it as well.
    let page = upload(&owner, "more.csv", b"Mobile,Consent\n7865550112,yes\n").await.header("location").to_owned();
    let looked = owner.get(&page).await.good();
    assert!(looked.has("In columns of the file"), "{}", looked.text);
    let mapping = "header=Mobile&target=phone&header=Consent&target=consent%3AConsent+Kind&overwrite=";
    assert_eq!(owner.post(&format!("{page}/start"), mapping).await.status, 303);
}

#[tokio::test]
async fn a_file_puts_its_people_on_a_list_that_it_names() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    site.parts.engine.create_label(&customer.operator, "Hot", "red").await.unwrap();
    let page = upload(&owner, "leads.csv", b"Who,Mobile\nAnn,7865550111\n").await.header("location").to_owned();
    let mapping = "header=Who&target=field%3AFull+Name&header=Mobile&target=phone&overwrite=&consent_kind=none";
    // What was typed stays while the page is looked at.
    let looked = owner.post(&page, &format!("{mapping}&list=Dallas++owners")).await.good();
    assert!(looked.has("name=\"list\" value=\"Dallas owners\""), "{}", looked.text);
    let refused = owner.post(&format!("{page}/start"), &format!("{mapping}&list=hot")).await;
    sound(&refused);
    assert!(refused.status == 422 && refused.has("id=\"list-fault\"") && refused.has("already"), "{}", refused.text);
    assert_eq!(owner.post(&format!("{page}/start"), &format!("{mapping}&list=Dallas+owners")).await.status, 303);
    let done = ended(&owner, &page).await;
    assert!(done.has("Rows without a consent"), "{}", done.text);
    let known = site.parts.engine.labels(&customer.operator).await.unwrap();
    let list = known.iter().find(|label| label.is_list()).unwrap();
    let listed = owner.get(&format!("/contacts?list={}", list.id)).await.good();
    assert!(list.name == "Dallas owners" && listed.has(">Ann</a>") && !listed.has("Ours0<"), "{}", listed.text);
    // The next file is offered it.
    let next = upload(&owner, "more.csv", b"Mobile\n7865550112\n").await.header("location").to_owned();
    assert!(owner.get(&next).await.good().has("<option value=\"Dallas owners\">"));
    // A list that is gone stays what is asked for: nobody is shown, and not everybody at the next change.
    site.parts.engine.create_contact_list(&customer.operator, "Other").await.unwrap();
    site.parts.engine.delete_label(&customer.operator, list.id).await.unwrap();
    let gone = owner.get(&format!("/contacts?list={}", list.id)).await.good();
    sound(&gone);
    assert!(gone.has("selected>(deleted list)</option>") && gone.has("Nobody fits"), "{}", gone.text);
}

#[tokio::test]
async fn an_import_whose_process_died_says_so_and_goes_on_by_itself() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = upload(&owner, "a.csv", b"Phone,Name\n7865550110,Ann\n").await.header("location").to_owned();
    let import = page.rsplit('/').next().unwrap().parse().unwrap();
    // In hand, and nobody works on it: as after a kill.
    let engine = &site.parts.engine;
    engine.start_import(&customer.operator, import, &engine::imports::Choices::default()).await.unwrap();
    let running = owner.get(&page).await.good();
    assert!(running.has("Under way") && !running.has("It stands still"), "its process may be at it");
    assert!(running.has("/cancel\""), "{}", running.text);
    assert_eq!(owner.post(&format!("{page}/cancel"), "").await.status, 303);
    let canceled = owner.get(&page).await.good();
    sound(&canceled);
    assert!(canceled.has("It ends now") && !canceled.has("/cancel\"") && !canceled.has("/undo\""), "{}", canceled.text);
    assert_eq!(owner.post(&format!("{page}/cancel"), "").await.status, 422);
    assert_eq!(owner.post(&format!("{page}/start"), "").await.status, 422);
    let keeper = dripline::ImportsKeeper::of(site.parts.clone());
    let pass = async |engine: &engine::Engine| {
        assert!(engine.clock().move_to(engine.now() + jiff::SignedDuration::from_mins(2)));
    };
    pass(engine).await;
    let still = owner.get(&page).await.good();
    sound(&still);
    assert!(still.has("It stands still") && still.has("goes on by itself") && !still.has("every 1s"), "{}", still.text);
    assert!(owner.get("/contacts/import").await.good().has("stands still"));
    pass(engine).await;
    assert!(owner.get("/").await.good().has("1 import stands still"));
    keeper.once().await;
    assert!(owner.get(&page).await.good().has("Canceled"), "it was being canceled");
    // One that runs is read again from its beginning.
    assert_eq!(owner.post(&format!("{page}/start"), "").await.status, 303);
    assert!(ended(&owner, &page).await.has("See the new contacts"));
    let ours = customer.operator.clone();
    engine.begin_undo(&ours, import).await.unwrap();
    keeper.once().await;
    assert!(owner.get(&page).await.good().has("Being undone"), "its process may be at it");
    pass(engine).await;
    keeper.once().await;
    assert!(ended(&owner, &page).await.has("Undone: 1 contact was deleted"));
    let page = upload(&owner, "b.csv", b"Phone,Name\n7865550110,Ann\n7865550111,Bob\n").await;
    let page = page.header("location").to_owned();
    let import = page.rsplit('/').next().unwrap().parse().unwrap();
    engine.start_import(&ours, import, &engine::imports::Choices::default()).await.unwrap();
    pass(engine).await;
    keeper.once().await;
    assert!(ended(&owner, &page).await.has("See the new contacts"));
    assert!(owner.get("/contacts?q=bob").await.good().has("Bob"));
    // One without its file waits for a person, who may undo it.
    let page = upload(&owner, "c.csv", b"Phone,Name\n7865550112,Cid\n").await.header("location").to_owned();
    let import: domain::ids::ImportId = page.rsplit('/').next().unwrap().parse().unwrap();
    engine.start_import(&ours, import, &engine::imports::Choices::default()).await.unwrap();
    std::fs::remove_file(site.parts.uploads.join(format!("{import}.csv"))).unwrap();
    pass(engine).await;
    keeper.once().await;
    let still = owner.get(&page).await.good();
    sound(&still);
    assert!(still.has("It stands still") && still.has("Its file is not here") && !still.has("goes on by itself"));
    assert!(!still.has("<progress"), "what stands still does not seem to move");
    assert_eq!(owner.post(&format!("{page}/undo"), "").await.status, 303);
    assert!(ended(&owner, &page).await.has("Undone: 0 contacts were deleted"));
}

#[tokio::test]
async fn an_import_by_a_program_is_listed_has_no_file_and_is_undone() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let (engine, actor) = (&site.parts.engine, &customer.operator);
    let there = engine.contacts(actor, None, "", 1).await.unwrap().contacts.remove(0);
    let file = format!("Phone,City\n{},Bern\n7865550131,Rome\nno,Oslo\n", there.phone);
    let options = ImportOptions { no_consent: true, file: Some("crm.csv".to_owned()), ..ImportOptions::default() };
    let outlets = ImportOutlets::default();
    let (import, _) = engine.import_file(actor, std::io::Cursor::new(file), options, outlets).await.unwrap();
    let list = owner.get("/contacts/import").await.good();
    assert!(list.has("crm.csv") && list.has("1 new, 1 updated, 1 rejected"), "{}", list.text);
    let page = format!("/contacts/import/{}", import.id);
    let done = owner.get(&page).await.good();
    sound(&done);
    assert!(done.has("1 row was rejected") && !done.has("rejected.csv") && !done.has(">Start again<"), "{}", done.text);
    assert!(done.has("get their former values back"), "{}", done.text);
    assert_eq!(owner.post(&format!("{page}/undo"), "").await.status, 303);
    let undone = ended(&owner, &page).await;
    assert!(undone.has("Undone: 1 contact was deleted; 1 contact is as it was before"), "{}", undone.text);
    assert!(owner.get("/contacts/import").await.good().has("undone: 1 deleted, 1 changed back, 0 kept"));
    // One whose program ended cannot go on: nobody has its file.
    let (workspace, dead) = (actor.workspace(), Import { state: "running".to_owned(), ..import.clone() });
    let save = move |tx: &mut store::Tx<'_>| store::imports::save(tx, workspace, &dead);
    engine.store().write::<_, DbError, _>(Lane::Normal, save).await.unwrap();
    assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(2)));
    dripline::ImportsKeeper::of(site.parts.clone()).once().await;
    let failed = owner.get(&page).await.good();
    assert!(failed.has("The program ended while it ran") && failed.has("/undo\""), "{}", failed.text);
    let older = owner.get(&format!("/contacts/import?before={}", import.id)).await.good();
    assert!(!older.has("crm.csv"), "{}", older.text);
}

#[tokio::test]
async fn uploaded_files_go_after_a_day_and_rejected_rows_after_a_month() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let engine = &site.parts.engine;
    let mut imports = Vec::new();
    for name in ["a.csv", "b.csv"] {
        let page = upload(&owner, name, b"Phone,Name\n7865550110,Ann\nno,Bob\n").await.header("location").to_owned();
        imports.push(page.rsplit('/').next().unwrap().parse::<domain::ids::ImportId>().unwrap());
    }
    let page = format!("/contacts/import/{}", imports[0]);
    assert_eq!(owner.post(&format!("{page}/start"), "consent_kind=none").await.status, 303);
    ended(&owner, &page).await;
    // The other one stands still, and has its file as long as it does.
    engine.start_import(&customer.operator, imports[1], &engine::imports::Choices::default()).await.unwrap();
    let here = |import: usize, kind: &str| site.parts.uploads.join(format!("{}{kind}.csv", imports[import])).exists();
    // A server that was killed during an upload left its draft behind; another upload is under way.
    let drafts = [".tmpAbcdef", ".tmpGhijkl"].map(|name| site.parts.uploads.join(name));
    for (draft, age) in drafts.iter().zip([25, 1]) {
        let file = std::fs::File::create(draft).unwrap();
        let written = file.metadata().unwrap().modified().unwrap() - std::time::Duration::from_secs(age * 3_600);
        file.set_modified(written).unwrap();
    }
    let files = || [here(0, ""), here(0, ".rejected"), here(1, "")];
    let keeper = dripline::ImportsKeeper::of(site.parts.clone());
    let pass = async |hours: i64| {
        let now = engine.now();
        // Somebody moves it, so that it does not go on by itself.
        assert!(engine.clock().move_to(now + jiff::SignedDuration::from_hours(hours)));
        let (workspace, import) = (customer.workspace, imports[1]);
        let hold = move |tx: &mut store::Tx<'_>| {
            let import = store::imports::find(tx, workspace, import)?.unwrap();
            let moved_at = now + jiff::SignedDuration::from_hours(hours);
            store::imports::save(tx, workspace, &Import { updated_at: moved_at, ..import })
        };
        engine.store().write::<_, DbError, _>(Lane::Normal, hold).await.unwrap();
        keeper.once().await;
        files()
    };
    assert_eq!(files(), [true, true, true]);
    assert_eq!(pass(23).await, [true, true, true]);
    assert_eq!(drafts.map(|draft| draft.exists()), [false, true]);
    assert_eq!(pass(2).await, [false, true, true]);
    assert_eq!(pass(28 * 24).await, [false, true, true]);
    assert_eq!(pass(24).await, [false, false, true], "rejected rows are of people, too");
    assert!(!owner.get(&page).await.good().has("rejected.csv"), "what is gone is not offered");
}

#[tokio::test]
async fn nothing_is_done_with_everybody_whom_words_find_where_they_find_too_many() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let rows = |some: std::ops::Range<u32>| some.map(|n| format!("305555{n:04},Zed\n")).collect::<String>();
    let import = async |rows: String| {
        let options = ImportOptions { no_consent: true, ..ImportOptions::default() };
        let file = std::io::Cursor::new(format!("Phone,First Name\n{rows}"));
        site.parts.engine.import_file(&customer.operator, file, options, ImportOutlets::default()).await.unwrap();
    };
    let export = "/contacts/export?all=1&filter=q%3Dzed";
    import(rows(0..2_000)).await;
    assert_eq!(owner.get(export).await.good().text.lines().count(), 2_001);
    import(rows(2_000..2_001)).await;
    let refused = owner.get(export).await;
    assert!(refused.status == 422 && refused.has("more than 2000 contacts"), "{}", refused.text);
    let refused = owner.post("/contacts/change", "all=1&filter=q%3Dzed&act=delete").await;
    assert!(refused.status == 422 && refused.has("more than 2000 contacts"), "{}", refused.text);
    assert!(owner.get("/contacts/count?q=zed").await.good().has("more than 2,000 contacts"));
}
