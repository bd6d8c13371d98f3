//! Quick replies: their names are one of a kind, their order is the workspace's.

use domain::access::Role;
use engine::Actor;
use engine::quick_replies::{MAX_REPLY_TEXT, ReplyError};

use crate::admin::office::{Office, offices, open, role};

async fn names(office: &Office) -> Vec<String> {
    office.engine.quick_replies(&office.owner).await.unwrap().into_iter().map(|reply| reply.name).collect()
}

#[tokio::test]
async fn quick_replies_are_made_changed_ordered_and_removed() {
    for office in offices().await {
        let make = |name: &'static str| office.engine.create_quick_reply(&office.owner, name, " Hello\r\nthere ");
        let (a, b) = (make("Hello").await.unwrap(), make("Price").await.unwrap());
        assert_eq!(a.text, "Hello\nthere");
        assert_eq!(names(&office).await, ["Hello", "Price"], "{}", office.db.name);
        office.engine.order_quick_replies(&office.owner, &[b.id, a.id]).await.unwrap();
        let refused = office.engine.order_quick_replies(&office.owner, &[b.id, b.id]).await;
        assert!(matches!(refused, Err(ReplyError::Order { given: 2, all: 2 })));
        assert_eq!(names(&office).await, ["Price", "Hello"]);
        let taken = office.engine.change_quick_reply(&office.owner, a.id, "PRICE", "x").await;
        assert!(matches!(taken, Err(ReplyError::Taken(_))));
        office.engine.change_quick_reply(&office.owner, a.id, "hello", "x").await.unwrap();
        office.engine.remove_quick_reply(&office.owner, b.id).await.unwrap();
        assert!(matches!(office.engine.remove_quick_reply(&office.owner, b.id).await, Err(ReplyError::Unknown)));
        assert_eq!(names(&office).await, ["hello"]);
    }
}

#[tokio::test]
async fn what_is_too_long_empty_or_another_workspaces_is_refused() {
    for office in offices().await {
        let owner = &office.owner;
        let long = "x".repeat(MAX_REPLY_TEXT + 1);
        for text in ["", " \n ", "a\0b", long.as_str()] {
            let refused = office.engine.create_quick_reply(owner, "Name", text).await;
            assert!(matches!(refused, Err(ReplyError::Text(_))), "{text:?}");
        }
        let forbidden = office.engine.create_quick_reply(&role(office.workspace, Role::Agent), "Name", "Text").await;
        assert!(matches!(forbidden, Err(ReplyError::Forbidden(_))));
        let reply = office.engine.create_quick_reply(owner, "Name", "Text").await.unwrap();
        let other = Actor::operator(open(&office.engine, "Other").await);
        assert!(office.engine.quick_replies(&other).await.unwrap().is_empty());
        let gone = office.engine.change_quick_reply(&other, reply.id, "Mine", "now").await;
        assert!(matches!(gone, Err(ReplyError::Unknown)));
        assert!(matches!(office.engine.remove_quick_reply(&other, reply.id).await, Err(ReplyError::Unknown)));
    }
}
