//! Every area code of `testdata/nanp_timezones.json` has exactly its zones in our table.

#![allow(clippy::unwrap_used)]

use domain::areas;
use serde_json::Value;

#[test]
fn all_469_area_codes_have_the_zones_of_the_corpus() {
    let corpus: Value = serde_json::from_str(include_str!("../testdata/nanp_timezones.json")).unwrap();
    let corpus = corpus["areas"].as_object().unwrap();
    assert_eq!((corpus.len(), areas::all().len()), (469, 469));
    for (code, row) in corpus {
        let area = areas::find(code.parse().unwrap()).unwrap();
        let zones: Vec<&str> = area.zones.iter().map(|zone| zone.name()).collect();
        let expected: Vec<&str> = row["zones"].as_array().unwrap().iter().map(|zone| zone.as_str().unwrap()).collect();
        assert_eq!(zones, expected, "{code}");
        let region = row["region"].as_str().unwrap();
        let is_territory = ["PR", "GU", "VI", "AS", "MP"].contains(&region);
        assert_eq!(area.country, if is_territory { "US" } else { region }, "{code}");
    }
}
