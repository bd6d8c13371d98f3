//! Labels: made by whoever works with contacts, given to them one by one or to a selection.

use domain::access::Permission;
use domain::ids::{ContactId, LabelId};
use serde_json::json;
use store::labels::{self, Label};
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::conversations::{ConversationError, all_known, note_each};
use crate::engine::Engine;
use crate::failure::Failure;

/// The words of the colours that a label may have.
pub const COLOURS: [&str; 8] = ["grey", "red", "orange", "yellow", "green", "teal", "blue", "purple"];
/// Most characters of a name.
pub const MAX_NAME: usize = 40;
/// Most labels of a workspace.
pub const MAX_LABELS: usize = 200;

/// Why a label is not made, changed, deleted or given.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such label.
    #[error("the label does not exist")]
    Unknown,
    /// The name is empty or too long.
    #[error("a label's name has 1 to {MAX_NAME} characters")]
    Name,
    /// Another label has the name.
    #[error("there is a label {0:?} already")]
    Taken(String),
    /// The colour is none.
    #[error("{colour:?} is no colour of a label; choose one of {}", COLOURS.join(", "))]
    Colour {
        /// What was given.
        colour: String,
    },
    /// There are as many as there may be.
    #[error("the workspace has {MAX_LABELS} labels already; delete one first")]
    TooMany,
    /// The contacts are none that can be changed.
    #[error(transparent)]
    Contacts(ConversationError),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for LabelError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<ConversationError> for LabelError {
    fn from(error: ConversationError) -> Self {
        match error {
            ConversationError::Forbidden(cause) => Self::Forbidden(cause),
            ConversationError::Failure(cause) => Self::Failure(cause),
            error => Self::Contacts(error),
        }
    }
}

/// Whether contacts get a label or lose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labelling {
    /// They get it.
    Give,
    /// They lose it.
    Take,
}

fn checked(name: &str, colour: &str) -> Result<(String, String), LabelError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ").replace('\0', "");
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(LabelError::Name);
    }
    if !COLOURS.contains(&colour) {
        return Err(LabelError::Colour { colour: colour.to_owned() });
    }
    Ok((name, colour.to_owned()))
}

impl Engine {
    /// All labels of the workspace, by name.
    pub async fn labels(&self, actor: &Actor) -> Result<Vec<Label>, LabelError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(labels::list(db, workspace)?)).await
    }

    /// Makes a label.
    pub async fn create_label(&self, actor: &Actor, name: &str, colour: &str) -> Result<Label, LabelError> {
        actor.need(Permission::ContactsWrite)?;
        let (name, colour) = checked(name, colour)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            if labels::list(tx, beat.workspace)?.len() >= MAX_LABELS {
                return Err(LabelError::TooMany);
            }
            let label = Label { id: LabelId(beat.id()), name: name.clone(), colour: colour.clone() };
            if !labels::insert(tx, beat.workspace, &label, beat.now)? {
                return Err(LabelError::Taken(name.clone()));
            }
            beat.note(tx, "label.created", None, &json!({ "label": label.id, "name": name, "colour": colour }))?;
            Ok(label)
        })
        .await
    }

    /// Changes a label's name, and its colour where one is given.
    pub async fn change_label(
        &self,
        actor: &Actor,
        id: LabelId,
        name: &str,
        colour: Option<&str>,
    ) -> Result<Label, LabelError> {
        actor.need(Permission::ContactsWrite)?;
        let (name, given) = checked(name, colour.unwrap_or(COLOURS[0]))?;
        let (beat, given) = (self.beat(actor), colour.map(|_| given));
        self.write(Lane::Normal, move |tx| {
            let known = labels::find(tx, beat.workspace, id)?.ok_or(LabelError::Unknown)?;
            let colour = given.clone().unwrap_or(known.colour);
            let label = Label { id, name: name.clone(), colour: colour.clone() };
            if !labels::update(tx, beat.workspace, &label)? {
                return Err(LabelError::Taken(name.clone()));
            }
            beat.note(tx, "label.changed", None, &json!({ "label": id, "name": name, "colour": colour }))?;
            Ok(label)
        })
        .await
    }

    /// Deletes a label; every contact loses it.
    pub async fn delete_label(&self, actor: &Actor, id: LabelId) -> Result<(), LabelError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let label = labels::find(tx, beat.workspace, id)?.ok_or(LabelError::Unknown)?;
            labels::delete(tx, beat.workspace, id)?;
            Ok(beat.note(tx, "label.deleted", None, &json!({ "label": id, "name": label.name }))?)
        })
        .await
    }

    /// Gives contacts a label or takes it from them; says whom that changed.
    pub async fn label_contacts(
        &self,
        actor: &Actor,
        label: LabelId,
        contacts: Vec<ContactId>,
        labelling: Labelling,
    ) -> Result<Vec<ContactId>, LabelError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            all_known(tx, beat.workspace, &contacts)?;
            label_all(tx, &beat, label, &contacts, labelling)
        })
        .await
    }
}

/// Gives or takes a label, and tells of each contact.
pub(crate) fn label_all(
    tx: &mut Tx<'_>,
    beat: &Beat,
    label: LabelId,
    contacts: &[ContactId],
    labelling: Labelling,
) -> Result<Vec<ContactId>, LabelError> {
    let known = labels::find(tx, beat.workspace, label)?.ok_or(LabelError::Unknown)?;
    let (changed, kind) = match labelling {
        Labelling::Give => (labels::give(tx, beat.workspace, label, contacts, beat.now)?, "contact.labelled"),
        Labelling::Take => (labels::take(tx, beat.workspace, label, contacts)?, "contact.unlabelled"),
    };
    note_each(tx, beat, kind, &changed, &json!({ "label": label, "name": known.name }))?;
    Ok(changed)
}
