//! Workspaces: opening, settings, plan.

use domain::access::Role;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{NumberId, WorkspaceId};
use domain::money::Micros;
use engine::Settings;
use engine::workspaces::{NewWorkspace, SettingsChange, WorkspaceError};

use crate::admin::office::{CREDITS, RATE, offices, role};

#[tokio::test]
async fn a_new_workspace_has_its_credits_and_right_books() {
    for office in offices().await {
        let view = office.engine.workspace(&office.owner).await.unwrap();
        assert_eq!((view.workspace.zone.as_str(), view.workspace.plan.as_str()), ("America/New_York", "active"));
        assert_eq!(office.engine.balances(&office.owner).await.unwrap().credits, CREDITS);
        assert_eq!(office.faults().await, Vec::<String>::new(), "{}", office.db.name);
        assert_eq!(office.engine.workspaces(WorkspaceId(0), 10).await.unwrap(), [view.workspace]);
        let new = NewWorkspace { name: "X".to_owned(), zone: "Mars/Base".to_owned(), rate: RATE, plan_credits: 0 };
        let zone = office.engine.create_workspace(new.clone()).await;
        assert!(matches!(zone, Err(WorkspaceError::Zone(_))));
        let cheap = NewWorkspace { zone: "UTC".to_owned(), rate: Micros(-1), ..new };
        assert!(matches!(office.engine.create_workspace(cheap).await, Err(WorkspaceError::Rate { .. })));
        assert_eq!(office.engine.workspaces(WorkspaceId(0), 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn settings_are_checked_before_they_are_kept() {
    for office in offices().await {
        let change = |settings| SettingsChange { settings: Some(settings), ..SettingsChange::default() };
        let long = Settings { help_text: "x".repeat(307), ..Settings::default() };
        let refused = office.engine.change_settings(&office.owner, change(long)).await;
        assert!(matches!(refused, Err(WorkspaceError::TextTooLong { text: "help_text", segments: 3 })));
        let empty = Settings { opt_out_text: " ".to_owned(), ..Settings::default() };
        let refused = office.engine.change_settings(&office.owner, change(empty)).await;
        assert!(matches!(refused, Err(WorkspaceError::TextEmpty { text: "opt_out_text" })));
        let zone = SettingsChange { zone: Some("nowhere".to_owned()), ..SettingsChange::default() };
        assert!(matches!(office.engine.change_settings(&office.owner, zone).await, Err(WorkspaceError::Zone(_))));
        let agent = role(office.workspace, Role::Agent);
        let refused = office.engine.change_settings(&agent, SettingsChange::default()).await;
        assert!(matches!(refused, Err(WorkspaceError::Forbidden(_))));
        let good = Settings { help_text: "Call us.".to_owned(), ..Settings::default() };
        let named = SettingsChange { name: Some(" Harbor ".to_owned()), ..change(good.clone()) };
        office.engine.change_settings(&office.owner, named).await.unwrap();
        let view = office.engine.workspace(&office.owner).await.unwrap();
        assert_eq!((view.workspace.name.as_str(), view.settings, view.workspace.rate), ("Harbor", good, RATE));
    }
}

#[tokio::test]
async fn the_end_of_a_plan_ends_every_enrollment_with_its_refund() {
    for office in offices().await {
        let workflow = office.workflow().await;
        let enrolled = office.enroll(workflow, NumberId(1), 501);
        let removal = office.engine.end_plan(office.workspace).await.unwrap();
        assert_eq!(removal.contacts, 501, "{}", office.db.name);
        for id in [enrolled[0], enrolled[500]] {
            assert_eq!(office.stored(id).state, EnrollmentState::Stopped(StopReason::PlanEnded));
        }
        let balances = office.engine.balances(&office.owner).await.unwrap();
        assert_eq!((balances.credits, balances.wallet), (CREDITS, Micros(100_000_000)));
        assert_eq!(office.faults().await, Vec::<String>::new());
        assert_eq!(office.engine.end_plan(office.workspace).await.unwrap().contacts, 0);
        assert_eq!(office.engine.start_plan(office.workspace).await.unwrap().workspace.plan, "active");
        assert!(matches!(office.engine.end_plan(WorkspaceId(1)).await, Err(WorkspaceError::Unknown)));
    }
}
