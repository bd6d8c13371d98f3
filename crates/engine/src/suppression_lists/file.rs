//! The file of a list: columns of phones, with or without names above them, among others or alone. Read as a stream.

use std::io::Read;

use domain::ids::ListId;
use domain::phone::{Phone, PhoneError, Region};
use serde::{Deserialize, Serialize};
use store::Lane;
use store::suppression_lists as lists;

use super::{CHUNK, List, ListCounts, ListError};
use crate::actor::Actor;
use crate::engine::Engine;
use crate::import::phones::Phones;

/// Most rejected rows that a list keeps.
pub const MAX_KEPT: usize = 100;
/// Chunks that wait for the database.
const AHEAD: usize = 2;

/// What is no phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneReject {
    /// Where, from 1: a row as a spreadsheet counts, or the place among those that were given.
    pub row: u64,
    /// Why.
    pub reason: String,
}

/// Phones of some rows, and what was counted up to them.
#[derive(Default)]
struct Chunk {
    phones: Vec<Phone>,
    rows: u64,
    rejected: u64,
    rejects: Vec<PhoneReject>,
}

impl Engine {
    /// Reads the file of a list to its end, as a stream and some hundred phones to a transaction; `progress` is told
    /// after each. What is saved stays: to go on after an interruption read the file again from its beginning.
    ///
    /// # Errors
    /// See [`ListError`]; a row without a phone is no error, it is counted and told.
    pub async fn fill_list(
        &self,
        actor: &Actor,
        id: ListId,
        source: impl Read + Send + 'static,
        region: Region,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<List, ListError> {
        crate::contacts::may_put(actor, super::kind_of(&self.suppression_list(actor, id).await?)?)?;
        self.mark_list(actor, id, "filling", None).await?;
        let (out, chunks) = flume::bounded(AHEAD);
        let reading = tokio::task::spawn_blocking(move || read(Box::new(source), region, &out));
        while let Ok(chunk) = chunks.recv_async().await {
            let Chunk { phones, rows, rejected, rejects } = chunk;
            let count = move |counts: &mut ListCounts| {
                (counts.rows, counts.rejected) = (rows, rejected);
                counts.rejects.clone_from(&rejects);
            };
            self.hold(actor, id, phones, count).await?;
            progress(rows);
        }
        let done = reading.await.map_err(|_| crate::import::ImportError::Ending)?;
        // One that cannot be read to its end stays unfinished, and says so: what it gave up to there is in force.
        if let Err(error) = done {
            self.mark_list(actor, id, "filling", Some(error.to_string())).await?;
            return Err(error);
        }
        self.mark_list(actor, id, "kept", None).await
    }

    async fn mark_list(
        &self,
        actor: &Actor,
        id: ListId,
        state: &'static str,
        broken: Option<String>,
    ) -> Result<List, ListError> {
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| {
            let mut list = super::open(tx, &beat, id)?;
            state.clone_into(&mut list.state);
            list.counts = ListCounts { broken: broken.clone(), ..ListCounts::of(&list) }.document();
            list.updated_at = beat.now;
            lists::save(tx, beat.workspace, &list)?;
            if state == "kept" {
                let counts = ListCounts::of(&list);
                let note = serde_json::json!({ "list": id, "name": list.name, "phones": counts.phones, "ended": counts.ended });
                beat.note(tx, "suppression_list.filled", None, &note)?;
            }
            Ok::<_, ListError>(list)
        })
        .await
    }
}

/// The reading thread. Stops early, without an error, if nobody wants the chunks any more.
fn read(source: Box<dyn Read + Send>, region: Region, out: &flume::Sender<Chunk>) -> Result<(), ListError> {
    let mut phones = Phones::open(source, region)?;
    let (mut chunk, mut last) = (Chunk::default(), 0);
    let ended = loop {
        let (row, phone) = match phones.next() {
            Ok(Some(next)) => next,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        };
        if matches!(phone, Err(PhoneError::Empty)) {
            continue;
        }
        chunk.rows += u64::from(row != last);
        last = row;
        match phone {
            Ok(phone) => chunk.phones.push(phone),
            Err(error) => {
                chunk.rejected += 1;
                if chunk.rejects.len() < MAX_KEPT {
                    chunk.rejects.push(PhoneReject { row, reason: error.to_string() });
                }
            }
        }
        if chunk.phones.len() >= CHUNK {
            let next = Chunk { phones: Vec::new(), rejects: chunk.rejects.clone(), ..chunk };
            if out.send(std::mem::replace(&mut chunk, next)).is_err() {
                return Ok(());
            }
        }
    };
    // Also before an error: what stands up to there is in force.
    let _ = out.send(chunk);
    ended
}
