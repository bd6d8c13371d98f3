//! A conversation: texts with their states, what happened between them, and what is still to come.
//!
//! The part that is brought up to date begins at its first message: what is older was loaded into places of its own.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::ids::{ContactId, EventId, MessageId};
use domain::message::{MessageKind, MessageState};
use domain::zones::Zone;
use engine::Failure;
use engine::progress::Progress;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use store::contacts::Contact;
use store::conversations;
use store::events::{self, Event};
use store::messages::Message;

use crate::web::answer::html;
use crate::web::format::{self, Moment};
use crate::web::path::Id;
use crate::web::story::{Names, Told};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Messages that are shown at first, and that each look further back adds.
const PAGE: i64 = 40;
/// Most messages that are brought up to date at once.
const MOST: i64 = 400;
/// Events that are looked at between those messages.
const EVENTS: i64 = 200;

/// A text in the thread.
pub(super) struct Bubble {
    pub(super) body: String,
    pub(super) at: Moment,
    /// Whether the contact wrote it.
    pub(super) theirs: bool,
    /// Who wrote it, or of which workflow it is a step.
    pub(super) author: String,
    pub(super) state: &'static str,
    pub(super) state_icon: format::Icon,
    /// Why it failed, in plain words.
    pub(super) trouble: String,
    /// That it was with the carrier already when the contact's reply came.
    pub(super) crossed: String,
}

/// A text that is still to come.
pub(super) struct Coming {
    pub(super) step: u8,
    pub(super) text: String,
    pub(super) when: Moment,
    pub(super) why: String,
}

/// One thing in the thread.
pub(super) enum Row {
    Day(String),
    New,
    Text(Bubble),
    Happened(Told, Moment),
}

/// The thread as it is shown.
pub(super) struct Thread {
    pub(super) contact: ContactId,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) rows: Vec<Row>,
    pub(super) coming: Vec<Coming>,
    pub(super) workflow: String,
    /// The first message that is shown; nothing if there is none.
    pub(super) first: Option<MessageId>,
    /// Whether there may be older ones.
    pub(super) more: bool,
}

#[derive(Template)]
#[template(path = "messenger/thread.html")]
struct ThreadPart {
    thread: Thread,
}

#[derive(Template)]
#[template(path = "messenger/older.html")]
struct OlderPart {
    thread: Thread,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    /// The first message of the part that is brought up to date.
    from: String,
    /// The message before which older ones are wanted.
    before: String,
}

pub(super) async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let thread = read(&parts, &viewer, contact, asked.from.parse().ok()).await?;
    Ok(html(&ThreadPart { thread }))
}

pub(super) async fn older(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let before: MessageId = asked.before.parse().map_err(|_| Wrong::not_found("this page"))?;
    let found = parts.engine.contact(&viewer.actor, contact).await?;
    let (messages, events, _) = load(&parts, &viewer, contact, before, PAGE).await?;
    let names = Names::load(&parts, &viewer.actor).await?;
    let more = i64::try_from(messages.len()).is_ok_and(|count| count == PAGE);
    let first = messages.first().map(|message| message.id);
    let there = there(&parts, &viewer, &found).await?;
    let eyes = Eyes { viewer: &viewer, names: &names, there: there.as_ref() };
    let rows = rows(&eyes, &messages, &events, 0);
    let (name, phone) = (found.name, format::phone(&found.phone));
    let thread = Thread { contact, name, phone, rows, coming: Vec::new(), workflow: String::new(), first, more };
    Ok(html(&OlderPart { thread }))
}

type Loaded = (Vec<Message>, Vec<Event>, i64);

/// Messages before the given one and the events since the first of them, oldest first; and how many are unread.
async fn load(
    parts: &Parts,
    viewer: &Viewer,
    contact: ContactId,
    before: MessageId,
    limit: i64,
) -> Result<Loaded, Wrong> {
    let workspace = viewer.actor.workspace();
    let texts = parts.engine.texts();
    let loaded = parts.engine.read::<_, Failure, _>(move |read| {
        let mut messages = texts.thread(read, workspace, contact, before, limit)?;
        messages.reverse();
        let mut events = events::of_contact(read, workspace, contact, EventId(before.0), EVENTS)?;
        events.reverse();
        let standing = conversations::find(read, workspace, contact)?.unwrap_or_default();
        Ok((messages, events, standing.unread))
    });
    let (messages, mut events, unread) = loaded.await?;
    // What happened before the first message belongs to the page before it, unless this is the first page.
    if let Some(first) = messages.first()
        && i64::try_from(messages.len()).is_ok_and(|count| count == limit)
    {
        events.retain(|event| event.at >= first.created_at);
    }
    Ok((messages, events, unread))
}

/// The newest messages, or all since the one that the page begins with.
pub(super) async fn read(
    parts: &Parts,
    viewer: &Viewer,
    contact: ContactId,
    from: Option<MessageId>,
) -> Result<Thread, Wrong> {
    let found = parts.engine.contact(&viewer.actor, contact).await?;
    let limit = if from.is_some() { MOST } else { PAGE };
    let (mut messages, mut events, unread) = load(parts, viewer, contact, MessageId(i64::MAX), limit).await?;
    let mut more = i64::try_from(messages.len()).is_ok_and(|count| count == limit);
    if let Some(from) = from {
        more |= messages.first().is_some_and(|first| first.id < from);
        messages.retain(|message| message.id >= from);
        if let Some(first) = messages.first().filter(|_| more) {
            let since = first.created_at;
            events.retain(|event| event.at >= since);
        }
    }
    let names = Names::load(parts, &viewer.actor).await?;
    let progress = parts.engine.progress(&viewer.actor, contact).await?;
    let unread = usize::try_from(unread).unwrap_or(0);
    let there = there(parts, viewer, &found).await?;
    let eyes = Eyes { viewer, names: &names, there: there.as_ref() };
    Ok(Thread {
        contact,
        name: found.name,
        phone: format::phone(&found.phone),
        first: messages.first().map(|message| message.id),
        rows: rows(&eyes, &messages, &events, unread),
        coming: progress.as_ref().map(|progress| coming(&eyes, progress)).unwrap_or_default(),
        workflow: progress.map(|progress| progress.workflow).unwrap_or_default(),
        more,
    })
}

/// Through whose eyes a thread is seen, and whose clock is at the other end.
struct Eyes<'e> {
    viewer: &'e Viewer,
    names: &'e Names,
    there: Option<&'e Zone>,
}

impl Eyes<'_> {
    fn moment(&self, at: Timestamp) -> Moment {
        format::moment_with(at, self.viewer.now, &self.viewer.zone, self.there)
    }
}

/// The zone of a contact.
pub(super) async fn there(parts: &Parts, viewer: &Viewer, contact: &Contact) -> Result<Option<Zone>, Wrong> {
    Ok(Zone::named(&parts.engine.whereabouts(&viewer.actor, contact).await?.zone).ok())
}

fn coming(eyes: &Eyes<'_>, progress: &Progress) -> Vec<Coming> {
    let row = |message: &engine::progress::ComingMessage| Coming {
        step: message.step,
        text: message.text.clone(),
        when: match format::planned(message.due, &eyes.viewer.zone, eyes.there) {
            soon if message.due <= eyes.viewer.now => Moment { short: "as soon as it may go".to_owned(), ..soon },
            planned => planned,
        },
        why: message.moved.map(|why| why.to_string()).unwrap_or_default(),
    };
    progress.coming.iter().map(row).collect()
}

/// Messages and events in order of time, with the days between them and a mark before what was not read.
fn rows(eyes: &Eyes<'_>, messages: &[Message], events: &[Event], unread: usize) -> Vec<Row> {
    let mut all: Vec<(Timestamp, Row)> = Vec::new();
    let inbound: Vec<_> = messages.iter().filter(|one| one.kind == MessageKind::Inbound).collect();
    let new = inbound.len().checked_sub(unread).and_then(|place| inbound.get(place)).filter(|_| unread > 0);
    for message in messages {
        if new.is_some_and(|new| new.id == message.id) {
            all.push((message.created_at, Row::New));
        }
        all.push((message.created_at, Row::Text(bubble(eyes, message, &inbound))));
    }
    for event in events {
        if let Some(told) = eyes.names.tell(event) {
            all.push((event.at, Row::Happened(told, eyes.moment(event.at))));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    let (mut rows, mut day): (Vec<Row>, Option<Date>) = (Vec::new(), None);
    for (at, row) in all {
        let date = eyes.viewer.zone.local(at).date();
        if day != Some(date) {
            day = Some(date);
            rows.push(Row::Day(day_of(eyes.viewer, date)));
        }
        rows.push(row);
    }
    rows
}

fn day_of(viewer: &Viewer, date: Date) -> String {
    let today = viewer.zone.local(viewer.now).date();
    match () {
        () if date == today => "Today".to_owned(),
        () if date.tomorrow().is_ok_and(|next| next == today) => "Yesterday".to_owned(),
        () if date.year() == today.year() => date.strftime("%A, %B %-d").to_string(),
        () => format::long_day(date),
    }
}

fn bubble(eyes: &Eyes<'_>, message: &Message, inbound: &[&Message]) -> Bubble {
    let (state, state_icon) = state(message.state);
    let author = match message.kind {
        MessageKind::Workflow => {
            message.step.map_or_else(|| "workflow".to_owned(), |step| format!("workflow message {step}"))
        }
        MessageKind::System => "automatic answer".to_owned(),
        MessageKind::Manual => eyes.names.users.get(&message.author).cloned().unwrap_or_default(),
        MessageKind::Inbound => String::new(),
    };
    let code = message.code.clone().map(|code| format!(" ({code})")).unwrap_or_default();
    let trouble = message.detail.clone().map(|detail| format!("{detail}{code}")).unwrap_or_default();
    Bubble {
        body: message.body.clone(),
        at: eyes.moment(message.created_at),
        theirs: message.kind == MessageKind::Inbound,
        author,
        state,
        state_icon,
        trouble: if is_trouble(message.state) { trouble } else { String::new() },
        crossed: crossed(eyes.viewer, message, inbound),
    }
}

fn is_trouble(state: MessageState) -> bool {
    matches!(state, MessageState::Failed | MessageState::Undelivered | MessageState::InDoubt)
}

fn state(state: MessageState) -> (&'static str, format::Icon) {
    use format::Icon;
    match state {
        MessageState::Queued => ("waiting to go out", Icon("clock")),
        MessageState::Sending => ("sending", Icon("clock")),
        MessageState::InDoubt => ("in doubt", Icon("circle-help")),
        MessageState::Sent => ("sent", Icon("check")),
        MessageState::Delivered => ("delivered", Icon("check-check")),
        MessageState::Undelivered => ("not delivered", Icon("circle-alert")),
        MessageState::Failed => ("failed", Icon("circle-alert")),
        MessageState::Canceled => ("not sent: canceled", Icon("circle-slash")),
        MessageState::Received => ("received", Icon("check")),
    }
}

/// A message of a workflow that was claimed just before a reply and sent after it: it could not be held back any more.
fn crossed(viewer: &Viewer, message: &Message, inbound: &[&Message]) -> String {
    let Some((claimed, sent)) = message.claimed_at.zip(message.sent_at) else { return String::new() };
    if message.kind != MessageKind::Workflow {
        return String::new();
    }
    let reply = inbound.iter().find(|reply| reply.created_at >= claimed && reply.created_at < sent);
    let exact = |at: Timestamp| format::moment(at, viewer.now, &viewer.zone).exact;
    reply.map_or_else(String::new, |reply| {
        let (claimed, came) = (exact(claimed), exact(reply.created_at));
        format!("It crossed the reply: handed to the carrier at {claimed}, the reply came at {came}")
    })
}
