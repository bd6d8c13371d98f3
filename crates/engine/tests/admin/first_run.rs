//! The first start: one owner, whoever else tries at the same time.

use domain::ids::WorkspaceId;
use domain::money::Micros;
use engine::first_run::{FirstRunError, NewOwner};
use engine::sessions::Attempt;
use engine::users::UserError;
use engine::workspaces::{NewWorkspace, WorkspaceError};

use crate::admin::office::offices;

const PASSWORD: &str = "correct horse battery";

fn new(zone: &str) -> NewWorkspace {
    NewWorkspace { name: "Harbor".to_owned(), zone: zone.to_owned(), rate: Micros(0), plan_credits: 0 }
}

fn owner(email: &str, password: &str) -> NewOwner {
    NewOwner { email: email.to_owned(), name: "Ann".to_owned(), password: password.to_owned() }
}

#[tokio::test]
async fn of_many_at_once_one_sets_the_server_up() {
    for office in offices().await {
        assert!(office.engine.nobody_yet().await.unwrap(), "{}", office.db.name);
        let try_it = |email: &'static str| office.engine.set_up(new("America/New_York"), owner(email, PASSWORD));
        let (a, b, c) = tokio::join!(try_it("a@example.com"), try_it("b@example.com"), try_it("c@example.com"));
        let all = [a, b, c];
        let done = all.iter().filter(|one| matches!(one, Err(FirstRunError::Done))).count();
        assert_eq!(done, 2, "{}: {all:?}", office.db.name);
        assert!(!office.engine.nobody_yet().await.unwrap());
        let (workspace, user) = all.into_iter().find_map(Result::ok).unwrap();
        assert_eq!(user.role, "owner");
        let attempt =
            Attempt { email: user.email, password: PASSWORD.to_owned(), from: String::new(), agent: String::new() };
        let token = office.engine.sign_in(attempt).await.unwrap().token;
        assert_eq!(office.engine.session(&token).await.unwrap().actor.workspace(), workspace);
        assert_eq!(office.engine.workspaces(WorkspaceId(0), 9).await.unwrap().len(), 2, "the losers left nothing");
        assert!(matches!(try_it("d@example.com").await, Err(FirstRunError::Done)));
    }
}

#[tokio::test]
async fn what_is_refused_leaves_the_first_run_open() {
    for office in offices().await {
        let refused = office.engine.set_up(new("Mars/Olympus"), owner("a@example.com", PASSWORD)).await;
        assert!(matches!(refused, Err(FirstRunError::Workspace(WorkspaceError::Zone(_)))));
        let refused = office.engine.set_up(new("America/New_York"), owner("nobody", PASSWORD)).await;
        assert!(matches!(refused, Err(FirstRunError::Owner(UserError::Email))));
        let refused = office.engine.set_up(new("America/New_York"), owner("a@example.com", "short")).await;
        assert!(matches!(refused, Err(FirstRunError::Owner(UserError::Password(_)))));
        office.engine.set_up(new("America/New_York"), owner("a@example.com", PASSWORD)).await.unwrap();
    }
}
