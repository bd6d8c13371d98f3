//! Labels and lists: made by whoever works with contacts, given to them one by one, to a selection, or by the file that brings them.
//!
//! | | label | list |
//! |---|---|---|
//! | is for | telling conversations apart | holding contacts together, such as those of one file |
//! | the Messenger's conversations | are marked with it, and found by it | are not; the panel beside one tells of it |
//! | contacts are filtered by it, and both at once | yes | yes |
//! | comes into being | by its name and colour | the same, or with the first file that names it |
//!
//! A list is a label of another kind: all that happens to labels (merging, undoing, erasing, export) happens to lists.

use domain::access::Permission;
use domain::ids::{ContactId, LabelId, WorkspaceId};
use serde_json::{Value, json};
use store::labels::{self, Kind, Label};
use store::{DbError, Lane, Read, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::conversations::{ConversationError, all_known, note_each};
use crate::engine::Engine;
use crate::failure::Failure;

/// The words of the colours that a label may have.
pub const COLOURS: [&str; 8] = ["grey", "red", "orange", "yellow", "green", "teal", "blue", "purple"];
/// Most characters of a label's name.
pub const MAX_NAME: usize = 40;
/// Most characters of a list's name.
pub const MAX_LIST_NAME: usize = 80;
/// Most labels of a workspace.
pub const MAX_LABELS: usize = 200;
/// Most lists of a workspace.
pub const MAX_LISTS: usize = 1_000;

/// Most characters of a name.
fn max_name(kind: Kind) -> usize {
    match kind {
        Kind::Label => MAX_NAME,
        Kind::List => MAX_LIST_NAME,
    }
}

/// Most of them in a workspace.
fn most(kind: Kind) -> usize {
    match kind {
        Kind::Label => MAX_LABELS,
        Kind::List => MAX_LISTS,
    }
}

/// Why a label or a list is not made, changed, deleted or given.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("the label or list does not exist")]
    Unknown,
    /// The name is empty or too long.
    #[error("the name of a {} has 1 to {} characters", .0.word(), max_name(*.0))]
    Name(Kind),
    /// Another one has the name.
    #[error("there is a label or a list {0:?} already")]
    Taken(String),
    /// The colour is none.
    #[error("{colour:?} is no colour of a label; choose one of {}", COLOURS.join(", "))]
    Colour {
        /// What was given.
        colour: String,
    },
    /// There are as many as there may be.
    #[error("the workspace has {} {}s already; delete one first", most(*.0), .0.word())]
    TooMany(Kind),
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

/// A name without spaces that nobody sees.
fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").replace('\0', "")
}

/// A name as it is kept.
fn named(name: &str, kind: Kind) -> Result<String, LabelError> {
    let name = folded(name);
    if name.is_empty() || name.chars().count() > max_name(kind) {
        return Err(LabelError::Name(kind));
    }
    Ok(name)
}

fn known_colour(colour: &str) -> Result<String, LabelError> {
    if !COLOURS.contains(&colour) {
        return Err(LabelError::Colour { colour: colour.to_owned() });
    }
    Ok(colour.to_owned())
}

/// What an event says of one that contacts got or lost.
pub(crate) fn told(label: &Label) -> Value {
    json!({ "label": label.id, "kind": label.kind.word(), "name": label.name })
}

/// The list of this name, which is found or would be made; nothing where it would be. Says why it cannot be.
pub(crate) fn find_list(db: &Read<'_>, workspace: WorkspaceId, name: &str) -> Result<Option<Label>, LabelError> {
    let name = named(name, Kind::List)?;
    match labels::named(db, workspace, &name)? {
        Some(found) if found.is_list() => Ok(Some(found)),
        Some(_) => Err(LabelError::Taken(name)),
        None => room(db, workspace, Kind::List).map(|()| None),
    }
}

/// The list of this name; it is made if there is none.
pub(crate) fn find_or_make_list(tx: &mut Tx<'_>, beat: &Beat, name: &str) -> Result<Label, LabelError> {
    if let Some(list) = find_list(tx, beat.workspace, name)? {
        return Ok(list);
    }
    match make(tx, beat, Kind::List, named(name, Kind::List)?, COLOURS[0].to_owned()) {
        // Somebody else has made it between the two looks.
        Err(LabelError::Taken(_)) => {
            let found = find_list(tx, beat.workspace, name)?;
            found.ok_or_else(|| LabelError::Taken(name.to_owned()))
        }
        made => made,
    }
}

/// Whether there may be one more.
fn room(db: &Read<'_>, workspace: WorkspaceId, kind: Kind) -> Result<(), LabelError> {
    let alike = labels::list(db, workspace)?.into_iter().filter(|known| known.kind == kind).count();
    if alike < most(kind) { Ok(()) } else { Err(LabelError::TooMany(kind)) }
}

/// Writes down a new one.
fn make(tx: &mut Tx<'_>, beat: &Beat, kind: Kind, name: String, colour: String) -> Result<Label, LabelError> {
    room(tx, beat.workspace, kind)?;
    let label = Label { id: LabelId(beat.id()), kind, name, colour };
    if !labels::insert(tx, beat.workspace, &label, beat.now)? {
        return Err(LabelError::Taken(label.name));
    }
    note(tx, beat, "label.created", &label)?;
    Ok(label)
}

/// Tells what became of one.
fn note(tx: &mut Tx<'_>, beat: &Beat, event: &str, label: &Label) -> Result<(), LabelError> {
    let facts = json!({ "label": label.id, "kind": label.kind.word(), "name": label.name, "colour": label.colour });
    Ok(beat.note(tx, event, None, &facts)?)
}

impl Engine {
    /// All labels and lists of the workspace, by name.
    pub async fn labels(&self, actor: &Actor) -> Result<Vec<Label>, LabelError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(labels::list(db, workspace)?)).await
    }

    /// Makes a label.
    pub async fn create_label(&self, actor: &Actor, name: &str, colour: &str) -> Result<Label, LabelError> {
        self.make_label(actor, Kind::Label, name, colour).await
    }

    /// Makes a list.
    pub async fn create_contact_list(&self, actor: &Actor, name: &str) -> Result<Label, LabelError> {
        self.make_label(actor, Kind::List, name, COLOURS[0]).await
    }

    async fn make_label(&self, actor: &Actor, kind: Kind, name: &str, colour: &str) -> Result<Label, LabelError> {
        actor.need(Permission::ContactsWrite)?;
        let (name, colour, beat) = (named(name, kind)?, known_colour(colour)?, self.beat(actor));
        self.write(Lane::Normal, move |tx| make(tx, &beat, kind, name.clone(), colour.clone())).await
    }

    /// The label or the list of this name, if there is one.
    pub async fn label_named(&self, actor: &Actor, kind: Kind, name: &str) -> Result<Option<Label>, LabelError> {
        actor.need(Permission::Read)?;
        let (workspace, name) = (actor.workspace(), folded(name));
        let found = self.read(move |db| Ok::<_, LabelError>(labels::named(db, workspace, &name)?)).await?;
        Ok(found.filter(|label| label.kind == kind))
    }

    /// Changes a label's or a list's name, and its colour where one is given.
    pub async fn change_label(
        &self,
        actor: &Actor,
        id: LabelId,
        name: &str,
        colour: Option<&str>,
    ) -> Result<Label, LabelError> {
        actor.need(Permission::ContactsWrite)?;
        let (beat, name, colour) = (self.beat(actor), name.to_owned(), colour.map(known_colour).transpose()?);
        self.write(Lane::Normal, move |tx| {
            let known = labels::find(tx, beat.workspace, id)?.ok_or(LabelError::Unknown)?;
            let name = named(&name, known.kind)?;
            let label = Label { name, colour: colour.clone().unwrap_or(known.colour), ..known };
            if !labels::update(tx, beat.workspace, &label)? {
                return Err(LabelError::Taken(label.name));
            }
            note(tx, &beat, "label.changed", &label)?;
            Ok(label)
        })
        .await
    }

    /// Deletes a label or a list; every contact loses it. A list may have a million: its rows go later, some at a time (`upkeep`).
    pub async fn delete_label(&self, actor: &Actor, id: LabelId) -> Result<(), LabelError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let label = labels::find(tx, beat.workspace, id)?.ok_or(LabelError::Unknown)?;
            if !labels::delete(tx, beat.workspace, id, beat.now)? {
                return Err(LabelError::Unknown);
            }
            note(tx, &beat, "label.deleted", &label)
        })
        .await
    }

    /// Gives contacts a label or puts them on a list, or takes it from them; says whom that changed.
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
    note_each(tx, beat, kind, &changed, &told(&known))?;
    Ok(changed)
}
