//! Tables of headers and what they mean.

use super::*;

fn headers(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The meanings as short words: `phone`, a key, or `-`.
fn words(names: &[&str], custom: &[&str], mapping: &[(&str, Target)]) -> Result<Vec<String>, ImportError> {
    let custom: Vec<_> = custom.iter().map(|name| (key(name), (*name).to_owned())).collect();
    let mapping: Vec<_> = mapping.iter().map(|(name, target)| ((*name).to_owned(), target.clone())).collect();
    let word = |column: Column| match column.meaning {
        Meaning::Phone => "phone".to_owned(),
        Meaning::Field { key, .. } => key,
        Meaning::Consent(part) => part.name().to_owned(),
        Meaning::Ignored => "-".to_owned(),
    };
    Ok(columns(&headers(names), &custom, &mapping)?.into_iter().map(word).collect())
}

#[test]
fn the_headers_that_people_write_are_understood() {
    let cases: [(&[&str], &[&str]); 9] = [
        (&["Phone", "First Name", "Last Name"], &["phone", "firstname", "lastname"]),
        (&["fname", "LNAME", "Cell #", "Zip Code"], &["firstname", "lastname", "phone", "zip"]),
        (&["Phone 1", "phone_2", "PHONE3", "Phone 1 Type"], &["phone", "phone", "phone", "phone1type"]),
        (&["Name", "Phone 1 - Value", "Phone 1 - Type"], &["fullname", "phone", "phone1type"]),
        (&["Mobile", "Cell", "Telephone", "Home Phone"], &["phone", "phone", "phone", "phone"]),
        (&["phone", "", "Time Zone", "Rejected Because"], &["phone", "-", "timezone", "-"]),
        (&["phone", "Property Address", "Mailing Address"], &["phone", "address", "mailingaddress"]),
        (&["phone", "Property Address", "Address"], &["phone", "propertyaddress", "address"]),
        (&["phone", "a|b", "Fax"], &["phone", "-", "fax"]),
    ];
    for (given, meant) in cases {
        assert_eq!(words(given, &[], &[]).unwrap(), meant, "{given:?}");
    }
}

#[test]
fn the_workspaces_own_fields_go_before_guesses_and_the_mapping_before_both() {
    assert_eq!(words(&["phone", "Street"], &["Street"], &[]).unwrap(), ["phone", "street"]);
    let mapping =
        [("street", Target::Field("Lot Size".to_owned())), ("Phone", Target::Ignore), ("WhatsApp", Target::Phone)];
    assert_eq!(words(&["Phone", "Street", "WhatsApp"], &[], &mapping).unwrap(), ["-", "lotsize", "phone"]);
}

#[test]
fn only_ten_columns_are_phones() {
    let names: Vec<String> = (1..=12).map(|place| format!("Phone {place}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let meant = words(&names, &[], &[]).unwrap();
    assert_eq!(meant.iter().filter(|word| *word == "phone").count(), MAX_PHONES);
    assert_eq!(meant[10..], ["-", "-"]);
}

#[test]
fn what_cannot_be_decided_is_said_plainly() {
    let said = |result: Result<Vec<String>, ImportError>| result.unwrap_err().to_string();
    assert_eq!(
        said(words(&["Phone", "City", "city "], &[], &[])),
        "the column \"city \" is there twice, as column 2 and as column 3; rename or remove one"
    );
    let none = said(words(&["Name", "City"], &[], &[]));
    assert!(none.contains("\"Name\", \"City\"") && none.contains("\"Phone\""), "{none}");
    assert!(matches!(words(&["Phone"; 201], &[], &[]), Err(ImportError::TooManyColumns { columns: 201 })));
    let gone = [("Gone", Target::Phone)];
    assert!(matches!(words(&["Phone"], &[], &gone), Err(ImportError::MappingUnknown { .. })));
    let both = [("a", Target::Field("x".to_owned())), ("b", Target::Field("X".to_owned()))];
    let clash = words(&["Phone", "a", "b"], &[], &both);
    assert!(matches!(clash, Err(ImportError::ColumnTwice { first: 2, second: 3, .. })));
}
