//! What an e-mail says: plain text, short, in the product's own words.

use domain::mail::one_line;
use domain::money::Micros;
use jiff::civil::DateTime;

/// Most characters of a workspace's name.
const NAME: usize = 80;

/// A mail without its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// The facts of a low balance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LowBalance<'f> {
    pub(crate) workspace: &'f str,
    pub(crate) below: Micros,
    pub(crate) wallet: Micros,
    pub(crate) credits: i64,
    /// When it was seen, on the workspace's clock.
    pub(crate) at: DateTime,
    pub(crate) zone: &'f str,
}

impl LowBalance<'_> {
    /// The mail; links only where the public address is known.
    pub(crate) fn written(&self, public_url: Option<&str>) -> Text {
        let (name, below, wallet) = (bounded(self.workspace), self.below, self.wallet);
        let credits = match self.credits {
            0 => String::new(),
            1 => " and 1 credit".to_owned(),
            count => format!(" and {count} credits"),
        };
        let at = self.at.strftime("%B %-d, %Y, %-I:%M %P");
        let place = |path: &str, page: &str| match public_url {
            Some(url) => format!("{url}{path}"),
            None => format!("{page} in Dripline"),
        };
        let (top_up, change) = (place("/billing", "Billing"), place("/billing/notice", "Billing, Low-balance notice"));
        let body = format!(
            "The wallet of {name} is below {below}: {wallet}{credits} were left on {at} ({zone}).\n\
             \n\
             What runs goes on: it was paid in full when it was started. New starts and messages by hand may be refused until \
             there is more money in the wallet.\n\
             \n\
             Top up: {top_up}\n\
             \n\
             You get this as an owner or admin of {name}, once for each time that the wallet falls below {below}. To be told below \
             another balance, or by e-mail no more: {change}\n",
            zone = self.zone
        );
        Text { subject: format!("{name}: {wallet} left in the wallet"), body }
    }
}

/// A name that somebody gave, as one line of bounded length: it may be from before names were held to that.
fn bounded(name: &str) -> String {
    one_line(name).chars().take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(workspace: &str, credits: i64) -> LowBalance<'_> {
        LowBalance {
            workspace,
            below: Micros(10_000_000),
            wallet: Micros(4_200_000),
            credits,
            at: jiff::civil::date(2026, 11, 24).at(10, 5, 0, 0),
            zone: "America/New_York",
        }
    }

    #[test]
    fn it_says_which_workspace_how_much_what_follows_and_how_to_turn_it_off() {
        let text = facts("Acme", 12).written(Some("https://texts.example.com"));
        assert_eq!(text.subject, "Acme: $4.20 left in the wallet");
        assert_eq!(
            text.body,
            "The wallet of Acme is below $10.00: $4.20 and 12 credits were left on November 24, 2026, 10:05 am (America/New_York).\n\n\
             What runs goes on: it was paid in full when it was started. New starts and messages by hand may be refused until there is \
             more money in the wallet.\n\n\
             Top up: https://texts.example.com/billing\n\n\
             You get this as an owner or admin of Acme, once for each time that the wallet falls below $10.00. To be told below another \
             balance, or by e-mail no more: https://texts.example.com/billing/notice\n"
        );
    }

    #[test]
    fn without_a_public_address_it_names_the_pages() {
        let text = facts("Acme", 0).written(None);
        assert!(
            text.body.contains("$4.20 were left") && text.body.contains("Top up: Billing in Dripline"),
            "{}",
            text.body
        );
        assert!(!text.body.contains("http"), "{}", text.body);
    }

    #[test]
    fn a_name_with_line_breaks_stays_in_its_line() {
        let text = facts("Acme\r\nBcc: x@example.com\u{2028}\n\nHi", 0).written(None);
        assert_eq!(text.subject, "Acme Bcc: x@example.com Hi: $4.20 left in the wallet");
        assert_eq!(text.body.lines().count(), facts("Acme", 0).written(None).body.lines().count());
        assert_eq!(facts(&"x".repeat(500), 0).written(None).subject.len(), 80 + ": $4.20 left in the wallet".len());
    }
}
