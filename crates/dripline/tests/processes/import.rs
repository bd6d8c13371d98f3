//! An import in the browser, killed again and again and gone on with by itself: every row of the file is there
//! exactly once, the counts and the rejected rows are whole, and the undoing, killed too, takes what it made and changes back
//! what it changed.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use store::{Address, Store};

use crate::server::{Browser, Page, Server, address_of};
use crate::world::{Office, Plan};
use crate::{books, world};

/// Who was there before; the file has them, too.
const OLD: usize = 200;
/// Whom the file brings.
const NEW: usize = 14_000;
/// Every so many rows one is bad, and one repeats the row above: more than the page shows.
const BAD_EVERY: usize = 10;
const REPEAT_EVERY: usize = 50;
/// How many rows a run has read at least when it is killed; the first is killed as soon as it is under way.
const KILLED_AT: [usize; 4] = [0, 500, 4_500, 9_000];
/// Longer than an import stands still before the server goes on with it.
const STILL_SECONDS: i64 = 90;
/// Looks at a page before the test gives up.
const LOOKS: usize = 20_000;

fn file() -> String {
    let mut file = "First Name,Phone,City\n".to_owned();
    for n in 0..OLD {
        // Half of them have something new.
        let city = if n % 2 == 0 { "Albany" } else { "" };
        file.push_str(&format!("P{n},212600{n:04},{city}\n"));
    }
    for n in 0..NEW {
        let row = format!("N{n},212{},Miami\n", 6_010_000 + n);
        file.push_str(&row);
        if n % BAD_EVERY == 0 {
            file.push_str(&format!("B{n},12,Miami\n"));
        }
        if n % REPEAT_EVERY == 0 {
            file.push_str(&row);
        }
    }
    file
}

/// A number that the page of an import tells.
fn figure(page: &Page, name: &str) -> usize {
    let (_, after) = page.text.split_once(&format!(">{name}</dt>")).unwrap_or_else(|| panic!("{}", page.text));
    let number = after.split("</dd>").next().and_then(|cell| cell.rsplit('>').next()).unwrap();
    number.replace(',', "").parse().unwrap()
}

struct Place<'a> {
    address: &'a str,
    data: &'a Path,
    office: &'a Office,
    server: Server,
    browser: Browser,
    /// What the clock has shown.
    reached: i64,
}

impl Place<'_> {
    fn get(&mut self, path: &str) -> Page {
        let page = self.browser.get(&self.server, path).unwrap();
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        page
    }

    fn post(&mut self, path: &str, form: &str) -> Page {
        self.browser.post(&self.server, path, form).unwrap()
    }

    /// Looks at a page until it fits.
    fn until(&mut self, path: &str, fits: impl Fn(&Page) -> bool) -> Page {
        (0..LOOKS).map(|_| self.get(path)).find(fits).expect("it goes on")
    }

    /// Kills the server, lets what it left stand still for long enough, and starts anew. Answers the contacts between.
    fn kill(self) -> (Self, Vec<books::Contact>) {
        let Self { address, data, office, server, browser, reached } = self;
        let reached = server.client(&office.key).clock().unwrap_or(reached).max(reached);
        server.kill();
        let store = Store::open(&address.parse().unwrap()).unwrap();
        let contacts = books::contacts(&store, office.workspace);
        drop(store);
        let server = Server::start(address, data);
        let client = server.client(&office.key);
        let behind = reached - client.clock().unwrap();
        client.push(behind.max(0) + 1).unwrap();
        (Place { address, data, office, server, browser, reached: reached + 1 }, contacts)
    }

    /// Lets pass what it takes until the server goes on with what was killed.
    fn go_on(&mut self, page: &str, going: &str) {
        let early = self.get(page);
        assert!(early.text.contains(going) && !early.text.contains("It stands still"), "{}", early.text);
        self.reached = self.server.client(&self.office.key).push(STILL_SECONDS).unwrap();
        self.until(page, |page| !page.text.contains("It stands still"));
    }
}

/// Imports the file in the browser, killed in the middle each time but the last. Answers its page.
fn import(mut place: Place<'_>) -> (Place<'_>, String) {
    place.get("/contacts/import");
    let answer = place.browser.upload(&place.server, "/contacts/import", &file()).unwrap();
    assert_eq!(answer.status, 303, "{}", answer.text);
    let page = answer.location;
    assert!(place.get(&page).text.contains("leads.csv"));
    let mapping = "header=First+Name&target=field%3AFirst+Name&header=Phone&target=phone\
        &header=City&target=field%3ACity&overwrite=&consent_kind=none";
    assert_eq!(place.post(&page, mapping).status, 200);
    assert_eq!(place.post(&format!("{page}/start"), mapping).status, 303);
    let (mut before, mut made) = (0, 0);
    for rows in KILLED_AT {
        let seen = place.until(&page, |page| {
            let read = figure(page, "Rows read");
            rows == 0 || (read != before && read >= rows) || !page.text.contains("Under way")
        });
        assert!(seen.text.contains("Under way"), "it was too fast to be killed at {rows} rows");
        let contacts;
        (place, contacts) = place.kill();
        let told = place.get(&page);
        before = figure(&told, "Rows read");
        let now = contacts.iter().filter(|contact| contact.imported).count();
        assert!(now >= made && now < NEW, "{now} of {NEW} contacts after {made}");
        assert_eq!(figure(&told, "New contacts"), now, "it says something else than what is there");
        made = now;
        println!("killed at {before} rows and {made} contacts");
        place.go_on(&page, "Under way");
    }
    assert!(made > 0, "no kill came in the middle");
    (place, page)
}

fn check_import(place: &mut Place<'_>, page: &str) {
    let (bad, repeats) = (NEW.div_ceil(BAD_EVERY), NEW.div_ceil(REPEAT_EVERY));
    let done = place.until(page, |page| !page.text.contains("Under way"));
    assert!(done.text.contains(">Undo"), "{}", done.text);
    let told = |name| figure(&done, name);
    assert_eq!(told("Rows read"), OLD + NEW + bad + repeats);
    assert_eq!((told("New contacts"), told("Rejected rows"), told("Repeats in the file")), (NEW, bad, repeats));
    // No row was met a second time, or some that a killed run had filled would have been there already.
    assert_eq!((told("Updated"), told("Already there")), (OLD / 2, OLD / 2));
    let rejected = place.get(&format!("{page}/rejected.csv")).text;
    let names: Vec<&str> = rejected.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    let wanted: BTreeSet<String> = (0..NEW).step_by(BAD_EVERY).map(|n| format!("B{n}")).collect();
    assert_eq!(names.len(), bad, "{rejected}");
    assert_eq!(names.iter().map(|name| name.trim_matches('"').to_owned()).collect::<BTreeSet<_>>(), wanted);
}

fn check_contacts(contacts: &[books::Contact], made_are_deleted: bool) {
    let phones: HashSet<&str> = contacts.iter().map(|contact| contact.phone.as_str()).collect();
    let wanted: HashSet<String> = (0..OLD)
        .map(|n| format!("+1212600{n:04}"))
        .chain((0..NEW).map(|n| format!("+1212{}", 6_010_000 + n)))
        .collect();
    assert_eq!(contacts.len(), wanted.len(), "a contact is there twice or not at all");
    assert_eq!(phones, wanted.iter().map(String::as_str).collect());
    assert_eq!(contacts.iter().filter(|contact| contact.imported).count(), NEW);
    let wrong = contacts.iter().find(|contact| contact.deleted != (made_are_deleted && contact.imported));
    assert!(wrong.is_none(), "{wrong:?}");
}

/// Undoes the import, killed in the middle and gone on with.
fn undo<'a>(mut place: Place<'a>, page: &str) -> Place<'a> {
    let full = place.get("/contacts/count").text;
    assert_eq!(place.post(&format!("{page}/undo"), "").status, 303);
    place.until("/contacts/count", |page| page.text != full);
    let contacts;
    (place, contacts) = place.kill();
    let gone = contacts.iter().filter(|contact| contact.deleted).count();
    println!("the undoing was killed at {gone} contacts");
    assert!(gone > 0 && gone < NEW, "the undoing was not killed in the middle: {gone}");
    place.go_on(page, "Being undone");
    place.until(page, |page| !page.text.contains("Being undone"));
    place
}

fn be_killed(database: &Address, address: &str, data: &Path) {
    let plan = Plan { offices: 1, people: OLD, gaps: &[3], zone: "" };
    let office = &world::make(database, plan)[0];
    world::furnish(database, office);
    let server = Server::start(address, data);
    let browser = Browser::sign_in(&server, world::OWNER);
    let reached = server.client(&office.key).clock().unwrap();
    let place = Place { address, data, office, server, browser, reached };
    let (mut place, page) = import(place);
    check_import(&mut place, &page);
    let (place, contacts) = place.kill();
    check_contacts(&contacts, false);
    let (mut place, contacts) = undo(place, &page).kill();
    check_contacts(&contacts, true);
    let told = place.get(&page).text;
    assert!(told.contains("Undone: 14,000 contacts were deleted; 100 contacts are as they were before"), "{told}");
    place.server.kill();
    let deleted = books::happened(&Store::open(database).unwrap(), office.workspace, "contact.deleted");
    assert_eq!(deleted.len(), NEW);
    assert!(deleted.values().all(|count| *count == 1), "somebody was deleted twice");
    let made: HashSet<i64> = contacts.iter().filter(|contact| contact.imported).map(|contact| contact.id).collect();
    assert!(deleted.keys().all(|contact| made.contains(contact)));
}

#[test]
fn heavy_an_import_that_is_killed_goes_on_by_itself_and_has_each_row_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = Address::file(folder.path().join("imported.db"));
    be_killed(&database, &database.to_string(), folder.path());
}

#[test]
fn heavy_an_import_that_is_killed_goes_on_by_itself_and_has_each_row_once_on_postgres() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    be_killed(&database.address, &address_of(&database), folder.path());
}
