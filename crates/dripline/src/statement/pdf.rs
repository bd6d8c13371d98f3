//! The statement of a month on paper: head, summary, a row for each line, the closing balance; as many sheets as it takes, each
//! with the heads of the columns and its number.

use domain::ledger::Amounts;
use domain::money::Micros;
use domain::zones::Zone;
use engine::statement::{LineKind, MonthLine, MonthStatement};
use jiff::civil::Date;

use super::paper::{self, About, Faces, HEIGHT, Mark, Shade, Sheet, Style, Unprinted, WIDTH, Weight};
use super::{last_day, signed_credits, words};
use crate::web::format::{count, money};

const LEFT: f32 = 48.0;
const RIGHT: f32 = WIDTH - LEFT;
const TOP: f32 = 66.0;
/// Nothing of the table is below it.
const BOTTOM: f32 = HEIGHT - 64.0;
const FOOT: f32 = HEIGHT - 40.0;
const ROW: f32 = 17.0;
/// From a row's top to the baseline of its text.
const BASE: f32 = 12.0;

/// Where the columns of figures end.
const CREDITS: f32 = 330.0;
const MONEY: f32 = 416.0;
const CREDITS_AFTER: f32 = 474.0;
const MONEY_AFTER: f32 = RIGHT - 6.0;
/// Where the columns of words begin.
const DAY: f32 = LEFT + 6.0;
const WHAT: f32 = 110.0;
/// The figures of the summary end here.
const SUMMARY_CREDITS: f32 = 416.0;

const TITLE: Style = Style { size: 22.0, weight: Weight::Bold, shade: Shade::Ink };
const NAME: Style = Style { size: 13.0, weight: Weight::Bold, shade: Shade::Ink };
const TEXT: Style = Style { size: 8.5, weight: Weight::Regular, shade: Shade::Ink };
const STRONG: Style = Style { size: 8.5, weight: Weight::Bold, shade: Shade::Ink };
const SOFT: Style = Style { size: 8.5, weight: Weight::Regular, shade: Shade::Soft };
const HEAD: Style = Style { size: 7.5, weight: Weight::Bold, shade: Shade::Soft };

/// The statement as a PDF file.
pub(crate) fn pdf(statement: &MonthStatement) -> Result<Vec<u8>, Unprinted> {
    let faces = Faces::new()?;
    let sheets = sheets(&faces, statement);
    let about = About {
        title: format!("Statement of {}: {}", statement.month.name(), statement.workspace),
        author: statement.workspace.clone(),
        made_at: jiff::tz::TimeZone::UTC.to_datetime(statement.made_at),
    };
    paper::print(&faces, &sheets, about)
}

/// The sheets, complete with their numbers.
pub(super) fn sheets(faces: &Faces, statement: &MonthStatement) -> Vec<Sheet> {
    let mut pen = Pen { faces, statement, decimals: decimals(statement), sheets: vec![Sheet::new()], y: TOP };
    pen.top();
    pen.summary();
    pen.table();
    let Pen { mut sheets, .. } = pen;
    let all = sheets.len();
    for (number, sheet) in (1..).zip(&mut sheets) {
        foot(faces, statement, sheet, &format!("Page {number} of {all}"));
    }
    sheets
}

fn foot(faces: &Faces, statement: &MonthStatement, sheet: &mut Sheet, page: &str) {
    sheet.push(Mark::Band { left: LEFT, top: FOOT - 14.0, right: RIGHT, bottom: FOOT - 13.5, shade: Shade::Hair });
    let small = Style { size: 8.0, ..SOFT };
    let width = faces.width(page, small);
    let whose = format!("{} · {}", statement.month.name(), statement.workspace);
    let whose = faces.fitted(&whose, small, RIGHT - LEFT - width - 24.0);
    sheet.push(Mark::Text { x: LEFT, y: FOOT, style: small, text: whose });
    sheet.push(Mark::Text { x: RIGHT - width, y: FOOT, style: small, text: page.to_owned() });
}

fn day(date: Date) -> String {
    date.strftime("%a, %b %-d").to_string()
}

fn long_day(date: Date) -> String {
    date.strftime("%b %-d, %Y").to_string()
}

/// How many decimals the finest amount has: all are written with as many, so that they stand under each other.
fn decimals(statement: &MonthStatement) -> usize {
    let ends = [statement.opening, statement.closing, statement.held];
    let moved = statement.lines.iter().flat_map(|line| [line.change, line.after]);
    let places = |amounts: Amounts| money(amounts.micros).split_once('.').map_or(0, |(_, decimals)| decimals.len());
    ends.into_iter().chain(moved).map(places).max().unwrap_or(2)
}

/// Where the next thing is put.
struct Pen<'s> {
    faces: &'s Faces,
    statement: &'s MonthStatement,
    decimals: usize,
    sheets: Vec<Sheet>,
    y: f32,
}

impl Pen<'_> {
    fn put(&mut self, mark: Mark) {
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.push(mark);
        }
    }

    fn text(&mut self, x: f32, y: f32, style: Style, text: &str) {
        self.put(Mark::Text { x, y, style, text: text.to_owned() });
    }

    /// A text that ends at `right`.
    fn figure(&mut self, right: f32, y: f32, style: Style, text: &str) {
        let x = right - self.faces.width(text, style);
        self.text(x, y, style, text);
    }

    fn rule(&mut self, y: f32, thick: f32, shade: Shade) {
        self.put(Mark::Band { left: LEFT, top: y, right: RIGHT, bottom: y + thick, shade });
    }

    /// Money with the statement's decimals.
    fn money(&self, micros: Micros) -> String {
        let text = money(micros);
        let missing = self.decimals.saturating_sub(text.split_once('.').map_or(0, |(_, decimals)| decimals.len()));
        format!("{text}{}", "0".repeat(missing))
    }

    /// The same with a sign; nothing for nothing.
    fn signed_money(&self, micros: Micros) -> String {
        match micros.0 {
            0 => String::new(),
            1.. => format!("+{}", self.money(micros)),
            _ => self.money(micros),
        }
    }

    /// Whose, which month, on which calendar, when it was made.
    fn top(&mut self) {
        let (statement, zone) = (self.statement, Zone::named(&self.statement.zone).ok());
        self.text(LEFT, self.y, TITLE, "Statement");
        self.figure(RIGHT, self.y, Style { size: 14.0, ..NAME }, &statement.month.name());
        self.y += 26.0;
        let name = self.faces.fitted(&statement.workspace, NAME, RIGHT - LEFT);
        self.text(LEFT, self.y, NAME, &name);
        self.y += 18.0;
        let until = statement
            .until
            .map_or(String::new(), |until| format!("The month is not over: this goes until {}. ", long_day(until)));
        self.text(LEFT, self.y, SOFT, &format!("{until}Days are those of {}.", statement.zone));
        let clock = zone.map_or(jiff::tz::TimeZone::UTC, |zone| zone.clock().clone());
        let made = statement.made_at.to_zoned_datetime(clock).strftime("Made at %b %-d, %Y, %-I:%M %P %Z").to_string();
        self.y += 14.0;
        self.text(LEFT, self.y, SOFT, &made);
        self.y += 22.0;
    }

    /// The month in a few figures.
    fn summary(&mut self) {
        let statement = self.statement;
        self.band(ROW);
        self.figure(SUMMARY_CREDITS, self.y + BASE, HEAD, "Credits");
        self.figure(MONEY_AFTER, self.y + BASE, HEAD, "Wallet");
        self.y += ROW;
        self.balance(&format!("Opening balance, {}", long_day(statement.month.first())), statement.opening, STRONG);
        for (what, sum) in summed(&statement.lines) {
            if !sum.is_zero() {
                self.text(DAY, self.y + BASE, TEXT, what);
                self.figure(SUMMARY_CREDITS, self.y + BASE, TEXT, &signed_credits(sum.credits));
                self.figure(MONEY_AFTER, self.y + BASE, TEXT, &self.signed_money(sum.micros));
                self.y += ROW;
            }
        }
        self.rule(self.y, 0.75, Shade::Soft);
        self.balance(&format!("Closing balance, {}", long_day(last_day(statement))), statement.closing, STRONG);
        self.balance("Held for messages not sent yet, which comes back when a contact replies", statement.held, SOFT);
        self.y += 20.0;
    }

    fn balance(&mut self, what: &str, amounts: Amounts, style: Style) {
        self.text(DAY, self.y + BASE, style, what);
        self.figure(SUMMARY_CREDITS, self.y + BASE, style, &count(amounts.credits));
        self.figure(MONEY_AFTER, self.y + BASE, style, &self.money(amounts.micros));
        self.y += ROW;
    }

    fn band(&mut self, height: f32) {
        let top = self.y;
        self.put(Mark::Band { left: LEFT, top, right: RIGHT, bottom: top + height, shade: Shade::Band });
    }

    /// The heads of the columns.
    fn heads(&mut self) {
        self.band(ROW);
        let y = self.y + BASE - 0.5;
        self.text(DAY, y, HEAD, "Day");
        self.text(WHAT, y, HEAD, "What");
        let figures =
            [(CREDITS, "Credits"), (MONEY, "Amount"), (CREDITS_AFTER, "Credits after"), (MONEY_AFTER, "Wallet after")];
        for (right, head) in figures {
            self.figure(right, y, HEAD, head);
        }
        self.y += ROW;
    }

    /// A row for each line, and what they come to.
    fn table(&mut self) {
        let statement = self.statement;
        if statement.lines.is_empty() {
            self.text(DAY, self.y + BASE, SOFT, "Nothing was charged, refunded or paid in this month.");
            self.y += ROW;
            return;
        }
        self.heads();
        let mut before = None;
        for (place, line) in (1..).zip(&statement.lines) {
            // The last row and what all come to are never parted.
            let is_last = place == statement.lines.len();
            let is_new_sheet = self.make_room(if is_last { 2.0 * ROW } else { ROW });
            let is_new_day = before != Some(line.date);
            if is_new_day && before.is_some() && !is_new_sheet {
                self.rule(self.y, 0.5, Shade::Hair);
            }
            self.line(line, if is_new_day || is_new_sheet { day(line.date) } else { String::new() });
            before = Some(line.date);
        }
        self.rule(self.y, 0.75, Shade::Soft);
        let (y, change) = (self.y + BASE, statement.change());
        self.text(DAY, y, STRONG, "All of the month");
        self.figure(CREDITS, y, STRONG, &signed_credits(change.credits));
        self.figure(MONEY, y, STRONG, &self.signed_money(change.micros));
        self.figure(CREDITS_AFTER, y, STRONG, &count(statement.closing.credits));
        self.figure(MONEY_AFTER, y, STRONG, &self.money(statement.closing.micros));
        self.y += ROW;
    }

    fn line(&mut self, line: &MonthLine, day: String) {
        let y = self.y + BASE;
        let (credits, amount) = (signed_credits(line.change.credits), self.signed_money(line.change.micros));
        let left_of_figures = CREDITS - self.faces.width(&credits, TEXT) - 8.0;
        let what = self.faces.fitted(&words(line), TEXT, left_of_figures - WHAT);
        self.text(DAY, y, TEXT, &day);
        self.text(WHAT, y, TEXT, &what);
        self.figure(CREDITS, y, TEXT, &credits);
        self.figure(MONEY, y, TEXT, &amount);
        self.figure(CREDITS_AFTER, y, SOFT, &count(line.after.credits));
        self.figure(MONEY_AFTER, y, SOFT, &self.money(line.after.micros));
        self.y += ROW;
    }

    /// Begins a new sheet where so much does not fit on this one; says whether it did.
    fn make_room(&mut self, height: f32) -> bool {
        if self.y + height <= BOTTOM {
            return false;
        }
        self.sheets.push(Sheet::new());
        self.y = LEFT;
        self.heads();
        true
    }
}

/// In which sum of the month a line counts: each in exactly one, so that the sums lead from one balance to the other.
fn heading(kind: LineKind) -> &'static str {
    match kind {
        LineKind::TopUp | LineKind::Credits => "Paid in and granted",
        LineKind::Plan | LineKind::PlanCredits => "Plan",
        LineKind::Added => "Workflows, charged in advance",
        LineKind::ByHand => "Messages by hand",
        LineKind::Refund => "Refunds",
        LineKind::Withdrawal | LineKind::CreditsTaken => "Paid out and taken back",
        LineKind::Disputed => "Disputed payments",
        LineKind::DisputeReturned => "Disputed payments returned",
        LineKind::CreditsEnded => "Credits ended with their period",
    }
}

/// The sums of the month, in the order of the kinds.
pub(super) fn summed(lines: &[MonthLine]) -> Vec<(&'static str, Amounts)> {
    let mut sums: Vec<(&'static str, Amounts)> = Vec::new();
    for kind in LineKind::ALL {
        let of_kind = lines.iter().filter(|line| line.kind == kind);
        let sum = of_kind.fold(Amounts::ZERO, |sum, line| sum.plus(line.change));
        match sums.iter_mut().find(|(what, _)| *what == heading(kind)) {
            Some((_, whole)) => *whole = whole.plus(sum),
            None => sums.push((heading(kind), sum)),
        }
    }
    sums
}
