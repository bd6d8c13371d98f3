//! Users and API keys.

use domain::access::{Permission, Permissions, Role};
use engine::keys::KeyError;
use engine::passwords::PasswordError;
use engine::users::UserError;
use jiff::SignedDuration;

use crate::admin::office::{offices, open, role};

#[tokio::test]
async fn a_key_acts_in_its_own_workspace_with_its_own_permissions() {
    for office in offices().await {
        let some: Permissions = [Permission::Read, Permission::Send].into_iter().collect();
        let (key, text) = office.engine.create_key(&office.owner, "Zap", some).await.unwrap();
        assert!(!text.contains(&key.secret_hash));
        let actor = office.engine.authenticate(&text).await.unwrap();
        assert_eq!((actor.workspace(), actor.permissions()), (office.workspace, some), "{}", office.db.name);
        let beyond = office.engine.create_key(&actor, "More", some).await;
        assert!(matches!(beyond, Err(KeyError::Forbidden(_))));
        let maker: Permissions = [Permission::KeysWrite, Permission::Read].into_iter().collect();
        let (_, maker) = office.engine.create_key(&office.owner, "Maker", maker).await.unwrap();
        let maker = office.engine.authenticate(&maker).await.unwrap();
        assert!(matches!(office.engine.create_key(&maker, "More", some).await, Err(KeyError::Beyond)));
    }
}

#[tokio::test]
async fn a_key_that_is_not_right_is_refused_and_nobody_is_told_why() {
    for office in offices().await {
        let read: Permissions = [Permission::Read].into_iter().collect();
        let (key, text) = office.engine.create_key(&office.owner, "Zap", read).await.unwrap();
        let other = open(&office.engine, "Other").await;
        let moved = text.replace(&office.workspace.to_string()[4..], &other.to_string()[4..]);
        assert_ne!(moved, text);
        let last = if text.ends_with('0') { "1" } else { "0" };
        let guessed = format!("{}{last}", &text[..text.len() - 1]);
        let unknown = text.replace(&key.id.to_string()[4..], "0000000000001");
        let mut words = std::collections::BTreeSet::new();
        for wrong in [&guessed, &unknown] {
            words.insert(office.engine.authenticate(wrong).await.unwrap_err().to_string());
        }
        assert!(office.engine.authenticate(&text).await.is_ok());
        office.engine.revoke_key(&office.owner, key.id).await.unwrap();
        for wrong in [&text, &moved, &guessed, &unknown, "", "drip_x", &"drip_".repeat(10_000)] {
            let refused = office.engine.authenticate(wrong).await.unwrap_err();
            words.insert(refused.to_string());
        }
        assert_eq!(words.len(), 1, "{words:?}");
        assert!(matches!(office.engine.revoke_key(&office.owner, key.id).await, Err(KeyError::Unknown)));
    }
}

#[tokio::test]
async fn a_key_of_one_workspace_is_nothing_in_another_even_under_the_same_number() {
    for office in offices().await {
        let read: Permissions = [Permission::Read].into_iter().collect();
        let (key, text) = office.engine.create_key(&office.owner, "Zap", read).await.unwrap();
        let other = open(&office.engine, "Other").await;
        let twin = store::users::ApiKey { secret_hash: "0".repeat(64), ..key.clone() };
        office.write(move |tx| store::users::insert_key(tx, other, &twin));
        let moved = text.replace(&office.workspace.to_string()[4..], &other.to_string()[4..]);
        assert!(matches!(office.engine.authenticate(&moved).await, Err(KeyError::Invalid)));
        assert!(office.engine.authenticate(&text).await.is_ok());
        let stranger = role(other, Role::Owner);
        assert_eq!(office.engine.keys(&stranger).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_a_minute() {
    for office in offices().await {
        let read: Permissions = [Permission::Read].into_iter().collect();
        let (_, text) = office.engine.create_key(&office.owner, "Zap", read).await.unwrap();
        let mut noted = Vec::new();
        for seconds in [0, 59, 1] {
            office.clock.move_to(office.clock.now() + SignedDuration::from_secs(seconds));
            office.engine.authenticate(&text).await.unwrap();
            noted.push(office.engine.keys(&office.owner).await.unwrap()[0].used_at.unwrap());
        }
        assert_eq!((noted[0], noted[2]), (noted[1], noted[0] + SignedDuration::from_secs(60)));
    }
}

#[tokio::test]
async fn a_user_is_made_once_and_never_above_its_maker() {
    const PASSWORD: &str = "correct horse battery";
    for office in offices().await {
        let admin = role(office.workspace, Role::Admin);
        let create = |email, role| office.engine.create_user(&admin, email, "Ada", role, PASSWORD);
        let user = create("Ada@Example.com", Role::Agent).await.unwrap();
        assert!(matches!(create(" ada@example.COM ", Role::Agent).await, Err(UserError::EmailTaken)));
        assert!(matches!(create("b@example.com", Role::Owner).await, Err(UserError::RoleBeyond(Role::Owner))));
        for wrong in ["", "ada", "@example.com", "ada@", "ada@host", "a b@example.com"] {
            assert!(matches!(create(wrong, Role::Agent).await, Err(UserError::Email)), "{wrong}");
        }
        let short = office.engine.create_user(&admin, "c@example.com", "C", Role::Agent, "short").await;
        assert!(matches!(short, Err(UserError::Password(PasswordError::Short))));
        assert_eq!(office.engine.users(&admin).await.unwrap(), [user]);
        let agent = role(office.workspace, Role::Agent);
        let refused = office.engine.create_user(&agent, "d@example.com", "D", Role::Viewer, PASSWORD).await;
        assert!(matches!(refused, Err(UserError::Forbidden(_))));
    }
}
