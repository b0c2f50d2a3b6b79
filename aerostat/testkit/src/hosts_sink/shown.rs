//! A table becomes visible, once.

use aerostat_core::{Addresses, Outcome, Revision, Snapshot};

use super::Fixture;
use super::tables::{LINEAGE, expected, lines, node, node_at, publish, table, usual, vacancy, written};
use crate::samples::{db, web};

/// A line an address, with the hostname and the aliases; vacancies and nodes without an address have none.
pub async fn every_address_of_every_node_is_shown_with_its_names(fixture: &Fixture) {
    let mut table = usual(1);
    table.entries.push(node_at(web(11), Addresses::default(), &["nowhere"]));
    written(fixture.sink(), &table).await;
    let shown = lines(&**fixture.machine());
    assert_eq!(shown, expected(&table));
    assert_eq!(shown.len(), 5, "{shown:#?}");
}

/// What a later table has no more is gone, what moved has moved.
pub async fn a_later_table_replaces_the_one_before(fixture: &Fixture) {
    written(fixture.sink(), &usual(1)).await;
    let later = table(2, vec![node(db(0), &["www"]), vacancy(db(1)), node(web(0), &[]), vacancy(web(2))]);
    written(fixture.sink(), &later).await;
    assert_eq!(lines(&**fixture.machine()), expected(&later));
    written(&*fixture.another().await, &usual(3)).await;
    assert_eq!(lines(&**fixture.machine()), expected(&usual(3)));
}

/// The same table again is [`Outcome::Unchanged`] and writes nothing.
pub async fn the_same_table_again_is_unchanged_and_writes_nothing(fixture: &Fixture) {
    written(fixture.sink(), &usual(1)).await;
    let before = fixture.machine().fingerprint();
    for _ in 0..2 {
        let published = publish(fixture.sink(), &usual(1)).await;
        assert_eq!(published.outcome, Outcome::Unchanged, "{published:#?}");
        assert_eq!(fixture.machine().fingerprint(), before, "something was written");
    }
}

/// So it is if another process, or this one before a restart, made it visible.
pub async fn the_same_table_from_another_process_is_unchanged_and_writes_nothing(fixture: &Fixture) {
    written(fixture.sink(), &usual(1)).await;
    let before = fixture.machine().fingerprint();
    let published = publish(&*fixture.another().await, &usual(1)).await;
    assert_eq!(published.outcome, Outcome::Unchanged, "{published:#?}");
    assert_eq!(fixture.machine().fingerprint(), before, "something was written");
}

/// Revisions of two lineages don't compare: the table of a database that was made anew is shown.
pub async fn a_table_of_another_lineage_is_shown_whatever_its_number(fixture: &Fixture) {
    written(fixture.sink(), &usual(9)).await;
    let rows = table(1, vec![node(web(0), &[])]).entries;
    let anew = Snapshot { revision: Revision { lineage: !LINEAGE, number: 1 }, entries: rows, ..usual(1) };
    written(fixture.sink(), &anew).await;
    assert_eq!(lines(&**fixture.machine()), expected(&anew));
}

/// A node whose aliases equal a hostname of the table, held or vacant, shows without those aliases.
pub async fn aliases_that_equal_a_hostname_are_left_out(fixture: &Fixture) {
    let rows = |aliases: &[&str]| vec![node(db(0), aliases), node(web(0), &[]), vacancy(web(1))];
    written(fixture.sink(), &table(1, rows(&["good", "web-0", "web-1", "fine"]))).await;
    assert_eq!(lines(&**fixture.machine()), expected(&table(1, rows(&["good", "fine"]))));
}

/// A large table is shown whole.
pub async fn a_large_table_is_shown_whole(fixture: &Fixture) {
    let large = table(1, (0..3000).map(|number| node(web(number), &[&format!("alias-{number}")])).collect());
    written(fixture.sink(), &large).await;
    assert_eq!(lines(&**fixture.machine()), expected(&large));
}
