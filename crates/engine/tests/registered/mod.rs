//! A number that may text the US, for tests of accounts at carriers: approved in an approved campaign of an approved brand.

use domain::ids::NumberId;
use domain::registration::Registration;
use engine::registrations::{BrandNote, CampaignAt, CampaignNote};
use engine::{Actor, Engine};

pub(crate) async fn register(engine: &Engine, actor: &Actor, number: NumberId) {
    let (state, registry_id) = ("approved".to_owned(), "B1".to_owned());
    let brand = BrandNote { name: "Ours".to_owned(), registry_id, state, share: 100, ..BrandNote::default() };
    let brand = engine.note_brand(actor, None, brand).await.unwrap().id;
    let (state, registry_id) = ("approved".to_owned(), "C1".to_owned());
    let campaign = CampaignNote { name: "Leads".to_owned(), registry_id, state, ..CampaignNote::default() };
    let campaign = engine.note_campaign(actor, CampaignAt::New(brand), campaign).await.unwrap().id;
    engine.register_number(actor, number, Some(campaign), Registration::Approved).await.unwrap();
}
