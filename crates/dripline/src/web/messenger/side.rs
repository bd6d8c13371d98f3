//! Whose the conversation is: fields, workflow, labels, notes, history.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::enrollment::EnrollmentState;
use domain::ids::{ContactId, EnrollmentId, EventId};
use domain::suppression::Suppression;
use domain::template::{STANDARD_FIELDS, key};
use domain::zones::Zone;
use engine::progress::Progress;
use store::enrollments::{self, Enrollment};
use store::workflows::{self, Workflow};
use store::{DbError, contacts, events, suppressions};

use crate::web::about::{About, Place};
use crate::web::answer::html;
use crate::web::contacts::consent::Holds;
use crate::web::enrollments::{Again, again, amounts, state};
use crate::web::format::{self, Moment};
use crate::web::path::Id;
use crate::web::story::{Names, Told};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Events of the history that are shown.
const EVENTS: i64 = 25;

pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
}

/// How far the workflow is.
pub(super) struct Going {
    pub(super) enrollment: EnrollmentId,
    pub(super) workflow: String,
    pub(super) step: String,
    pub(super) done: usize,
    pub(super) all: usize,
    pub(super) next: Option<Moment>,
    pub(super) unsent: String,
}

/// The newest run, once it is over.
pub(super) struct Over {
    pub(super) workflow: String,
    pub(super) state: String,
    pub(super) ended: Option<Moment>,
    pub(super) again: Option<Again>,
}

/// The panel as it is shown.
pub(super) struct Side {
    pub(super) contact: ContactId,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) local: String,
    pub(super) zone: String,
    pub(super) quiet: String,
    pub(super) fields: Vec<Field>,
    pub(super) others: Vec<String>,
    pub(super) going: Option<Going>,
    pub(super) over: Option<Over>,
    pub(super) progress: Option<Progress>,
    pub(super) lists: Vec<&'static str>,
    pub(super) holds: Holds,
    pub(super) about: About,
    pub(super) history: Vec<(Told, Moment)>,
    pub(super) may_write: bool,
    pub(super) may_send: bool,
    pub(super) may_enroll: bool,
}

#[derive(Template)]
#[template(path = "messenger/side.html")]
struct SidePart {
    side: Side,
}

pub(super) async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
) -> Result<Response, Wrong> {
    Ok(html(&SidePart { side: read(&parts, &viewer, contact).await? }))
}

struct Known {
    custom: Vec<(String, String)>,
    events: Vec<events::Event>,
    lists: Vec<Suppression>,
    last: Option<(Enrollment, Option<Workflow>)>,
}

pub(super) async fn read(parts: &Parts, viewer: &Viewer, contact: ContactId) -> Result<Side, Wrong> {
    let (engine, actor, workspace) = (&parts.engine, &viewer.actor, viewer.actor.workspace());
    let found = engine.contact(actor, contact).await?;
    let phone = found.phone_hash;
    let known = engine.read::<_, DbError, _>(move |read| {
        let lists = suppressions::of(read, workspace, &[phone])?.into_iter().map(|(_, kind)| kind).collect();
        let last = enrollments::of_contact(read, workspace, contact, EnrollmentId(i64::MAX), 1)?.pop();
        let flow = last.as_ref().map(|run| workflows::find(read, workspace, run.workflow)).transpose()?.flatten();
        Ok(Known {
            last: last.map(|run| (run, flow)),
            custom: contacts::custom_fields(read, workspace)?,
            events: events::of_contact(read, workspace, contact, EventId(i64::MAX), EVENTS)?,
            lists,
        })
    });
    let known = known.await?;
    let (where_, progress) = (engine.whereabouts(actor, &found).await?, engine.progress(actor, contact).await?);
    let names = Names::load(parts, &viewer.actor).await?;
    let (fields, others) = fields(&found.fields, &known.custom);
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let there = Zone::named(&where_.zone).ok();
    Ok(Side {
        contact,
        name: found.name,
        phone: format::phone(&found.phone),
        local: where_.local.strftime("%-I:%M %P").to_string(),
        zone: where_.zone,
        quiet: where_.opens.map(|opens| opens.strftime("%a %-I:%M %P").to_string()).unwrap_or_default(),
        fields,
        others,
        going: progress.as_ref().map(|progress| going(progress, viewer, there.as_ref())),
        over: known.last.filter(|(run, _)| run.state != EnrollmentState::Active).map(|(run, flow)| Over {
            state: state(&run),
            ended: run.ended_at.map(moment),
            again: again(&run, flow.as_ref()),
            workflow: flow.map_or_else(|| "a deleted workflow".to_owned(), |flow| flow.name),
        }),
        progress,
        lists: known.lists.into_iter().map(list_name).collect(),
        holds: Holds::of(engine.consents(actor, contact, None, 1).await?.standing, &viewer.zone),
        about: About::read(parts, viewer, Place::Messenger, contact).await?,
        history: known.events.iter().map(|event| (names.tell_all(event), moment(event.at))).collect(),
        may_write: viewer.may("contacts:write"),
        may_send: viewer.may("send"),
        may_enroll: viewer.may("enroll"),
    })
}

fn list_name(kind: Suppression) -> &'static str {
    match kind {
        Suppression::OptedOut => "Opted out",
        Suppression::DoNotContact => "Do not contact",
        Suppression::ComplianceBlocked => "Compliance block",
        Suppression::Undeliverable => "Undeliverable",
    }
}

/// The fields with a value, under their names; and the names of those without one.
fn fields(values: &[(String, String)], custom: &[(String, String)]) -> (Vec<Field>, Vec<String>) {
    let standard = STANDARD_FIELDS.iter().map(|name| (key(name), (*name).to_owned()));
    let names: Vec<_> = standard.chain(custom.iter().cloned()).filter(|(key, _)| key != "phone").collect();
    let value = |wanted: &str| values.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
    let (mut fields, mut others) = (Vec::new(), Vec::new());
    for (key, name) in names {
        match value(&key) {
            Some(value) => fields.push(Field { name, value }),
            None => others.push(name),
        }
    }
    (fields, others)
}

fn going(progress: &Progress, viewer: &Viewer, there: Option<&Zone>) -> Going {
    let all = progress.messages + 1 - usize::from(progress.enrollment.first_step());
    let done = all.saturating_sub(progress.coming.len());
    let next = progress.coming.first().map(|next| format::planned(next.due, &viewer.zone, there));
    Going {
        enrollment: progress.enrollment.id,
        workflow: progress.workflow.clone(),
        step: format!("{done} of {all} sent"),
        done,
        all,
        next,
        unsent: amounts(progress.unsent),
    }
}
