//! Consent: what is recorded by whom, what it lifts, what it never lifts, and who is enrolled without it. On both databases.

use domain::access::Role;
use domain::consent::{Kind, Standing};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, UserId, WorkflowId};
use domain::refusal::Refusal;
use domain::suppression::Suppression;
use engine::bulk::{Many, Selection};
use engine::consents::{ConsentError, GivenError, History, NewConsent, OptOut};
use engine::contacts::NewContact;
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::workspaces::SettingsChange;
use engine::{Actor, Settings, Switch};
use jiff::SignedDuration;

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";
const TEXT: &str =
    "I agree to get marketing texts from Acme Homes at this number. Consent is no condition of purchase.";

async fn made(world: &World, phone: &str) -> ContactId {
    let new = NewContact { phone: phone.to_owned(), ..NewContact::default() };
    world.engine.create_contact(&world.actor, new).await.unwrap().id
}

async fn history(world: &World, contact: ContactId) -> History {
    world.engine.consents(&world.actor, contact, None, 50).await.unwrap()
}

async fn kinds(world: &World, contact: ContactId) -> Vec<(Kind, String)> {
    history(world, contact).await.records.into_iter().map(|record| (record.kind, record.source)).collect()
}

async fn lists(world: &World, contact: ContactId) -> Vec<Suppression> {
    world.engine.suppressions(&world.actor, contact).await.unwrap()
}

fn form() -> NewConsent {
    NewConsent::new(Kind::Written, "web form", TEXT)
}

async fn try_start(world: &World, contact: ContactId, workflow: WorkflowId) -> Result<EnrollmentId, EnrollError> {
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.map(|enrolled| enrolled.enrollment)
}

async fn refusals(world: &World, contact: ContactId, workflow: WorkflowId) -> Vec<Refusal> {
    match try_start(world, contact, workflow).await {
        Ok(_) => Vec::new(),
        Err(EnrollError::Refused(refusals)) => refusals,
        Err(error) => panic!("{error}"),
    }
}

async fn require(world: &World) {
    let settings = Settings { require_consent: Switch::On, ..Settings::default() };
    let change = SettingsChange { settings: Some(settings), ..SettingsChange::default() };
    world.engine.change_settings(&world.actor, change).await.unwrap();
}

#[test]
fn an_opt_out_is_a_revocation_and_start_is_a_new_consent_with_the_words_of_the_person() {
    on_both(Plan::default, async |world| {
        let contact = made(&world, PHONE).await;
        world.engine.record_consent(&world.actor, contact, form(), OptOut::Keep).await.unwrap();
        assert!(history(&world, contact).await.standing.is_valid());
        world.reply(PHONE, "please stop texting me").await;
        let revoked = history(&world, contact).await;
        assert!(matches!(revoked.standing, Standing::Revoked(_)), "{:?}", revoked.standing);
        let record = &revoked.records[0];
        assert_eq!((record.kind, record.source.as_str()), (Kind::Revoked, "text"));
        assert_eq!(record.evidence.words.as_deref(), Some("please stop texting me"));
        assert!(record.message.is_some() && record.actor == "contact");
        // A second one is a word of its own: nothing that was given before it lifts the opt-out.
        world.reply(PHONE, "STOP").await;
        assert_eq!(kinds(&world, contact).await.len(), 3);
        world.play_days(1).await;
        world.reply(PHONE, "START").await;
        let again = history(&world, contact).await;
        assert!(again.standing.is_valid(), "{:?}", again.standing);
        assert_eq!((again.records[0].kind, again.records[0].evidence.words.as_deref()), (Kind::Express, Some("START")));
        // The text that was shown is kept as it was, under its own hash.
        assert_eq!(again.records[3].text.as_deref(), Some(TEXT));
        world.end().await;
    });
}

#[test]
fn a_wrong_number_voids_the_consent_of_who_had_the_phone_before() {
    on_both(Plan::default, async |world| {
        let contact = made(&world, PHONE).await;
        world.engine.record_consent(&world.actor, contact, form(), OptOut::Keep).await.unwrap();
        world.reply(PHONE, "You have the wrong number").await;
        assert!(matches!(history(&world, contact).await.standing, Standing::Revoked(_)));
        assert_eq!(kinds(&world, contact).await[0], (Kind::Revoked, "wrong number".to_owned()));
        assert_eq!(lists(&world, contact).await, [Suppression::DoNotContact]);
        world.end().await;
    });
}

#[test]
fn recorded_new_consent_lifts_an_opt_out_only_when_asked_given_after_it_and_by_who_may() {
    on_both(Plan::default, async |world| {
        let contact = made(&world, PHONE).await;
        world.reply(PHONE, "STOP").await;
        world.play_days(1).await;
        // Recording alone lifts nothing.
        let kept = world.engine.record_consent(&world.actor, contact, form(), OptOut::Keep).await.unwrap();
        assert!(!kept.lifted);
        assert_eq!(kept.lists, ["opted_out"]);
        // Given before it, it lifts nothing either, and nothing is recorded.
        let before = NewConsent { given_at: Some(world.engine.now() - SignedDuration::from_hours(48)), ..form() };
        let refused = world.engine.record_consent(&world.actor, contact, before, OptOut::Lift).await;
        assert!(matches!(refused, Err(ConsentError::BeforeOptOut(_))), "{refused:?}");
        assert_eq!(kinds(&world, contact).await.len(), 2);
        // An agent may record, and not lift.
        let agent = Actor::user(world.workspace(), UserId(9), Role::Agent.permissions());
        assert!(world.engine.record_consent(&agent, contact, form(), OptOut::Keep).await.is_ok());
        let refused = world.engine.record_consent(&agent, contact, form(), OptOut::Lift).await;
        assert!(matches!(refused, Err(ConsentError::Forbidden(_))), "{refused:?}");
        assert_eq!(lists(&world, contact).await, [Suppression::OptedOut]);
        let done = world.engine.record_consent(&world.actor, contact, form(), OptOut::Lift).await.unwrap();
        assert!(done.lifted && done.lists.is_empty());
        assert_eq!(lists(&world, contact).await, []);
        world.end().await;
    });
}

#[test]
fn no_consent_lifts_what_a_user_or_a_list_forbids() {
    on_both(Plan::default, async |world| {
        let contact = made(&world, PHONE).await;
        world.reply(PHONE, "STOP").await;
        for kind in [Suppression::DoNotContact, Suppression::ComplianceBlocked] {
            world.engine.suppress(&world.actor, contact, kind).await.unwrap();
        }
        world.play_days(1).await;
        let done = world.engine.record_consent(&world.actor, contact, form(), OptOut::Lift).await.unwrap();
        assert_eq!(done.lists, ["do_not_contact", "compliance_blocked"]);
        assert_eq!(lists(&world, contact).await, [Suppression::DoNotContact, Suppression::ComplianceBlocked]);
        world.end().await;
    });
}

#[test]
fn a_revocation_that_a_user_heard_stops_and_refunds_as_a_stop_does() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (3, "Any news?")]).await;
        let contact = made(&world, PHONE).await;
        let run = try_start(&world, contact, workflow).await.unwrap();
        world.play_days(1).await;
        let mut told = NewConsent { text: None, ..NewConsent::new(Kind::Revoked, "phone call", "") };
        let empty = world.engine.record_consent(&world.actor, contact, told.clone(), OptOut::Keep).await;
        assert!(matches!(empty, Err(ConsentError::Given(GivenError::NoWords))), "{empty:?}");
        told.evidence.words = Some("don't text me again".to_owned());
        world.engine.record_consent(&world.actor, contact, told, OptOut::Keep).await.unwrap();
        assert_eq!(
            world.engine.enrollment(&world.actor, run).await.unwrap().state,
            EnrollmentState::Stopped(StopReason::OptedOut)
        );
        assert_eq!(lists(&world, contact).await, [Suppression::OptedOut]);
        world.play_days(5).await;
        assert_eq!(world.texts(PHONE), ["Hi"]);
        world.end().await;
    });
}

#[test]
fn records_survive_the_deletion_of_the_contact_and_its_return() {
    on_both(Plan::default, async |world| {
        let contact = made(&world, PHONE).await;
        world.engine.record_consent(&world.actor, contact, form(), OptOut::Keep).await.unwrap();
        world.reply(PHONE, "STOP").await;
        world.engine.delete_contact(&world.actor, contact).await.unwrap();
        let gone = world.engine.consents(&world.actor, contact, None, 50).await;
        assert!(matches!(gone, Err(ConsentError::Unknown)));
        let all = world.engine.export_consents(&world.actor, None, 100).await.unwrap();
        assert!(all.len() == 2 && all.iter().all(|row| row.owner.is_none()), "{all:?}");
        let back = made(&world, PHONE).await;
        assert_ne!(back, contact);
        assert_eq!(kinds(&world, back).await.len(), 2);
        assert_eq!(lists(&world, back).await, [Suppression::OptedOut]);
        let all = world.engine.export_consents(&world.actor, None, 1).await.unwrap();
        assert_eq!(all[0].owner.as_ref().map(|owner| (owner.0, owner.2.as_str())), Some((back, PHONE)));
        let place = (all[0].consent.phone_hash, all[0].consent.id);
        let rest = world.engine.export_consents(&world.actor, Some(place), 100).await.unwrap();
        assert_eq!(rest.iter().map(|row| row.consent.kind).collect::<Vec<_>>(), [Kind::Revoked]);
        world.end().await;
    });
}

#[test]
fn where_consent_is_required_nobody_is_enrolled_without_one_that_holds() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi")]).await;
        let contact = made(&world, PHONE).await;
        let other = made(&world, "+12125550112").await;
        assert!(world.engine.quote(&world.actor, contact, workflow, 1).await.is_ok());
        require(&world).await;
        assert_eq!(refusals(&world, contact, workflow).await, [Refusal::NoConsent(Standing::None)]);
        let until = world.engine.now() + SignedDuration::from_hours(1);
        let short = NewConsent { expires_at: Some(until), ..form() };
        world.engine.record_consent(&world.actor, contact, short, OptOut::Keep).await.unwrap();
        assert!(world.engine.quote(&world.actor, contact, workflow, 1).await.is_ok());
        world.play_days(1).await;
        assert_eq!(refusals(&world, contact, workflow).await, [Refusal::NoConsent(Standing::Expired(until))]);
        world.engine.record_consent(&world.actor, other, form(), OptOut::Keep).await.unwrap();
        let whom = Selection::These(vec![contact, other]);
        let preview = world.engine.preview_many(&world.actor, Many::at_once(workflow, whom)).await.unwrap();
        assert_eq!(preview.starts, 1, "{preview:?}");
        world.engine.record_consent(&world.actor, contact, form(), OptOut::Keep).await.unwrap();
        assert_eq!(refusals(&world, contact, workflow).await, []);
        world.play_days(1).await;
        world.end().await;
    });
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    on_both(Plan::default, async |world| {
        let contact = made(&world, PHONE).await;
        let now = world.engine.now();
        let cases: [(NewConsent, GivenError); 6] = [
            (NewConsent::new(Kind::Express, " ", TEXT), GivenError::NoSource),
            (NewConsent::new(Kind::Express, "form", " "), GivenError::NoText),
            (
                NewConsent { given_at: Some(now + SignedDuration::from_secs(1)), ..form() },
                GivenError::InFuture(now + SignedDuration::from_secs(1)),
            ),
            (NewConsent { expires_at: Some(now), ..form() }, GivenError::ExpiresFirst(now)),
            (NewConsent { zone: Some("Mars".to_owned()), ..form() }, GivenError::Zone("Mars".to_owned())),
            (
                NewConsent::new(Kind::Express, "form", &"x".repeat(10_001)),
                GivenError::TooLong { what: "text", characters: 10_001, most: 10_000 },
            ),
        ];
        for (new, error) in cases {
            let refused = world.engine.record_consent(&world.actor, contact, new, OptOut::Keep).await;
            assert!(matches!(&refused, Err(ConsentError::Given(given)) if *given == error), "{refused:?}");
        }
        let viewer = Actor::user(world.workspace(), UserId(9), Role::Viewer.permissions());
        let refused = world.engine.record_consent(&viewer, contact, form(), OptOut::Keep).await;
        assert!(matches!(refused, Err(ConsentError::Forbidden(_))));
        let stranger = Actor::operator(domain::ids::WorkspaceId(2));
        let refused = world.engine.record_consent(&stranger, contact, form(), OptOut::Keep).await;
        assert!(matches!(refused, Err(ConsentError::Unknown)));
        assert!(history(&world, contact).await.records.is_empty());
        world.end().await;
    });
}

#[test]
fn whoever_opted_out_is_told_once_more_who_texted_if_they_ask_and_then_nothing() {
    on_both(Plan::default, async |world| {
        world.contact(1, PHONE, &[]).await;
        for asked in ["HELP", "HELP", "STOP", "HELP", "HELP", "INFO"] {
            world.reply(PHONE, asked).await;
            world.engine.round().await.unwrap();
            assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_mins(1)));
        }
        let settings = Settings::default();
        let (help, goodbye) = (settings.help_text, settings.opt_out_text);
        assert_eq!(world.texts(PHONE), [help.clone(), help.clone(), goodbye, help]);
        world.end().await;
    });
}

#[test]
fn only_a_consent_that_holds_and_is_the_last_word_lifts_an_opt_out() {
    on_both(Plan::default, async |world| {
        let contact = made(&world, PHONE).await;
        let later = |hours: i64| world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(hours));
        let lift = async |consent: NewConsent| {
            world.engine.record_consent(&world.actor, contact, consent, OptOut::Lift).await.unwrap_err()
        };
        world.reply(PHONE, "STOP").await;
        later(24);
        let mut told = NewConsent { text: None, ..NewConsent::new(Kind::Revoked, "phone call", "") };
        told.evidence.words = Some("never text me".to_owned());
        assert!(matches!(lift(told).await, ConsentError::LiftsNothing));
        let between = world.engine.now();
        let expired = NewConsent { expires_at: Some(between + SignedDuration::from_hours(1)), ..form() };
        later(24);
        let expired = NewConsent { given_at: Some(between), ..expired };
        assert!(matches!(lift(expired).await, ConsentError::LiftsNothing));
        world.reply(PHONE, "STOP").await;
        later(24);
        let between = NewConsent { given_at: Some(between), ..form() };
        assert!(matches!(lift(between).await, ConsentError::BeforeOptOut(_)));
        assert_eq!(lists(&world, contact).await, [Suppression::OptedOut]);
        world.end().await;
    });
}
