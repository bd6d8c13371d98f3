//! What the fields of a contact may be: their names, their values, and the name they are listed under.
//!
//! Pure rules. A value is cleaned, never interpreted, but for the time zone: a wrong one would send at
//! the wrong hour. State and ZIP are kept as they were typed, since the phone tells the place too.

use domain::phone::Phone;
use domain::template::{Fields, MAX_FIELD_NAME, STANDARD_FIELDS, key};
use domain::zones::{UnknownZone, Zone};
use domain::{states, zip};

/// The longest value of a field, in characters.
pub const MAX_VALUE_CHARACTERS: usize = 2_000;
/// Most fields of one contact.
pub const MAX_FIELDS: usize = 200;
/// Most fields of a workspace's own.
pub const MAX_CUSTOM_FIELDS: usize = 500;
/// The key of the field that names the contact's time zone. No template field, but always known.
pub const TIME_ZONE: &str = "timezone";

/// Why a field cannot be what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// No template could write such a name.
    #[error(
        "no field can be named {name:?}: it takes letters or digits, at most {MAX_FIELD_NAME} characters, none of {{}}<>|"
    )]
    Name {
        /// As it was given, cut to 80 characters.
        name: String,
    },
    /// Two names mean one field.
    #[error("the field {name:?} is given twice")]
    Twice {
        /// As it was given the second time.
        name: String,
    },
    /// More than `MAX_VALUE_CHARACTERS`.
    #[error("{name:?} has {characters} characters; {MAX_VALUE_CHARACTERS} is the most")]
    TooLong {
        /// The field.
        name: String,
        /// How many.
        characters: usize,
    },
    /// More than `MAX_FIELDS`.
    #[error("a contact has at most {MAX_FIELDS} fields")]
    TooMany,
    /// The phone is what a contact is, not a field of it.
    #[error("the phone of a contact is no field and cannot be changed; make another contact")]
    Phone,
    /// No such zone.
    #[error("the time zone is not known: write a name such as \"America/New_York\"")]
    Zone(#[source] UnknownZone),
}

/// Something about a value that a person should look at; the value is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldWarning {
    /// Neither a state, a territory nor a province.
    #[error("{0:?} is no state or province that is known; the phone's area code tells the place")]
    State(String),
    /// Neither a ZIP nor a postal code.
    #[error("{0:?} is no ZIP or postal code that is known; the phone's area code tells the place")]
    Zip(String),
}

/// The key of a field that a contact may have.
pub(crate) fn key_of(name: &str) -> Result<String, FieldError> {
    let key = key(name);
    if key == "phone" {
        return Err(FieldError::Phone);
    }
    if key == TIME_ZONE || Fields::with_custom([name]).display(name).is_some() {
        return Ok(key);
    }
    Err(FieldError::Name { name: name.chars().take(80).collect() })
}

/// Whether every workspace has the field.
pub(crate) fn is_standard(key: &str) -> bool {
    key == TIME_ZONE || STANDARD_FIELDS.iter().any(|name| self::key(name) == key)
}

/// A value as it is stored; nothing if it is blank. Control characters go, but for line breaks: no text
/// can show them and PostgreSQL cannot hold NUL.
pub(crate) fn value(key: &str, name: &str, raw: &str) -> Result<Option<String>, FieldError> {
    let text = cleaned(raw);
    if text.is_empty() {
        return Ok(None);
    }
    let characters = text.chars().count();
    if characters > MAX_VALUE_CHARACTERS {
        return Err(FieldError::TooLong { name: name.to_owned(), characters });
    }
    if key == TIME_ZONE {
        return Zone::named(&text).map(|zone| Some(zone.name().to_owned())).map_err(FieldError::Zone);
    }
    Ok(Some(text))
}

/// The text without control characters and outer blanks; line breaks are LF, tabs are blanks.
pub(crate) fn cleaned(raw: &str) -> String {
    let raw = raw.trim();
    if !raw.contains(|char: char| char.is_control() || char == '\u{feff}') {
        return raw.to_owned();
    }
    let text = raw.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
    let kept: String =
        text.chars().filter(|char| *char == '\n' || !(char.is_control() || *char == '\u{feff}')).collect();
    kept.trim().to_owned()
}

/// The value of a field.
pub(crate) fn get<'f>(fields: &'f [(String, String)], key: &str) -> Option<&'f str> {
    fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// Sets a field, or takes it away; keeps the order of the keys.
pub(crate) fn put(fields: &mut Vec<(String, String)>, key: &str, value: Option<String>) {
    let place = fields.binary_search_by(|(name, _)| name.as_str().cmp(key));
    match (place, value) {
        (Ok(place), Some(value)) => fields[place].1 = value,
        (Ok(place), None) => {
            fields.remove(place);
        }
        (Err(place), Some(value)) => fields.insert(place, (key.to_owned(), value)),
        (Err(_), None) => {}
    }
}

/// The name that a contact is listed under: full name, first and last name, company, phone.
pub(crate) fn display_name(fields: &[(String, String)], phone: Phone) -> String {
    let name = own_name(fields).or_else(|| get(fields, "company").map(str::to_owned));
    name.unwrap_or_else(|| spoken(phone))
}

/// A person's own name, folded, to tell people apart by; nothing where it is not known.
pub(crate) fn named(fields: &[(String, String)]) -> Option<String> {
    own_name(fields).map(|name| domain::search::fold(&name)).filter(|name| !name.is_empty())
}

fn own_name(fields: &[(String, String)]) -> Option<String> {
    let of = |key| get(fields, key);
    let whole = match (of("firstname"), of("lastname")) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (one, other) => one.or(other).map(str::to_owned),
    };
    of("fullname").map(str::to_owned).or(whole)
}

/// A phone as people read it: `(212) 555-0134`, and E.164 outside of North America.
fn spoken(phone: Phone) -> String {
    let text = phone.to_string();
    match (phone.area_code(), text.get(2..5), text.get(5..8), text.get(8..)) {
        (Some(_), Some(area), Some(exchange), Some(line)) => format!("({area}) {exchange}-{line}"),
        _ => text,
    }
}

/// What a person should look at in the fields of a contact.
#[must_use]
pub fn warnings(fields: &[(String, String)]) -> Vec<FieldWarning> {
    let state = get(fields, "state").filter(|state| states::read(state).is_none());
    let zip = get(fields, "zip").filter(|code| zip::find(code).is_none());
    let state = state.map(|state| FieldWarning::State(state.to_owned()));
    state.into_iter().chain(zip.map(|code| FieldWarning::Zip(code.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        pairs.iter().for_each(|(key, value)| put(&mut fields, key, Some((*value).to_owned())));
        fields
    }

    #[test]
    fn the_listed_name_is_the_first_that_is_there() {
        let phone = Phone::stored("+12125550134").unwrap();
        for (given, name) in [
            (&[("fullname", "Ann Lee"), ("firstname", "A"), ("lastname", "L")][..], "Ann Lee"),
            (&[("firstname", "Ann"), ("lastname", "Lee"), ("company", "Acme")], "Ann Lee"),
            (&[("lastname", "Lee")], "Lee"),
            (&[("firstname", "Ann")], "Ann"),
            (&[("company", "Acme"), ("city", "Miami")], "Acme"),
            (&[], "(212) 555-0134"),
        ] {
            assert_eq!(display_name(&fields(given), phone), name);
        }
        assert_eq!(display_name(&[], Phone::stored("+447400123456").unwrap()), "+447400123456");
    }

    #[test]
    fn control_characters_go_and_line_breaks_stay() {
        for (raw, kept) in [
            ("a\0b\u{7}c", Some("abc")),
            (" 1 Main St\r\nApt 2\t\t", Some("1 Main St\nApt 2")),
            ("x\ty", Some("x y")),
            ("\0\u{feff} \r\n", None),
        ] {
            assert_eq!(value("address", "Address", raw).unwrap().as_deref(), kept, "{raw:?}");
        }
    }

    #[test]
    fn names_and_values_that_cannot_be_are_refused() {
        assert_eq!(key_of("First_Name").as_deref(), Ok("firstname"));
        assert_eq!(key_of("Time Zone").as_deref(), Ok(TIME_ZONE));
        assert_eq!(key_of(" PHONE "), Err(FieldError::Phone));
        for bad in ["", " - ", "a{b", "a|b", "a\0b", &"x".repeat(65)] {
            assert!(matches!(key_of(bad), Err(FieldError::Name { .. })), "{bad:?}");
        }
        assert!(value("city", "City", &"é".repeat(MAX_VALUE_CHARACTERS)).is_ok());
        let long = value("city", "City", &"é".repeat(MAX_VALUE_CHARACTERS + 1));
        assert_eq!(long, Err(FieldError::TooLong { name: "City".to_owned(), characters: MAX_VALUE_CHARACTERS + 1 }));
        assert!(matches!(value(TIME_ZONE, "Time Zone", "Eastern"), Err(FieldError::Zone(_))));
        assert_eq!(value(TIME_ZONE, "tz", "america/new_york").unwrap().as_deref(), Some("America/New_York"));
    }

    #[test]
    fn odd_places_are_kept_and_warned_of() {
        assert!(warnings(&fields(&[("state", "fl"), ("zip", "33101-1234")])).is_empty());
        let odd = warnings(&fields(&[("state", "Narnia"), ("zip", "00")]));
        assert_eq!(odd, [FieldWarning::State("Narnia".to_owned()), FieldWarning::Zip("00".to_owned())]);
    }

    #[test]
    fn a_field_is_set_changed_and_taken_away_in_order() {
        let mut all = fields(&[("zip", "1"), ("city", "2"), ("email", "3")]);
        put(&mut all, "city", None);
        put(&mut all, "zip", Some("9".to_owned()));
        put(&mut all, "none", None);
        assert_eq!(all, fields(&[("email", "3"), ("zip", "9")]));
        assert_eq!(all[0].0, "email");
    }
}
