//! Signing in: by the password only, in the workspace where it fits; what ends a session ends it at once.

use domain::access::{Permission, Role};
use domain::money::Micros;
use engine::Actor;
use engine::sessions::{Attempt, SignInError};
use engine::users::UserChange;
use engine::workspaces::NewWorkspace;

use crate::admin::office::{Office, offices};

const PASSWORD: &str = "correct horse battery";

fn attempt(email: &str, password: &str) -> Attempt {
    let (email, password) = (email.to_owned(), password.to_owned());
    Attempt { email, password, from: "10.0.0.1".to_owned(), agent: "a browser".to_owned() }
}

async fn agent(office: &Office) -> store::users::User {
    office.engine.create_user(&office.owner, "Ann@Example.com", "Ann", Role::Agent, PASSWORD).await.unwrap()
}

#[tokio::test]
async fn only_the_right_password_begins_a_session_and_signing_out_ends_it() {
    for office in offices().await {
        let ann = agent(&office).await;
        for (email, password) in [("ann@example.com", "wrong horse battery"), ("bob@example.com", PASSWORD), ("", "")] {
            let refused = office.engine.sign_in(attempt(email, password)).await;
            assert!(matches!(refused, Err(SignInError::Wrong)), "{email}");
        }
        let token = office.engine.sign_in(attempt(" ann@example.COM", PASSWORD)).await.unwrap().token;
        let presence = office.engine.session(&token).await.unwrap();
        assert_eq!((presence.user.id, presence.actor.workspace()), (ann.id, office.workspace));
        assert!(
            presence.actor.permissions().has(Permission::Send)
                && !presence.actor.permissions().has(Permission::TeamWrite)
        );
        let altered = format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' });
        assert!(matches!(office.engine.session(&altered).await, Err(SignInError::Ended)));
        office.engine.sign_out(&presence).await.unwrap();
        assert!(matches!(office.engine.session(&token).await, Err(SignInError::Ended)));
    }
}

#[tokio::test]
async fn another_role_counts_at_once_and_a_removed_user_is_out() {
    for office in offices().await {
        let ann = agent(&office).await;
        let token = office.engine.sign_in(attempt("ann@example.com", PASSWORD)).await.unwrap().token;
        let viewer = UserChange { role: Some(Role::Viewer), ..UserChange::default() };
        office.engine.change_user(&office.owner, ann.id, viewer).await.unwrap();
        let presence = office.engine.session(&token).await.unwrap();
        assert_eq!(presence.actor.permissions(), Role::Viewer.permissions());
        office.engine.remove_user(&office.owner, ann.id).await.unwrap();
        assert!(matches!(office.engine.session(&token).await, Err(SignInError::Ended)));
        let again = office.engine.sign_in(attempt("ann@example.com", PASSWORD)).await;
        assert!(matches!(again, Err(SignInError::Wrong)));
    }
}

#[tokio::test]
async fn another_password_ends_the_other_sessions_and_needs_the_old_one() {
    for office in offices().await {
        agent(&office).await;
        let sign_in = || office.engine.sign_in(attempt("ann@example.com", PASSWORD));
        let (here, there) = (sign_in().await.unwrap().token, sign_in().await.unwrap().token);
        let presence = office.engine.session(&here).await.unwrap();
        let refused = office.engine.change_password(&presence, "wrong horse battery", "another horse").await;
        assert!(matches!(refused, Err(SignInError::Wrong)));
        let refused = office.engine.change_password(&presence, PASSWORD, "short").await;
        assert!(matches!(refused, Err(SignInError::Password(_))));
        assert_eq!(office.engine.change_password(&presence, PASSWORD, "another horse").await.unwrap(), 1);
        assert!(office.engine.session(&here).await.is_ok());
        assert!(matches!(office.engine.session(&there).await, Err(SignInError::Ended)));
        assert!(matches!(sign_in().await, Err(SignInError::Wrong)));
        assert!(office.engine.sign_in(attempt("ann@example.com", "another horse")).await.is_ok());
    }
}

#[tokio::test]
async fn whoever_guesses_waits() {
    for office in offices().await {
        agent(&office).await;
        for _ in 0..5 {
            let refused = office.engine.sign_in(attempt("ann@example.com", "wrong horse battery")).await;
            assert!(matches!(refused, Err(SignInError::Wrong)));
        }
        let right = office.engine.sign_in(attempt("ann@example.com", PASSWORD)).await;
        assert!(
            matches!(right, Err(SignInError::Wait(_))),
            "even the right one waits, or it would tell that it is right"
        );
    }
}

#[tokio::test]
async fn one_address_is_signed_in_wherever_its_password_fits_and_nowhere_else() {
    for office in offices().await {
        let (engine, mut owners) = (&office.engine, vec![office.owner.clone()]);
        for name in ["Second", "Third", "Closed"] {
            let (zone, name) = ("America/New_York".to_owned(), name.to_owned());
            let new = NewWorkspace { name, zone, rate: Micros(1), plan_credits: 0 };
            owners.push(Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id));
        }
        let mut users = Vec::new();
        for (owner, password) in owners.iter().zip([PASSWORD, PASSWORD, PASSWORD, "another horse battery"]) {
            users.push(engine.create_user(owner, "ann@example.com", "Ann", Role::Agent, password).await.unwrap());
        }
        engine.create_user(&owners[1], "bob@example.com", "Bob", Role::Owner, PASSWORD).await.unwrap();
        let ann = engine.sign_in(attempt("Ann@example.com", PASSWORD)).await.unwrap();
        let here = engine.session(&ann.token).await.unwrap();
        assert_eq!(here.actor.workspace(), owners[2].workspace(), "the newest that fits");
        let there = async |tokens: &[String]| -> Vec<_> {
            let there = engine.elsewhere(&here, tokens.to_vec()).await.unwrap();
            there.into_iter().map(|(_, presence)| presence.actor.workspace()).collect()
        };
        assert_eq!(there(&ann.others).await, [owners[0].workspace(), owners[1].workspace()]);
        // The one that is open, one twice, somebody else's, an invented one: none of them is a way.
        let bob = engine.sign_in(attempt("bob@example.com", PASSWORD)).await.unwrap().token;
        let invented = format!("{}{}", &ann.others[0][..28], "0".repeat(64));
        let (first, second) = (ann.others[0].clone(), ann.others[1].clone());
        let planted = [bob, ann.token.clone(), invented, String::new(), first.clone(), first, second];
        assert_eq!(there(&planted).await, [owners[0].workspace(), owners[1].workspace()]);
        let closed = engine.sign_in(attempt("ann@example.com", "another horse battery")).await.unwrap();
        assert!(closed.others.is_empty(), "only that password's own workspace");
        // Another password there, or no user any more, closes the way.
        let second = engine.sign_in(attempt("ann@example.com", PASSWORD)).await.unwrap();
        let in_first = engine.session(&second.others[0]).await.unwrap();
        engine.change_password(&in_first, PASSWORD, "a third horse battery").await.unwrap();
        assert_eq!(there(&ann.others).await, [owners[1].workspace()]);
        engine.remove_user(&owners[1], users[1].id).await.unwrap();
        assert_eq!(there(&ann.others).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_guess_at_one_time_no_more_are_tried_than_are_free() {
    for office in offices().await {
        agent(&office).await;
        let guess = |nth: usize| {
            let (engine, password) = (office.engine.clone(), format!("wrong horse battery {nth}"));
            tokio::spawn(async move { engine.sign_in(attempt("ann@example.com", &password)).await })
        };
        let guesses: Vec<_> = (0..40).map(guess).collect();
        let (mut tried, mut waited) = (0, 0);
        for guess in guesses {
            match guess.await.unwrap() {
                Err(SignInError::Wait(_)) => waited += 1,
                Err(SignInError::Wrong) => tried += 1,
                other => panic!("{other:?}"),
            }
        }
        let right = office.engine.sign_in(attempt("ann@example.com", PASSWORD)).await;
        assert!(matches!(right, Err(SignInError::Wait(_))), "{right:?}");
        assert_eq!((tried, waited), (5, 35));
    }
}
