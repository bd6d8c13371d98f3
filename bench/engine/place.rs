//! An engine over a fresh database, with the sink as its carrier.

#![allow(dead_code, reason = "shared by benchmarks, each of which uses a part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use dripline::wiring::{self, Parts};
use engine::carriers::{Http, Kind};
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::{Actor, Engine};
use store::Address;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::customer;
use crate::sink::Sink;

/// What the account at the carrier is opened with.
pub(crate) const TYPED: [(&str, &str); 3] =
    [("account", "AC00000000000000000000000000000001"), ("token", "0123456789abcdef0123456789abcdef"), ("service", "")];

pub(crate) struct Place {
    pub(crate) database: &'static str,
    pub(crate) engine: Engine,
    customers: AtomicUsize,
    _parts: Parts,
    _node: watch::Sender<bool>,
    _folder: Option<TempDir>,
}

impl Place {
    /// On an SQLite file in the folder for temporary files.
    pub(crate) fn sqlite(sink: &Sink) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let place = Self::file(folder.path(), "speed.db", sink);
        Some(Self { _folder: Some(folder), ..place })
    }

    /// On a file in this folder, which stays.
    pub(crate) fn file(folder: &Path, name: &str, sink: &Sink) -> Self {
        Self::open("SQLite", &Address::file(folder.join(name)), folder, sink)
    }

    /// On a database of its own on the server of `DRIPLINE_TEST_POSTGRES`, if there is one.
    pub(crate) fn postgres(sink: &Sink) -> Option<Self> {
        std::env::var_os("DRIPLINE_TEST_POSTGRES")?;
        let database = tokio::task::block_in_place(store::testing::postgres);
        let address = database.address.clone();
        // Lives as long as the process: the server is temporary.
        std::mem::forget(database);
        let folder = tempfile::tempdir().unwrap();
        let place = Self::open("PostgreSQL", &address, folder.path(), sink);
        Some(Self { _folder: Some(folder), ..place })
    }

    fn open(database: &'static str, address: &Address, folder: &Path, sink: &Sink) -> Self {
        let outfit = Outfit {
            keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
            http: Http::new().unwrap(),
            poster: Poster::new("none".parse().unwrap()).unwrap(),
            public_url: "https://texts.example.com".to_owned(),
            reach: "localhost".parse().unwrap(),
            bases: BTreeMap::from([(Kind::Twilio, sink.address.clone())]),
        };
        let open = || wiring::open_with(address, folder, customer::clock(), wiring::quiet_behaviour(), Some(outfit));
        let parts = tokio::task::block_in_place(open).unwrap();
        let (node, stop) = watch::channel(false);
        let engine = parts.engine.clone();
        let holder = engine.clone();
        tokio::spawn(async move { holder.hold_node(stop).await });
        Self { database, engine, customers: AtomicUsize::new(0), _parts: parts, _node: node, _folder: None }
    }

    /// A customer with a number at the carrier and so many contacts.
    pub(crate) async fn customer(&self, contacts: usize) -> Actor {
        let nth = self.customers.fetch_add(1, Ordering::Relaxed);
        let actor = customer::workspace(&self.engine, &format!("Customer {nth}")).await;
        let typed = TYPED.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let account = self.engine.add_carrier(&actor, "twilio", "Ours", typed).await.unwrap();
        let phone = format!("+1833555{:04}", 100 + nth);
        customer::number(&self.engine, &actor, &phone, &account.id.to_string()).await;
        customer::contacts(&self.engine, &actor, 0, contacts).await;
        actor
    }
}
