//! What is with a carrier for the first time, as the message that it will be: see [`store::on_the_way`].
//!
//! Whoever handed a text over tells what it was when its answer is settled. Anybody else renders it anew, from what was frozen when its
//! enrollment started: the texts of a version never change, and values are erased only when nothing is on its way.

use domain::attempt::{ANSWER_WAIT, CALLBACK_WAIT, RETRY_HOURS};
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId, WorkflowId, WorkspaceId};
use domain::message::{MessageKind, MessageState};
use domain::tariff::Country;
use domain::template::{Fields, Template};
use domain::{segments, template};
use jiff::{SignedDuration, Timestamp};
use store::enrollments::{self, Enrollment, Place};
use store::messages::{self, Message};
use store::{Read, Tx, contacts, on_the_way};

use crate::beat::Beat;
use crate::claim::{earlier, later};
use crate::engine::Engine;
use crate::facts::{self, Steps};
use crate::failure::Failure;
use crate::ids::Ids;

/// Most that fall into doubt in one claim.
const DOUBTED_AT_ONCE: i64 = 256;

/// What a text says, and to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) body: String,
    pub(crate) segments: i64,
    pub(crate) country: Country,
}

/// A step that is claimed for its first try.
pub(crate) struct First {
    pub(crate) message: MessageId,
    pub(crate) enrollment: EnrollmentId,
    pub(crate) contact: ContactId,
    pub(crate) step: u8,
    pub(crate) number: NumberId,
    pub(crate) claimed_at: Timestamp,
}

impl First {
    /// Of an enrollment, if a step of it is on its way for the first time.
    pub(crate) fn of(row: &Enrollment) -> Option<Self> {
        Some(Self {
            message: row.message?,
            enrollment: row.id,
            contact: row.contact,
            step: row.next_step,
            number: row.number,
            claimed_at: row.claimed_at?,
        })
    }

    /// The message as it is until its carrier has answered.
    pub(crate) fn sending(self, text: Text) -> Message {
        let claimed_at = self.claimed_at;
        Message {
            state: MessageState::Sending,
            enrollment: Some(self.enrollment),
            step: Some(self.step),
            attempts: 1,
            due_at: Some(later(claimed_at, ANSWER_WAIT)),
            claimed_at: Some(claimed_at),
            give_up_at: Some(later(claimed_at, SignedDuration::from_hours(RETRY_HOURS))),
            country: Some(text.country),
            ..Message::new(
                self.message,
                self.contact,
                MessageKind::Workflow,
                self.number,
                text.body,
                text.segments,
                claimed_at,
            )
        }
    }
}

/// A step of a workflow's version, and what it is filled with.
pub(crate) struct Source<'a> {
    pub(crate) enrollment: EnrollmentId,
    pub(crate) workflow: WorkflowId,
    pub(crate) version: i64,
    pub(crate) step: u8,
    pub(crate) values: &'a [(String, String)],
    pub(crate) place: &'a Place,
    pub(crate) phone: &'a str,
}

impl Source<'_> {
    /// The text of a step, from what was frozen at the start.
    pub(crate) fn render(&self, db: &Read<'_>, workspace: WorkspaceId, steps: &Steps) -> Result<Text, Failure> {
        let steps = steps.of(db, workspace, self.workflow, self.version)?;
        let step = steps.get(usize::from(self.step) - 1);
        let step = step.ok_or_else(|| Failure::Stored(format!("{} has no step {}", self.workflow, self.step)))?;
        self.fill(&step.template)
    }

    /// The same once its enrollment has ended, when nothing keeps the fields that it names from being removed: what was frozen of them counts.
    fn render_late(&self, db: &Read<'_>, workspace: WorkspaceId) -> Result<Text, Failure> {
        let steps = store::workflows::steps(db, workspace, self.workflow, self.version)?;
        let step = steps.iter().find(|row| row.step == i64::from(self.step));
        let step = step.ok_or_else(|| Failure::Stored(format!("{} has no step {}", self.workflow, self.step)))?;
        let fields = Fields::with_custom(self.values.iter().map(|(key, _)| key.as_str()));
        let template = Template::parse(&step.template, &fields);
        self.fill(&template.map_err(|error| Failure::Stored(error.to_string()))?)
    }

    fn fill(&self, template: &Template) -> Result<Text, Failure> {
        let value = |key: &str| self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let text = template.render(&value);
        let text = text.map_err(|_| Failure::Stored(format!("{} lacks a frozen value", self.enrollment)))?;
        let body = template::sendable(&text, facts::smart_of(self.place));
        let segments = i64::try_from(segments::count(&body).segments).unwrap_or(i64::MAX);
        Ok(Text { body, segments, country: Country::of_stored(self.phone) })
    }
}

/// The message that a step of this enrollment is, if it is on its way for the first time.
pub(crate) fn message(
    db: &Read<'_>,
    workspace: WorkspaceId,
    steps: &Steps,
    row: &Enrollment,
) -> Result<Option<Message>, Failure> {
    First::of(row).map(|first| sending(db, workspace, steps, row, first)).transpose()
}

/// The same of a step of this enrollment. One that cannot be rendered, which only a change by hand can bring about, has no words. It is not handed
/// over again, and keeps nothing else from being looked at.
pub(crate) fn sending(
    db: &Read<'_>,
    workspace: WorkspaceId,
    steps: &Steps,
    row: &Enrollment,
    first: First,
) -> Result<Message, Failure> {
    let phone = contacts::find(db, workspace, row.contact)?.map(|contact| contact.phone).unwrap_or_default();
    let source = Source {
        enrollment: row.id,
        workflow: row.workflow,
        version: row.version,
        step: row.next_step,
        values: &enrollments::values(db, workspace, row.id)?,
        place: &row.place,
        phone: &phone,
    };
    let rendered = match source.render(db, workspace, steps) {
        Err(Failure::Stored(_)) => source.render_late(db, workspace),
        rendered => rendered,
    };
    match rendered {
        Ok(text) => Ok(first.sending(text)),
        Err(Failure::Stored(why)) => {
            tracing::warn!(%workspace, enrollment = %row.id, why, "what is on its way cannot be rendered");
            let price = row.prices.get(usize::from(row.next_step) - 1);
            let segments = price.map_or(1, |price| i64::from(price.segments));
            Ok(first.sending(Text { body: String::new(), segments, country: Country::of_stored(&phone) }))
        }
        Err(other) => Err(other),
    }
}

/// What is on its way for the first time as a message before this one should have been answered for: it was claimed [`ANSWER_WAIT`] ago, but for a
/// fraction of a millisecond. The
/// identifiers tell, and not `claimed_at`: their index holds what is overdue apart from the rest, which on PostgreSQL is mostly entries of what
/// has been settled since.
pub(crate) fn overdue(now: Timestamp) -> MessageId {
    let next = later(earlier(now, ANSWER_WAIT), SignedDuration::from_millis(1));
    MessageId(Ids::floor(next))
}

/// When a message comes before [`overdue`].
pub(crate) fn overdue_at(message: MessageId) -> Timestamp {
    later(Ids::instant(message.0), ANSWER_WAIT)
}

/// A message of which nobody has told in time what came, to be saved.
pub(crate) fn doubted(tx: &mut Tx<'_>, beat: &Beat, message: Message) -> Result<Message, Failure> {
    let note = serde_json::json!({ "message": message.id, "step": message.step, "settled_by": "carrier" });
    beat.note(tx, "message.in_doubt", Some(message.contact), &note)?;
    let until = later(beat.now, CALLBACK_WAIT);
    Ok(Message { state: MessageState::InDoubt, due_at: Some(until), state_at: beat.now, ..message })
}

/// First tries of which nobody has told in time what came are messages in doubt from now on; says how many.
pub(crate) fn doubt_overdue(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps) -> Result<usize, Failure> {
    let overdue = on_the_way::before(tx, beat.workspace, overdue(beat.now), DOUBTED_AT_ONCE)?;
    if overdue.is_empty() {
        return Ok(0);
    }
    let mut messages = Vec::with_capacity(overdue.len());
    for row in enrollments::lock(tx, beat.workspace, &overdue)? {
        if let Some(message) = message(tx, beat.workspace, steps, &row)? {
            messages.push(doubted(tx, beat, message)?);
        }
    }
    messages::land(tx, beat.workspace, &messages)?;
    on_the_way::land(tx, beat.workspace, overdue)?;
    Ok(messages.len())
}

/// A message, on its way for the first time or not.
pub(crate) fn find(
    db: &Read<'_>,
    workspace: WorkspaceId,
    steps: &Steps,
    id: MessageId,
) -> Result<Option<Message>, Failure> {
    // In this order: what is on its way here may have its row there a moment later.
    let row = on_the_way::find(db, workspace, id)?;
    let row = row.map(|row| enrollments::find(db, workspace, row)).transpose()?.flatten();
    let on_its_way = row.filter(|row| row.message == Some(id)).map(|row| message(db, workspace, steps, &row));
    match on_its_way.transpose()?.flatten() {
        Some(message) => Ok(Some(message)),
        None => Ok(messages::find(db, workspace, id)?),
    }
}

/// Messages as people see them: with what is on its way. See [`Engine::texts`].
#[derive(Debug, Clone)]
pub struct Texts(Steps);

impl Texts {
    /// A message.
    pub fn find(&self, db: &Read<'_>, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, Failure> {
        find(db, workspace, &self.0, id)
    }

    /// The messages of a conversation, newest first, before the given one.
    pub fn thread(
        &self,
        db: &Read<'_>,
        workspace: WorkspaceId,
        contact: ContactId,
        before: MessageId,
        limit: i64,
    ) -> Result<Vec<Message>, Failure> {
        thread(db, workspace, &self.0, contact, before, limit)
    }
}

impl Engine {
    /// Reads messages, with what is on its way: inside [`Engine::read`].
    #[must_use]
    pub fn texts(&self) -> Texts {
        Texts(self.steps())
    }
}

/// The messages of a conversation, newest first, before the given one.
fn thread(
    db: &Read<'_>,
    workspace: WorkspaceId,
    steps: &Steps,
    contact: ContactId,
    before: MessageId,
    limit: i64,
) -> Result<Vec<Message>, Failure> {
    let mut coming = Vec::new();
    for id in on_the_way::of_contact(db, workspace, contact, before)? {
        let row = enrollments::find(db, workspace, id)?;
        coming.extend(row.map(|row| message(db, workspace, steps, &row)).transpose()?.flatten());
    }
    let mut thread = messages::thread(db, workspace, contact, before, limit)?;
    coming.retain(|message| thread.iter().all(|known| known.id != message.id));
    thread.extend(coming);
    thread.sort_by_key(|message| std::cmp::Reverse(message.id));
    thread.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(thread)
}
