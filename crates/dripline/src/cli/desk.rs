//! Where the operator works: the settings, an engine that writes or one that only reads, a workspace.
//!
//! A command that writes opens the database as the server does, so it is refused while a server has an
//! SQLite file. One that only reads stands beside it.

use std::error::Error;

use domain::ids::WorkspaceId;
use engine::pick::PickError;
use engine::{Actor, Clock, Engine};
use store::workspaces::Workspace;
use tokio::runtime::Runtime;

use super::Stop;
use super::run::runtime;
use crate::config::{Base, ConfigError, Origin, Settings};
use crate::demo::lead;
use crate::outfit::{self, IfMissing};
use crate::{logs, wiring};

/// In which workspace, on which database.
#[derive(Debug, clap::Args)]
pub(crate) struct Within {
    /// The workspace: its name or identifier [default: the only one there is]
    #[arg(long, value_name = "NAME|ID")]
    pub(crate) workspace: Option<String>,
    #[command(flatten)]
    pub(crate) base: Base,
}

/// What a command does to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It writes: no server may have the file.
    Write,
    /// It only reads, beside a server.
    Read,
}

/// An open engine and what runs its work.
pub(crate) struct Desk {
    engine: Engine,
    purpose: Purpose,
    runtime: Runtime,
}

/// A desk in a workspace, where the operator may do everything.
pub(crate) struct Office {
    pub(crate) desk: Desk,
    pub(crate) workspace: Workspace,
    pub(crate) actor: Actor,
}

/// What is picked is not clear, and what to do about it.
#[derive(Debug, thiserror::Error)]
enum Unclear {
    #[error("{0}: make one with `dripline workspace create NAME --zone ZONE`")]
    NoWorkspace(PickError),
    #[error("{0}; name one with --workspace")]
    Workspace(PickError),
}

/// The settings that a command on a database runs with.
pub(crate) fn settings(base: Base) -> Result<Settings, Stop> {
    let load = || -> Result<Settings, ConfigError> {
        let settings = Settings::load(&base.clone().into(), &|name| std::env::var_os(name))?;
        let unset = settings.readings().iter().any(|line| line.key == "log_level" && line.origin == Origin::Default);
        if !unset {
            return Ok(settings);
        }
        // People look on: the log tells them of trouble only, unless they want to know more.
        let quiet = Base { log_level: Some("warn".to_owned()), ..base.clone() };
        Settings::load(&quiet.into(), &|name| std::env::var_os(name))
    };
    let settings = load().map_err(Stop::usage)?;
    logs::start(&settings.log_level, settings.log_format).map_err(Stop::failed)?;
    Ok(settings)
}

impl Desk {
    pub(crate) fn open(base: Base, purpose: Purpose) -> Result<Self, Stop> {
        let settings = settings(base)?;
        let clock = if settings.demo { lead::clock(&settings.data).map_err(Stop::failed)? } else { Clock::System };
        // Most commands need no key; those that do say so.
        let outfit = outfit::outfit(&settings, IfMissing::GoWithout).unwrap_or_else(|error| {
            tracing::warn!(%error, "accounts at carriers cannot be opened");
            None
        });
        let engine = match purpose {
            Purpose::Write => wiring::open_to_write(&settings.database, &settings.data, clock, outfit),
            Purpose::Read => wiring::open_to_read(&settings.database, clock, outfit),
        };
        Ok(Self { engine: engine.map_err(Stop::failed)?, purpose, runtime: runtime()? })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Runs asynchronous work to its end; its error ends the command.
    pub(crate) fn run<T, E: Error + Send + Sync + 'static>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Stop> {
        self.work(work).map_err(Stop::failed)
    }

    /// Runs asynchronous work to its end.
    pub(crate) fn work<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// What is meant by a name or identifier; a wrong one is a wrong argument.
    pub(crate) fn pick<T>(&self, work: impl Future<Output = Result<T, PickError>>) -> Result<T, Stop> {
        self.work(work).map_err(|error| match error {
            PickError::Forbidden(_) | PickError::Failure(_) | PickError::NoneThere { .. } => Stop::failed(error),
            other => Stop::usage(other),
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if self.purpose == Purpose::Write
            && let Err(error) = self.runtime.block_on(self.engine.leave_node())
        {
            // It ends by itself after two minutes.
            tracing::debug!(%error, "the node's number was not given back");
        }
    }
}

impl Within {
    /// Opens the database and finds the workspace.
    pub(crate) fn open(self, purpose: Purpose) -> Result<Office, Stop> {
        let desk = Desk::open(self.base, purpose)?;
        let found = desk.work(desk.engine().pick_workspace(self.workspace.as_deref()));
        let workspace = found.map_err(|error| match error {
            none @ PickError::NoneThere { .. } => Stop::failed(Unclear::NoWorkspace(none)),
            unnamed @ PickError::Unnamed { .. } => Stop::usage(Unclear::Workspace(unnamed)),
            error @ (PickError::Forbidden(_) | PickError::Failure(_)) => Stop::failed(error),
            other => Stop::usage(other),
        })?;
        let actor = Actor::operator(workspace.id);
        Ok(Office { desk, workspace, actor })
    }
}

impl Office {
    pub(crate) fn engine(&self) -> &Engine {
        self.desk.engine()
    }

    pub(crate) fn id(&self) -> WorkspaceId {
        self.workspace.id
    }
}
