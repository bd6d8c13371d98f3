//! The mails of a low balance: to whom, how often, and what becomes of those that are not taken.

use carrier::mail::Unsent;
use domain::ids::UserId;
use engine::mails::postman::LEASE;
use engine::mails::{MOST_RECIPIENTS, MOST_TOLD};
use store::{DbError, Lane};

use super::{DOLLAR, Shelf, later, look, lows, node, person, plan, rows, wallet};
use crate::world::{World, on_both};

/// The wallet falls, which is told; afterwards it can fall again.
async fn falls(world: &World) {
    wallet(world, 25 * DOLLAR).await;
    look(&world.engine).await;
    wallet(world, 4 * DOLLAR + 200_000).await;
    assert_eq!(look(&world.engine).await, 1);
}

async fn led(world: &World) -> Shelf {
    for (id, role) in [(1, "admin"), (2, "owner"), (3, "agent"), (4, "viewer")] {
        person(world, id, role).await;
    }
    Shelf::of(&world.engine)
}

fn down() -> Unsent {
    Unsent::Down("535 no".to_owned())
}

#[test]
fn owners_and_admins_get_one_mail_that_says_what_it_means() {
    on_both(plan, async |world| {
        let shelf = led(&world).await;
        falls(&world).await;
        assert_eq!(lows(&world).await[0]["mails"], 2);
        assert_eq!(rows(&world).await, [(1, "pending", 0), (2, "pending", 0)]);
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 2);
        let mails = shelf.asked();
        let mut to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, ["admin1@example.com", "owner2@example.com"]);
        assert_eq!(mails[0].subject, "Acme: $4.20 left in the wallet");
        for part in
            ["below $10.00", "$4.20 and 12 credits", "What runs goes on", "https://texts.example.com/billing/notice"]
        {
            assert!(mails[0].text.contains(part), "{part}: {}", mails[0].text);
        }
        assert_ne!(mails[0].id, mails[1].id);
        assert_eq!(rows(&world).await, [(1, "sent", 1), (2, "sent", 1)]);
        later(&world, 100_000);
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 0);
        world.end().await;
    });
}

#[test]
fn without_a_mail_server_or_where_nobody_wants_mail_there_is_the_event_alone() {
    on_both(plan, async |world| {
        person(&world, 2, "owner").await;
        falls(&world).await;
        let shelf = Shelf::of(&world.engine);
        world.engine.set_balance_notice(&world.actor, Some(domain::balance::BELOW), false).await.unwrap();
        falls(&world).await;
        assert_eq!((lows(&world).await.len(), rows(&world).await), (2, vec![]));
        assert_eq!((world.engine.send_due_mails().await.unwrap(), shelf.asked().len()), (0, 0));
        world.end().await;
    });
}

#[test]
fn what_is_not_taken_is_tried_for_a_day_with_the_same_name_and_then_given_up() {
    on_both(plan, async |world| {
        let shelf = led(&world).await;
        shelf.answers(|_| Err(Unsent::NotNow("451 later".to_owned())));
        falls(&world).await;
        let (mut ids, mut tries, began) = (std::collections::BTreeSet::new(), 0, world.engine.now());
        for _ in 0..(26 * 60) {
            tries += world.engine.send_due_mails().await.unwrap();
            ids.extend(shelf.asked().into_iter().map(|letter| letter.id));
            later(&world, 1);
        }
        assert_eq!(ids.len(), 2, "a repeat has the name of the first");
        let all = rows(&world).await;
        assert!(all.iter().all(|row| row.1 == "given_up" && (9..=14).contains(&row.2)), "{all:?}");
        assert_eq!(i64::try_from(tries).unwrap(), all.iter().map(|row| row.2).sum::<i64>());
        assert!(world.engine.now().duration_since(began).as_hours() >= 25);
        assert!(world.engine.counts().mails.contains(&("given_up", 2)), "{:?}", world.engine.counts().mails);
        // One that is taken late is taken.
        shelf
            .answers(|letter| if letter.to.starts_with("owner") { Ok(()) } else { Err(Unsent::NotNow(String::new())) });
        falls(&world).await;
        world.engine.send_due_mails().await.unwrap();
        shelf.answers(|_| Ok(()));
        later(&world, 2);
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 1, "the other one was taken at once");
        assert_eq!(rows(&world).await[2..], [(1, "sent", 2), (2, "sent", 1)]);
        world.end().await;
    });
}

#[test]
fn a_recipient_that_is_refused_for_good_is_not_written_to_again() {
    on_both(plan, async |world| {
        let shelf = led(&world).await;
        let refused =
            |to: &str| if to.starts_with("admin") { Err(Unsent::Refused("550 who?".to_owned())) } else { Ok(()) };
        shelf.answers(move |letter| refused(&letter.to));
        falls(&world).await;
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 2);
        later(&world, 24 * 60);
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 0);
        assert_eq!(rows(&world).await, [(1, "refused", 1), (2, "sent", 1)]);
        world.end().await;
    });
}

#[test]
fn a_server_that_cannot_be_used_is_asked_once_a_look() {
    on_both(plan, async |world| {
        let shelf = led(&world).await;
        shelf.answers(|_| Err(down()));
        falls(&world).await;
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 1, "the rest would hear the same");
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 1);
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 0, "both wait");
        shelf.answers(|_| Ok(()));
        later(&world, 2);
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 2);
        assert_eq!(rows(&world).await, [(1, "sent", 2), (2, "sent", 2)]);
        world.end().await;
    });
}

#[test]
fn two_nodes_send_a_mail_once_and_one_that_dies_leaves_it_to_the_other() {
    on_both(plan, async |world| {
        let (shelf, other) = (led(&world).await, node(&world).await);
        shelf.takes_from(&other);
        falls(&world).await;
        let (ours, theirs) = tokio::join!(world.engine.send_due_mails(), other.send_due_mails());
        assert_eq!((ours.unwrap() + theirs.unwrap(), shelf.asked().len()), (2, 2));
        falls(&world).await;
        // The server has the mail, and the node dies before it can note that.
        let mut taken = shelf.hangs();
        let dying = tokio::spawn({
            let other = other.clone();
            async move { other.send_due_mails().await }
        });
        taken.recv().await.unwrap();
        dying.abort();
        assert!(dying.await.is_err_and(|error| error.is_cancelled()), "it died");
        shelf.answers(|_| Ok(()));
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 1, "the one that nobody had");
        later(&world, LEASE.as_mins());
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 1, "the one that died under way");
        let asked = shelf.asked();
        assert_eq!(asked.len(), 3, "at least once");
        assert_eq!((asked[0].id == asked[2].id, asked[0].id == asked[1].id), (true, false), "under one name");
        assert_eq!(rows(&world).await.iter().filter(|row| row.1 == "sent").count(), 4);
        world.end().await;
    });
}

#[test]
fn whoever_leads_the_workspace_no_more_gets_no_mail_and_a_new_address_gets_it() {
    on_both(plan, async |world| {
        let shelf = led(&world).await;
        falls(&world).await;
        let workspace = world.workspace();
        let change = move |tx: &mut store::Tx<'_>| -> Result<(), DbError> {
            let (user, _) = store::users::find(tx, workspace, UserId(1))?.expect("they are there");
            store::users::change(tx, workspace, &store::users::User { role: "agent".to_owned(), ..user })
        };
        world.engine.store().write(Lane::Normal, change).await.unwrap();
        assert_eq!(world.engine.send_due_mails().await.unwrap(), 1);
        assert_eq!(shelf.asked()[0].to, "owner2@example.com");
        assert_eq!(rows(&world).await, [(1, "dropped", 1), (2, "sent", 1)]);
        world.end().await;
    });
}

#[test]
fn a_wallet_that_swings_fills_no_mailbox() {
    on_both(plan, async |world| {
        let shelf = led(&world).await;
        for id in 100..112 {
            person(&world, id, "admin").await;
        }
        for _ in 0..20 {
            falls(&world).await;
            later(&world, 1);
        }
        assert_eq!(lows(&world).await.len(), 20, "the event is told each time");
        let told = usize::try_from(MOST_TOLD).unwrap();
        let most = i64::try_from(MOST_RECIPIENTS).unwrap();
        let by_mail: Vec<_> = lows(&world).await.iter().map(|low| low["mails"].as_i64().unwrap()).collect();
        assert_eq!((&by_mail[..told], by_mail[told..].iter().max()), (&[most].repeat(told)[..], Some(&0)));
        assert_eq!(rows(&world).await[0].0, 1, "in the order of their keys");
        assert!(rows(&world).await[..MOST_RECIPIENTS].iter().any(|row| row.0 == 2), "the owner is among them");
        later(&world, 24 * 60);
        falls(&world).await;
        assert_eq!(lows(&world).await[20]["mails"], most, "another day");
        assert_eq!(rows(&world).await.len(), (told + 1) * MOST_RECIPIENTS);
        drop(shelf);
        world.end().await;
    });
}
