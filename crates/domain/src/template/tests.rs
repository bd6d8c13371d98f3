//! Templates: tables of what is read how, and properties over any text.

use super::*;
use proptest::prelude::*;

fn fields() -> Fields {
    Fields::with_custom(["Lot #", "Größe", "first name", "{bad}", "  ", "Owner's Pet"])
}

fn parse(text: &str) -> Result<Template, TemplateError> {
    Template::parse(text, &fields())
}

fn sam(key: &str) -> Option<&'static str> {
    match key {
        "firstname" => Some("Sam"),
        "city" => Some("{State} <b>"),
        "lot#" => Some("7"),
        "größe" => Some("XL"),
        "state" => Some(" \t"),
        _ => None,
    }
}

#[test]
fn variables_are_saved_in_the_first_form() {
    let cases = [
        ("Hi {First Name}!", "Hi {First Name}!"),
        ("Hi {FIRST_name}", "Hi {First Name}"),
        ("Hi {first-name}", "Hi {First Name}"),
        ("Hi { firstname }", "Hi {First Name}"),
        ("Hi <First Name>", "Hi {First Name}"),
        ("Hi <first_name|you>", "Hi {First Name|you}"),
        ("Hi {{first_name}}", "Hi {First Name}"),
        ("Hi {{ First Name | there }}", "Hi {First Name|there}"),
        ("Hi {{{first_name}}}", "Hi {First Name}"),
        ("Hi {<First Name>}", "Hi {First Name}"),
        ("{First Name|}", "{First Name|}"),
        ("{First Name|a|b}", "{First Name|a|b}"),
        ("{lot#} {GRÖßE}{gro\u{308}ße}", "{Lot #} {Größe}{Größe}"),
        ("{owner's pet}", "{Owner's Pet}"),
        ("a\r\nb\r{City|x\r\ny}", "a\nb\n{City|x\ny}"),
    ];
    for (text, source) in cases {
        assert_eq!(parse(text).map(|template| template.source()), Ok(source.to_owned()), "{text}");
    }
}

#[test]
fn stray_brackets_are_text() {
    let texts = [
        "{",
        "}",
        "{}",
        "{ }",
        "a } b { c",
        "{3}",
        "{:)}",
        "{see below, or call}",
        "{First Name",
        "First Name}",
        "<3",
        "x < y and y > z",
        "<b>bold</b>",
        "<Nickname>",
        "{{",
        "}}",
        "{{}}",
        "{|x}",
        "}{",
        "<>",
        "{\"a\": 1}",
        "{[name]}",
    ];
    for text in texts {
        let template = parse(text).unwrap();
        assert_eq!((template.source().as_str(), template.variables().len()), (text, 0), "{text}");
        assert_eq!(template.render(&sam), Ok(text.to_owned()), "{text}");
    }
    for (text, rendered) in [
        ("{{First Name}", "{Sam"),
        ("{First Name}}", "Sam}"),
        ("{ {First Name} }", "{ Sam }"),
        ("<<First Name>>", "<Sam>"),
        ("{{a {First Name}}", "{{a Sam}"),
        ("<{First Name}>", "<Sam>"),
        ("{{First Name}{Lot #}}", "{Sam7}"),
    ] {
        assert_eq!(parse(text).unwrap().render(&sam), Ok(rendered.to_owned()), "{text}");
    }
}

#[test]
fn an_unknown_variable_is_named_with_its_place() {
    let error = parse("Hi,\nça va {Frist Name}?").unwrap_err();
    let at = Place { byte: 11, index: 10, line: 2, column: 7 };
    assert_eq!(error, TemplateError::Unknown { name: "Frist Name".to_owned(), at });
    assert_eq!(error.to_string(), "there is no field \"Frist Name\" (line 2, character 7)");
    for text in ["{{nickname}}", "{Nickname|you}", "{x}", "{First Name} {Last Nam}", "{2nd phone}", "{bad}"] {
        assert!(matches!(parse(text), Err(TemplateError::Unknown { .. })), "{text}");
    }
}

#[test]
fn a_template_has_text_and_a_limit() {
    assert_eq!(parse(" \n\t"), Err(TemplateError::Empty));
    assert!(parse(&"é".repeat(MAX_TEMPLATE_CHARACTERS)).is_ok());
    let characters = MAX_TEMPLATE_CHARACTERS + 1;
    assert_eq!(parse(&"é".repeat(characters)), Err(TemplateError::TooLong { characters }));
    assert!(fitted(&"a".repeat(306)).is_ok());
    assert_eq!(fitted(&"a".repeat(307)), Err(TooManySegments { segments: 3 }));
}

#[test]
fn a_value_is_inserted_as_it_is_and_a_blank_one_is_none() {
    let rendered = parse("{First Name} of {City}, {State|TX}{Company|}").unwrap().render(&sam);
    assert_eq!(rendered, Ok("Sam of {State} <b>, TX".to_owned()));
}

#[test]
fn every_missing_field_is_named_once() {
    let template = parse("{Email|x}\n{State} {Email} {First Name} {email} {State}").unwrap();
    let missing = template.render(&sam).unwrap_err();
    let places: Vec<_> = missing.iter().map(|field| (field.field.as_str(), field.at.line, field.at.column)).collect();
    assert_eq!(places, [("State", 2, 1), ("Email", 2, 9)]);
}

#[test]
fn variables_are_listed_once_with_their_need() {
    let template = parse("{First Name|you} {City} <first name> {Zip|} {city|here}").unwrap();
    let list: Vec<_> = template.variables().into_iter().map(|variable| (variable.field, variable.need)).collect();
    let expected = [("First Name", Need::Value), ("City", Need::Value), ("Zip", Need::Nothing)];
    assert_eq!(list, expected.map(|(field, need)| (field.to_owned(), need)));
}

#[test]
fn the_worst_case_is_the_contact_who_costs_most() {
    let template = parse(&("{First Name}".to_owned() + &"a".repeat(150))).unwrap();
    let mut search = template.worst_case(Smart::On);
    for name in ["Al", "Łukasz", "", "Maximilian", "“Zed”", "Żaneta"] {
        search.add(&|key| (key == "firstname").then_some(name));
    }
    let worst = search.worst().unwrap();
    assert_eq!((worst.row, worst.counted.segments, search.rows(), search.missing()), (1, 3, 6, 1));
    assert!(worst.text.starts_with("Łukasz"));
}

#[test]
fn a_sendable_text_is_what_is_counted() {
    assert_eq!(sendable("“a”\r\nb\t", Smart::On), "\"a\"\nb       ");
    assert_eq!(sendable("“a”\r\nb", Smart::Off), "“a”\nb");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn the_saved_form_reads_back_as_the_same_template(
        text in "\\PC{0,60}|([{}<>| x\r\n]|First Name|city|<First Name>|\\{City\\|){0,16}",
    ) {
        if let Ok(template) = parse(&text) {
            let source = template.source();
            let again = parse(&source).unwrap();
            prop_assert_eq!(&again, &template);
            prop_assert_eq!(again.source(), source);
            prop_assert_eq!(template.variables().len(), template.variables().iter().filter(|v| fields().display(&v.field).is_some()).count());
        }
    }

    #[test]
    fn values_never_become_variables(value in "([{}<>|]|First Name|city|\\PC){1,12}") {
        prop_assume!(!value.trim().is_empty());
        let template = parse("{City} and {{city|x}}").unwrap();
        prop_assert_eq!(template.render(&|_| Some(&value)), Ok(format!("{value} and {value}")));
    }
}
