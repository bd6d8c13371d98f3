//! The list of conversations: filters with their counts, search, and the page after a row.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::access::Permission;
use domain::ids::{ContactId, LabelId, UserId, WorkspaceId};
use domain::search::Asked as Wanted;
use jiff::Timestamp;
use serde::Deserialize;
use store::conversations::list::{self, Conversation, Filter, MOST_COUNTED, Standing};
use store::enrollments::{self, Card};
use store::labels::Label;
use store::views::{Place, View};
use store::{DbError, Read, contacts, labels, search};

use crate::web::answer::html;
use crate::web::format::{self, Moment};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Rows of one page.
const PAGE: i64 = 40;

/// What is asked for in the address. An unknown word means everything: an old bookmark still opens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) filter: String,
    pub(super) label: String,
    pub(super) assignee: String,
    pub(super) q: String,
    pub(super) before: String,
    pub(super) pane: String,
}

impl Asked {
    fn filter(&self, viewer: &Viewer) -> Filter {
        let assignee = if self.assignee == "me" { Some(viewer.presence.user.id) } else { self.assignee.parse().ok() };
        Filter {
            standing: Standing::from_word(&self.filter).unwrap_or_default(),
            assignee,
            label: self.label.parse::<LabelId>().ok(),
        }
    }

    /// The same as a query, without what is not asked.
    pub(super) fn query(&self) -> String {
        let pairs = [("filter", &self.filter), ("label", &self.label), ("assignee", &self.assignee), ("q", &self.q)];
        let given = pairs.iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
    }
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A filter as it can be chosen.
pub(super) struct Choice {
    pub(super) name: &'static str,
    pub(super) query: String,
    pub(super) count: String,
    pub(super) here: bool,
}

/// Where the contact is in its workflow.
pub(super) struct Going {
    /// The whole of it: `New lead: message 2 of 5, Sat 9:00 am`.
    pub(super) title: String,
    /// The same for the line itself: `New lead 2/5 · Sat, Nov 28, 9:00 am`.
    pub(super) short: String,
}

/// A row.
pub(super) struct Line {
    pub(super) contact: ContactId,
    pub(super) name: String,
    pub(super) last: String,
    pub(super) at: Option<Moment>,
    pub(super) unread: i64,
    pub(super) theirs: bool,
    pub(super) failed: bool,
    pub(super) opted_out: bool,
    pub(super) going: Option<Going>,
    pub(super) labels: Vec<Label>,
    pub(super) assignee: String,
    pub(super) here: bool,
}

/// The list as it is shown.
pub(super) struct List {
    pub(super) lines: Vec<Line>,
    pub(super) filters: Vec<Choice>,
    pub(super) labels: Vec<(Label, bool)>,
    /// Saved views, and whether one of them is what is shown.
    pub(super) views: Vec<(View, bool)>,
    /// What is asked for, to be saved as a view.
    pub(super) asked: Asked,
    pub(super) users: Vec<(UserId, String)>,
    /// What is asked for, to be put behind an address; empty for everything.
    pub(super) query: String,
    pub(super) search: String,
    /// The address of the page after this one.
    pub(super) next: Option<String>,
    pub(super) here: String,
    pub(super) may_act: bool,
    /// Whether it goes into a page that is there: the counts of the filters come along.
    pub(super) part: bool,
}

#[derive(Template)]
#[template(path = "messenger/part.html")]
struct Lines {
    list: List,
}

#[derive(Template)]
#[template(path = "messenger/more.html")]
struct More {
    list: List,
}

pub(super) async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Read)?;
    let here = asked.pane.parse().ok();
    let list = List { part: true, ..read(&parts, &viewer, &asked, here).await? };
    Ok(if asked.before.is_empty() { html(&Lines { list }) } else { html(&More { list }) })
}

/// A place in the list: the time of the last message and the contact.
fn place(text: &str) -> Option<(Timestamp, ContactId)> {
    let (at, contact) = text.split_once('~')?;
    Some((Timestamp::from_microsecond(at.parse().ok()?).ok()?, contact.parse().ok()?))
}

/// A contact that a search found, and why.
struct Hit {
    contact: ContactId,
    name: String,
    /// Its phone, or the text that fits.
    why: String,
    at: Option<Timestamp>,
}

/// Contacts whose name or phone fits, then conversations with a text that does.
fn hits(read: &Read<'_>, workspace: WorkspaceId, wanted: &Wanted) -> Result<Vec<Hit>, DbError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let known = search::contacts(read, workspace, wanted, PAGE)?;
    let hit =
        |one: contacts::Contact| Hit { contact: one.id, name: one.name, why: format::phone(&one.phone), at: None };
    let mut hits: Vec<Hit> = contacts::some(read, workspace, &known)?.into_iter().map(hit).collect();
    let texts = search::texts(read, workspace, wanted, usize::try_from(PAGE).unwrap_or(0))?;
    let writers: Vec<_> = texts.iter().map(|text| text.contact).collect();
    let writers = contacts::some(read, workspace, &writers)?;
    for text in texts {
        let Some(writer) = writers.iter().find(|one| one.id == text.contact) else { continue };
        if hits.iter().all(|hit| hit.contact != text.contact) {
            let why = around(&text.body, wanted.place_in(&text.body));
            hits.push(Hit { contact: writer.id, name: writer.name.clone(), why, at: Some(text.at) });
        }
    }
    Ok(hits)
}

/// The part of a text in which the word stands that was searched for.
fn around(text: &str, place: Option<(usize, usize)>) -> String {
    const BEFORE: usize = 24;
    let from = place.map_or(0, |(from, _)| from);
    let start = text[..from].char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
    if start == 0 { text.to_owned() } else { format!("…{}", &text[start..]) }
}

struct Rows {
    found: Vec<Conversation>,
    others: Vec<Hit>,
    cards: Vec<Card>,
    labels: HashMap<ContactId, Vec<Label>>,
    counts: list::Counts,
}

pub(super) async fn read(
    parts: &Parts,
    viewer: &Viewer,
    asked: &Asked,
    here: Option<ContactId>,
) -> Result<List, Wrong> {
    let (workspace, filter, me) = (viewer.actor.workspace(), asked.filter(viewer), viewer.presence.user.id);
    let before = place(&asked.before).unwrap_or((Timestamp::MAX, ContactId(i64::MAX)));
    let search = asked.q.trim().to_owned();
    let rows = parts.engine.read::<_, DbError, _>(move |read| {
        let (found, others) = match search.as_str() {
            "" => (list::page(read, workspace, filter, before, PAGE)?, Vec::new()),
            search => (Vec::new(), hits(read, workspace, &Wanted::read(search))?),
        };
        let ids: Vec<_> = found.iter().map(|one| one.contact).chain(others.iter().map(|one| one.contact)).collect();
        let mut given: HashMap<ContactId, Vec<Label>> = HashMap::new();
        for (contact, label) in labels::of_contacts(read, workspace, &ids)? {
            if !label.is_list() {
                given.entry(contact).or_default().push(label);
            }
        }
        let (cards, counts) = (enrollments::cards(read, workspace, &ids)?, list::counts(read, workspace, Some(me))?);
        Ok(Rows { found, others, cards, labels: given, counts })
    });
    let rows = rows.await?;
    let users: Vec<_> = parts.engine.users(&viewer.actor).await?.into_iter().map(|user| (user.id, user.name)).collect();
    let mut known = parts.engine.labels(&viewer.actor).await?;
    known.retain(|label| !label.is_list());
    let full = i64::try_from(rows.found.len()).is_ok_and(|count| count == PAGE);
    let last = rows.found.last().filter(|_| full);
    let query = asked.query();
    let views = parts.engine.views(&viewer.actor, Place::Messenger).await?;
    let next = last.map(|last| {
        let here = here.map(|here| format!("&pane={here}")).unwrap_or_default();
        format!("/messenger/list?{query}{here}&before={}~{}", last.last_at.as_microsecond(), last.contact)
    });
    Ok(List {
        filters: filters(asked, &rows.counts),
        lines: lines(viewer, rows, here, &users),
        labels: known.into_iter().map(|label| (label.clone(), filter.label == Some(label.id))).collect(),
        views: views.into_iter().map(|view| (view.clone(), view.filter == query)).collect(),
        asked: asked.clone(),
        users,
        query,
        search: asked.q.clone(),
        next,
        here: here.map(|here| here.to_string()).unwrap_or_default(),
        may_act: viewer.may("send"),
        part: false,
    })
}

fn filters(asked: &Asked, counts: &list::Counts) -> Vec<Choice> {
    const NAMES: [&str; 6] = ["All", "Unread", "Unreplied", "Awaiting reply", "In workflow", "Opted out"];
    let count = |count: i64| if count >= MOST_COUNTED { "999+".to_owned() } else { count.to_string() };
    let mine = asked.assignee == "me";
    let mut choices: Vec<_> = Standing::ALL
        .iter()
        .zip(NAMES)
        .zip(counts.standings)
        .map(|((standing, name), number)| Choice {
            name,
            query: if *standing == Standing::All { String::new() } else { format!("filter={}", standing.word()) },
            count: count(number),
            here: !mine && Standing::from_word(&asked.filter).unwrap_or_default() == *standing,
        })
        .collect();
    let query = "assignee=me".to_owned();
    choices.push(Choice { name: "Assigned to me", query, count: count(counts.mine), here: mine });
    choices
}

fn lines(viewer: &Viewer, rows: Rows, here: Option<ContactId>, users: &[(UserId, String)]) -> Vec<Line> {
    let Rows { found, others, mut labels, cards, .. } = rows;
    let going = |contact| cards.iter().find(|card| card.contact == contact).map(|card| going(viewer, card));
    let mut labels = |contact| labels.remove(&contact).unwrap_or_default();
    let conversation = |row: Conversation| Line {
        contact: row.contact,
        going: going(row.contact),
        labels: labels(row.contact),
        assignee: users.iter().find(|user| Some(user.0) == row.assignee).map(|user| user.1.clone()).unwrap_or_default(),
        name: row.name,
        last: row.last_body,
        at: Some(format::moment(row.last_at, viewer.now, &viewer.zone)),
        unread: row.unread,
        theirs: row.is_theirs,
        failed: ["failed", "undelivered"].contains(&row.last_state.as_str()),
        opted_out: row.opted_out,
        here: here == Some(row.contact),
    };
    let mut lines: Vec<_> = found.into_iter().map(conversation).collect();
    lines.extend(others.into_iter().map(|Hit { contact, name, why, at }| Line {
        contact,
        going: going(contact),
        labels: labels(contact),
        assignee: String::new(),
        name,
        last: why,
        at: at.map(|at| format::moment(at, viewer.now, &viewer.zone)),
        unread: 0,
        // What was found is told as it is, whoever wrote it.
        theirs: true,
        failed: false,
        opted_out: false,
        here: here == Some(contact),
    }));
    lines
}

fn going(viewer: &Viewer, card: &Card) -> Going {
    let next = card.due_at.map_or_else(
        || "on its way".to_owned(),
        |due| {
            let at = due.to_zoned_datetime(viewer.zone.clock().clone());
            at.strftime("%a, %b %-d, %-I:%M %P").to_string()
        },
    );
    let title = format!("In workflow {}: message {} of {}, {next}", card.name, card.next_step, card.steps);
    Going { title, short: format!("{} {}/{} · {next}", card.name, card.next_step, card.steps) }
}
