//! Databases made and dropped on a test server. Only tests come here.

use std::rc::Rc;

use tokio::runtime;
use tokio_postgres::Config;

use super::cell::Param;
use super::session::{READER_IDLE_SECONDS, Session};
use crate::db::address::{Address, Place};
use crate::db::tx::Intent;
use crate::db::{DbError, Value};

/// A session on the server's own database, from which others are made and dropped.
pub(crate) struct Server {
    config: Config,
    session: Session,
}

impl Server {
    pub(crate) fn connect(address: &Address) -> Result<Self, DbError> {
        let Place::Server(config) = &address.0 else {
            return Err(DbError::Address(None));
        };
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = Rc::new(runtime.map_err(|error| DbError::Other(error.into()))?);
        let session = Session::connect(&runtime, config, READER_IDLE_SECONDS)?;
        Ok(Self { config: config.as_ref().clone(), session })
    }

    /// The address of another database on the same server.
    pub(crate) fn database(&self, name: &str) -> Address {
        let mut config = self.config.clone();
        config.dbname(name);
        Address(Place::Server(Box::new(config)))
    }

    /// Runs a statement that may not run inside a transaction. Names are the caller's own.
    pub(crate) fn run(&self, text: &str) -> Result<(), DbError> {
        self.session.control(text)
    }

    /// Whether a database of this name exists.
    pub(crate) fn has(&self, name: &str) -> Result<bool, DbError> {
        let text = "SELECT datname FROM pg_database WHERE datname = $1";
        Ok(!self.session.query(text, &Param::each(&[Value::from(name)]), Intent::Read)?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_a_transaction_that_could_not_begin() {
        let address = std::env::var("DRIPLINE_TEST_POSTGRES").unwrap().parse().unwrap();
        let session = Server::connect(&address).unwrap().session;
        session.control("CREATE TEMP TABLE kept (id BIGINT)").unwrap();
        let count = || session.query("SELECT COUNT(*) FROM kept", &[], Intent::Read).unwrap()[0].int(0).unwrap();
        let insert = "INSERT INTO kept VALUES (1)";
        let ways: [&dyn Fn() -> Result<(), DbError>; 4] = [
            &|| session.send(insert, &[]),
            &|| session.execute(insert, &[]).map(drop),
            &|| session.execute_all(insert, &[Vec::new(), Vec::new()]).map(drop),
            &|| session.batch(insert),
        ];
        for (place, way) in ways.iter().enumerate() {
            // Known to the server: to prepare it would be heard, too.
            session.begin("BEGIN").unwrap();
            session.execute(insert, &[]).unwrap();
            session.control("ROLLBACK").unwrap();
            session.begin("BEGIN NONSENSE").unwrap();
            assert!(way().is_err(), "{place}");
            assert_eq!(count(), 0, "{place}");
        }
        session.begin("BEGIN").unwrap();
        session.send(insert, &[]).unwrap();
        assert_eq!(count(), 1, "what could begin goes on");
        session.control("ROLLBACK").unwrap();
    }
}
