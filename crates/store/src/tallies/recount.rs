//! Every count taken again from the rows themselves: what the audit compares, and what fills the tallies of a database
//! that is older than they are. Rows are streamed; the counts are few.

use std::collections::HashMap;

use domain::enrollment::{EnrollmentState, StepPrice};
use domain::ids::WorkspaceId;
use domain::ledger::{Amounts, Reason};
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use domain::tally::{self, Count, Leg, What};
use domain::tariff::Country;
use domain::zones::Zone;

use super::pending::day_of;
use super::{Key, account, zone_of};
use crate::{DbError, Read, Row, Sql, json};

pub(super) static MESSAGES: Sql = Sql::Same(
    "
    SELECT m.kind, m.state, m.segments, COALESCE(m.sent_at, m.state_at), COALESCE(e.workflow_id, 0), COALESCE(m.step, 0),
        m.country, n.carrier
    FROM messages m
    LEFT JOIN enrollments e ON e.workspace_id = m.workspace_id AND e.enrollment_id = m.enrollment_id
    LEFT JOIN numbers n ON n.workspace_id = m.workspace_id AND n.number_id = m.number_id
    WHERE m.workspace_id = $1",
);

pub(super) static ENROLLMENTS: Sql = Sql::Same(
    "
    SELECT workflow_id, prices, started_at, state, reason, ended_at, COALESCE(stopped_after, 0)
    FROM enrollments WHERE workspace_id = $1",
);

pub(super) static TRANSFERS: Sql = Sql::Twin {
    sqlite: "
        SELECT m.reason, m.day, m.step, COALESCE(e.workflow_id, 0), COUNT(*), SUM(m.credits), SUM(m.micros)
        FROM (
            SELECT t.workspace_id, t.subject, t.step, t.reason, MIN(t.day) AS day,
                SUM(CASE WHEN t.unit = 'segments' THEN t.amount ELSE 0 END) AS credits,
                SUM(CASE WHEN t.unit = 'segments' THEN 0 ELSE t.amount END) AS micros
            FROM transfers t WHERE t.workspace_id = $1 GROUP BY t.workspace_id, t.subject, t.step, t.reason) m
        LEFT JOIN enrollments e ON e.workspace_id = m.workspace_id AND e.enrollment_id = m.subject
        GROUP BY m.reason, m.day, m.step, COALESCE(e.workflow_id, 0)",
    postgres: "
        SELECT m.reason, m.day, m.step, COALESCE(e.workflow_id, 0), COUNT(*), CAST(SUM(m.credits) AS BIGINT),
            CAST(SUM(m.micros) AS BIGINT)
        FROM (
            SELECT t.workspace_id, t.subject, t.step, t.reason, MIN(t.day) AS day,
                SUM(CASE WHEN t.unit = 'segments' THEN t.amount ELSE 0 END) AS credits,
                SUM(CASE WHEN t.unit = 'segments' THEN 0 ELSE t.amount END) AS micros
            FROM transfers t WHERE t.workspace_id = $1 GROUP BY t.workspace_id, t.subject, t.step, t.reason) m
        LEFT JOIN enrollments e ON e.workspace_id = m.workspace_id AND e.enrollment_id = m.subject
        GROUP BY m.reason, m.day, m.step, COALESCE(e.workflow_id, 0)",
};

pub(super) static OPT_OUTS: Sql = Sql::Twin {
    sqlite: "
        SELECT at FROM events
        WHERE workspace_id = $1 AND kind = 'contact.suppressed' AND payload ->> 'list' = 'opted_out'",
    postgres: "
        SELECT at FROM events
        WHERE workspace_id = $1 AND kind = 'contact.suppressed' AND payload::jsonb ->> 'list' = 'opted_out'",
};

pub(super) static ZONES: Sql = Sql::Twin {
    sqlite: "
        SELECT COUNT(DISTINCT payload ->> 'zone') FROM events
        WHERE workspace_id = $1 AND kind IN ('workspace.created', 'workspace.changed')",
    postgres: "
        SELECT COUNT(DISTINCT payload::jsonb ->> 'zone') FROM events
        WHERE workspace_id = $1 AND kind IN ('workspace.created', 'workspace.changed')",
};

/// Whether the workspace has had one zone all the time, so that every day can be told from the rows.
pub fn has_one_zone(db: &Read<'_>, workspace: WorkspaceId) -> Result<bool, DbError> {
    Ok(db.query_one(&ZONES, &[workspace.0.into()])?.int(0)? <= 1)
}

/// Takes every count again.
pub fn recount(db: &Read<'_>, workspace: WorkspaceId) -> Result<HashMap<Key, Count>, DbError> {
    let mut counter = Counter { zone: zone_of(db, workspace)?, rows: HashMap::new() };
    db.for_each(&MESSAGES, &[workspace.0.into()], |row| counter.message(row))?;
    db.for_each(&ENROLLMENTS, &[workspace.0.into()], |row| counter.enrollment(row))?;
    db.for_each(&TRANSFERS, &[workspace.0.into()], |row| counter.transfers(row))?;
    db.for_each(&OPT_OUTS, &[workspace.0.into()], |row| {
        let at = row.int(0)?;
        counter.at(at, (0, 0), What::OptOut, Count::one(0))
    })?;
    counter.rows.retain(|_, count| *count != Count::default());
    Ok(counter.rows)
}

struct Counter {
    zone: Option<Zone>,
    rows: HashMap<Key, Count>,
}

impl Counter {
    fn at(&mut self, micros: i64, of: (i64, i64), what: What, count: Count) -> Result<(), DbError> {
        let day = day_of(self.zone.as_ref(), json::timestamp(micros)?);
        self.on(day, of, what, count);
        Ok(())
    }

    fn on(&mut self, day: i64, (workflow, step): (i64, i64), what: What, count: Count) {
        let mut put = |key: Key| {
            let sum = self.rows.entry(key).or_default();
            *sum = sum.plus(count);
        };
        put(Key { workflow: 0, step: 0, day, what: what.word() });
        if workflow != 0 && what.is_of_workflow() {
            put(Key { workflow, step, day: 0, what: what.word() });
        }
    }

    fn message(&mut self, row: &Row) -> Result<(), DbError> {
        let (kind, state) = (MessageKind::from_word(row.text(0)?), MessageState::from_word(row.text(1)?));
        let (Some(kind), Some(state)) = (kind, state) else { return Ok(()) };
        for what in tally::of_message(kind, state) {
            self.at(row.int(3)?, (row.int(4)?, row.int(5)?), *what, Count::one(row.int(2)?))?;
        }
        let country = row.opt_text(6)?.and_then(Country::read);
        let Some((way, country)) = Leg::way(state).zip(country) else { return Ok(()) };
        let leg = Leg { way, country, account: row.opt_text(7)?.and_then(account) };
        self.at(row.int(3)?, (0, 0), What::Carried(leg), Count::one(row.int(2)?))
    }

    fn enrollment(&mut self, row: &Row) -> Result<(), DbError> {
        let workflow = row.int(0)?;
        // What cannot be read is the audit of the books' matter.
        let prices: Vec<StepPrice> = json::read(row.text(1)?).unwrap_or_default();
        self.at(row.int(2)?, (workflow, 0), What::Added, Count::added(&prices))?;
        let what = match EnrollmentState::from_words(row.text(3)?, row.opt_text(4)?) {
            Some(EnrollmentState::Completed) => What::Completed,
            Some(EnrollmentState::Stopped(reason)) => What::Ended(reason),
            Some(EnrollmentState::Active) | None => return Ok(()),
        };
        let Some(ended) = row.opt_int(5)? else { return Ok(()) };
        self.at(ended, (workflow, row.int(6)?), what, Count::one(0))
    }

    fn transfers(&mut self, row: &Row) -> Result<(), DbError> {
        let Some(reason) = Reason::from_word(row.text(0)?) else { return Ok(()) };
        let amounts = Amounts { credits: row.int(5)?, micros: Micros(row.int(6)?) };
        let count = Count { count: row.int(4)?, segments: 0, amounts };
        self.on(row.int(1)?, (row.int(3)?, row.int(2)?), What::Moved(reason), count);
        Ok(())
    }
}
