//! Who is in the workspace, and which identifiers things have: all computed from their place in the order, so that any of
//! them can be named without looking.

use domain::ids::{ContactId, EnrollmentId};
use serde::Serialize;

use crate::fill::Size;
use crate::house::House;

/// The year that is filled begins here, in milliseconds since 1970; it ends a minute before [`crate::NOW`].
pub(crate) const START_MILLIS: i64 = 1_764_000_000_000;
const END_MILLIS: i64 = 1_795_532_340_000;
/// Where identifiers begin, and how they are made: see `engine::ids`. Each kind has a node of its own.
const EPOCH_MILLIS: i64 = 1_577_836_800_000;
const FIRST: [&str; 20] = [
    "Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gail", "Hugo", "Ines", "Jack", "Kim", "Leo", "Maya", "Nils", "Olga",
    "Paul", "Quinn", "Rosa", "Sven", "Tara",
];
const LAST: [&str; 23] = [
    "Miller", "Lopez", "Chen", "Okafor", "Smith", "Novak", "Silva", "Brown", "Khan", "Meyer", "Rossi", "Ivanov",
    "Haddad", "Nguyen", "Patel", "Garcia", "Kowalski", "Berg", "Dubois", "Tanaka", "Moreau", "Ali", "Fischer",
];
const AREAS: [u16; 16] = [212, 305, 404, 512, 602, 702, 718, 206, 312, 415, 617, 303, 503, 850, 614, 901];

/// When the `nth` of `count` things happened, in milliseconds.
pub(crate) fn when(nth: i64, count: i64) -> i64 {
    START_MILLIS + (END_MILLIS - START_MILLIS) / count * nth
}

pub(crate) fn id(millis: i64, node: i64) -> i64 {
    ((millis - EPOCH_MILLIS) << 22) | (node << 14)
}

pub(crate) fn message_id(size: Size, nth: i64) -> i64 {
    id(when(nth, size.messages()), 1)
}

/// The contact of a place in the order.
pub(crate) fn contact(size: Size, nth: i64) -> ContactId {
    ContactId(id(when(nth, size.contacts), 2))
}

/// The contact of a conversation: one contact in five has one.
pub(crate) fn of_conversation(size: Size, nth: i64) -> ContactId {
    contact(size, nth * (size.contacts / size.conversations))
}

/// The enrollment of a place in the order: a minute before its first text.
pub(crate) fn run(first_text_millis: i64) -> EnrollmentId {
    EnrollmentId(id(first_text_millis - 60_000, 3))
}

/// One contact in 50,000 has a company.
fn fields(nth: i64, first: &str, last: &str) -> Vec<(&'static str, String)> {
    let company = (nth % 50_000 == 17).then(|| ("company", format!("Acme {nth}")));
    company.into_iter().chain([("firstname", first.to_owned()), ("lastname", last.to_owned())]).collect()
}

/// A contact as it is inserted.
#[derive(Serialize)]
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) phone: String,
    hash: i64,
    pub(crate) name: String,
    key: String,
    fields: String,
    number: i64,
    at: i64,
}

impl Person {
    pub(crate) fn of(house: &House, size: Size, nth: i64) -> Self {
        let place = usize::try_from(nth).unwrap();
        let (first, last) = (FIRST[place % FIRST.len()], LAST[place / 7 % LAST.len()]);
        let (area, line) = (AREAS[place % 16], place / 16);
        let name = format!("{first} {last}");
        Self {
            id: contact(size, nth).0,
            phone: format!("+1{area}{}{:04}", 220 + line / 10_000, line % 10_000),
            hash: nth.wrapping_mul(0x0001_0000_01b3),
            key: domain::search::fold(&name),
            fields: serde_json::to_string(&fields(nth, first, last)).unwrap(),
            number: house.numbers[place % house.numbers.len()].0,
            at: when(nth, size.contacts) * 1_000,
            name,
        }
    }
}
