//! The chunks of a file are saved as they come, and with them how far the import is.

use std::sync::Arc;

use domain::ids::{ImportId, WorkspaceId};
use store::{Lane, Tx};

use super::chunk::Chunk;
use super::merge::{self, MergeError, Rule};
use super::pace::{Course, Pace};
use super::reading::Reading;
use super::run::Held;
use super::{ImportError, ImportProgress, Run, behind};
use crate::actor::Actor;
use crate::beat::Beat;
use crate::contacts::ContactError;
use crate::engine::Engine;
use crate::failure::Failure;

/// Most chunks that one transaction saves on SQLite, all but the last of which have made contacts alone: some ten milliseconds for four of these, and
/// one commit for all of them. A server has others who would wait for its locks, and who lock contacts in the order of their keys, which goes for a chunk alone.
const TOGETHER: usize = 4;
/// How often chunks are tried whose contacts somebody else makes at the same time.
const MAX_TRIES: usize = 10;

/// How far an import is: its counts, and the import if it is on file.
type Place = (ImportProgress, Option<Held>);

impl Engine {
    /// Takes the chunks as they come; those whose rows are all done are passed over.
    pub(super) async fn merge_all(
        &self,
        actor: &Actor,
        reading: &Reading,
        rule: Rule,
        run: &mut Run,
    ) -> Result<ImportProgress, ImportError> {
        let (done, own) = (run.counts.rows, Arc::new(reading.own_fields()));
        let (begun, mut course) = (self.clock().mark(), Course::default());
        let most = if self.store().address().is_server() { 1 } else { TOGETHER };
        while let Some(mut chunks) = reading.next_few(most).await {
            chunks.retain(|chunk| chunk.read.rows > done);
            let (chunks, mut from) = (Arc::new(chunks), 0);
            while from < chunks.len() {
                let (work, at) = ((Arc::clone(&chunks), from), (run.counts, run.held));
                ((run.counts, run.held), from) = self.merge(self.beat(actor), work, &own, rule, at).await?;
                let read = &chunks[from - 1].read;
                run.counts.pace = course.reach(self.clock().since(&begun), read.rows, read.bytes);
                run.behind.reached(run.counts.created);
                (run.progress)(&run.counts);
            }
        }
        Ok(ImportProgress { pace: Pace::default(), ..run.counts })
    }

    /// Saves chunks from the given one on, and says in the same transaction how far the import is with them: whoever goes on with it begins
    /// right behind. Answers that, and which chunk is the next.
    async fn merge(
        &self,
        beat: Beat,
        (chunks, from): (Arc<Vec<Chunk>>, usize),
        own: &Arc<Vec<(String, String)>>,
        rule: Rule,
        at: Place,
    ) -> Result<(Place, usize), ImportError> {
        let (workspace, beat) = (beat.workspace, Arc::new(beat));
        for _ in 0..MAX_TRIES {
            let (beat, chunks, own) = (Arc::clone(&beat), Arc::clone(&chunks), Arc::clone(own));
            let save = move |tx: &mut Tx<'_>| {
                let (counts, saved) = save_some(tx, &beat, &chunks[from..], &own, rule, at.0)?;
                let Some(held) = at.1 else { return Ok(((counts, None), from + saved)) };
                let held = held.moved(tx, &beat, &counts)?.ok_or(MergeError::Lost)?;
                Ok(((counts, Some(held)), from + saved))
            };
            match self.write(Lane::Bulk, save).await {
                Ok(saved) => return Ok(saved),
                Err(MergeError::Raced) => {}
                Err(MergeError::Lost) => return Err(self.lost(workspace, rule.import).await?),
                Err(MergeError::Contact(ContactError::Failure(failure))) => return Err(failure.into()),
                Err(MergeError::Contact(error)) => return Err(ImportError::Column(error)),
            }
        }
        Err(ImportError::Raced)
    }

    /// Why an import is not its run's any more.
    async fn lost(&self, workspace: WorkspaceId, import: Option<ImportId>) -> Result<ImportError, Failure> {
        let Some(import) = import else { return Ok(ImportError::Taken) };
        let found = self.read(move |db| Ok::<_, Failure>(store::imports::find(db, workspace, import)?)).await?;
        let is_canceled = found.is_some_and(|import| import.state == "canceling");
        Ok(if is_canceled { ImportError::Canceled } else { ImportError::Taken })
    }
}

/// Saves the first of these chunks, and more of them while nobody was there and nothing inbound waits: to change a contact takes several times
/// as long. Answers the counts, and how many chunks were saved.
fn save_some(
    tx: &mut Tx<'_>,
    beat: &Beat,
    chunks: &[Chunk],
    own: &[(String, String)],
    rule: Rule,
    mut counts: ImportProgress,
) -> Result<(ImportProgress, usize), MergeError> {
    let mut saved = 0;
    for chunk in chunks {
        let rule = Rule { found: behind::found(counts.created), ..rule };
        let merged = merge::merge(tx, beat, chunk, own, rule)?;
        counts = counts.with(&chunk.read, merged.contacts, merged.consents);
        saved += 1;
        if !merged.is_new || tx.is_awaited() {
            break;
        }
    }
    Ok((counts, saved))
}
