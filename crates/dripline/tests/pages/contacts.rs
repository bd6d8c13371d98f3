//! Contacts: the list, one contact, files that come in, and what is done with many.

use axum::body::Body;
use axum::http::{Request, header};
use domain::access::Role;
use engine::changes::{Change, Whom};
use engine::contacts::list::Filter;
use engine::enrolling::EnrollRequest;
use engine::numbers::NewNumber;

use crate::markup::sound;
use crate::site::{Answer, Customer, Person, Site};

pub(crate) async fn world() -> (Site, Customer) {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    (site, customer)
}

/// Uploads a file as a browser does.
pub(crate) async fn upload(person: &Person<'_>, name: &str, bytes: &[u8]) -> Answer {
    let mut body = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--cut--\r\n");
    let request = Request::post("/contacts/import").header(header::COOKIE, person.cookie());
    let request = request.header("sec-fetch-site", "same-origin").header(header::HOST, "127.0.0.1:8080");
    let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut");
    person.site.send(request.body(Body::from(body)).unwrap()).await
}

/// Waits until an import has come to its end: it runs beside the requests.
pub(crate) async fn ended(person: &Person<'_>, page: &str) -> Answer {
    for _ in 0..10_000 {
        let answer = person.get(page).await.good();
        if !answer.has("Under way") && !answer.has("Being undone") {
            return answer;
        }
        tokio::task::yield_now().await;
    }
    panic!("{page} never ends");
}

#[tokio::test]
async fn the_list_is_searched_filtered_and_paged() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = owner.get("/contacts").await.good();
    sound(&page);
    assert!(page.has("Ours0") && page.has("Ours2"), "{}", page.text);
    let found = owner.get("/contacts?q=ours1").await.good();
    assert!(found.has("Ours1") && !found.has("Ours2"));
    assert!(owner.get("/contacts/count").await.good().has("3 contacts"));
    assert!(owner.get("/contacts?state=opted_out").await.good().has("Nobody fits"));
    // What makes no sense asks nothing, and what somebody typed is shown as text.
    let odd = owner.get("/contacts?state=x&import=y&label=z&sort=w&cursor=v&q=%3Cb%3E").await.good();
    sound(&odd);
    assert!(odd.has("&#60;b&#62;") && !odd.has("<b>"));
}

#[tokio::test]
async fn an_empty_workspace_is_offered_to_import() {
    let (site, customer) = world().await;
    for contact in &customer.contacts {
        site.parts.engine.delete_contact(&customer.operator, *contact).await.unwrap();
    }
    let owner = site.person(&customer, Role::Owner).await;
    let page = owner.get("/contacts").await.good();
    sound(&page);
    assert!(page.has("No contacts yet") && page.has("Import a file"));
}

#[tokio::test]
async fn a_contact_is_added_changed_listed_and_deleted_by_hand() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let wrong = owner.post("/contacts", "phone=12&first=Zo%C3%AB").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.has("value=\"Zoë\"") && wrong.has("too short"), "what was typed is kept: {}", wrong.text);
    let made = owner.post("/contacts", "phone=%28786%29+555-0199&first=Zo%C3%AB&last=Lee").await;
    let page = made.header("location").to_owned();
    assert_eq!(made.status, 303, "{}", made.text);
    let shown = owner.get(&page).await.good();
    sound(&shown);
    assert!(shown.has("Zoë Lee") && shown.has("(786) 555-0199"));
    let taken = owner.post("/contacts", "phone=7865550199").await;
    assert!(taken.status == 422 && taken.has("has this phone already") && taken.has(&page), "{}", taken.text);
    let wrong = owner.post(&page, "city=Miami&timezone=Eastern").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.has("value=\"Miami\"") && wrong.has("value=\"Eastern\""), "what was typed is kept");
    assert_eq!(owner.post(&page, "city=Miami&firstname=Zo%C3%AB&lastname=").await.status, 303);
    let shown = owner.get(&page).await.good();
    assert!(shown.has("value=\"Miami\"") && shown.has("<h1 class=\"truncate\">Zoë</h1>"), "{}", shown.text);
    assert_eq!(owner.post(&format!("{page}/list"), "list=do_not_contact").await.status, 303);
    assert!(owner.get(&page).await.good().has("Take off the list"));
    assert_eq!(owner.post(&format!("{page}/list"), "list=opted_out&off=1").await.status, 422, "only the contact may");
    let gone = owner.post(&format!("{page}/delete"), "").await;
    assert_eq!((gone.status, gone.header("location")), (303, "/contacts"));
    assert_eq!(owner.get(&page).await.status, 404);
}

#[tokio::test]
async fn many_are_changed_and_brought_back() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let workflow = site.parts.engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let request = EnrollRequest { contact: customer.contacts[0], workflow, from_step: 1, quote: None, key: None };
    site.parts.engine.enroll(&customer.operator, request).await.unwrap();
    let selected = format!("contact={}&contact={}&act=delete", customer.contacts[0], customer.contacts[1]);
    let answer = owner.script("POST", "/contacts/change", &selected).await;
    let said = answer.header("hx-trigger").to_owned();
    assert!(said.contains("2 contacts deleted"), "{said}");
    let balances = site.parts.engine.balances(&customer.operator).await.unwrap();
    assert_eq!(balances.credits, 100, "what was not sent came back");
    assert!(!owner.get("/contacts").await.good().has("Ours0"));
    let undo = said.split("\"undo\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(owner.post(undo, "").await.status, 303);
    assert!(owner.get("/contacts?q=ours0").await.good().has("Ours0"), "found again by its words");
    // All that fit, and nobody else.
    let answer = owner.post("/contacts/change", "all=1&filter=q%3Dours2&act=do_not_contact").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let listed = owner.get("/contacts?state=do_not_contact").await.good();
    assert!(listed.has("Ours2") && !listed.has("Ours1"));
    assert_eq!(owner.post("/contacts/change", "act=delete").await.status, 422, "nobody is selected");
    // What has lost its filter, or has one that cannot be read, means nobody instead of everybody.
    for lost in ["all=1&act=delete", "all=1&filter=q%3Da%20b&act=delete"] {
        assert_eq!(owner.post("/contacts/change", lost).await.status, 422, "{lost}");
    }
    assert_eq!(owner.post("/enroll/many", "all=1").await.status, 422);
    // A filter goes along to the workflow: never everybody.
    let many = owner.post("/enroll/many", "all=1&filter=q%3Dours").await.good();
    assert!(many.has("contacts</p>") && !many.has("Every contact"), "{}", many.text);
    // One alone is not many: they see every text and date.
    let one = owner.post("/enroll/many", "all=1&filter=q%3Dours1").await;
    assert_eq!(one.header("location"), format!("/enroll?contact={}", customer.contacts[1]));
}

#[tokio::test]
async fn a_label_is_given_to_many_and_filtered_by() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let label = site.parts.engine.create_label(&customer.operator, "Hot", "red").await.unwrap();
    let form = format!("contact={}&act=label&tag={}", customer.contacts[1], label.id);
    assert_eq!(owner.post("/contacts/change", &form).await.status, 303);
    let listed = owner.get(&format!("/contacts?label={}", label.id)).await.good();
    sound(&listed);
    assert!(listed.has("Ours1") && !listed.has("Ours2"));
    assert_eq!(owner.post("/contacts/change", "all=1&filter=&act=label&tag=lbl_0000000000001").await.status, 404);
}

#[tokio::test]
async fn contacts_are_put_on_a_list_and_filtered_by_it_beside_a_label() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let engine = &site.parts.engine;
    let list = engine.create_contact_list(&customer.operator, "Dallas <b>").await.unwrap().id;
    let label = engine.create_label(&customer.operator, "Hot", "red").await.unwrap().id;
    let put = |place: usize, tag| format!("contact={}&act=label&tag={tag}", customer.contacts[place]);
    for form in [put(1, list), put(2, list), put(1, label)] {
        assert_eq!(owner.post("/contacts/change", &form).await.status, 303);
    }
    for (query, shown) in [
        (format!("list={list}"), [false, true, true]),
        (format!("list={list}&label={label}"), [false, true, false]),
        (format!("label={label}"), [false, true, false]),
    ] {
        let listed = owner.get(&format!("/contacts?{query}")).await.good();
        sound(&listed);
        assert_eq!([0, 1, 2].map(|nth| listed.has(&format!("Ours{nth}<"))), shown, "{query}: {}", listed.text);
        assert!(listed.has("Dallas &#60;b&#62;"));
    }
    // On the contact's page, and in the panel beside the conversation.
    let page = format!("/contacts/{}", customer.contacts[1]);
    let shown = owner.get(&page).await.good();
    sound(&shown);
    assert!(
        shown.has("Take off the list Dallas &#60;b&#62;") && shown.has("Take the label Hot away"),
        "{}",
        shown.text
    );
    assert_eq!(owner.post(&format!("{page}/unlabel"), &format!("label={list}")).await.status, 303);
    let told = owner.get(&page).await.good();
    assert!(told.has("off the list “Dallas &#60;b&#62;”"), "{}", told.text);
    let left = owner.get(&format!("/contacts?list={list}")).await.good();
    assert!(left.has("Ours2<") && !left.has("Ours1<"));
    let off = format!("all=1&filter=list%3D{list}&act=unlabel&tag={list}");
    assert_eq!(owner.post("/contacts/change", &off).await.status, 303);
    assert!(owner.get(&format!("/contacts?list={list}")).await.good().has("Nobody fits"));
}

#[tokio::test]
async fn a_file_is_looked_at_imported_and_undone() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    sound(&owner.get("/contacts/import").await.good());
    let csv = "Who;Mobile;Second Phone;Lead Source\nAnn Lee;(786) 555-0110;786-555-0111;<i>list</i>\nBob;12;;x\n\n=cmd();7865550112;;y\n";
    let answer = upload(&owner, "leads <1>.csv", csv.as_bytes()).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let page = answer.header("location").to_owned();
    let choose = owner.get(&page).await.good();
    sound(&choose);
    assert!(
        choose.has("leads &#60;1&#62;.csv") && choose.has("New field “Who”") && choose.has("Rejected:"),
        "{}",
        choose.text
    );
    let mapping = "header=Who&target=field%3AFull+Name&header=Mobile&target=phone&header=Second+Phone&target=phone&header=Lead+Source&target=field%3ALead+Source&overwrite=&consent_kind=none";
    let again = owner.post(&page, mapping).await.good();
    assert!(again.has("<td class=\"font-medium\">Ann Lee</td>"), "{}", again.text);
    let none = owner
        .post(&page, "header=Who&target=phone&header=Mobile&target=ignore&header=Second+Phone&target=ignore")
        .await
        .good();
    assert!(none.has("Rejected:"));
    assert_eq!(
        site.parts.engine.count_contacts(&customer.operator, &Filter::default()).await.unwrap(),
        engine::contacts::list::Counted::Exactly(3),
        "looking stores nothing"
    );
    assert_eq!(owner.post(&format!("{page}/start"), mapping).await.status, 303);
    let done = ended(&owner, &page).await;
    sound(&done);
    assert!(done.has("1 row was rejected") && done.has("See the new contacts"), "{}", done.text);
    let rejected = owner.get(&format!("{page}/rejected.csv")).await.good();
    assert!(rejected.has("Rejected Because") && rejected.has("Bob"), "{}", rejected.text);
    let import = page.rsplit('/').next().unwrap();
    let listed = owner.get(&format!("/contacts?import={import}")).await.good();
    assert!(listed.has("Ann Lee") && listed.has("leads &#60;1&#62;.csv") && !listed.has("Ours0"));
    let exported = owner.get(&format!("/contacts/export?all=1&filter=import%3D{import}")).await.good();
    assert!(exported.has("\"'=cmd()\"") && exported.has("<i>list</i>") && !exported.has("Ours0"), "{}", exported.text);
    // One of them is touched: it stays.
    assert_eq!(owner.post("/simulator/clock", "by=day").await.status, 303);
    let found = site.parts.engine.search(&customer.operator, "7865550110", 1).await.unwrap();
    let change = vec![("City".to_owned(), Some("Miami".to_owned()))];
    site.parts.engine.edit_contact(&customer.operator, found[0].contact.id, change).await.unwrap();
    assert_eq!(owner.post(&format!("{page}/undo"), "").await.status, 303);
    assert!(ended(&owner, &page).await.has("2 contacts were deleted; 1 contact stays, since it was edited"));
    assert_eq!(owner.post(&format!("{page}/undo"), "").await.status, 422, "once");
    assert_eq!(owner.post(&format!("{page}/start"), "").await.status, 422, "an undone import does not start");
}

#[tokio::test]
async fn hostile_files_say_what_is_wrong_and_leave_nothing() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let huge = format!("Phone,Note\n7865550110,\"{}", "x".repeat(3 * 1024 * 1024));
    for (bytes, says) in [
        (&b""[..], "not empty"),
        (b"PK\x03\x04rest of a workbook", "Excel workbook"),
        (b"Phone\n\0\x01\x02\x03", "no text"),
        (b",,\n1,2,3\n", "no column names"),
    ] {
        let answer = upload(&owner, "a.csv", bytes).await;
        assert_eq!(answer.status, 422, "{says}");
        assert!(answer.has(says), "{says}: {}", answer.text);
    }
    for (bytes, says) in [
        (b"Name,City\nAnn,Miami\n".to_vec(), "No column is a phone"),
        (b"Phone,Name,Name\n7865550110,a,b\n".to_vec(), "is there twice"),
        (b"Phone,Name\n".to_vec(), "no rows below"),
        (huge.into_bytes(), "is longer than"),
    ] {
        let answer = upload(&owner, "a.csv", &bytes).await;
        let page = answer.header("location").to_owned();
        assert!(owner.get(&page).await.good().has(says), "{says}");
        let answer = owner.post(&format!("{page}/start"), "header=x&target=ignore").await;
        assert!(answer.status == 200 && answer.has("role=\"alert\""), "{says}: {}", answer.text);
    }
    // Windows-1252, ten phones of one row, and cells that are longer than a field may be.
    let phones: Vec<String> = (0..10).map(|n| format!("786555012{n}")).collect();
    let names: Vec<String> = (1..=10).map(|n| format!("Phone {n}")).collect();
    let mut bytes = format!("{},Name\n{},Jos", names.join(","), phones.join(",")).into_bytes();
    bytes.extend_from_slice(b"\xe9\n");
    bytes.extend_from_slice(format!("7865550130{},{}\n", ",".repeat(9), "y".repeat(3_000)).as_bytes());
    let page = upload(&owner, "b.csv", &bytes).await.header("location").to_owned();
    assert_eq!(owner.post(&format!("{page}/start"), "consent_kind=none").await.status, 303);
    let done = ended(&owner, &page).await;
    assert!(done.has("1 row was rejected") && done.has("3000 characters"), "{}", done.text);
    let kin = owner.get("/contacts?q=jos%C3%A9").await.good();
    assert_eq!(kin.text.matches(">José</a>").count(), 10, "one person, ten numbers");
}

#[tokio::test]
async fn a_job_is_told_in_the_words_of_what_it_does_and_can_be_taken_back_there() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let engine = &site.parts.engine;
    let label = engine.create_label(&customer.operator, "Hot", "red").await.unwrap().id;
    let mut delete = String::new();
    for (change, title, words) in [
        (Change::Label(label), "Giving a label", ["put on it", "on it already"]),
        (Change::DoNotContact, "Putting on the do-not-contact list", ["put on the list", "on it already"]),
        (Change::Delete, "Deleting contacts", ["deleted", "gone already"]),
    ] {
        let whom = Whom::These(customer.contacts.clone());
        let job = engine.change_many(&customer.operator, change, whom).await.unwrap();
        delete = format!("/jobs/{}", job.id);
        assert!(!owner.get(&delete).await.good().has("/undo"), "it is not done yet");
        engine.run_changes(&customer.operator, job.id).await.unwrap();
        let page = owner.get(&delete).await.good();
        sound(&page);
        assert!(
            page.has(title) && words.iter().all(|word| page.has(word)) && !page.has("</strong> refused"),
            "{}",
            page.text
        );
    }
    let viewer = site.person(&customer, Role::Viewer).await;
    assert!(!viewer.get(&delete).await.good().has("/undo"));
    let undo = format!("/contacts/change/{}/undo", delete.rsplit('/').next().unwrap());
    assert!(owner.get(&delete).await.good().has(&undo));
    assert_eq!(owner.post(&undo, "").await.status, 303);
    let back = owner.get(&format!("/contacts/{}", customer.contacts[0])).await.good();
    assert!(back.has("Hot"), "with its label");
}

#[tokio::test]
async fn labels_notes_and_lists_are_on_the_contacts_page() {
    let (site, customer) = world().await;
    let agent = site.person(&customer, Role::Agent).await;
    let label = site.parts.engine.create_label(&customer.operator, "Hot <lead>", "red").await.unwrap().id;
    let page = format!("/contacts/{}", customer.contacts[0]);
    for (path, form) in [
        ("label", format!("label={label}")),
        ("note", "body=Call+back+%3Cb%3E".to_owned()),
        ("list", "list=do_not_contact".to_owned()),
        ("list", "list=do_not_contact&off=1".to_owned()),
    ] {
        let answer = agent.post(&format!("{page}/{path}"), &form).await;
        assert_eq!((answer.status, answer.header("location")), (303, page.as_str()), "{path}: {}", answer.text);
    }
    let shown = agent.get(&page).await.good();
    sound(&shown);
    for text in [
        "Hot &#60;lead&#62;",
        "Call back &#60;b&#62;",
        "Pat Doe put the contact on the do-not-contact list",
        "Pat Doe took the contact off the do-not-contact list",
        "Delete this note",
    ] {
        assert!(shown.has(text), "{text}: {}", shown.text);
    }
    assert!(!shown.has("Assigned to"), "there is no conversation yet");
    let part = agent.script("POST", &format!("{page}/unlabel"), &format!("label={label}")).await.good();
    assert!(part.has("id=\"about\"") && part.has("<option value=\"lbl_") && !part.has("<html"), "{}", part.text);
    // A colleague sees the note and may not delete it; who leads the team may.
    let note = shown.text.split("name=\"note\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let viewer = site.person(&customer, Role::Viewer).await;
    let seen = viewer.get(&page).await.good();
    assert!(seen.has("Call back") && !seen.has("Delete this note") && !seen.has("Add note"));
    for (path, form) in
        [("label", format!("label={label}")), ("note", "body=a".to_owned()), ("unnote", format!("note={note}"))]
    {
        assert_eq!(viewer.post(&format!("{page}/{path}"), &form).await.status, 403, "{path}");
    }
    let owner = site.person(&customer, Role::Owner).await;
    assert_eq!(owner.post(&format!("{page}/unnote"), &format!("note={note}")).await.status, 303);
    assert!(!agent.get(&page).await.good().has("Call back &#60;b&#62;"));
}

#[tokio::test]
async fn the_number_that_texts_is_chosen_and_what_runs_goes_along() {
    let site = Site::new();
    let (customer, theirs) =
        (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let agent = site.person(&customer, Role::Agent).await;
    let engine = &site.parts.engine;
    let page = format!("/contacts/{}", customer.contacts[0]);
    let one = engine.numbers(&customer.operator).await.unwrap()[0].id;
    assert_eq!(agent.post(&format!("{page}/number"), &format!("number={one}")).await.status, 303);
    let only = agent.get(&page).await.good();
    assert!(only.has("texted from (212) 555-0100") && !only.has("Use this number"), "nothing else to choose");
    let new =
        |phone: &str| NewNumber { phone: phone.to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    let other = engine.add_number(&customer.operator, new("+12125550199")).await.unwrap().id;
    let workflow = engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let request = EnrollRequest { contact: customer.contacts[0], workflow, from_step: 1, quote: None, key: None };
    let run = engine.enroll(&customer.operator, request).await.unwrap().enrollment;
    let shown = agent.get(&page).await.good();
    sound(&shown);
    assert!(shown.has("Use this number") && shown.has("the running workflow goes on from the one"));
    assert_eq!(agent.post(&format!("{page}/number"), &format!("number={other}")).await.status, 303);
    assert!(agent.get(&page).await.good().has("texted from (212) 555-0199"));
    assert_eq!(engine.enrollment(&customer.operator, run).await.unwrap().number, other);
    let viewer = site.person(&customer, Role::Viewer).await;
    assert_eq!(viewer.post(&format!("{page}/number"), &format!("number={one}")).await.status, 403);
    let foreign = engine.numbers(&theirs.operator).await.unwrap()[0].id;
    assert_eq!(agent.post(&format!("{page}/number"), &format!("number={foreign}")).await.status, 404);
}

#[tokio::test]
async fn a_viewer_sees_and_changes_nothing() {
    let (site, customer) = world().await;
    let viewer = site.person(&customer, Role::Viewer).await;
    let one = format!("/contacts/{}", customer.contacts[0]);
    let page = viewer.get(&one).await.good();
    assert!(!page.has("Delete contact") && !page.has("name=\"firstname\"") && !page.has("Add to workflow"));
    let list = viewer.get("/contacts").await.good();
    assert!(!list.has("value=\"delete\"") && !list.has("/contacts/import"));
    let selected = format!("contact={}&act=delete", customer.contacts[0]);
    for (path, form) in [
        ("/contacts", "phone=7865550199"),
        (one.as_str(), "city=Miami"),
        (&format!("{one}/list"), "list=do_not_contact"),
        (&format!("{one}/delete"), ""),
        ("/contacts/change", &selected),
    ] {
        assert_eq!(viewer.post(path, form).await.status, 403, "{path}");
    }
    assert_eq!(upload(&viewer, "a.csv", b"Phone\n7865550110\n").await.status, 403);
    assert_eq!(viewer.get("/contacts/import").await.status, 403);
    assert_eq!(site.get("/contacts").await.status, 303, "nobody is signed in");
    let owner = site.person(&customer, Role::Owner).await;
    assert_eq!(owner.post_from_elsewhere("/contacts/change", &selected).await.status, 403);
}

#[tokio::test]
async fn what_belongs_to_another_workspace_is_not_there() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let (us, them) = (site.person(&ours, Role::Owner).await, site.person(&theirs, Role::Owner).await);
    let file = upload(&them, "theirs.csv", b"Phone,Name\n7865550110,Tess\n").await.header("location").to_owned();
    let one = format!("/contacts/{}", theirs.contacts[0]);
    for path in [&one, &file, &format!("{file}/rejected.csv")] {
        assert_eq!(us.get(path).await.status, 404, "{path}");
    }
    let import = file.rsplit('/').next().unwrap();
    assert_eq!(us.get(&format!("/contacts?import={import}")).await.status, 404);
    for (path, form) in [
        (one.clone(), "city=Miami"),
        (format!("{one}/list"), "list=do_not_contact"),
        (format!("{one}/note"), "body=a"),
        (format!("{one}/delete"), ""),
        (format!("{file}/start"), ""),
        (format!("{file}/undo"), ""),
        ("/contacts/change/job_0000000000001/undo".to_owned(), ""),
    ] {
        assert_eq!(us.post(&path, form).await.status, 404, "{path}");
    }
    // Named among a selection it is passed over.
    let form = format!("contact={}&act=delete", theirs.contacts[0]);
    assert_eq!(us.post("/contacts/change", &form).await.status, 303);
    assert_eq!(them.get(&one).await.status, 200);
    let exported = us.get(&format!("/contacts/export?contact={}", theirs.contacts[0])).await.good();
    assert!(!exported.has("Theirs0"));
}

#[tokio::test]
async fn only_who_may_take_data_out_exports_contacts() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    for (role, status) in [(Role::Viewer, 403), (Role::Agent, 403), (Role::Admin, 200), (Role::Owner, 200)] {
        let person = site.person(&customer, role).await;
        assert_eq!(person.get("/contacts/export?all=1&filter=").await.status, status, "{role:?}");
        let list = person.get("/contacts").await.good();
        assert_eq!(list.has("formaction=\"/contacts/export\""), status == 200, "{role:?}");
    }
}

#[tokio::test]
async fn contacts_are_chosen_by_workflow_and_activity_and_the_view_is_kept() {
    let (site, customer) = world().await;
    let owner = site.person(&customer, Role::Owner).await;
    let workflow = site.parts.engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let request = EnrollRequest { contact: customer.contacts[1], workflow, from_step: 1, quote: None, key: None };
    site.parts.engine.enroll(&customer.operator, request).await.unwrap();
    let been = owner.get(&format!("/contacts?workflow=been-{workflow}")).await.good();
    sound(&been);
    assert!(been.has("Ours1") && !been.has("Ours2"), "{}", been.text);
    let never = owner.get(&format!("/contacts?workflow=never-{workflow}&q=ours")).await.good();
    assert!(!never.has("Ours1") && never.has("Ours2"), "{}", never.text);
    // Everybody who is shown is nobody else.
    let form = format!("all=1&filter=workflow%3Dbeen-{workflow}&act=do_not_contact");
    assert_eq!(owner.post("/contacts/change", &form).await.status, 303);
    let listed = owner.get("/contacts?state=do_not_contact").await.good();
    assert!(listed.has("Ours1") && !listed.has("Ours2"), "{}", listed.text);

    let page = owner.get("/contacts?field=city&how=is&value=Miami").await.good();
    sound(&page);
    assert!(page.has("name=\"how\"") && page.has("value=\"Miami\"") && !page.has("Ours1"), "{}", page.text);
    let page = owner.get("/contacts?field=gone&how=empty&q=ours").await.good();
    sound(&page);
    assert!(page.has("gone (no field)") && page.has("Ours1") && !page.has("name=\"value\""), "{}", page.text);

    let agent = site.person(&customer, Role::Agent).await;
    let form = format!("name=Untouched+%3Cb%3E&filter=workflow%3Dnever-{workflow}%26activity%3Dquiet-30");
    assert_eq!(agent.post("/contacts/views", &form).await.status, 303);
    let page = agent.get(&format!("/contacts?workflow=never-{workflow}&activity=quiet-30")).await.good();
    sound(&page);
    assert!(page.has("Untouched &#60;b&#62;") && page.has("Delete Untouched"), "{}", page.text);
    assert!(!owner.get("/contacts").await.good().has("Untouched"), "it is the agent's own");
    assert!(!agent.get("/messenger").await.good().has("Untouched"), "it is no view of the Messenger");
    let many = format!("name=Long&filter=q%3D{}", "%2525".repeat(400));
    assert_eq!(agent.post("/contacts/views", &many).await.status, 422, "half a filter would mean more people");
}
