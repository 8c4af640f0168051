use super::{Facts, Inside, Step, at, each, rules};
use crate::compose::merge::Rule;
use std::collections::BTreeSet;

/// `-` is an element of a list.
fn facts(keys: &[&str]) -> Option<&'static Facts> {
    at(keys.iter().map(|key| if *key == "-" { Step::Element } else { Step::Key(key) }))
}

#[test]
fn a_place_has_the_facts_of_its_row() {
    let merges = |keys: &[&str]| facts(keys).and_then(|facts| facts.merge);
    assert!(matches!(merges(&["services", "a.b", "command"]), Some(Rule::Replace)));
    assert!(matches!(merges(&["services", "a", "ulimits", "nofile"]), Some(Rule::ReplaceUnlessNull)));
    assert!(merges(&["services", "a", "ulimits"]).is_none());
    assert!(merges(&["services", "a", "image"]).is_none());
    assert!(merges(&["services"]).is_none() && merges(&["services", "a", "nothing", "command"]).is_none());
}

#[test]
fn a_list_is_entered_by_position_and_a_mapping_by_any_name() {
    let casts = |keys: &[&str]| facts(keys).is_some_and(|facts| facts.cast.is_some());
    assert!(casts(&["services", "a", "ports", "-", "target"]));
    assert!(!casts(&["services", "a", "ports", "target"]));
    assert!(casts(&["networks", "a.b", "internal"]));
}

#[test]
fn patterns_name_what_a_fact_is_about_outer_ones_first() {
    let long: Vec<String> = rules(|facts| facts.long).into_iter().map(|(pattern, _)| pattern).collect();
    let at = |pattern: &str| long.iter().position(|found| found == pattern).expect(pattern);
    assert!(at("services.*.build") < at("services.*.build.secrets.*"));
    assert!(at("services.*.env_file") < at("services.*.env_file.*"));
    assert!(at("networks.*") < long.len());
}

#[test]
fn no_attribute_has_two_rows() {
    let mut seen = BTreeSet::new();
    each(&mut |path, _| {
        assert!(seen.insert(path.to_owned()), "{path}");
        Inside::Visited
    });
}
