//! Notes about contacts: written by whoever works with them, deleted by their authors or by who leads the team.

use domain::access::Permission;
use domain::ids::{ContactId, NoteId};
use serde_json::json;
use store::notes::{self, Note};
use store::{DbError, Lane, contacts};

use crate::actor::{Actor, Forbidden};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};

/// Most characters of a note.
pub const MAX_NOTE: usize = 4_000;

/// Why a note is not written, found or deleted.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact, or it was deleted.
    #[error("the contact does not exist")]
    ContactUnknown,
    /// There is no such note.
    #[error("the note does not exist")]
    Unknown,
    /// It is empty.
    #[error("the note is empty")]
    Empty,
    /// It is too long.
    #[error("the note has {0} characters; at most {MAX_NOTE} are allowed")]
    TooLong(usize),
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for NoteError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Writes a note about a contact.
    pub async fn add_note(&self, actor: &Actor, contact: ContactId, body: &str) -> Result<Note, NoteError> {
        actor.need(Permission::ContactsWrite)?;
        let body = body.replace("\r\n", "\n").replace('\0', "").trim().to_owned();
        let length = body.chars().count();
        if length == 0 {
            return Err(NoteError::Empty);
        }
        if length > MAX_NOTE {
            return Err(NoteError::TooLong(length));
        }
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            once(tx, &beat, &("add_note", contact, &body), |tx| {
                contacts::lock(tx, beat.workspace, &[contact])?.pop().ok_or(NoteError::ContactUnknown)?;
                let note = Note {
                    id: NoteId(beat.id()),
                    contact,
                    author: beat.actor.clone(),
                    body: body.clone(),
                    created_at: beat.now,
                };
                notes::insert(tx, beat.workspace, &note)?;
                beat.note(tx, "note.added", Some(contact), &json!({ "note": note.id }))?;
                Ok(note)
            })
        })
        .await
    }

    /// Deletes a note: one's own, or anybody's by who may change the team.
    pub async fn delete_note(&self, actor: &Actor, id: NoteId) -> Result<Note, NoteError> {
        actor.need(Permission::ContactsWrite)?;
        let (beat, leads) = (self.beat(actor), actor.need(Permission::TeamWrite));
        self.write(Lane::Normal, move |tx| {
            let note = notes::find(tx, beat.workspace, id)?.ok_or(NoteError::Unknown)?;
            if note.author != beat.actor {
                leads.clone()?;
            }
            notes::delete(tx, beat.workspace, id)?;
            beat.note(tx, "note.deleted", Some(note.contact), &json!({ "note": id }))?;
            Ok::<_, NoteError>(note)
        })
        .await
    }
}
