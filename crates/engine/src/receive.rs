//! What carriers tell us unasked: texts from contacts in `inbound`, receipts of ours in `receipts`.
//!
//! A callback is one transaction, which begins with whose number it is about; on PostgreSQL the texts that wait for one number share one
//! (`gathering`). Texts have their own lane in the store, so outgoing load never delays them.

use std::sync::Arc;

use carrier::{CarrierEvent, Inbound, Receipt};
use domain::ids::{ContactId, MessageId, WorkspaceId};
use domain::message::MessageState;
use jiff::Timestamp;
use store::receipts::CarrierId;
use store::{Lane, Tx, answers, contacts, numbers};

use crate::beat::Beat;
use crate::ending::Ended;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::inbound::{Intake, Taken};
use crate::receipts::{self, Told};

/// What a callback changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A text from a contact was stored.
    Stored {
        /// In which workspace.
        workspace: WorkspaceId,
        /// From whom.
        contact: ContactId,
        /// The stored message.
        message: MessageId,
        /// The enrollments that it ended.
        ended: Vec<Ended>,
    },
    /// A receipt moved a message to this state.
    Moved(MessageId, MessageState),
    /// A receipt told nothing new, or of a message that is not known.
    Nothing,
    /// A receipt named a carrier's identifier that no answer has named yet; it waits for that.
    Parked,
    /// It came before.
    Repeat,
    /// It belongs to no number of ours; it was kept.
    Stray,
}

impl Engine {
    /// Takes one callback of a carrier, whose signature was verified. One transaction, and nothing before it, perhaps with others of its number: on SQLite
    /// callbacks that come at once share a commit, in the order in which they came.
    pub async fn receive(&self, carrier: &str, event: CarrierEvent) -> Result<Received, Failure> {
        self.receive_once(carrier, event, None).await
    }

    /// The same for a call that bears a word which counts once: with another event it is a forgery, and changes nothing.
    pub(crate) async fn receive_once(
        &self,
        carrier: &str,
        event: CarrierEvent,
        once: Option<String>,
    ) -> Result<Received, Failure> {
        match event {
            CarrierEvent::Receipt(receipt) => self.take_receipt(carrier, receipt, once).await,
            // On SQLite a statement is no journey, and callbacks share commits.
            CarrierEvent::Inbound(text) if once.is_none() && self.store().address().is_server() => {
                self.take_with_others(carrier, text).await
            }
            CarrierEvent::Inbound(text) => self.take_text(carrier, text, once).await,
        }
    }

    /// Takes a text in a transaction of its own.
    pub(crate) async fn take_text(
        &self,
        carrier: &str,
        text: Inbound,
        once: Option<String>,
    ) -> Result<Received, Failure> {
        let mut received = self.take_texts(carrier, Arc::new([text]), once).await?;
        Ok(received.pop().expect("an answer for each text"))
    }

    /// Takes texts that came to one number of ours by one carrier, no two of them from one phone, in one transaction; answers what came of each.
    pub(crate) async fn take_texts(
        &self,
        carrier: &str,
        texts: Arc<[Inbound]>,
        once: Option<String>,
    ) -> Result<Vec<Received>, Failure> {
        let capabilities = self.carrier(carrier).map(|carrier| carrier.capabilities());
        let (now, beat, carrier) = (self.now(), self.beats("contact"), carrier.to_owned());
        let take = move |tx: &mut Tx<'_>| {
            let Some(route) = route(tx, &carrier, &texts[0].to)? else {
                let stray = |text: &Inbound| stray(tx, &carrier, &CarrierEvent::Inbound(text.clone()), now);
                let received = texts.iter().map(stray).collect::<Result<_, _>>()?;
                return Ok(Taken { received, answers: 0 });
            };
            let beat = beat(route.workspace);
            if !is_first_call(tx, &beat, &carrier, once.as_deref())? {
                return Ok(Taken { received: vec![Received::Repeat; texts.len()], answers: 0 });
            }
            Intake { beat, carrier: &carrier, number: route.number, capabilities }.take(tx, &texts)
        };
        let Taken { received, answers } = self.write(Lane::Inbound, take).await?;
        received.iter().for_each(|received| self.counters().received(received));
        // Nothing else of what a text does is due by it.
        if answers > 0 {
            self.wake();
        }
        Ok(received)
    }

    async fn take_receipt(&self, carrier: &str, receipt: Receipt, once: Option<String>) -> Result<Received, Failure> {
        let whose = self.roll().account(carrier).map(|account| account.workspace);
        let (now, beat, steps, carrier) = (self.now(), self.beats("carrier"), self.steps(), carrier.to_owned());
        let take = move |tx: &mut Tx<'_>| {
            let news = |tx: &mut Tx<'_>, workspace, receipt: &Receipt| {
                let beat = beat(workspace);
                if !is_first_call(tx, &beat, &carrier, once.as_deref())?
                    || !answers::first(tx, workspace, &carrier, &receipt.event_id, beat.now)?
                {
                    return Ok(Received::Repeat);
                }
                receipts::take(tx, &beat, &steps, &Told { carrier: &carrier, receipt })
            };
            if let Some(route) = route(tx, &carrier, &receipt.from)? {
                return news(tx, route.workspace, &receipt);
            }
            match whose {
                Some(workspace) if is_of_ours(tx, workspace, &carrier, &receipt)? => {
                    news(tx, workspace, &Receipt { attempt: None, ..receipt.clone() })
                }
                _ => stray(tx, &carrier, &CarrierEvent::Receipt(receipt.clone()), now),
            }
        };
        let received = self.write(Lane::Receipt, take).await?;
        self.counters().received(&received);
        self.wake();
        Ok(received)
    }
}

/// Whose number a callback of this carrier is about. A carrier speaks for its own numbers only: an account of one workspace cannot tell news of
/// another's.
fn route(tx: &Tx<'_>, carrier: &str, number: &str) -> Result<Option<numbers::Route>, Failure> {
    Ok(numbers::route(tx, number)?.filter(|route| route.carrier == carrier))
}

/// Whether a word that counts once comes for the first time, where a call bears one: asked before the event's own identifier, which a forged call
/// must not use up.
fn is_first_call(tx: &mut Tx<'_>, beat: &Beat, carrier: &str, once: Option<&str>) -> Result<bool, Failure> {
    let Some(once) = once else { return Ok(true) };
    Ok(answers::first(tx, beat.workspace, carrier, &format!("once:{once}"), beat.now)?)
}

/// Whether a receipt that names no number of ours tells of a text of this workspace, whose account told it: some SMSCs do not turn
/// the two numbers round. It does if we know the identifier, which the account gave, or else the phone as a contact's: its
/// answer is still to come then.
fn is_of_ours(tx: &Tx<'_>, workspace: WorkspaceId, carrier: &str, receipt: &Receipt) -> Result<bool, Failure> {
    let of = CarrierId { carrier, id: &receipt.carrier_id };
    let known = !of.id.is_empty() && store::receipts::find(tx, workspace, of)?.is_some();
    Ok(known || !contacts::by_phones(tx, workspace, &[&receipt.from])?.is_empty())
}

/// Keeps a callback that is about no number of ours.
fn stray(tx: &mut Tx<'_>, carrier: &str, event: &CarrierEvent, now: Timestamp) -> Result<Received, Failure> {
    let payload = serde_json::to_string(event).map_err(|error| Failure::Stored(error.to_string()))?;
    answers::keep_stray(tx, carrier, event.event_id(), &payload.replace("\\u0000", ""), now)?;
    Ok(Received::Stray)
}
