//! `/contacts/{id}/merge`: the contact beside another one that is the same person: what stays, moves and ends, shown before it is done.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::enrollment::StopReason;
use domain::ids::ContactId;
use engine::Switch;
use engine::contacts::Contact;
use engine::merging::{self, Merge, MergeError, Number, Plan, Side};
use serde::Deserialize;
use store::{DbError, contacts};

use super::bulk::Selected;
use super::show::STANDARD;
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html, refused};
use crate::web::enrollments::amounts;
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// How many contacts are offered.
const OFFERED: u32 = 10;
/// What the name of a field of the form begins with that says whose value stays.
const USE: &str = "use.";

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/contacts/merge", post(selected)).route("/contacts/{id}/merge", get(ask).post(merge))
}

/// The other contact, or words to look for it by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    with: Option<ContactId>,
    q: Option<String>,
}

/// A contact that may be the other one.
struct Offer {
    id: ContactId,
    name: String,
    phone: String,
    about: String,
}

#[derive(Template)]
#[template(path = "contacts/merge.html")]
struct FindPage<'v> {
    frame: Frame<'v>,
    id: ContactId,
    name: String,
    phone: String,
    search: String,
    /// Whether the words are ours: what the contact itself is found by.
    guessed: bool,
    offers: Vec<Offer>,
}

/// Something of which the kept contact's or the other's stays: a field that differs, or a workflow.
struct Choice {
    title: String,
    /// The name in the form.
    slot: String,
    picks: [Pick; 2],
}

struct Pick {
    value: &'static str,
    text: String,
    about: String,
    here: bool,
}

/// A field of which there is one value.
struct Line {
    name: String,
    value: String,
}

/// What runs to one of the numbers.
struct Run {
    workflow: String,
    phone: String,
    back: String,
}

/// One of the two, as the page shows it.
struct Head {
    id: ContactId,
    name: String,
    phone: String,
    added: Moment,
    /// Such as “opted out”.
    lists: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "contacts/merge-with.html")]
struct MergePage<'v> {
    frame: Frame<'v>,
    keep: Head,
    take: Head,
    changed: bool,
    nothing: bool,
    choices: Vec<Choice>,
    fills: Vec<Line>,
    same: usize,
    labels: Vec<String>,
    notes: String,
    /// The reminder that stays, where that changes something, and whether another goes.
    reminder: Option<Moment>,
    drops_reminder: bool,
    ends: Vec<Run>,
    going_on: Vec<Run>,
    /// Which workflow goes on, where one of two has to end.
    runs: Option<Choice>,
    listed: Vec<String>,
    stops_together: bool,
    others: Vec<String>,
    seen: String,
    may_merge: bool,
}

impl MergePage<'_> {
    fn heads(&self) -> [(&Head, &'static str); 2] {
        [(&self.keep, "Keeps the record"), (&self.take, "Is taken in, as another number")]
    }
}

async fn ask(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(keep): Id<ContactId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let Some(take) = asked.with else { return find(&parts, &viewer, keep, asked.q).await };
    let asked = Merge { keep, take, theirs: Vec::new(), goes_on: Side::Keep, seen: None };
    let plan = parts.engine.merge_preview(&viewer.actor, asked).await?;
    Ok(html(&page(&parts, &viewer, &plan).await?))
}

/// Looks for the other one; by what the contact itself is known by if nobody said words.
async fn find(parts: &Parts, viewer: &Viewer, id: ContactId, words: Option<String>) -> Result<Response, Wrong> {
    let contact = parts.engine.contact(&viewer.actor, id).await?;
    let phone = format::phone(&contact.phone);
    let of = |key: &str| contact.fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let guessed = words.is_none();
    let own = || of("email").or_else(|| Some(contact.name.clone()).filter(|name| *name != phone));
    let search = words.or_else(own).unwrap_or_default();
    let found = match search.trim() {
        "" => Vec::new(),
        search => parts.engine.contacts(&viewer.actor, None, search, OFFERED + 1).await?.contacts,
    };
    let offer = |other: Contact| {
        let of = |key: &str| other.fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
        Offer {
            id: other.id,
            phone: format::phone(&other.phone),
            about: of("email").or_else(|| of("address")).or_else(|| of("company")).unwrap_or_default(),
            name: other.name.clone(),
        }
    };
    let frame = Frame::new(format!("Merge {}", contact.name), Section::Contacts, viewer);
    let offers = found.into_iter().filter(|other| other.id != id).map(offer).collect();
    Ok(html(&FindPage { frame, id, name: contact.name.clone(), phone, search, guessed, offers }))
}

async fn page<'v>(parts: &Parts, viewer: &'v Viewer, plan: &Plan) -> Result<MergePage<'v>, Wrong> {
    let workspace = viewer.actor.workspace();
    let own = parts.engine.read::<_, DbError, _>(move |db| contacts::custom_fields(db, workspace)).await?;
    let named = |key: &str| {
        let standard = STANDARD.iter().find(|(known, _)| *known == key).map(|(_, name)| (*name).to_owned());
        let own = || own.iter().find(|(known, _)| known == key).map(|(_, name)| name.clone());
        standard.or_else(own).unwrap_or_else(|| key.to_owned())
    };
    let choice = |field: &merging::Field| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let ours = (text(&field.ours), format::phone(&plan.keep.phone));
        let theirs = (text(&field.theirs), format::phone(&plan.take.phone));
        choice(named(&field.key), format!("{USE}{}", field.key), [ours, theirs], field.from)
    };
    let fill = |field: &merging::Field| Line { name: named(&field.key), value: field.value().to_owned() };
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let reminder = plan.reminder.as_ref().filter(|(_, of)| *of == Side::Take || plan.dropped_reminder.is_some());
    let (ends, going_on) = runs(plan);
    let others = plan.numbers.iter().filter(|number| number.contact != plan.keep.id && number.contact != plan.take.id);
    Ok(MergePage {
        frame: Frame::new(format!("Merge {}", plan.keep.name), Section::Contacts, viewer),
        keep: head(plan, &plan.keep, viewer),
        take: head(plan, &plan.take, viewer),
        changed: false,
        nothing: plan.is_nothing(),
        choices: plan.fields.iter().filter(|field| field.differs()).map(choice).collect(),
        fills: plan.fields.iter().filter(|field| field.fills()).map(fill).collect(),
        same: plan.fields.iter().filter(|field| field.ours == field.theirs).count(),
        labels: plan.labels.iter().map(|label| label.name.clone()).collect(),
        notes: if plan.notes > 0 { format::counted(plan.notes, "note", "notes") } else { String::new() },
        reminder: reminder.map(|(reminder, _)| moment(reminder.due_at)),
        drops_reminder: plan.dropped_reminder.is_some(),
        ends,
        going_on,
        runs: rivals(plan),
        listed: plan.listed.iter().map(|number| format::phone(&number.phone)).collect(),
        stops_together: plan.stop_person == Switch::On,
        others: others.map(|number| format::phone(&number.phone)).collect(),
        seen: plan.seen.clone(),
        may_merge: !plan.may_choose_run || viewer.may("enroll"),
    })
}

fn head(plan: &Plan, contact: &Contact, viewer: &Viewer) -> Head {
    let number = plan.numbers.iter().find(|number| number.contact == contact.id);
    let lists = number.into_iter().flat_map(|number| &number.lists);
    let name = |word: &'static str| engine::contacts::list::Standing::from_word(word).map_or(word, super::named);
    Head {
        id: contact.id,
        name: contact.name.clone(),
        phone: format::phone(&contact.phone),
        added: format::moment(contact.created_at, viewer.now, &viewer.zone),
        lists: lists.map(|list| name(list.word())).collect(),
    }
}

fn choice(title: String, slot: String, [ours, theirs]: [(String, String); 2], here: Side) -> Choice {
    let pick = |side: Side, (text, about)| Pick { value: side.word(), text, about, here: side == here };
    Choice { title, slot, picks: [pick(Side::Keep, ours), pick(Side::Take, theirs)] }
}

fn run(number: &Number, run: &merging::Run) -> Run {
    Run { workflow: run.workflow.clone(), phone: format::phone(&number.phone), back: amounts(run.unsent) }
}

/// What ends, as the person has opted out, and what goes on; but for the two of which somebody chooses one.
fn runs(plan: &Plan) -> (Vec<Run>, Vec<Run>) {
    let rival =
        |number: &Number| plan.may_choose_run && (number.contact == plan.keep.id || number.contact == plan.take.id);
    let forbidden = plan.ends.iter().filter(|end| end.reason == StopReason::DoNotContact);
    let going_on = plan.going_on.iter().filter(|(number, _)| !rival(number));
    (
        forbidden.map(|end| run(&end.number, &end.run)).collect(),
        going_on.map(|(number, one)| run(number, one)).collect(),
    )
}

fn rivals(plan: &Plan) -> Option<Choice> {
    let of = |id: ContactId| {
        let number = plan.numbers.iter().find(|number| number.contact == id)?;
        Some(run(number, number.run.as_ref()?))
    };
    let (ours, theirs) = of(plan.keep.id).zip(of(plan.take.id)).filter(|_| plan.may_choose_run)?;
    let says = |run: &Run, other: &Run| {
        (format!("{} goes on", run.workflow), format!("to {}; the other ends and gives back {}", run.phone, other.back))
    };
    let is_ended = |id: ContactId| plan.ends.iter().any(|end| end.number.contact == id);
    let here = if is_ended(plan.keep.id) { Side::Take } else { Side::Keep };
    let picks = [says(&ours, &theirs), says(&theirs, &ours)];
    Some(choice("Which goes on".to_owned(), "goes_on".to_owned(), picks, here))
}

/// The form as it was sent: with whom, what was shown, and whose value stays in which field.
fn sent(keep: ContactId, form: &[(String, String)]) -> Result<Merge, Wrong> {
    let of = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let take = of("take").and_then(|text| text.parse().ok()).ok_or_else(|| Wrong::not_found("the other contact"))?;
    let theirs = form.iter().filter(|(_, value)| value == Side::Take.word());
    let theirs = theirs.filter_map(|(name, _)| name.strip_prefix(USE)).map(str::to_owned).collect();
    let goes_on = of("goes_on").and_then(Side::from_word).unwrap_or_default();
    Ok(Merge { keep, take, theirs, goes_on, seen: Some(of("seen").unwrap_or_default().to_owned()) })
}

async fn merge(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(keep): Id<ContactId>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    match parts.engine.merge_contacts(&viewer.actor, sent(keep, &form)?).await {
        Ok(merged) => {
            let back = merged.ended.iter().map(|one| amounts(one.refunded)).collect::<Vec<_>>().join(" and ");
            let back = if back.is_empty() { back } else { format!("; a workflow ended, {back} came back") };
            let said = format!("{} is one contact now, with both numbers{back}", merged.contact.name);
            Ok(Done::to(format!("/contacts/{keep}")).saying(said).into_response())
        }
        Err(MergeError::Changed(plan)) => {
            let mut page = page(&parts, &viewer, &plan).await?;
            page.changed = true;
            Ok(refused(&page))
        }
        Err(error) => Err(error.into()),
    }
}

/// Two who were chosen in the list: the first of them is kept unless somebody turns it round.
async fn selected(viewer: Viewer, Form(form): Form<Selected>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let ids: Vec<ContactId> = form.contact.iter().filter_map(|text| text.parse().ok()).collect();
    match ids.as_slice() {
        [keep, take] if form.all.is_empty() => {
            Ok(Done::to(format!("/contacts/{keep}/merge?with={take}")).into_response())
        }
        _ => Err(Problem::new(Code::Selection, "choose exactly two contacts to merge").into()),
    }
}
