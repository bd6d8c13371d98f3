//! Facts that several use cases load: the workspace with its settings, workflow steps, places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::{WorkflowId, WorkspaceId};
use domain::rules;
use domain::template::{Fields, Smart, Template};
use domain::workflow::Step;
use domain::zones::{Candidates, Zone, ZoneSource};
use store::enrollments::Place;
use store::workspaces::{self, Workspace};
use store::{Read, Tx};

use crate::failure::Failure;
use crate::settings::Settings;

/// A workspace, read and understood.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) row: Workspace,
    pub(crate) settings: Settings,
}

/// The workspace, or nothing if there is none.
pub(crate) fn workspace(db: &Read<'_>, id: WorkspaceId) -> Result<Option<Known>, Failure> {
    workspaces::find(db, id)?.map(understood).transpose()
}

/// The workspace of a row.
pub(crate) fn understood(row: Workspace) -> Result<Known, Failure> {
    let settings = Settings::read(&row.settings)?;
    Ok(Known { row, settings })
}

/// The workspace, which must be there because something of it was found.
pub(crate) fn workspace_of(db: &Read<'_>, id: WorkspaceId) -> Result<Known, Failure> {
    workspace(db, id)?.ok_or_else(|| no_workspace(id))
}

/// A workspace is not there of which something was found.
pub(crate) fn no_workspace(id: WorkspaceId) -> Failure {
    Failure::Stored(format!("there is no workspace {id}"))
}

/// The fields that templates of a workspace may name.
pub(crate) fn fields(db: &Read<'_>, workspace: WorkspaceId) -> Result<Fields, Failure> {
    Ok(named(&store::contacts::custom_fields(db, workspace)?))
}

/// The same, none of which goes before the transaction ends: texts that name them are about to be saved.
pub(crate) fn kept_fields(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Fields, Failure> {
    Ok(named(&store::contacts::keep_custom_fields(tx, workspace)?))
}

/// Standard fields and these of the workspace's own, by key and name.
pub(crate) fn named(custom: &[(String, String)]) -> Fields {
    Fields::with_custom(custom.iter().map(|(_, name)| name.as_str()))
}

type Versions = HashMap<(WorkflowId, i64), Arc<Vec<Step>>>;

/// The parsed steps of workflow versions, which never change once they are saved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps(Arc<Mutex<Versions>>);

/// Most versions that are kept in memory.
const KEPT_VERSIONS: usize = 4_096;

impl Steps {
    /// The steps of one version.
    pub(crate) fn of(
        &self,
        db: &Read<'_>,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        version: i64,
    ) -> Result<Arc<Vec<Step>>, Failure> {
        if let Some(steps) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(workflow, version)) {
            return Ok(Arc::clone(steps));
        }
        let fields = fields(db, workspace)?;
        let rows = store::workflows::steps(db, workspace, workflow, version)?;
        let steps = rows.iter().map(|row| {
            let template = Template::parse(&row.template, &fields);
            let template =
                template.map_err(|error| Failure::Stored(format!("step {} of {workflow}: {error}", row.step)))?;
            let gap_days = u16::try_from(row.gap_days).map_err(|error| Failure::Stored(error.to_string()))?;
            Ok(Step { gap_days, template })
        });
        let steps = Arc::new(steps.collect::<Result<Vec<_>, Failure>>()?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_VERSIONS {
            kept.clear();
        }
        kept.insert((workflow, version), Arc::clone(&steps));
        Ok(steps)
    }
}

/// The place and the way of writing, as they are frozen into an enrollment.
pub(crate) fn frozen(place: &Candidates, smart: Smart) -> Place {
    Place {
        zones: place.zones.iter().map(|zone| zone.name().to_owned()).collect(),
        primary: place.primary.name().to_owned(),
        rules: place.rules.iter().map(|rule| rule.as_str().to_owned()).collect(),
        source: source_word(place.source),
        smart: if smart == Smart::On { "on" } else { "off" }.to_owned(),
    }
}

/// The word of a source, as the API and the database have it.
pub(crate) fn source_word(source: ZoneSource) -> String {
    let word = serde_json::to_value(source).expect("a plain word");
    word.as_str().expect("a plain word").to_owned()
}

/// The frozen place, understood again.
pub(crate) fn thawed(place: &Place) -> Result<Candidates, Failure> {
    let stored = |text: String| Failure::Stored(format!("a frozen place: {text}"));
    let zone = |name: &String| Zone::named(name).map_err(|error| stored(error.to_string()));
    let rule = |code: &String| Ok(rules::find(code).ok_or_else(|| stored(format!("no rule {code}")))?.code);
    Ok(Candidates {
        zones: place.zones.iter().map(zone).collect::<Result<_, Failure>>()?,
        primary: zone(&place.primary)?,
        source: serde_json::from_value(place.source.clone().into()).map_err(|error| stored(error.to_string()))?,
        rules: place.rules.iter().map(rule).collect::<Result<_, Failure>>()?,
    })
}

/// How the texts of a frozen enrollment are written.
pub(crate) fn smart_of(place: &Place) -> Smart {
    if place.smart == "on" { Smart::On } else { Smart::Off }
}
