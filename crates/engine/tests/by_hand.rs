//! Messages that a person writes, on both databases.

use engine::manual::SendError;
use engine::workspaces::SettingsChange;
use engine::{Settings, Switch};

use crate::world::{Plan, on_both};

#[test]
fn nul_characters_go_whether_or_not_look_alikes_are_replaced() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, "+12125550111", &[]).await;
        for smart_encoding in [Switch::On, Switch::Off] {
            let settings = Some(Settings { smart_encoding, ..Settings::default() });
            let change = SettingsChange { settings, ..SettingsChange::default() };
            world.engine.change_settings(&world.actor, change).await.unwrap();
            let sent = world.engine.send_message(&world.actor, contact, "a\0b").await.unwrap();
            assert_eq!(sent.body, "ab");
            let empty = world.engine.send_message(&world.actor, contact, "\0").await;
            assert!(matches!(empty, Err(SendError::Empty)), "{empty:?}");
        }
        world.play_days(1).await;
        assert_eq!(world.texts("+12125550111"), ["ab", "ab"]);
        world.end().await;
    });
}
