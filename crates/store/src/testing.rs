//! Fresh databases for tests, one of each kind, gone when the test ends. Behind the feature
//! `testing`. The PostgreSQL server is the one that `DRIPLINE_TEST_POSTGRES` names; each test
//! gets a database copied from a template that is migrated once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::db::admin::Server;
use crate::{Address, Sizes, Store, migrations};

/// Few connections: many tests share one server.
const SIZES: Sizes = Sizes { cache_mebibytes: 8, readers: 2, writers: 4 };

/// A fresh, migrated database that is removed when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    /// The open store. To reopen the database, see [`TestDatabase::reopen`].
    pub store: Store,
    /// Where it lives.
    pub address: Address,
    _home: Home,
}

#[derive(Debug)]
enum Home {
    Folder { _folder: TempDir },
    Server { name: String },
}

impl TestDatabase {
    /// Closes the store and opens the same database again, as a restart does.
    /// The old store must have no other clone.
    ///
    /// # Errors
    /// As [`Store::open`]; the database then stays closed.
    pub fn reopen(&mut self) -> Result<(), crate::DbError> {
        // A store in memory holds the place while none is open: a file has one owner at a time.
        self.store = Store::open(&Address::memory())?;
        self.store = Store::open_sized(&self.address, SIZES)?;
        Ok(())
    }
}

/// A fresh database of each kind: SQLite in a file, and PostgreSQL.
///
/// # Panics
/// If `DRIPLINE_TEST_POSTGRES` is not set or a database cannot be made.
pub fn databases() -> Vec<TestDatabase> {
    vec![sqlite(), postgres()]
}

/// A fresh SQLite database in a temporary folder.
///
/// # Panics
/// If it cannot be made.
pub fn sqlite() -> TestDatabase {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = Address::file(folder.path().join("test.db"));
    let store = Store::open_sized(&address, SIZES).expect("a fresh SQLite database");
    TestDatabase { name: "sqlite", store, address, _home: Home::Folder { _folder: folder } }
}

/// A fresh database on the PostgreSQL server for tests.
///
/// # Panics
/// If `DRIPLINE_TEST_POSTGRES` is not set or a database cannot be made.
pub fn postgres() -> TestDatabase {
    apart(make_postgres)
}

fn make_postgres() -> TestDatabase {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let server = server();
    let template = template(&server);
    let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    server.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).expect("no database of the test's name");
    server.run(&format!("CREATE DATABASE {name} TEMPLATE {template}")).expect("a copy of the template");
    let address = server.database(&name);
    let store = Store::open_sized(&address, SIZES).expect("a fresh PostgreSQL database");
    TestDatabase { name: "postgres", store, address, _home: Home::Server { name } }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Self::Server { name } = self {
            // Left over if it fails: the whole server is temporary.
            let _ = apart(|| {
                Server::connect(&server_address())
                    .and_then(|server| server.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
            });
        }
    }
}

/// Runs `work` on a thread of its own: an asynchronous test's thread may not wait for a server.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

fn server_address() -> Address {
    let text = std::env::var("DRIPLINE_TEST_POSTGRES")
        .expect("PostgreSQL is needed: run `make test`, which starts one (DRIPLINE_TEST_POSTGRES is not set)");
    text.parse().expect("DRIPLINE_TEST_POSTGRES is the address of a PostgreSQL server")
}

fn server() -> Server {
    Server::connect(&server_address()).expect("the PostgreSQL server for tests answers")
}

/// The migrated database that the others are copied from; made by whoever comes first.
fn template(server: &Server) -> String {
    let mut hasher = DefaultHasher::new();
    migrations::texts().for_each(|sql| sql.hash(&mut hasher));
    let name = format!("template_{:016x}", hasher.finish());
    server.run("SELECT pg_advisory_lock(7236837011466)").expect("the lock of the template");
    if !server.has(&name).expect("the list of databases") {
        let draft = format!("{name}_draft");
        server.run(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).expect("no broken draft");
        server.run(&format!("CREATE DATABASE {draft}")).expect("a database for the template");
        drop(Store::open_sized(&server.database(&draft), SIZES).expect("the migrations apply"));
        server.run(&format!("ALTER DATABASE {draft} RENAME TO {name}")).expect("nobody uses the draft");
    }
    server.run("SELECT pg_advisory_unlock(7236837011466)").expect("the lock of the template");
    name
}
