//! Runs of imports beside the requests, and those whose process ended while they ran: they go on by themselves, where their file lies
//! (decision 0034). Also lets files go that are old.

use domain::ids::ImportId;
use engine::Actor;
use engine::imports::{Choices, Import, ImportsError, read};
use jiff::SignedDuration;
use tokio::sync::watch;

use super::files;
use crate::api::imports::go_on_undoing;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// How often it is looked for imports that nobody works on.
const LOOK: SignedDuration = SignedDuration::from_secs(15);

/// Runs an import that was started.
pub(super) fn run(parts: &Parts, actor: Actor, import: Import) -> Result<(), Wrong> {
    let (id, engine) = (import.id, parts.engine.clone());
    let (source, rejects) = (files::open(&parts.uploads, id)?, files::rejects(&parts.uploads, id)?);
    tokio::spawn(async move {
        if let Err(error) = engine.run_import(&actor, import, source, Box::new(rejects)).await {
            tracing::error!(%id, %error, "an import broke off; it goes on by itself");
        }
    });
    Ok(())
}

/// Whoever goes on with imports that have lost their process.
pub struct Keeper(Parts);

impl Keeper {
    /// With the files that lie here.
    #[must_use]
    pub fn of(parts: Parts) -> Self {
        Self(parts)
    }

    /// Looks again and again, until told to stop.
    pub(crate) async fn keep(self, mut stop: watch::Receiver<bool>) {
        let clock = self.0.engine.clock().clone();
        loop {
            self.once().await;
            let next = self.0.engine.now().saturating_add(LOOK).unwrap_or(jiff::Timestamp::MAX);
            tokio::select! {
                () = clock.sleep_until(next) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Looks once, begins to go on with what it finds, and lets old files go.
    pub async fn once(&self) {
        if let Err(error) = files::sweep(&self.0).await {
            tracing::error!(%error, "old files of imports were not let go");
        }
        match self.0.engine.still_imports().await {
            Ok(found) => {
                for (actor, import) in found {
                    go_on(&self.0, actor, import).await;
                }
            }
            Err(error) => tracing::error!(%error, "interrupted imports were not looked for"),
        }
    }
}

async fn go_on(parts: &Parts, actor: Actor, import: Import) {
    let id = import.id;
    match taken_up(parts, actor, import).await {
        Ok(true) => tracing::info!(%id, "an interrupted import was seen to"),
        // Its file lies with another node: a person sees that it stands still.
        Ok(false) => {}
        Err(error) => tracing::error!(%id, %error, "an interrupted import was not gone on with"),
    }
}

async fn taken_up(parts: &Parts, actor: Actor, import: Import) -> Result<bool, ImportsError> {
    let (engine, id): (_, ImportId) = (&parts.engine, import.id);
    let taken = match import.state.as_str() {
        "undoing" => engine.begin_undo(&actor, id).await.map(|_| go_on_undoing(parts, actor, id)),
        "canceling" => engine.end_canceling(&actor, import).await,
        _ if files::is_there(&parts.uploads, id) => {
            let choices: Choices = read(&import.choices);
            let begun = engine.start_import(&actor, id, &choices).await;
            begun.map(|import| {
                if run(parts, actor, import).is_err() {
                    tracing::error!(%id, "the file of an interrupted import cannot be read");
                }
            })
        }
        _ if read::<Choices>(&import.choices).in_one_go => engine.give_up_import(&actor, import).await,
        _ => return Ok(false),
    };
    match taken {
        Ok(()) => Ok(true),
        // Another node was faster.
        Err(ImportsError::NotNow { .. } | ImportsError::NotUndone { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
