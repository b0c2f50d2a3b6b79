//! What the machine shows is kept on purpose when a table can't be right.

use aerostat_core::{HostsSink, Outcome, Revision, Snapshot};

use super::Fixture;
use super::tables::{LINEAGE, expected, lines, node, publish, table, usual, written};
use crate::samples::web;

/// Publishes a table in vain, and sees that the machine shows what it showed, with a warning.
async fn kept(fixture: &Fixture, sink: &dyn HostsSink, table: &Snapshot) {
    let before = lines(&**fixture.machine());
    let published = publish(sink, table).await;
    assert_eq!(published.outcome, Outcome::Kept, "{published:#?}");
    assert!(!published.warnings.is_empty(), "a warning says why");
    assert_eq!(lines(&**fixture.machine()), before);
}

/// An empty table after one that wasn't is [`Outcome::Kept`], of whatever revision or lineage.
pub async fn an_empty_table_after_another_keeps_what_is_shown(fixture: &Fixture) {
    written(fixture.sink(), &usual(5)).await;
    let another = fixture.another().await;
    let anew = Snapshot { revision: Revision { lineage: !LINEAGE, number: 0 }, ..table(0, vec![]) };
    for empty in [table(6, vec![]), table(5, vec![]), anew] {
        kept(fixture, fixture.sink(), &empty).await;
        kept(fixture, &*another, &empty).await;
    }
    assert_eq!(lines(&**fixture.machine()), expected(&usual(5)));
}

/// An empty table before any other is nothing to be warned of.
pub async fn an_empty_first_table_is_no_reason_to_keep(fixture: &Fixture) {
    for number in [0, 1] {
        let published = publish(fixture.sink(), &table(number, vec![])).await;
        assert_ne!(published.outcome, Outcome::Kept, "{published:#?}");
        assert_eq!(fixture.machine().lines(), [""; 0]);
    }
    written(fixture.sink(), &usual(2)).await;
    assert_eq!(lines(&**fixture.machine()), expected(&usual(2)));
}

/// A revision older than the last of the same lineage is [`Outcome::Kept`].
pub async fn an_older_revision_keeps_what_is_shown(fixture: &Fixture) {
    written(fixture.sink(), &usual(5)).await;
    for number in [4, 1, 0] {
        kept(fixture, fixture.sink(), &table(number, vec![node(web(0), &[])])).await;
    }
    assert_eq!(lines(&**fixture.machine()), expected(&usual(5)));
}

/// So it is if another process, or this one before a restart, published the last.
pub async fn an_older_revision_from_another_process_keeps_what_is_shown(fixture: &Fixture) {
    written(fixture.sink(), &usual(5)).await;
    kept(fixture, &*fixture.another().await, &table(4, vec![node(web(0), &[])])).await;
}

/// After a table that was not shown, a good one is.
pub async fn what_was_kept_does_not_hinder_the_next_table(fixture: &Fixture) {
    written(fixture.sink(), &usual(5)).await;
    kept(fixture, fixture.sink(), &table(9, vec![])).await;
    kept(fixture, fixture.sink(), &table(4, vec![node(web(0), &[])])).await;
    let next = table(10, vec![node(web(0), &[])]);
    written(fixture.sink(), &next).await;
    assert_eq!(lines(&**fixture.machine()), expected(&next));
}
