//! Links to join or to set a password: once, in time, and only as long as whoever made them may.

use domain::access::Role;
use engine::Actor;
use engine::invitations::{InvitationError, LIVES};
use engine::sessions::{Attempt, SignInError};
use engine::users::{UserChange, UserError};
use store::users::User;

use crate::admin::office::{Office, offices, open};

const PASSWORD: &str = "correct horse battery";

fn attempt(email: &str, password: &str) -> Attempt {
    let (email, password) = (email.to_owned(), password.to_owned());
    Attempt { email, password, from: "10.0.0.1".to_owned(), agent: String::new() }
}

/// A stored user of this role who acts.
async fn somebody(office: &Office, email: &str, role: Role) -> (User, Actor) {
    let operator = Actor::operator(office.workspace);
    let user = office.engine.create_user(&operator, email, "Olga", role, PASSWORD).await.unwrap();
    let actor = Actor::user(office.workspace, user.id, role.permissions());
    (user, actor)
}

#[tokio::test]
async fn a_link_makes_its_user_once() {
    for office in offices().await {
        let (_, admin) = somebody(&office, "olga@example.com", Role::Admin).await;
        let (_, old) = office.engine.invite(&admin, "ann@example.com", "Ann", Role::Agent).await.unwrap();
        let (made, token) = office.engine.invite(&admin, "Ann@example.com", "Ann", Role::Agent).await.unwrap();
        assert!(matches!(office.engine.invited(&old).await, Err(InvitationError::Ended)), "a newer link replaces it");
        assert_eq!(office.engine.invitations(&admin).await.unwrap(), [made]);
        assert_eq!(office.engine.invited(&token).await.unwrap().workspace.id, office.workspace);
        let refused = office.engine.accept(&token, "Ann", "short").await;
        assert!(matches!(refused, Err(InvitationError::User(UserError::Password(_)))));
        let take = |name: &'static str| office.engine.accept(&token, name, PASSWORD);
        let (a, b) = tokio::join!(take("Ann Lee"), take("Ann Li"));
        assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{}: {a:?} {b:?}", office.db.name);
        let (workspace, user) = a.or(b).unwrap();
        assert_eq!((workspace, user.role.as_str()), (office.workspace, "agent"));
        office.engine.sign_in(attempt("ann@example.com", PASSWORD)).await.unwrap();
        assert!(office.engine.invitations(&admin).await.unwrap().is_empty());
        let again = office.engine.invite(&admin, "ANN@example.com", "Ann", Role::Agent).await;
        assert!(matches!(again, Err(InvitationError::User(UserError::EmailTaken))));
    }
}

#[tokio::test]
async fn nobody_invites_beyond_what_they_may_even_later() {
    for office in offices().await {
        let (user, admin) = somebody(&office, "olga@example.com", Role::Admin).await;
        let (boss, _) = somebody(&office, "boss@example.com", Role::Owner).await;
        let (_, agent) = somebody(&office, "agent@example.com", Role::Agent).await;
        let beyond = office.engine.invite(&admin, "ann@example.com", "Ann", Role::Owner).await;
        assert!(matches!(beyond, Err(InvitationError::User(UserError::RoleBeyond(_)))));
        let beyond = office.engine.password_link(&admin, boss.id).await;
        assert!(matches!(beyond, Err(InvitationError::User(UserError::RoleBeyond(_)))));
        let forbidden = office.engine.invite(&agent, "ann@example.com", "Ann", Role::Viewer).await;
        assert!(matches!(forbidden, Err(InvitationError::User(UserError::Forbidden(_)))));
        let (_, token) = office.engine.invite(&admin, "ann@example.com", "Ann", Role::Viewer).await.unwrap();
        let operator = Actor::operator(office.workspace);
        let change = UserChange { role: Some(Role::Agent), ..UserChange::default() };
        office.engine.change_user(&operator, user.id, change).await.unwrap();
        let refused = office.engine.accept(&token, "Ann", PASSWORD).await;
        assert!(matches!(refused, Err(InvitationError::Ended)), "{}: {refused:?}", office.db.name);
    }
}

#[tokio::test]
async fn a_link_ends_by_time_and_when_it_is_withdrawn() {
    for office in offices().await {
        let (_, admin) = somebody(&office, "olga@example.com", Role::Admin).await;
        let (made, token) = office.engine.invite(&admin, "ann@example.com", "Ann", Role::Agent).await.unwrap();
        office.engine.withdraw_invitation(&admin, made.id).await.unwrap();
        assert!(matches!(office.engine.accept(&token, "Ann", PASSWORD).await, Err(InvitationError::Ended)));
        let gone = office.engine.withdraw_invitation(&admin, made.id).await;
        assert!(matches!(gone, Err(InvitationError::Unknown)));
        let (made, token) = office.engine.invite(&admin, "bob@example.com", "Bob", Role::Agent).await.unwrap();
        let other = Actor::operator(open(&office.engine, "Other").await);
        let gone = office.engine.withdraw_invitation(&other, made.id).await;
        assert!(matches!(gone, Err(InvitationError::Unknown)), "another workspace's is not there");
        assert!(office.clock.move_to(office.clock.now().saturating_add(LIVES).unwrap()));
        assert!(matches!(office.engine.accept(&token, "Bob", PASSWORD).await, Err(InvitationError::Ended)));
        assert!(office.engine.invitations(&admin).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_password_link_ends_every_session_and_the_old_password() {
    for office in offices().await {
        let (_, admin) = somebody(&office, "olga@example.com", Role::Admin).await;
        let (ann, _) = somebody(&office, "ann@example.com", Role::Agent).await;
        let session = office.engine.sign_in(attempt("ann@example.com", PASSWORD)).await.unwrap().token;
        let (_, token) = office.engine.password_link(&admin, ann.id).await.unwrap();
        let (_, user) = office.engine.accept(&token, "Another name", "another horse").await.unwrap();
        assert_eq!((user.id, user.name.as_str()), (ann.id, "Olga"), "the name stays");
        assert!(matches!(office.engine.session(&session).await, Err(SignInError::Ended)));
        let old = office.engine.sign_in(attempt("ann@example.com", PASSWORD)).await;
        assert!(matches!(old, Err(SignInError::Wrong)));
        office.engine.sign_in(attempt("ann@example.com", "another horse")).await.unwrap();
    }
}
