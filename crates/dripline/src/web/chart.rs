//! Figures by day as bars, drawn on the server: an SVG without script or style, and the same as a table for who cannot see it.

use jiff::civil::Date;

/// Height of the drawing, in its own units.
const HEIGHT: i64 = 48;
/// Width of a day, bar and gap.
const STEP: i64 = 10;
/// Width of a bar.
const BAR: i64 = 7;

/// One day of a chart.
pub(crate) struct Bar {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) height: i64,
    /// The date and the figure, for the pointer.
    pub(crate) title: String,
    /// The date, for the table.
    pub(crate) day: String,
    /// The figure, for the table.
    pub(crate) figure: String,
}

/// A figure by day.
pub(crate) struct Chart {
    pub(crate) name: &'static str,
    /// The sum of all days, written.
    pub(crate) total: String,
    /// What it is about, for the colour: `sent`, `replies`, `stops` or `money`.
    pub(crate) tone: &'static str,
    pub(crate) bars: Vec<Bar>,
    /// The first and the last day.
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Chart {
    /// From each day's figure, oldest first, and how a figure is written.
    pub(crate) fn new(
        name: &'static str,
        tone: &'static str,
        days: &[(Date, i64)],
        total: String,
        write: impl Fn(i64) -> String,
    ) -> Self {
        let most = days.iter().map(|(_, figure)| *figure).max().unwrap_or(0).max(1);
        let bar = |(place, (date, figure)): (usize, &(Date, i64))| {
            // A little is not nothing: it stays visible.
            let height = if *figure <= 0 { 0 } else { (figure * HEIGHT / most).max(2) };
            let (day, figure) = (day(*date), write(*figure));
            let x = i64::try_from(place).unwrap_or(0) * STEP;
            Bar { x, y: HEIGHT - height, height, title: format!("{day}: {figure}"), day, figure }
        };
        let bars: Vec<Bar> = days.iter().enumerate().map(bar).collect();
        let edge = |bar: Option<&Bar>| bar.map(|bar| bar.day.clone()).unwrap_or_default();
        Self { name, total, tone, from: edge(bars.first()), to: edge(bars.last()), bars }
    }

    pub(crate) fn view_box(&self) -> String {
        let width = i64::try_from(self.bars.len()).unwrap_or(0) * STEP;
        format!("0 0 {} {HEIGHT}", width.max(1))
    }

    pub(crate) fn bar_width(&self) -> i64 {
        BAR
    }
}

/// `Tue, Mar 3`.
pub(crate) fn day(date: Date) -> String {
    date.strftime("%a, %b %-d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_ground_and_a_little_is_not_nothing() {
        let days =
            [(Date::constant(2026, 3, 2), 0), (Date::constant(2026, 3, 3), 1), (Date::constant(2026, 3, 4), 1_000)];
        let chart = Chart::new("Sent", "sent", &days, "1,001".to_owned(), |figure| figure.to_string());
        let shape: Vec<_> = chart.bars.iter().map(|bar| (bar.x, bar.y, bar.height)).collect();
        assert_eq!(shape, [(0, 48, 0), (10, 46, 2), (20, 0, 48)]);
        assert_eq!(chart.bars[1].title, "Tue, Mar 3: 1");
        assert_eq!(chart.view_box(), "0 0 30 48");
    }

    #[test]
    fn a_chart_without_days_is_empty() {
        let chart = Chart::new("Sent", "sent", &[], String::new(), |figure| figure.to_string());
        assert_eq!((chart.view_box().as_str(), chart.from.as_str()), ("0 0 1 48", ""));
    }
}
