//! A week of open hours in words and in JSON.

use domain::rules::{Span, Week};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `08:00-21:00`, or `closed`.
pub(crate) fn hours(span: Option<Span>) -> String {
    span.map_or("closed".into(), |span| format!("{}-{}", clock(span.start), clock(span.end)))
}

/// `Mon-Fri 09:00-18:00, Sat 10:00-17:00, Sun closed`, or the hours alone where each day has the same.
pub(crate) fn words(week: &Week) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for day in 0..NAMES.len() {
        match runs.last_mut() {
            Some((first, last)) if week.0[*first] == week.0[day] => *last = day,
            _ => runs.push((day, day)),
        }
    }
    if runs.len() == 1 {
        return format!("daily {}", hours(week.0[0]));
    }
    let named = runs.iter().map(|(first, last)| {
        let days = if first == last { NAMES[*first].into() } else { format!("{}-{}", NAMES[*first], NAMES[*last]) };
        format!("{days} {}", hours(week.0[*first]))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// A week as the rule table writes it: `{"mon": ["08:00", "21:00"], …, "sun": null}`.
pub(crate) struct Days<'a>(pub(crate) &'a Week);

impl Serialize for Days<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(NAMES.len()))?;
        for (name, span) in NAMES.iter().zip(self.0.0) {
            map.serialize_entry(&name.to_lowercase(), &span.map(|span| (clock(span.start), clock(span.end))))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_days_are_told_together() {
        let span = |start: u16, end: u16| Some(Span { start: start * 60, end: end * 60 });
        let long = span(9, 18);
        let week = Week([long, long, long, long, long, span(10, 17), None]);
        assert_eq!(words(&week), "Mon-Fri 09:00-18:00, Sat 10:00-17:00, Sun closed");
        assert_eq!(words(&Week::ALWAYS), "daily 00:00-24:00");
        let json = serde_json::to_string(&Days(&week)).unwrap();
        assert!(json.starts_with(r#"{"mon":["09:00","18:00"],"#) && json.ends_with(r#""sun":null}"#), "{json}");
    }
}
