//! Automatic answers: texts that a device, an answering service or a carrier sent by itself.
//!
//! | kind | example |
//! |---|---|
//! | says so | `Auto-reply: …`, `This is an automated message` |
//! | driving, sleeping | `I'm driving with Do Not Disturb While Driving turned on.` |
//! | out of office | `I am out of the office until Monday` |
//! | a business that greets | `Thank you for contacting Acme. We will respond during business hours.` |
//! | a carrier | `Unable to send message - Message Blocking is active.` |
//!
//! Where a workspace lets such answers pass, a person who is taken for a robot goes on being texted, so doubt
//! counts as a person: whoever asks something is one, unless the text itself says that it is automatic.

use std::sync::LazyLock;

use crate::optout::pattern::Pattern;
use crate::optout::words::Message;

/// How many characters are read: what an answer is shows at its beginning.
const READ_CHARACTERS: usize = 500;

/// The text says by itself that nobody wrote it.
const SAYS_SO: &[&str] = &[
    "^ ..3 auto reply|response|respond|responder|answer",
    "^ ..3 autoreply|autoresponse|autoresponder|autorespond",
    "^ ..4 automatic|automated|automatically reply|response|answer|message|generated|text",
    "this is an|a auto|autoreply|automatic|automated",
    "this message was|is automatically",
    "sent automatically",
    "automatically generated",
    "^ ..1 respuesta automatica",
    "este es un mensaje automatico",
    "^ ..1 reponse automatique",
    "^ message automatique",
    "^ abwesenheitsnotiz",
    "frm mailer|postmaster",
    "^ delivery status notification",
];

/// What devices say of their owners.
const DEVICES: &[&str] = &[
    "^ im|i [am] [currently] driving [right|at] [now|the] [moment] $",
    "^ im|i [am] [currently] driving with",
    "^ im|i [am] [currently] driving [right|at] [now|the] [moment] [and] ill|i [will] [get|see|text|call|reply|respond|be]",
    "^ estoy conduciendo $",
    "^ estoy conduciendo [ahora] te|le|me",
    "im not receiving notifications",
    "has notifications silenced",
    "have notifications turned off",
    "do not|dont disturb while driving",
    "driving focus turned on",
];

/// Somebody is away, in the words of an answering machine.
const AWAY: &[&str] = &[
    "^ [hi|hello] out of [the] office",
    "^ ooo",
    "im|i|we|were|are|am [am|are|will] [currently|be|now] out of [the|our] office ..6 until|returning|return|through|limited",
    "currently out of [the|our] office",
    "^ [our|the|we] office|offices|were|are is|are|currently [currently|now] closed",
    "je suis absent ..6 jusqu|jusquau|retour",
    "fuera de la oficina",
    "am|are unable to take your|calls|texts ..4 moment|now",
];

/// A business that greets whoever writes.
const GREETINGS: &[&str] = &[
    "^ [hi|hello] thanks|thank [you] for contacting|texting|messaging|calling|reaching|your",
    "^ [hi|hello] gracias por contactar|contactarnos|comunicarse",
    "^ we|weve have|received [received] your message|text",
];
const PROMISES: &[&str] = &[
    "business|office|opening hours",
    "as soon as possible",
    "a|our representative|agent|associate|team|specialist ..3 will|respond|contact|reply",
    "member of our|the team",
    "we|someone will ..2 respond|reply|return|get|contact ..6 shortly|soon|hours|day|tomorrow",
    "within|in the|24|48|one|1|2 [next] hours|business|day",
    "lo antes posible",
];

/// A carrier that could not bring our text.
const CARRIERS: &[&str] = &[
    "message blocking is|was active",
    "unable to receive|send|deliver ..2 message|messages",
    "message|text [to] ..2 couldnt|cannot|cant|not be|been [delivered|sent]",
    "couldnt|cannot|not be delivered",
    "^ message|text ..1 [was] not|failed delivered|sent|send|to",
    "^ ..2 the number you ..3 isnt|not in service",
    "^ ..2 the number you ..3 isnt|not [a] valid|working",
    "number|line|phone ..2 doesnt|cannot|cant|not accept|receive|support ..2 texts|text|sms|messages",
    "number|inbox|mailbox|line|account isnt|is|not [not] monitored",
    "is a landline",
    "^ error invalid number",
    "^ free message ..8 unable|blocked|blocking",
];

struct Patterns {
    says_so: Vec<Pattern>,
    devices: Vec<Pattern>,
    away: Vec<Pattern>,
    greetings: Vec<Pattern>,
    promises: Vec<Pattern>,
    carriers: Vec<Pattern>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let read = |list: &'static [&'static str]| list.iter().map(|pattern| Pattern::read(pattern)).collect();
    Patterns {
        says_so: read(SAYS_SO),
        devices: read(DEVICES),
        away: read(AWAY),
        greetings: read(GREETINGS),
        promises: read(PROMISES),
        carriers: read(CARRIERS),
    }
});

/// Whether nobody wrote this, as far as its words say.
#[must_use]
pub fn is_automatic(text: &str) -> bool {
    let text = text.char_indices().nth(READ_CHARACTERS).map_or(text, |(end, _)| &text[..end]);
    // The signs between thoughts do not matter: what a machine says, it says in one breath.
    let words: Vec<String> = Message::read(text).words().map(str::to_owned).collect();
    let says = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.find(&words).next().is_some());
    if says(&PATTERNS.says_so) {
        return true;
    }
    let asks = text.contains(['?', '¿']);
    let greets = says(&PATTERNS.greetings) && says(&PATTERNS.promises);
    !asks && (greets || says(&PATTERNS.devices) || says(&PATTERNS.away) || says(&PATTERNS.carriers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_machines_say_is_automatic() {
        let texts = [
            "Auto-reply: I'm away from my phone.",
            "AUTO REPLY I am in a meeting, will call you back",
            "Automatic reply: Out of office",
            "[Auto-Response] We got your text.",
            "Autoreply. Thanks!",
            "This is an automated message. Please do not respond.",
            "This is an automated response from Acme Dental. Is this about an appointment? Call us.",
            "Respuesta automática: estoy fuera de la oficina",
            "Réponse automatique : je suis en congé",
            "I'm driving with Do Not Disturb While Driving turned on. I'll see your message when I get where I'm going.",
            "I’m driving with Driving Focus turned on. I’ll see your message when I get where I’m going.",
            "I'm driving right now. I'll get back to you later.",
            "I am currently driving.",
            "I'm driving",
            "(I'm not receiving notifications. If this is urgent, reply \"urgent\" to send a notification through with your original message.)",
            "Out of office until 12/3. For urgent matters call the front desk.",
            "I am currently out of the office and will return Monday, Nov 30.",
            "I'm out of the office until Monday with limited access to messages.",
            "Our office is currently closed. We open at 9.",
            "Thank you for contacting Acme Realty! A member of our team will respond shortly.",
            "Thanks for reaching out to Bob's Plumbing. Our business hours are 8-5 M-F.",
            "Hi! Thanks for texting us. Someone will get back to you within 24 hours.",
            "We have received your message and will respond as soon as possible.",
            "Free Msg: Unable to send message - Message Blocking is active.",
            "Free Msg: Receiver 3055550199 unable to receive message - Message Blocking is active.",
            "Your message could not be delivered.",
            "The number you have texted is not in service.",
            "This phone number does not accept text messages.",
            "This number is not monitored.",
            "Message not sent. 3055550199 is a landline.",
            "Error: invalid number",
        ];
        let missed: Vec<_> = texts.into_iter().filter(|text| !is_automatic(text)).collect();
        assert_eq!(missed, Vec::<&str>::new());
    }

    #[test]
    fn what_people_say_is_not() {
        let texts = [
            "",
            "Yes, tell me more",
            "who is this?",
            "STOP",
            "not interested",
            "I'm driving, call me at 5",
            "I'm driving by the house tomorrow",
            "im driving to work can i call you later",
            "I'm driving right now, what's your offer?",
            "I'm at the office, call me there",
            "Sorry, I was out of the office. What do you offer?",
            "I'm out of the office today, call my cell",
            "Is your office closed?",
            "Thanks for reaching out, I'll think about it",
            "Thanks for reaching out. We'll talk it over and let you know",
            "Thank you for your message. My husband will call you.",
            "thanks for texting but we sold it in March",
            "I received your message. Yes.",
            "My number is 3055550199",
            "This is my number",
            "wrong number",
            "Can you send an automated valuation of my house?",
            "I only get automated texts from you people",
            "My phone was in service, sorry",
            "I'm unable to sell right now",
            "Is this a landline?",
            "Did my message not get through?",
            "call me as soon as possible",
            "We will respond soon",
            "I never got your message",
            "The auto shop is on Main St",
            "👍🏽",
        ];
        let taken: Vec<_> = texts.into_iter().filter(|text| is_automatic(text)).collect();
        assert_eq!(taken, Vec::<&str>::new());
    }
}
