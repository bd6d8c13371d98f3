//! Everything of a workspace, table by table and page by page, as its owner may take it away.
//!
//! A part is a table and has its columns under their own names; only what is nobody's to read (secrets and their hashes) and what
//! can be had from the rest (words, tallies) is not in it: `tests/export.rs` holds both lists against the schema. A page goes by
//! the table's own key, so each costs the same wherever it begins. Pages are read one after another while others write: a row is
//! whole, and two rows may be of different instants.

use std::fmt::Display;

use domain::ids::{
    BrandId, CampaignId, ConsentId, ContactId, EnrollmentId, EventId, ImportId, JobId, KeyId, LabelId, ListId,
    MessageId, NoteId, NumberId, PaymentId, PeriodId, PersonId, PlanId, ReplyId, UserId, ViewId, WebhookId, WorkflowId,
    WorkspaceId,
};
use serde_json::Value as Json;

use crate::{DbError, Read, Row, Sql, Value, json};

/// How a column is written.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// An identifier, in its text form.
    Id(fn(i64) -> String),
    /// The same of any kind, without its letters.
    Bare,
    /// A number.
    Number,
    /// The hash of a phone, in hexadecimal digits: a JSON number of this size would be rounded by many who read it.
    Hash,
    /// An instant, in microseconds inside and in the form of RFC 3339 outside.
    Time,
    /// 0 or 1.
    Flag,
    /// A text.
    Text,
    /// A document; what is none is written as a text.
    Document,
    /// Keys with their values, which are kept as a list of pairs and written as one object.
    Pairs,
}

/// The identifier's text.
fn id<T: Display>(id: T) -> String {
    id.to_string()
}

fn bare(number: i64) -> String {
    let text = id(EnrollmentId(number));
    text.trim_start_matches(EnrollmentId::PREFIX).trim_start_matches('_').to_owned()
}

/// A table as it is taken away.
#[derive(Debug)]
pub struct Part {
    /// The table's name.
    pub name: &'static str,
    /// What a row of it is.
    pub about: &'static str,
    /// How many columns its key has behind the workspace; they come first.
    key: usize,
    columns: &'static [(&'static str, Kind)],
    sql: Sql,
}

/// `"table", "about", "key columns" > "their places", ["column" Kind, …]`; the columns of the key come first.
macro_rules! part {
    ($name:literal, $about:literal, $keys:literal > $places:literal, [$first:literal $first_kind:expr $(, $column:literal $kind:expr)* $(,)?]) => {
        Part {
            name: $name,
            about: $about,
            key: commas($keys) + 1,
            columns: &[($first, $first_kind) $(, ($column, $kind))*],
            sql: Sql::Same(concat!(
                "SELECT ", $first $(, ", ", $column)*, " FROM ", $name,
                " WHERE workspace_id = $1 AND (", $keys, ") > (", $places, ") ORDER BY ", $keys, " LIMIT $2"
            )),
        }
    };
}

const fn commas(text: &str) -> usize {
    let (bytes, mut place, mut count) = (text.as_bytes(), 0, 0);
    while place < bytes.len() {
        if bytes[place] == b',' {
            count += 1;
        }
        place += 1;
    }
    count
}

use Kind::{Bare, Document, Flag, Hash, Number, Pairs, Text, Time};

const USER: Kind = Kind::Id(|of| id(UserId(of)));
const CONTACT: Kind = Kind::Id(|of| id(ContactId(of)));
const NUMBER: Kind = Kind::Id(|of| id(NumberId(of)));
const LABEL: Kind = Kind::Id(|of| id(LabelId(of)));
const WORKFLOW: Kind = Kind::Id(|of| id(WorkflowId(of)));
const ENROLLMENT: Kind = Kind::Id(|of| id(EnrollmentId(of)));
const MESSAGE: Kind = Kind::Id(|of| id(MessageId(of)));
const IMPORT: Kind = Kind::Id(|of| id(ImportId(of)));
const JOB: Kind = Kind::Id(|of| id(JobId(of)));
const LIST: Kind = Kind::Id(|of| id(ListId(of)));
const BRAND: Kind = Kind::Id(|of| id(BrandId(of)));
const CAMPAIGN: Kind = Kind::Id(|of| id(CampaignId(of)));
const PLAN: Kind = Kind::Id(|of| id(PlanId(of)));
const PERIOD: Kind = Kind::Id(|of| id(PeriodId(of)));

/// Every part, in the order in which they refer to one another.
pub static PARTS: &[Part] = &[
    part!("workspaces", "the workspace", "workspace_id" > "$3", [
        "workspace_id" Kind::Id(|of| id(WorkspaceId(of))), "name" Text, "zone" Text, "plan" Text, "rate_micros" Number,
        "settings" Document, "messages_per_minute" Number, "created_at" Time, "suspended_at" Time,
        "suspended_because" Text,
    ]),
    part!("users", "a person with a login", "user_id" > "$3", [
        "user_id" USER, "email" Text, "name" Text, "role" Text, "zone" Text, "created_at" Time,
    ]),
    part!("api_keys", "a key for the API, without its secret", "key_id" > "$3", [
        "key_id" Kind::Id(|of| id(KeyId(of))), "name" Text, "permissions" Text, "created_at" Time, "used_at" Time,
        "revoked_at" Time,
    ]),
    part!("webhooks", "an endpoint that is told what happens, without its secret", "webhook_id" > "$3", [
        "webhook_id" Kind::Id(|of| id(WebhookId(of))), "url" Text, "description" Text, "kinds" Document, "state" Text,
        "stopped_at" Time, "stopped_because" Text, "created_at" Time, "changed_at" Time, "removed_at" Time,
    ]),
    part!("carriers", "an account at a carrier, without its credentials", "carrier_id" > "$3", [
        "carrier_id" Kind::Id(|of| id(domain::ids::CarrierId(of))), "kind" Text, "name" Text, "created_at" Time,
        "changed_at" Time, "removed_at" Time,
    ]),
    part!("brands", "a business that is registered to send", "brand_id" > "$3", [
        "brand_id" BRAND, "name" Text, "registry_id" Text, "state" Text, "facts" Document, "day_segments" Number,
        "share" Number, "created_at" Time, "changed_at" Time,
    ]),
    part!("campaigns", "what a brand is registered to send", "campaign_id" > "$3", [
        "campaign_id" CAMPAIGN, "brand_id" BRAND, "name" Text, "registry_id" Text, "state" Text, "facts" Document,
        "segments_per_minute" Number, "created_at" Time, "changed_at" Time,
    ]),
    part!("numbers", "a sending number", "number_id" > "$3", [
        "number_id" NUMBER, "phone" Text, "carrier" Text, "state" Text, "region" Text, "campaign_id" CAMPAIGN,
        "registration" Text, "messages_per_minute" Number, "messages_per_day" Number, "created_at" Time, "used_at" Time,
    ]),
    part!("custom_fields", "a field of the workspace's own", "field_key" > "$3", [
        "field_key" Text, "name" Text, "created_at" Time,
    ]),
    part!("labels", "a label or a list", "label_id" > "$3", [
        "label_id" LABEL, "kind" Text, "name" Text, "colour" Text, "created_at" Time,
        "deleted_at" Time,
    ]),
    part!("imports", "a file of contacts that came in", "import_id" > "$3", [
        "import_id" IMPORT, "file_name" Text, "file_bytes" Number, "state" Text, "choices" Document, "counts" Document,
        "outcome" Document, "actor" Text, "created_at" Time, "updated_at" Time,
    ]),
    part!("contacts", "a contact", "contact_id" > "$3", [
        "contact_id" CONTACT, "phone" Text, "phone_hash" Hash, "person_id" Kind::Id(|of| id(PersonId(of))), "name" Text,
        "fields" Pairs, "number_id" NUMBER, "import_id" IMPORT, "created_at" Time, "updated_at" Time,
        "reassigned_at" Time, "deleted_at" Time, "erased_at" Time,
    ]),
    part!("contact_labels", "a label that a contact has, or a list that it is on", "contact_id, label_id" > "$3, $4", [
        "contact_id" CONTACT, "label_id" LABEL, "created_at" Time,
    ]),
    part!("notes", "what a user wrote about a contact", "note_id" > "$3", [
        "note_id" Kind::Id(|of| id(NoteId(of))), "contact_id" CONTACT, "author" Text, "body" Text, "created_at" Time,
    ]),
    part!("reminders", "of whom a user wants to hear later", "contact_id" > "$3", [
        "contact_id" CONTACT, "due_at" Time, "note" Text, "workflow_id" WORKFLOW, "author" Text, "created_at" Time,
        "told_at" Time,
    ]),
    part!("consents", "a consent, or its taking back", "phone_hash, consent_id" > "$3, $4", [
        "phone_hash" Hash, "consent_id" Kind::Id(|of| id(ConsentId(of))), "contact_id" CONTACT, "kind" Text, "source" Text,
        "text_hash" Text, "given_at" Time, "zone" Text, "expires_at" Time, "message_id" MESSAGE, "evidence" Document,
        "actor" Text, "recorded_at" Time,
    ]),
    part!("consent_texts", "what contacts agreed to", "text_hash" > "$3", [
        "text_hash" Text, "body" Text, "created_at" Time,
    ]),
    part!("suppressions", "that a phone must not be texted", "phone_hash, kind" > "$3, $4", [
        "phone_hash" Hash, "kind" Text, "contact_id" CONTACT, "source" Text, "listed" Number, "created_at" Time,
        "lifted_at" Time,
    ]),
    part!("suppression_lists", "a file of phones that must not be texted", "list_id" > "$3", [
        "list_id" LIST, "name" Text, "kind" Text, "source" Text, "file_name" Text, "dated" Text, "state" Text,
        "counts" Document, "actor" Text, "created_at" Time, "updated_at" Time, "removed_at" Time,
    ]),
    part!("suppression_entries", "a phone on such a file", "phone_hash, list_id" > "$3, $4", [
        "phone_hash" Hash, "list_id" LIST,
    ]),
    part!("workflows", "a workflow", "workflow_id" > "$3", [
        "workflow_id" WORKFLOW, "name" Text, "position" Number, "version" Number, "created_at" Time, "updated_at" Time,
        "archived_at" Time,
    ]),
    part!("workflow_steps", "a message of a workflow", "workflow_id, version, step" > "$3, $4, $5", [
        "workflow_id" WORKFLOW, "version" Number, "step" Number, "gap_days" Number, "template" Text,
    ]),
    part!("enrollments", "a contact's run through a workflow", "enrollment_id" > "$3", [
        "enrollment_id" ENROLLMENT, "contact_id" CONTACT, "workflow_id" WORKFLOW, "version" Number, "state" Text,
        "reason" Text, "number_id" NUMBER, "place" Document, "field_values" Pairs, "prices" Document,
        "rate_micros" Number, "next_step" Number, "due_at" Time, "message_id" MESSAGE, "claimed_at" Time, "started_by" Text,
        "started_at" Time, "ended_at" Time,
    ]),
    part!("messages", "a text, inbound or outbound", "message_id" > "$3", [
        "message_id" MESSAGE, "contact_id" CONTACT, "kind" Text, "state" Text, "enrollment_id" ENROLLMENT, "step" Number,
        "number_id" NUMBER, "body" Text, "segments" Number, "credits" Number, "micros" Number, "attempts" Number,
        "due_at" Time, "carrier_id" Text, "code" Text, "detail" Text, "carrier_cost" Number, "carrier_currency" Text,
        "author" Text, "created_at" Time, "sent_at" Time, "state_at" Time, "country" Text,
    ]),
    part!("conversations", "where a conversation stands", "contact_id" > "$3", [
        "contact_id" CONTACT, "last_at" Time, "last_inbound_at" Time, "last_outbound_at" Time, "unread" Number,
        "opted_out" Flag, "assignee_id" USER,
    ]),
    part!("quick_replies", "a text that is written often", "reply_id" > "$3", [
        "reply_id" Kind::Id(|of| id(ReplyId(of))), "name" Text, "body" Text, "position" Number,
    ]),
    part!("saved_views", "a filter under a name", "view_id" > "$3", [
        "view_id" Kind::Id(|of| id(ViewId(of))), "user_id" USER, "name" Text, "place" Text, "filter" Text,
        "created_at" Time,
    ]),
    part!("jobs", "a bulk job", "job_id" > "$3", [
        "job_id" JOB, "kind" Text, "state" Text, "total" Number, "started" Number, "refused" Number, "actor" Text,
        "created_at" Time, "updated_at" Time,
    ]),
    part!("job_items", "what became of a contact in a bulk job", "job_id, item" > "$3, $4", [
        "job_id" JOB, "item" Number, "contact_id" CONTACT, "outcome" Document,
    ]),
    part!("subscriptions", "which plan the workspace has", "workspace_id" > "$3", [
        "workspace_id" Kind::Id(|of| id(WorkspaceId(of))), "plan_id" PLAN, "next_plan_id" PLAN, "standing" Text,
        "grace_until" Time, "period_id" PERIOD, "period_number" Number, "period_from" Time, "period_until" Time,
        "at_end" Text,
    ]),
    part!("periods", "a month of a plan", "period_id" > "$3", [
        "period_id" PERIOD, "plan_id" PLAN, "number" Number, "from_at" Time, "until_at" Time, "price" Number,
        "credits" Number, "paid_at" Time,
    ]),
    part!("cards", "the card that may be charged", "workspace_id" > "$3", [
        "workspace_id" Kind::Id(|of| id(WorkspaceId(of))), "customer" Text, "brand" Text, "last_four" Text,
        "expires_year" Number, "expires_month" Number, "kept_at" Time, "recharge_below" Number, "recharge_amount" Number,
        "recharge_most" Number, "pays_plan" Flag, "stopped_at" Time,
    ]),
    part!("balance_notices", "below which balance the workspace is told", "workspace_id" > "$3", [
        "workspace_id" Kind::Id(|of| id(WorkspaceId(of))), "below" Number, "mails" Flag,
    ]),
    part!("payments", "a payment by card", "payment_id" > "$3", [
        "payment_id" Kind::Id(|of| id(PaymentId(of))), "kind" Text, "state" Text, "amount" Number, "actor" Text,
        "session" Text, "intent" Text, "receipt" Text, "failure" Text, "refunded" Number, "dispute" Text,
        "dispute_opened" Number, "disputed" Number, "refund_taken" Number, "dispute_taken" Number, "owed" Number,
        "created_at" Time, "settled_at" Time,
    ]),
    part!("accounts", "what an account of the ledger holds", "account, unit" > "$3, $4", [
        "account" Text, "unit" Text, "balance" Number,
    ]),
    part!("transfers", "what moved between two accounts of the ledger", "subject, step, reason, unit" > "$3, $4, $5, $6", [
        "subject" Bare, "step" Number, "reason" Text, "unit" Text, "debit" Text, "credit" Text, "amount" Number,
        "at" Time,
    ]),
    part!("events", "something that happened", "event_id" > "$3", [
        "event_id" Kind::Id(|of| id(EventId(of))), "contact_id" CONTACT, "kind" Text, "actor" Text, "payload" Document,
        "at" Time,
    ]),
];

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Sql)> {
    PARTS.iter().map(|part| (part.name, &part.sql))
}

/// Where a page ends: the key of its last row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<Value>);

/// Some rows of a part.
#[derive(Debug)]
pub struct Page {
    /// The cells of each row, in the order of the columns.
    pub rows: Vec<Vec<Json>>,
    /// Where the next page begins; nothing on the last one.
    pub next: Option<Place>,
}

impl Part {
    /// The names of its columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }

    /// Before its first row.
    #[must_use]
    pub fn start(&self) -> Place {
        let least = |(_, kind): &(&str, Kind)| match kind {
            Text => Value::Text(String::new()),
            _ => Value::Int(i64::MIN),
        };
        Place(self.columns[..self.key].iter().map(least).collect())
    }

    /// The rows behind a place, at most so many.
    pub fn page(&self, db: &Read<'_>, workspace: WorkspaceId, after: &Place, limit: usize) -> Result<Page, DbError> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = [&[workspace.0.into(), most.into()], after.0.as_slice()].concat();
        let found = db.query(&self.sql, &params)?;
        let cells = |row: &Row| self.columns.iter().enumerate().map(|(at, (_, kind))| kind.cell(row, at)).collect();
        let rows = found.iter().map(cells).collect::<Result<_, _>>()?;
        let last = found.last().filter(|_| found.len() >= limit);
        Ok(Page { rows, next: last.map(|row| self.place(row)).transpose()? })
    }

    fn place(&self, row: &Row) -> Result<Place, DbError> {
        let key = self.columns[..self.key].iter().enumerate();
        let values = key.map(|(at, (_, kind))| match kind {
            Text => row.text(at).map(Value::from),
            _ => row.int(at).map(Value::from),
        });
        values.collect::<Result<_, _>>().map(Place)
    }
}

impl Kind {
    fn cell(self, row: &Row, at: usize) -> Result<Json, DbError> {
        Ok(match self {
            Self::Id(text) => row.opt_int(at)?.map(text).into(),
            Self::Bare => row.opt_int(at)?.map(bare).into(),
            Self::Number => row.opt_int(at)?.into(),
            Self::Hash => row.opt_int(at)?.map(|hash| format!("{hash:016x}")).into(),
            Self::Time => json::timestamp_or_none(row.opt_int(at)?)?.map(|at| at.to_string()).into(),
            Self::Flag => row.flag(at)?.into(),
            Self::Text => row.opt_text(at)?.into(),
            Self::Document => match row.opt_text(at)? {
                Some(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
                None => Json::Null,
            },
            Self::Pairs => json::read::<Vec<(String, String)>>(row.text(at)?)?.into_iter().collect(),
        })
    }
}
