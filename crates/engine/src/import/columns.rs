//! What each column of a file means: by the mapping that a person chose, else guessed from its name.
//!
//! Pure. A column that means no standard field becomes a field of the workspace's own, under its own
//! name; two columns never mean the same field.

use domain::template::key;

use super::ImportError;
use super::agreed::Part;
use crate::contacts::{self, MAX_FIELDS};

/// Most columns of a file.
pub const MAX_COLUMNS: usize = MAX_FIELDS;
/// Most phones of one row; further phone columns are left out.
pub const MAX_PHONES: usize = 10;
/// What the file of rejected rows has beside the columns of the upload; left out when it comes back.
pub(super) const REJECT_COLUMNS: [&str; 3] = ["Rejected Row", "Rejected Line", "Rejected Because"];

/// Whether a column of this name holds phones.
pub(super) fn names_a_phone(header: &str) -> bool {
    is_phone(&key(header))
}

/// What a column shall mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A phone of the row.
    Phone,
    /// A field, in any spelling of its name.
    Field(String),
    /// A part of the row's consent.
    Consent(Part),
    /// Nothing.
    Ignore,
}

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A phone of the row.
    Phone,
    /// A field.
    Field {
        /// Its key.
        key: String,
        /// Its name.
        name: String,
    },
    /// A part of the row's consent.
    Consent(Part),
    /// Nothing: a person said so, or it has no name that a field can have.
    Ignored,
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As the first row has it.
    pub header: String,
    /// What it means.
    pub meaning: Meaning,
}

/// Headers that mean a phone, without digits, blanks and marks.
const PHONES: [&str; 46] = [
    "phone",
    "phonenumber",
    "phoneno",
    "phonevalue",
    "mobile",
    "mobilephone",
    "mobilenumber",
    "mobileno",
    "mobilephonenumber",
    "cell",
    "cellphone",
    "cellnumber",
    "cellno",
    "cellphonenumber",
    "cellular",
    "tel",
    "telephone",
    "telephonenumber",
    "telno",
    "homephone",
    "homephonenumber",
    "workphone",
    "workphonenumber",
    "businessphone",
    "officephone",
    "primaryphone",
    "primaryphonenumber",
    "secondaryphone",
    "otherphone",
    "mainphone",
    "landline",
    "landlinephone",
    "wireless",
    "wirelessphone",
    "wirelessnumber",
    "phonemobile",
    "phonecell",
    "phonehome",
    "phonework",
    "contactnumber",
    "contactphone",
    "ownerphone",
    "telefon",
    "telefono",
    "teléfono",
    "celular",
];

/// Other headers of the standard fields and of the time zone.
#[rustfmt::skip]
const ALIASES: [(&str, &str, &[&str]); 10] = [
    ("firstname", "First Name", &["fname", "first", "givenname", "forename", "ownerfirstname", "owner1firstname", "vorname", "nombre"]),
    ("lastname", "Last Name", &["lname", "last", "surname", "familyname", "ownerlastname", "owner1lastname", "nachname", "apellido"]),
    ("fullname", "Full Name", &["name", "contactname", "ownername", "owner1name", "contact", "customername", "leadname"]),
    ("email", "Email", &["emailaddress", "mail", "primaryemail", "email1", "email1value"]),
    ("address", "Address", &["propertyaddress", "streetaddress", "street", "address1", "addressline1", "siteaddress"]),
    ("city", "City", &["town", "propertycity", "sitecity"]),
    ("state", "State", &["st", "province", "stateprovince", "state/province", "propertystate", "sitestate"]),
    ("zip", "Zip", &["zipcode", "postalcode", "postcode", "zippostalcode", "zip/postalcode", "propertyzip", "propertyzipcode", "sitezip"]),
    ("company", "Company", &["companyname", "organization", "organisation", "business", "businessname", "firma", "employer"]),
    (contacts::TIME_ZONE, "Time Zone", &["tz"]),
];

/// A guess from a column's key and header.
type Guess<'g> = &'g dyn Fn(&str, &str) -> Option<Meaning>;

/// Decides about every column.
pub(super) fn columns(
    headers: &[String],
    custom: &[(String, String)],
    mapping: &[(String, Target)],
) -> Result<Vec<Column>, ImportError> {
    if headers.len() > MAX_COLUMNS {
        return Err(ImportError::TooManyColumns { columns: headers.len() });
    }
    check_twice(headers)?;
    let keys: Vec<String> = headers.iter().map(|header| key(header)).collect();
    let mut meanings: Vec<Option<Meaning>> = chosen(&keys, mapping)?;
    let steps: [Guess<'_>; 3] =
        [&|key, header| sure(key, header, custom), &|key, _| alias(key), &|_, header| own(header)];
    for step in steps {
        for (place, key) in keys.iter().enumerate() {
            if meanings[place].is_none() {
                let guess = step(key, &headers[place]);
                meanings[place] = guess.filter(|guess| *guess == Meaning::Ignored || is_free(&meanings, guess));
            }
        }
    }
    let meanings = meanings.into_iter().map(|meaning| meaning.unwrap_or(Meaning::Ignored));
    let columns = headers.iter().zip(meanings).map(|(header, meaning)| Column { header: header.clone(), meaning });
    let columns: Vec<Column> = columns.collect();
    if columns.iter().any(|column| column.meaning == Meaning::Phone) {
        return Ok(columns);
    }
    Err(ImportError::NoPhoneColumn { headers: listed(headers) })
}

/// The headers in one line, cut where it gets long.
fn listed(headers: &[String]) -> String {
    const MOST: usize = 20;
    let cut = |header: &String| format!("{:?}", header.chars().take(40).collect::<String>());
    let mut list = headers.iter().take(MOST).map(cut).collect::<Vec<_>>().join(", ");
    if headers.len() > MOST {
        list.push_str(", …");
    }
    list
}

fn check_twice(headers: &[String]) -> Result<(), ImportError> {
    for (second, header) in headers.iter().enumerate().filter(|(_, header)| !key(header).is_empty()) {
        if let Some(first) = headers[..second].iter().position(|other| key(other) == key(header)) {
            return Err(twice(header, first, second));
        }
    }
    Ok(())
}

fn twice(name: &str, first: usize, second: usize) -> ImportError {
    ImportError::ColumnTwice { name: name.chars().take(80).collect(), first: first + 1, second: second + 1 }
}

/// What the mapping says, in the order of the columns.
fn chosen(keys: &[String], mapping: &[(String, Target)]) -> Result<Vec<Option<Meaning>>, ImportError> {
    let mut meanings: Vec<Option<Meaning>> = vec![None; keys.len()];
    for (header, target) in mapping {
        let place = keys.iter().position(|known| *known == key(header));
        let place = place.ok_or_else(|| ImportError::MappingUnknown { header: header.clone() })?;
        let meaning = match target {
            Target::Phone => Meaning::Phone,
            Target::Ignore => Meaning::Ignored,
            Target::Consent(part) => Meaning::Consent(*part),
            Target::Field(name) => Meaning::Field { key: contacts::key_of(name)?, name: name.trim().to_owned() },
        };
        let taken = meanings.iter().position(|other| other.as_ref().is_some_and(|other| is_same(other, &meaning)));
        let name = match &meaning {
            Meaning::Field { name, .. } => Some(name.as_str()),
            Meaning::Consent(part) => Some(part.name()),
            Meaning::Phone | Meaning::Ignored => None,
        };
        if let (Some(name), Some(first)) = (name, taken) {
            return Err(twice(name, first, place));
        }
        meanings[place] = Some(meaning);
    }
    Ok(meanings)
}

/// Whether two meanings are the same, however the field's name is spelled.
fn is_same(one: &Meaning, other: &Meaning) -> bool {
    match (one, other) {
        (Meaning::Field { key, .. }, Meaning::Field { key: other, .. }) => key == other,
        (one, other) => one == other,
    }
}

/// Whether no other column means the same, or there is room for one more phone.
fn is_free(meanings: &[Option<Meaning>], guess: &Meaning) -> bool {
    let count = meanings.iter().flatten().filter(|other| is_same(other, guess)).count();
    if *guess == Meaning::Phone { count < MAX_PHONES } else { count == 0 }
}

/// Phones, fields under their own names, and the columns that our own file of rejects adds.
fn sure(key: &str, header: &str, custom: &[(String, String)]) -> Option<Meaning> {
    if is_phone(key) {
        return Some(Meaning::Phone);
    }
    if key.is_empty() || REJECT_COLUMNS.iter().any(|name| self::key(name) == key) {
        return Some(Meaning::Ignored);
    }
    if let Some((_, name, _)) = ALIASES.iter().find(|(standard, ..)| *standard == key) {
        return Some(Meaning::Field { key: key.to_owned(), name: (*name).to_owned() });
    }
    let own = custom.iter().find(|(known, _)| known == key);
    let own = own.map(|_| Meaning::Field { key: key.to_owned(), name: header.trim().to_owned() });
    own.or_else(|| Part::of_header(header).map(Meaning::Consent))
}

fn is_phone(key: &str) -> bool {
    let letters: String = key.chars().filter(|char| char.is_alphabetic()).collect();
    PHONES.contains(&letters.as_str())
}

fn alias(key: &str) -> Option<Meaning> {
    let (standard, name, _) = ALIASES.iter().find(|(_, _, others)| others.contains(&key))?;
    Some(Meaning::Field { key: (*standard).to_owned(), name: (*name).to_owned() })
}

/// A field of the workspace's own, if a field can have that name.
fn own(header: &str) -> Option<Meaning> {
    let key = contacts::key_of(header).ok()?;
    // A phone column beyond the tenth is left out, not kept as a field.
    (!is_phone(&key)).then(|| Meaning::Field { key, name: header.trim().to_owned() })
}

/// The fields that no workspace has by itself: key and name.
pub(super) fn own_fields(columns: &[Column]) -> Vec<(String, String)> {
    let field = |column: &Column| match &column.meaning {
        Meaning::Field { key, name } if !contacts::is_standard(key) => Some((key.clone(), name.clone())),
        _ => None,
    };
    columns.iter().filter_map(field).collect()
}

#[cfg(test)]
mod tests;
