//! A behaviour that no macro names would be tested by nobody.

#![expect(clippy::unwrap_used, reason = "the functions here are of tests alone")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The public behaviours of a suite, and those that its macro names.
fn written_and_named(suite: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(suite);
    let mut written = BTreeSet::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
        let names = names.filter(|rest| rest.ends_with("(fixture: &Fixture) {"));
        written.extend(names.filter_map(|rest| rest.split_once('(')).map(|(name, _)| name.to_owned()));
    }
    let text = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let (_, list) = text.split_once("$crate::__each_behaviour!").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let named = list.lines().map(|line| line.trim().trim_end_matches(';'));
    let named =
        named.filter(|name| name.len() > 1 && name.chars().all(|c| c == '_' || c.is_ascii_lowercase()));
    (written, named.map(str::to_owned).collect())
}

#[test]
fn of_stores() {
    let (written, named) = written_and_named("name_store");
    assert_eq!(written, named);
    assert!(written.len() > 70, "{written:?}");
}

#[test]
fn of_sinks() {
    let (written, named) = written_and_named("hosts_sink");
    assert_eq!(written, named);
    assert!(written.len() > 15, "{written:?}");
}
