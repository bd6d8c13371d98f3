//! The figures of all rounds: median and spread, and the ratio to one of them.

use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Table(BTreeMap<(String, &'static str), Vec<f64>>);

impl Table {
    pub(crate) fn note(&mut self, figure: &str, unit: &'static str, value: f64) {
        eprintln!("{figure}: {value:.0} {unit}");
        self.0.entry((figure.to_owned(), unit)).or_default().push(value);
    }

    /// As a table in Markdown; figures in the unit of `base` also as shares of it, round by round.
    pub(crate) fn print(&self, base: &str) {
        let of_base = self.0.iter().find(|((figure, _), _)| figure == base);
        println!("| figure | median | least to most | of {base} |\n|---|---|---|---|");
        for ((figure, unit), values) in &self.0 {
            let share = match of_base {
                Some(((_, same), others)) if same == unit => {
                    let shares: Vec<f64> = values.iter().zip(others).map(|(value, other)| value / other).collect();
                    let (least, most) = ends(&shares);
                    format!("{:.2} ({least:.2} to {most:.2})", median(&shares))
                }
                _ => String::new(),
            };
            let (least, most) = ends(values);
            println!("| {figure} | {:.0} {unit} | {least:.0} to {most:.0} | {share} |", median(values));
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(values: &[f64]) -> f64 {
    sorted(values)[values.len() / 2]
}

fn ends(values: &[f64]) -> (f64, f64) {
    let sorted = sorted(values);
    (sorted[0], sorted[sorted.len() - 1])
}
