//! Brands and campaigns: no account texts a US number before they are approved, and none sends more than they may. On both databases.

use std::collections::BTreeMap;

use carrier::{CarrierEvent, Inbound};
use domain::ids::{CampaignId, CarrierId, ContactId, NumberId};
use domain::money::Micros;
use domain::refusal::{Refusal, Unready};
use domain::registration::{Lack, Registration};
use domain::zones::Zone;
use engine::contacts::ContactError;
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::manual::SendError;
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::registrations::{Brand, BrandNote, Campaign, CampaignAt, CampaignNote, RegistrationError};
use jiff::SignedDuration;
use store::numbers::Number;
use store::{DbError, Lane, Tx};

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";
const OURS: NumberId = NumberId(5);

fn brand_note(state: &str) -> BrandNote {
    BrandNote {
        name: "Acme Homes".to_owned(),
        registry_id: "BXY12".to_owned(),
        state: state.to_owned(),
        facts: vec![("company".to_owned(), " Acme Homes LLC ".to_owned()), ("website".to_owned(), String::new())],
        day_segments: 0,
        share: 100,
    }
}

fn campaign_note(state: &str) -> CampaignNote {
    let (name, registry_id, state) = ("Leads".to_owned(), "C1".to_owned(), state.to_owned());
    CampaignNote { name, registry_id, state, facts: Vec::new(), segments_per_minute: 0 }
}

async fn brand(world: &World, note: BrandNote) -> Brand {
    world.engine.note_brand(&world.actor, None, note).await.unwrap()
}

async fn campaign(world: &World, of: &Brand, note: CampaignNote) -> Campaign {
    world.engine.note_campaign(&world.actor, CampaignAt::New(of.id), note).await.unwrap()
}

async fn assign(world: &World, number: NumberId, to: CampaignId) {
    let done = world.engine.register_number(&world.actor, number, Some(to), Registration::Approved).await;
    assert_eq!(done.unwrap().campaign_state.as_deref(), Some("approved"));
}

async fn enroll(world: &World, contact: ContactId) -> Result<(), Vec<Refusal>> {
    let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?")]).await;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    match world.engine.enroll(&world.actor, request).await {
        Ok(_) => Ok(()),
        Err(EnrollError::Refused(refusals)) => Err(refusals),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn no_account_texts_a_us_number_before_brand_campaign_and_number_are_approved() {
    let plan = || Plan { carrier: CarrierId(9).to_string(), ..Plan::default() };
    on_both(plan, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let lack =
            |lack| vec![Refusal::NumberNotReady { phone: world.number.clone(), why: Unready::Unregistered(lack) }];
        let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?")]).await;
        let request = || EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        let refused = async || match world.engine.enroll(&world.actor, request()).await {
            Err(EnrollError::Refused(refusals)) => refusals,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused().await, lack(Lack::Campaign));
        let by_hand = world.engine.send_message(&world.actor, contact, "Hello").await;
        assert!(matches!(by_hand, Err(SendError::NumberNotReady { .. })), "{by_hand:?}");
        let chosen = world.engine.choose_number(&world.actor, contact, OURS).await;
        assert!(matches!(chosen, Err(ContactError::NumberNotReady { .. })), "{chosen:?}");

        let ours = brand(&world, brand_note("submitted")).await;
        assert_eq!(ours.facts, [("company".to_owned(), "Acme Homes LLC".to_owned())]);
        let leads = campaign(&world, &ours, campaign_note("submitted")).await;
        let engine = &world.engine;
        engine.register_number(&world.actor, OURS, Some(leads.id), Registration::Submitted).await.unwrap();
        assert_eq!(refused().await, lack(Lack::BrandApproval));
        engine.note_brand(&world.actor, Some(ours.id), brand_note("approved")).await.unwrap();
        assert_eq!(refused().await, lack(Lack::CampaignApproval));
        engine.note_campaign(&world.actor, CampaignAt::Known(leads.id), campaign_note("approved")).await.unwrap();
        assert_eq!(refused().await, lack(Lack::Assignment));
        assign(&world, OURS, leads.id).await;
        engine.enroll(&world.actor, request()).await.unwrap();

        // What was approved can be taken back: what is due waits, and is not lost.
        engine.note_brand(&world.actor, Some(ours.id), brand_note("rejected")).await.unwrap();
        let start = engine.now();
        assert_eq!(engine.round().await.unwrap().submitted, 0);
        assert!(engine.clock().move_to(start + SignedDuration::from_hours(1)));
        assert_eq!(engine.round().await.unwrap().submitted, 0);
        engine.note_brand(&world.actor, Some(ours.id), brand_note("approved")).await.unwrap();
        assert!(engine.clock().move_to(start + SignedDuration::from_hours(2)));
        // The account is not there, which pauses the number: it was handed over.
        assert_eq!(engine.round().await.unwrap().submitted, 1);
        world.end().await;
    });
}

#[test]
fn a_campaign_keeps_its_minute_and_a_brand_its_pacific_day_over_all_numbers() {
    let plan = || Plan { credits: 1_000, wallet: Micros(100_000_000), ..Plan::default() };
    on_both(plan, async |world| {
        let second =
            NewNumber { phone: "+13055550101".to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
        let second = world.engine.add_number(&world.actor, second).await.unwrap().id;
        let ours = brand(&world, BrandNote { day_segments: 10, ..brand_note("approved") }).await;
        let slow = CampaignNote { segments_per_minute: 2, ..campaign_note("approved") };
        let (slow, quick) =
            (campaign(&world, &ours, slow).await, campaign(&world, &ours, campaign_note("approved")).await);
        assign(&world, OURS, slow.id).await;
        assign(&world, second, quick.id).await;
        // Two segments each; New York's numbers have the slow campaign, Miami's the quick one.
        let long = "A text that is long enough to be billed as two segments by every carrier there is. ".repeat(2);
        let start = world.engine.now();
        let mut phones = Vec::new();
        for n in 0..8i64 {
            let phone =
                if n % 2 == 0 { format!("+121255501{:02}", 20 + n) } else { format!("+130555502{:02}", 20 + n) };
            let contact = world.contact(n, &phone, &[]).await;
            world.engine.send_message(&world.actor, contact, &long).await.unwrap();
            phones.push(phone);
        }
        world.engine.play(&world.simulator, start + SignedDuration::from_hours(60)).await.unwrap();
        let pacific = Zone::named("America/Los_Angeles").unwrap();
        let (mut by_day, mut slow_times) = (BTreeMap::new(), Vec::new());
        for (n, phone) in phones.iter().enumerate() {
            let inbox = world.simulator.inbox(phone, 0, 10).unwrap();
            assert_eq!(inbox.len(), 1, "{phone}");
            *by_day.entry(pacific.local(inbox[0].at).date()).or_insert(0) += 2;
            if n % 2 == 0 {
                slow_times.push(inbox[0].at);
            }
        }
        assert_eq!(by_day.values().copied().collect::<Vec<_>>(), [10, 6], "{by_day:?}");
        slow_times.sort_unstable();
        for pair in slow_times.windows(2) {
            assert!(pair[1].duration_since(pair[0]) >= SignedDuration::from_secs(55), "{slow_times:?}");
        }
        world.end().await;
    });
}

#[test]
fn a_workflow_waits_for_its_brands_day_and_goes_on_at_once_when_the_limit_is_raised() {
    let plan = || Plan { credits: 1_000, ..Plan::default() };
    on_both(plan, async |world| {
        let capped = || BrandNote { day_segments: 3, ..brand_note("approved") };
        let ours = brand(&world, capped()).await;
        let leads = campaign(&world, &ours, campaign_note("approved")).await;
        assign(&world, OURS, leads.id).await;
        let workflow = world.workflow(&[(0, "Hi")]).await;
        for n in 0..5i64 {
            let contact = world.contact(n, &format!("+121255501{:02}", 20 + n), &[]).await;
            let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            world.engine.enroll(&world.actor, request).await.unwrap();
        }
        let start = world.engine.now();
        world.engine.play(&world.simulator, start + SignedDuration::from_hours(1)).await.unwrap();
        let sent = || (0..5).map(|n| world.texts(&format!("+121255501{:02}", 20 + n)).len()).sum::<usize>();
        assert_eq!(sent(), 3);
        let raised = BrandNote { day_segments: 0, ..capped() };
        world.engine.note_brand(&world.actor, Some(ours.id), raised).await.unwrap();
        world.engine.play(&world.simulator, start + SignedDuration::from_hours(2)).await.unwrap();
        assert_eq!(sent(), 5);
        world.end().await;
    });
}

#[test]
fn what_the_registry_would_not_take_is_refused_with_its_reason() {
    on_both(Plan::default, async |world| {
        let engine = &world.engine;
        let note = async |note: BrandNote| engine.note_brand(&world.actor, None, note).await.unwrap_err();
        let nameless = BrandNote { name: " ".to_owned(), ..brand_note("draft") };
        assert!(matches!(note(nameless).await, RegistrationError::Name(_)));
        let unnamed = BrandNote { registry_id: String::new(), ..brand_note("approved") };
        assert!(matches!(note(unnamed).await, RegistrationError::NoRegistryId));
        assert!(matches!(note(brand_note("fine")).await, RegistrationError::State(_)));
        let share = BrandNote { share: 0, ..brand_note("draft") };
        assert!(matches!(note(share).await, RegistrationError::Share(0)));
        let limit = BrandNote { day_segments: -1, ..brand_note("draft") };
        assert!(matches!(note(limit).await, RegistrationError::Limit(-1)));
        let strange = BrandNote { facts: vec![("shoe".to_owned(), "42".to_owned())], ..brand_note("draft") };
        assert!(matches!(note(strange).await, RegistrationError::FactUnknown(_)));

        let ours = brand(&world, brand_note("draft")).await;
        let brief = CampaignNote { facts: vec![("sample1".to_owned(), "Hi".to_owned())], ..campaign_note("draft") };
        let refused = engine.note_campaign(&world.actor, CampaignAt::New(ours.id), brief).await.unwrap_err();
        assert_eq!(refused.to_string(), "First sample message has 2 characters; the registry takes 20 to 1024");
        let leads = campaign(&world, &ours, campaign_note("draft")).await;
        assign_draft(&world, leads.id).await;
        let in_use = engine.remove_campaign(&world.actor, leads.id).await.unwrap_err();
        assert!(matches!(in_use, RegistrationError::InUse { count: 1, .. }));
        assert!(matches!(engine.remove_brand(&world.actor, ours.id).await, Err(RegistrationError::InUse { .. })));
        engine.register_number(&world.actor, OURS, None, Registration::Draft).await.unwrap();
        engine.remove_campaign(&world.actor, leads.id).await.unwrap();
        engine.remove_brand(&world.actor, ours.id).await.unwrap();
        assert_eq!(engine.registrations(&world.actor).await.unwrap().brands, []);
        let contact = world.contact(1, PHONE, &[]).await;
        enroll(&world, contact).await.unwrap();
        world.end().await;
    });
}

async fn assign_draft(world: &World, to: CampaignId) {
    world.engine.register_number(&world.actor, OURS, Some(to), Registration::Draft).await.unwrap();
}

#[test]
fn what_a_lost_number_leaves_goes_to_one_that_may_text_and_to_no_other() {
    on_both(Plan::default, async |world| {
        let carrier = CarrierId(9).to_string();
        let numbers = world.engine.numbers(&world.actor).await.unwrap();
        let draft = Number { id: NumberId(6), phone: "+13055550101".to_owned(), carrier, ..numbers[0].clone() };
        let workspace = world.workspace();
        let insert = move |tx: &mut Tx<'_>| store::numbers::insert(tx, workspace, &draft);
        world.engine.store().write::<_, DbError, _>(Lane::Normal, insert).await.unwrap();
        let contact = world.contact(1, PHONE, &[]).await;
        enroll(&world, contact).await.unwrap();
        let lost = NumberChange { state: Some(NumberState::Lost), ..NumberChange::default() };
        let changed = world.engine.change_number(&world.actor, OURS, lost).await.unwrap();
        assert_eq!((changed.reassigned, changed.removed.contacts), (0, 1), "it ends with its refund");
        assert_eq!(world.balance("available").await, (10, 100_000_000));
        world.end().await;
    });
}

#[test]
fn an_answer_of_the_product_that_could_not_go_while_it_was_one_does_not_go_at_all() {
    on_both(
        || Plan { carrier: CarrierId(9).to_string(), ..Plan::default() },
        async |world| {
            world.contact(1, PHONE, &[]).await;
            let stop = Inbound {
                event_id: "stop".to_owned(),
                from: PHONE.to_owned(),
                to: world.number.clone(),
                body: "STOP".to_owned(),
                media: 0,
                signal: None,
                at: world.engine.now(),
            };
            world.engine.receive(&CarrierId(9).to_string(), CarrierEvent::Inbound(stop)).await.unwrap();
            for _ in 0..3 {
                assert_eq!(world.engine.round().await.unwrap().submitted, 0);
                assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_mins(20)));
            }
            let ours = brand(&world, brand_note("approved")).await;
            let leads = campaign(&world, &ours, campaign_note("approved")).await;
            assign(&world, OURS, leads.id).await;
            assert_eq!(world.engine.round().await.unwrap().submitted, 0, "the confirmation is an hour old");
            assert_eq!(world.engine.next_due().await.unwrap(), None);
            world.end().await;
        },
    );
}
