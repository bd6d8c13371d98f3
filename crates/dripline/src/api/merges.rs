//! Merging contacts: two that are one person become one record, and both numbers stay.

use axum::Json;
use axum::extract::State;
use domain::ids::ContactId;
use engine::merging::{self, Merge, Plan, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::contacts::Contact;
use super::ids;
use super::request::{Body, Caller, KeyHeader};
use super::words::{ReasonWord, SideWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// How to merge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeBody {
    /// The contact that is taken in: another number of the person from then on.
    take: ids::Contact,
    /// The fields, by names in any spelling, of which its value stays where both have one. Of all others the kept contact's stays.
    #[serde(default)]
    theirs: Vec<String>,
    /// Whose workflow goes on where both are in one; `keep` if nothing is said. The other ends with its refund.
    goes_on: Option<SideWord>,
    /// The `seen` of a preview: if anything has changed since, nothing is done and the new preview is the answer.
    seen: Option<String>,
}

impl MergeBody {
    fn asked(self, keep: ContactId) -> Merge {
        let goes_on = self.goes_on.and_then(|word| Side::from_word(word.as_str())).unwrap_or_default();
        Merge { keep, take: self.take.0, theirs: self.theirs, goes_on, seen: self.seen }
    }
}

/// What a merge does.
#[derive(Serialize, ToSchema)]
pub(crate) struct MergePreview {
    keep: Contact,
    take: Contact,
    /// All fields that either has; both have these values afterwards.
    fields: Vec<MergedField>,
    /// The names of the labels and lists that the kept contact gets. The other has none afterwards.
    labels: Vec<String>,
    /// How many notes move to the kept contact.
    notes: i64,
    /// When the reminder is due that the kept contact has afterwards: the earlier of two.
    reminder_at: Option<Timestamp>,
    /// When the reminder is due that goes.
    dropped_reminder_at: Option<Timestamp>,
    /// What ends, with its refund.
    ends: Vec<MergeEnd>,
    /// The enrollments that go on.
    going_on: Vec<ids::Enrollment>,
    /// The contacts that come onto the do-not-contact list, since the person has opted out on another number.
    do_not_contact: Vec<ids::Contact>,
    /// The contacts of all numbers of the person, the kept one first.
    numbers: Vec<ids::Contact>,
    /// Whether a reply from any of them ends what runs to the others: a setting of the workspace.
    stops_together: bool,
    /// What this was decided from.
    seen: String,
}

/// A field of two contacts that are merged.
#[derive(Serialize, ToSchema)]
struct MergedField {
    /// Its key.
    field: String,
    /// What both have in it afterwards.
    value: String,
    /// Whose value that is.
    from: SideWord,
    /// The other's value, where it is another one: it is written into a note.
    dropped: Option<String>,
}

/// An enrollment that ends by a merge.
#[derive(Serialize, ToSchema)]
struct MergeEnd {
    enrollment: ids::Enrollment,
    contact: ids::Contact,
    /// The workflow's name.
    workflow: String,
    reason: ReasonWord,
    /// Credits that come back.
    refunded_credits: i64,
    /// Money that comes back, in micro-dollars.
    refunded_micros: i64,
}

impl From<&Plan> for MergePreview {
    fn from(plan: &Plan) -> Self {
        let field = |field: &merging::Field| MergedField {
            field: field.key.clone(),
            value: field.value().to_owned(),
            from: Word::of(field.from.word()),
            dropped: field.dropped().map(str::to_owned),
        };
        let end = |end: &merging::End| MergeEnd {
            enrollment: end.run.enrollment.into(),
            contact: end.number.contact.into(),
            workflow: end.run.workflow.clone(),
            reason: Word::of(end.reason.word()),
            refunded_credits: end.run.unsent.credits,
            refunded_micros: end.run.unsent.micros.0,
        };
        Self {
            keep: Contact::from(&plan.keep),
            take: Contact::from(&plan.take),
            fields: plan.fields.iter().map(field).collect(),
            labels: plan.labels.iter().map(|label| label.name.clone()).collect(),
            notes: plan.notes,
            reminder_at: plan.reminder.as_ref().map(|(reminder, _)| reminder.due_at),
            dropped_reminder_at: plan.dropped_reminder.as_ref().map(|reminder| reminder.due_at),
            ends: plan.ends.iter().map(end).collect(),
            going_on: plan.going_on.iter().map(|(_, run)| run.enrollment.into()).collect(),
            do_not_contact: plan.listed.iter().map(|number| number.contact.into()).collect(),
            numbers: plan.numbers.iter().map(|number| number.contact.into()).collect(),
            stops_together: plan.stop_person == engine::Switch::On,
            seen: plan.seen.clone(),
        }
    }
}

/// Two contacts that are one now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Merged {
    /// The kept contact, as it is now.
    contact: Contact,
    /// The contact that was taken in.
    taken: ids::Contact,
    /// What ended.
    ended: Vec<MergeEnded>,
}

/// An enrollment that a merge has ended.
#[derive(Serialize, ToSchema)]
struct MergeEnded {
    enrollment: ids::Enrollment,
    contact: ids::Contact,
    /// Credits that came back.
    refunded_credits: i64,
    /// Money that came back, in micro-dollars.
    refunded_micros: i64,
}

/// Show what a merge would do
///
/// Changes nothing. The same body merges; with the `seen` of this answer in it, exactly what is shown here happens, or nothing.
#[utoipa::path(post, path = "/contacts/{id}/merge/preview", operation_id = "previewMerge", tag = "Contacts",
    params(("id" = ids::Contact, Path, description = "The contact that is kept.")), request_body = MergeBody,
    responses((status = 200, description = "What would happen.", body = MergePreview)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "merge_invalid"]))))]
pub(crate) async fn preview(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(keep): ids::Contact,
    Body(body): Body<MergeBody>,
) -> Result<Json<MergePreview>, Problem> {
    Ok(Json(MergePreview::from(&parts.engine.merge_preview(&actor, body.asked(keep)).await?)))
}

/// Merge two contacts
///
/// They become one person: both have the same fields, labels, lists, notes and the earlier reminder are the kept contact's, and the other one stays as
/// another number of the person with its texts, consents and the lists that forbid texting. Where both are in a workflow, one ends with its refund, for which the key
/// needs `enroll` too. If the person has opted out on one number, the others come onto the do-not-contact list. What is not kept is written into
/// a note. It cannot be undone.
#[utoipa::path(post, path = "/contacts/{id}/merge", operation_id = "mergeContacts", tag = "Contacts",
    params(("id" = ids::Contact, Path, description = "The contact that is kept."), KeyHeader), request_body = MergeBody,
    responses((status = 200, description = "The two are one.", body = Merged)),
    extensions(("x-permission" = json!("contacts:write")),
        ("x-problems" = json!(["not_found", "merge_invalid", "merge_changed"]))))]
pub(crate) async fn merge(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(keep): ids::Contact,
    Body(body): Body<MergeBody>,
) -> Result<Json<Merged>, Problem> {
    let merged = parts.engine.merge_contacts(&actor, body.asked(keep)).await?;
    let ended = |one: &merging::Ended| MergeEnded {
        enrollment: one.enrollment.into(),
        contact: one.contact.into(),
        refunded_credits: one.refunded.credits,
        refunded_micros: one.refunded.micros.0,
    };
    Ok(Json(Merged {
        contact: Contact::from(&merged.contact),
        taken: merged.taken.into(),
        ended: merged.ended.iter().map(ended).collect(),
    }))
}
