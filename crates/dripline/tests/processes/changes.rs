//! A change of many contacts, begun in the browser and killed again and again: every restart goes on with it, each
//! contact is changed exactly once, and the undoing, killed as often, brings all of them back.

use std::path::Path;

use serde_json::{Value, json};
use store::{Address, Store};

use crate::server::{Browser, Server, address_of};
use crate::traffic::wait;
use crate::world::{Office, Plan};
use crate::{books, world};

const PEOPLE: usize = 4_000;
/// How often each of the four jobs is killed, at most.
const KILLS: usize = 8;
/// Fewer kills in the middle than that prove little.
const FEWEST: usize = 15;
/// How long after a look at the job a kill comes at most: about as long as a few chunks take.
const LATER_MILLIS: u64 = 13;
/// Looks at a job before the test gives up.
const LOOKS: usize = 20_000;

/// A database, the server that lives on it just now, and what has been seen.
struct Place<'a> {
    address: &'a str,
    data: &'a Path,
    office: &'a Office,
    server: Option<Server>,
    browser: Browser,
    kills: usize,
}

impl Place<'_> {
    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Kills the server and starts it anew; counts the kill if it came in the middle of a job.
    fn restart(&mut self) {
        self.server.take().unwrap().kill();
        let store = Store::open(&self.address.parse().unwrap()).unwrap();
        self.kills += books::running(&store, self.office.workspace);
        drop(store);
        self.server = Some(Server::start(self.address, self.data));
    }

    /// Looks at a job until it has come further than that, or is done.
    fn look(&self, path: &str, further: i64) -> Value {
        let client = self.server().client(&self.office.key);
        let seen = (0..LOOKS).map(|_| client.get(path).unwrap());
        let mut seen = seen.filter(|job| job["state"] == "done" || done(job) > further);
        seen.next().expect("the job goes on by itself")
    }

    /// Posts a form that begins a job, and kills the server whenever the job has moved.
    fn change(&mut self, path: &str, form: &str) -> String {
        let server = self.server.take().unwrap();
        let begun = self.browser.post(&server, path, form).unwrap();
        self.server = Some(server);
        assert_eq!(begun.status, 303, "{}", begun.text);
        let mut job = self.look(&begun.location, 0);
        for nth in 0..KILLS {
            if job["state"] == "done" {
                break;
            }
            // Not always just after a chunk.
            wait(u64::try_from(nth * 7_919).unwrap() % LATER_MILLIS);
            self.restart();
            job = self.look(&begun.location, done(&job));
        }
        let end = self.look(&begun.location, i64::MAX);
        // A chunk that was done twice would find its contacts changed already: refused.
        assert_eq!((&end["started"], &end["refused"]), (&json!(PEOPLE), &json!(0)), "{end}");
        begun.location.rsplit('/').next().unwrap().to_owned()
    }

    /// Each contact was changed once and no more, and so many have a label and are on a list.
    fn check(&mut self, kind: &str, marked: (usize, usize)) {
        self.server.take().unwrap().kill();
        let store = Store::open(&self.address.parse().unwrap()).unwrap();
        let counts = books::happened(&store, self.office.workspace, kind);
        assert_eq!(counts.len(), PEOPLE, "{kind}: somebody was left out");
        assert!(counts.values().all(|count| *count == 1), "{kind}: somebody was changed twice");
        assert_eq!(books::marked(&store, self.office.workspace), marked, "after {kind}");
        drop(store);
        self.server = Some(Server::start(self.address, self.data));
    }
}

/// How many contacts a job has behind it.
fn done(job: &Value) -> i64 {
    job["started"].as_i64().unwrap() + job["refused"].as_i64().unwrap()
}

fn be_killed(database: &Address, address: &str, data: &Path) {
    // Their texts are far away: what is running ends by the change alone.
    let plan = Plan { offices: 1, people: PEOPLE, gaps: &[3], zone: "" };
    let office = &world::make(database, plan)[0];
    let label = world::furnish(database, office);
    let server = Server::start(address, data);
    let browser = Browser::sign_in(&server, world::OWNER);
    let mut place = Place { address, data, office, server: Some(server), browser, kills: 0 };
    let client = place.server().client(&office.key);
    let job = client.post("/enrollments/many", &json!({ "workflow": office.workflow })).unwrap();
    let started = place.look(&format!("/jobs/{}", job["id"].as_str().unwrap()), i64::MAX);
    assert_eq!(started["started"], json!(PEOPLE));

    // A selection of names, then whoever fits: each walks in its own way.
    let named: String = office.people.iter().map(|(contact, _)| format!("contact={contact}&")).collect();
    let job = place.change("/contacts/change", &format!("{named}act=label&tag={label}"));
    place.check("contact.labelled", (PEOPLE, 0));
    place.change(&format!("/contacts/change/{job}/undo"), "");
    place.check("contact.unlabelled", (0, 0));
    let job = place.change("/contacts/change", "all=1&filter=&act=do_not_contact");
    place.check("contact.suppressed", (0, PEOPLE));
    place.change(&format!("/contacts/change/{job}/undo"), "");
    place.check("contact.unsuppressed", (0, 0));

    assert_eq!(place.server().client(&office.key).get("/ledger").unwrap()["clean"], true);
    place.server.take().unwrap().kill();
    println!("{} kills in the middle of a change", place.kills);
    assert!(place.kills >= FEWEST, "only {} kills came in the middle", place.kills);
    // Everything that ran was ended and given back once.
    books::check(&Store::open(database).unwrap(), office.workspace, PEOPLE);
}

#[test]
fn heavy_a_change_of_many_that_is_killed_goes_on_and_changes_each_contact_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = Address::file(folder.path().join("changed.db"));
    be_killed(&database, &database.to_string(), folder.path());
}

#[test]
fn heavy_a_change_of_many_that_is_killed_goes_on_and_changes_each_contact_once_on_postgres() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    be_killed(&database.address, &address_of(&database), folder.path());
}
