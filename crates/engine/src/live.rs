//! What happens, told to whoever watches: one reader of the history for each workspace that somebody looks at.
//!
//! | question | answer |
//! |---|---|
//! | when is it read? | after each transaction of this process, at most every `PAUSE`; every `POLL` for those of other nodes |
//! | what of events that commit out of order? | the last `WINDOW_MILLIS` are read again each time; what was told is not told twice |
//! | what if the database fails? | whoever watches is told once that nothing is seen, and to look at everything anew when it is back |
//! | and of very many? | the newest `MOST_READ` are looked at; whoever watches is told to look at everything anew |
//! | what costs a viewer who is slow? | nothing: at most `KEPT` tellings wait, then it is told to look at everything anew |
//!
//! A reader ends with its last viewer. Time here is the machine's own: a demo's clock must not hold the screen up.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use domain::access::Permission;
use domain::ids::{ContactId, EventId, WorkspaceId};
use jiff::{SignedDuration, Timestamp};
use store::events::{self, Headline};
use tokio::sync::{Notify, broadcast};

use crate::actor::{Actor, Forbidden};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ids::Ids;

/// The least time between two readings.
const PAUSE: SignedDuration = SignedDuration::from_millis(120);
/// The most time between two readings.
const POLL: SignedDuration = SignedDuration::from_secs(2);
/// How far back each reading goes: longer than a transaction lasts.
const WINDOW_MILLIS: i64 = 10_000;
/// Most events that one reading looks at.
const MOST_READ: i64 = 1_000;
/// Most who watch one workspace through one process.
const MOST_WATCHERS: usize = 1_000;
/// Most tellings that wait for one viewer.
const KEPT: usize = 64;

/// What a viewer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// These things happened, the newest event of them being this one.
    Happened(EventId, Arc<Vec<(Option<ContactId>, String)>>),
    /// More happened than is told: look at everything anew.
    Much,
    /// What happens cannot be read just now; [`News::Much`] follows as soon as it can.
    Blind,
}

/// Who watches which workspace.
#[derive(Default)]
pub(crate) struct Live {
    stirred: Notify,
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    open: HashMap<WorkspaceId, broadcast::Sender<News>>,
    closed: bool,
}

impl Live {
    /// Something may have happened.
    pub(crate) fn stir(&self) {
        self.stirred.notify_waiters();
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches one workspace.
pub struct Watch(broadcast::Receiver<News>);

impl Watch {
    /// What happens next; nothing once the process ends.
    pub async fn next(&mut self) -> Option<News> {
        match self.0.recv().await {
            Ok(news) => Some(news),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Much),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Engine {
    /// Watches what happens in the actor's workspace from now on.
    pub async fn watch(&self, actor: &Actor) -> Result<Watch, WatchError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        // Read before the room is open: what happens from here on is told.
        let reader = Reader::new(self, workspace).await?;
        let mut rooms = self.live().rooms();
        if let Some(room) = rooms.open.get(&workspace) {
            if room.receiver_count() >= MOST_WATCHERS {
                return Err(WatchError::TooMany);
            }
            return Ok(Watch(room.subscribe()));
        }
        let (room, watch) = broadcast::channel(KEPT);
        if !rooms.closed {
            rooms.open.insert(workspace, room.clone());
            tokio::spawn(reader.run(self.clone(), room));
        }
        Ok(Watch(watch))
    }

    /// How many watch a workspace.
    #[must_use]
    pub fn watchers(&self, workspace: WorkspaceId) -> usize {
        self.live().rooms().open.get(&workspace).map_or(0, broadcast::Sender::receiver_count)
    }

    /// Ends all watching, now and later: the process ends.
    pub fn end_watching(&self) {
        let mut rooms = self.live().rooms();
        rooms.closed = true;
        rooms.open.clear();
        drop(rooms);
        self.live().stir();
    }
}

/// Why nobody may watch.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The actor may not read.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// As many watch as may.
    #[error("{MOST_WATCHERS} pages of the workspace are open already")]
    TooMany,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Reads the history of one workspace.
struct Reader {
    workspace: WorkspaceId,
    /// Before this nothing is read again.
    floor: i64,
    /// What was told already, from the floor on.
    told: BTreeSet<i64>,
    /// Whether the last reading failed.
    blind: bool,
}

impl Reader {
    async fn new(engine: &Engine, workspace: WorkspaceId) -> Result<Self, Failure> {
        let floor = Ids::before(Ids::floor(engine.now()), WINDOW_MILLIS);
        let mut reader = Self { workspace, floor, told: BTreeSet::new(), blind: false };
        let past = reader.read(engine).await?;
        reader.told.extend(past.iter().map(|event| event.id.0));
        Ok(reader)
    }

    async fn read(&self, engine: &Engine) -> Result<Vec<Headline>, Failure> {
        let (workspace, after) = (self.workspace, EventId(self.floor));
        engine.read(move |db| Ok(events::newest(db, workspace, after, MOST_READ)?)).await
    }

    async fn run(mut self, engine: Engine, room: broadcast::Sender<News>) {
        loop {
            let stirred = engine.live().stirred.notified();
            if self.is_over(&engine, &room) {
                return;
            }
            match self.read(&engine).await {
                Ok(read) => {
                    self.tell(&read, &room);
                    self.sees(true, &room);
                }
                Err(error) => {
                    tracing::warn!(%error, "the history was not read for those who watch");
                    self.sees(false, &room);
                }
            }
            tokio::select! {
                () = stirred => {}
                () = real(POLL) => {}
            }
            real(PAUSE).await;
        }
    }

    /// Tells when the history can no longer be read, and when it can again.
    fn sees(&mut self, sees: bool, room: &broadcast::Sender<News>) {
        if self.blind == sees {
            self.blind = !sees;
            let _ = room.send(if sees { News::Much } else { News::Blind });
        }
    }

    /// Whether nobody watches any more: the room is then closed.
    fn is_over(&self, engine: &Engine, room: &broadcast::Sender<News>) -> bool {
        let mut rooms = engine.live().rooms();
        let over = rooms.closed || room.receiver_count() == 0;
        if over {
            rooms.open.remove(&self.workspace);
        }
        over
    }

    fn tell(&mut self, read: &[Headline], room: &broadcast::Sender<News>) {
        let fresh: Vec<_> = read.iter().filter(|event| !self.told.contains(&event.id.0)).collect();
        let Some(newest) = fresh.iter().map(|event| event.id).max() else { return };
        let all_fresh = i64::try_from(fresh.len()).is_ok_and(|count| count >= MOST_READ);
        let happened = fresh.iter().rev().map(|event| (event.contact, event.kind.clone())).collect();
        // Nobody may be there any more; the next round sees it.
        let _ = room.send(if all_fresh { News::Much } else { News::Happened(newest, Arc::new(happened)) });
        self.told.extend(fresh.iter().map(|event| event.id.0));
        let highest = self.told.last().copied().unwrap_or_default();
        self.floor = self.floor.max(Ids::before(highest, WINDOW_MILLIS));
        self.told = self.told.split_off(&self.floor);
    }
}

/// Waits on the machine's own clock.
pub(crate) async fn real(wait: SignedDuration) {
    let until = Clock::System.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
    Clock::System.sleep_until(until).await;
}
