//! Where a database lives. A server's address may hold a password, so it is never shown whole.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::DbError;

/// A database's address: `sqlite:PATH`, `sqlite::memory:` or `postgres://user@host/name`.
///
/// PostgreSQL is reached over a Unix socket (`postgres://user@%2Frun%2Fpostgresql/name`) or TCP
/// without TLS: keep it on the same machine or a private network. Several hosts
/// (`postgres://user@a,b:5433/name?target_session_attrs=read-write`) are tried in this order.
#[derive(Clone)]
pub struct Address(pub(super) Place);

#[derive(Clone)]
pub(super) enum Place {
    File(PathBuf),
    Memory,
    Server(Box<tokio_postgres::Config>),
}

impl Address {
    /// The address of an SQLite file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// Whether it is a server's: such a database has its own tools for copies, and takes many processes at once.
    pub fn is_server(&self) -> bool {
        matches!(self.0, Place::Server(_))
    }

    /// The address of a fresh SQLite database in memory, gone when its store is closed.
    pub fn memory() -> Self {
        Self(Place::Memory)
    }
}

impl FromStr for Address {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self, DbError> {
        if text == "sqlite::memory:" {
            return Ok(Self::memory());
        }
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(Self::file(path));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let config = text.parse().map_err(|error: tokio_postgres::Error| DbError::Address(Some(error.into())))?;
            return Ok(Self(Place::Server(Box::new(config))));
        }
        Err(DbError::Address(None))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => write!(f, "sqlite:{}", path.display()),
            Place::Memory => f.write_str("sqlite::memory:"),
            Place::Server(config) => {
                f.write_str("postgres://")?;
                for (place, host) in config.get_hosts().iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    match host {
                        tokio_postgres::config::Host::Tcp(name) => write!(f, "{comma}{name}")?,
                        #[cfg(unix)]
                        tokio_postgres::config::Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
                    }
                }
                write!(f, "/{}", config.get_dbname().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let address: Address = "postgres://dripline:hunter2@db.internal:5433/drip".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://db.internal/drip");
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn an_address_may_name_several_hosts_and_ask_for_the_one_that_can_write() {
        let text = "postgres://dripline:hunter2@a.internal,%2Frun%2Fb:5433/drip?target_session_attrs=read-write";
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), "postgres://a.internal,/run/b/drip");
        let Place::Server(config) = &address.0 else { panic!("no server") };
        assert_eq!(config.get_ports(), [5432, 5433]);
        assert_eq!(config.get_target_session_attrs(), tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    }

    #[test]
    fn an_unknown_address_is_refused_without_repeating_it() {
        for text in ["mysql://root:hunter2@x/y", "sqlite:", "", "postgres://u:hunter2@h:port/x"] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn sqlite_addresses_round_trip() {
        for text in ["sqlite::memory:", "sqlite:/var/lib/dripline/data.db", "sqlite:data.db"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }
}
