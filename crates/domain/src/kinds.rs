//! The kinds of events: every word that stands as `kind` in the history, with what it says. Outgoing webhooks choose among
//! them, and `docs/webhooks.md` shows the table. A test of the engine holds its sources against it.

/// Each kind and what happened, in the order of the page.
pub const KINDS: &[(&str, &str)] = &[
    ("enrollment.started", "a contact was added to a workflow and charged"),
    ("enrollment.stopped", "it ended early: `reason` says why, and what came back"),
    ("enrollment.completed", "its last message was sent"),
    ("enrollment.skipped", "a step was not sent, its money came back, the rest goes on"),
    ("enrollment.number_changed", "its texts come from another number now"),
    ("message.received", "a contact wrote"),
    ("message.queued", "a manual or system message waits to be sent"),
    ("message.sent", "the carrier took a message"),
    ("message.delivered", "it arrived at the handset"),
    ("message.undelivered", "it did not arrive"),
    ("message.failed", "the carrier refused it, or it was tried for long enough"),
    ("message.in_doubt", "nobody knows whether it was sent; the carrier is asked"),
    ("message.settled", "a person said what became of one in doubt"),
    ("contact.created", "a contact was added"),
    ("contact.changed", "its fields were changed"),
    ("contact.deleted", "it was deleted"),
    ("contact.restored", "its deletion was undone"),
    ("contact.suppressed", "it came onto a list that forbids texting it"),
    ("contact.unsuppressed", "it left such a list"),
    ("contact.labelled", "it got a label"),
    ("contact.unlabelled", "it lost a label"),
    ("contact.reassigned", "its texts come from another number from now on, as the one before is gone"),
    ("contact.number_changed", "a user gave it another sending number"),
    ("contacts.imported", "a file of contacts was imported"),
    ("consent.recorded", "a consent was recorded, or taken back"),
    ("conversation.read", "a user read a conversation"),
    ("conversation.unread", "a user marked it as unread"),
    ("conversation.assigned", "it was given to a user, or to nobody"),
    ("note.added", "a user wrote a note on a contact"),
    ("note.deleted", "a note was deleted"),
    ("label.created", "a label was made"),
    ("label.changed", "its name or colour was changed"),
    ("label.deleted", "it was deleted"),
    ("workflow.created", "a workflow was made"),
    ("workflow.edited", "its steps or its name were changed"),
    ("workflow.duplicated", "it was copied"),
    ("workflow.paused", "it was paused: who ran in it was removed and refunded"),
    ("workflow.deleted", "it was deleted, likewise"),
    ("workflows.ordered", "workflows were put into another order"),
    ("suppression_list.created", "a list of phones not to text was made"),
    ("suppression_list.filled", "phones were added to it"),
    ("suppression_list.dropped", "a phone was taken off it"),
    ("suppression_list.removed", "it was removed"),
    ("number.added", "a sending number was added"),
    ("number.changed", "its state or its pace was changed"),
    ("number.paused", "it was paused, as its carrier refuses it"),
    ("number.registered", "it joined a campaign or left one"),
    ("brand.noted", "a brand's registration was noted"),
    ("brand.removed", "a brand was removed"),
    ("campaign.noted", "a campaign's registration was noted"),
    ("campaign.removed", "a campaign was removed"),
    ("carrier.added", "an account at a carrier was added"),
    ("carrier.changed", "its name or settings were changed"),
    ("carrier.removed", "it was removed"),
    ("carrier.address_renewed", "it got a new address for callbacks"),
    ("carrier.address_forgotten", "its address before is taken no longer"),
    ("ledger.topped_up", "money or credits were added"),
    ("ledger.withdrawn", "money or credits were taken back"),
    ("payment.begun", "somebody went to pay by card"),
    ("payment.failed", "it was not paid: `reason` says why"),
    ("payment.refunded", "a payment was given back to its card, or a part of it"),
    ("payment.disputed", "somebody disputes a payment at their bank, which holds it back"),
    ("payment.dispute_won", "the bank has let it go"),
    ("payment.dispute_lost", "the bank has kept it"),
    ("payment.collected", "what was owed of such a payment came out of the wallet"),
    ("plan.started", "a plan runs, with its trial or its first month"),
    ("plan.chosen", "another plan follows at the end of the period"),
    ("plan.renewed", "the next period has begun: its price was paid, its credits were granted"),
    ("plan.past_due", "the next period has begun and is owed"),
    ("plan.recovered", "what was owed was paid"),
    ("plan.canceled", "the plan ends with its period"),
    ("plan.resumed", "it goes on after all"),
    ("plan.ending", "the plan ends within 14 days, or within 3"),
    ("plan.ended", "the messaging plan has ended"),
    ("plan.closed", "what ran under it was ended, and its last credits have gone"),
    ("workspace.created", "the workspace was opened"),
    ("workspace.changed", "its name or settings were changed"),
    ("workspace.exported", "everything of it was taken away as a file"),
    ("workspace.rate_changed", "the rate of a segment was changed"),
    ("field.added", "a contact field was added"),
    ("field.renamed", "it was renamed"),
    ("field.removed", "it was removed"),
    ("view.created", "a view of the Messenger was saved"),
    ("view.deleted", "it was deleted"),
    ("quick_reply.created", "a quick reply was made"),
    ("quick_reply.changed", "it was changed"),
    ("quick_reply.removed", "it was removed"),
    ("quick_replies.ordered", "quick replies were put into another order"),
    ("user.created", "a user joined"),
    ("user.changed", "their name, address or role was changed"),
    ("user.removed", "they left"),
    ("user.invited", "somebody was invited"),
    ("user.invitation_withdrawn", "that was taken back"),
    ("user.password_link_made", "a link to set a password was made"),
    ("user.password_changed", "a password was changed"),
    ("user.signed_in", "a user signed in"),
    ("user.signed_out", "a user signed out"),
    ("key.created", "an API key was made"),
    ("key.revoked", "it was revoked"),
    ("webhook.added", "an endpoint for webhooks was added"),
    ("webhook.changed", "its address, its events or its state was changed"),
    ("webhook.rotated", "it got a new secret"),
    ("webhook.replayed", "what happened is delivered to it again"),
    ("webhook.disabled", "it took nothing for three days, or said that it is gone"),
    ("webhook.removed", "it was removed"),
    ("webhook.tested", "a user asked for a test"),
];

/// Whether some event has this kind.
#[must_use]
pub fn is_kind(word: &str) -> bool {
    KINDS.iter().any(|(kind, _)| *kind == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_there_once_and_is_two_words() {
        let kinds: std::collections::BTreeSet<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds.len(), KINDS.len());
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(kinds.iter().all(|kind| kind.split('.').count() == 2 && kind.split('.').all(plain)));
        assert!(is_kind("message.received") && !is_kind("message"));
    }
}
