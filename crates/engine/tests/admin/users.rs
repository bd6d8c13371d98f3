//! Users: changed and removed, and that a workspace keeps an owner whoever is faster.

use domain::access::Role;
use domain::ids::UserId;
use engine::users::{UserChange, UserError};

use crate::admin::office::{Office, offices, open, role};

async fn make(office: &Office, name: &str, of: Role) -> UserId {
    let email = format!("{name}@example.com");
    office.engine.create_user(&office.owner, &email, name, of, "long enough for all").await.unwrap().id
}

fn becomes(role: Role) -> UserChange {
    UserChange { role: Some(role), ..UserChange::default() }
}

#[tokio::test]
async fn a_user_is_changed_and_removed_in_their_own_workspace_only() {
    for office in offices().await {
        let user = make(&office, "sam", Role::Agent).await;
        let stranger = role(open(&office.engine, "Elsewhere").await, Role::Owner);
        let change = office.engine.change_user(&stranger, user, becomes(Role::Viewer)).await;
        assert!(matches!(change, Err(UserError::Unknown)), "{}", office.db.name);
        assert!(matches!(office.engine.remove_user(&stranger, user).await, Err(UserError::Unknown)));
        let named = UserChange { name: Some(" Sam the boss ".to_owned()), role: None };
        let changed = office.engine.change_user(&office.owner, user, named).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.role.as_str()), ("Sam the boss", "agent"));
        let changed = office.engine.change_user(&office.owner, user, becomes(Role::Admin)).await.unwrap();
        assert_eq!(office.engine.users(&office.owner).await.unwrap(), [changed]);
        office.engine.remove_user(&office.owner, user).await.unwrap();
        assert!(matches!(office.engine.remove_user(&office.owner, user).await, Err(UserError::Unknown)));
        // The address is free again.
        make(&office, "sam", Role::Agent).await;
    }
}

#[tokio::test]
async fn of_two_owners_who_go_at_once_one_stays() {
    for office in offices().await {
        let (ann, bob) = (make(&office, "ann", Role::Owner).await, make(&office, "bob", Role::Owner).await);
        for round in 0..10 {
            let demote = |user| office.engine.change_user(&office.owner, user, becomes(Role::Agent));
            let both = tokio::join!(demote(ann), demote(bob));
            let refused = [&both.0, &both.1].iter().filter(|done| matches!(done, Err(UserError::LastOwner))).count();
            let owners = office.engine.users(&office.owner).await.unwrap();
            let owners = owners.iter().filter(|user| user.role == "owner").count();
            assert_eq!((refused, owners), (1, 1), "round {round} on {}: {both:?}", office.db.name);
            for user in [ann, bob] {
                office.engine.change_user(&office.owner, user, becomes(Role::Owner)).await.unwrap();
            }
        }
    }
}
