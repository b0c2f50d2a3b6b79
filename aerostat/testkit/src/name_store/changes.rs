//! [`NameStore::changes`]: the way from a revision to every later one.

use std::time::Duration;

use aerostat_core::{Change, ChangeStream, Entry, ErrorKind, NameStore, Revision, Snapshot};
use futures::StreamExt;

use super::Fixture;
use super::steps::{assert_rows, exchange, revision, seat, seat_each, table, transfer, vacate};
use crate::promises;
use crate::samples::{cause, claim, db, occupant, occupant_with, slots, web};

/// The next change, which must come; a store may poll, but not for ever.
async fn next(changes: &mut ChangeStream) -> Change {
    const DEADLINE: Duration = Duration::from_secs(60);
    let next = tokio::time::timeout(DEADLINE, changes.next()).await.expect("a change within a minute");
    next.expect("the stream goes on").expect("a change")
}

/// Follows the changes until that revision, applying them to the table.
async fn follow(changes: &mut ChangeStream, table: &mut Snapshot, until: Revision) {
    while table.revision != until {
        let change = next(changes).await;
        assert!(change.revision > table.revision, "{} after {}", change.revision, table.revision);
        assert!(change.revision <= until, "{} was never made", change.revision);
        let slots: Vec<_> = change.entries.iter().map(Entry::slot).collect();
        assert!(slots.is_sorted(), "the entries of a change are sorted: {slots:?}");
        table.apply(change);
        promises::assert_kept(table);
    }
}

/// Makes one step of each kind, and gives the table before and after each.
async fn tables_of_many_steps(store: &dyn NameStore) -> Vec<Snapshot> {
    let mut tables = vec![table(store).await];
    store.take(&claim(&db(0), occupant("a")), &slots(db, 0..3), &cause()).await.expect("a take");
    tables.push(table(store).await);
    seat(store, &db(1), occupant_with("b", &["www"])).await;
    tables.push(table(store).await);
    seat(store, &web(0), occupant("c")).await;
    tables.push(table(store).await);
    exchange(store, &[transfer(&db(0), "a", "b"), transfer(&db(1), "b", "a")]).await;
    tables.push(table(store).await);
    store.refresh(&db(0), &occupant_with("b", &["other"]), &cause()).await.expect("a refresh");
    tables.push(table(store).await);
    vacate(store, &web(0), "c").await;
    tables.push(table(store).await);
    seat(store, &web(0), occupant("d")).await;
    tables.push(table(store).await);
    tables
}

/// Applied in order to the snapshot of `since`, the changes give every later table, from every `since`.
pub async fn changes_lead_from_every_revision_to_every_later_table(fixture: &Fixture) {
    let store = fixture.store();
    let tables = tables_of_many_steps(store).await;
    let last = tables.last().expect("tables");
    for handle in [store.clone(), fixture.another().await] {
        for (index, start) in tables.iter().enumerate() {
            let mut table = start.clone();
            let mut changes = handle.changes(start.revision);
            while table.revision != last.revision {
                let change = next(&mut changes).await;
                assert!(change.revision > table.revision, "{} after {}", change.revision, table.revision);
                table.apply(change);
                let recorded = tables.iter().find(|known| known.revision == table.revision);
                let recorded = recorded.expect("a revision that a step made");
                assert_eq!(table.entries, recorded.entries, "from table {index} to {}", table.revision);
            }
        }
    }
}

/// A stream that was opened before the steps sees them, also those of other handles.
pub async fn changes_are_seen_as_they_happen(fixture: &Fixture) {
    let (store, other) = (fixture.store(), fixture.another().await);
    let mut seen = table(store).await;
    let mut changes = store.changes(seen.revision);
    for number in 0..4 {
        let writer = if number % 2 == 0 { store } else { &other };
        seat(writer, &web(number), occupant(&format!("i-{number}"))).await;
        let now = table(writer).await;
        follow(&mut changes, &mut seen, now.revision).await;
        assert_eq!(seen.entries, now.entries);
    }
}

/// What led to `since` is not told again.
pub async fn changes_start_behind_the_revision_that_was_asked_for(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..3)).await;
    let since = revision(store).await;
    vacate(store, &web(1), "i-1").await;
    let change = next(&mut store.changes(since)).await;
    let changed: Vec<_> = change.entries.iter().map(|entry| entry.slot().clone()).collect();
    assert_eq!((change.revision, changed), (revision(store).await, vec![web(1)]));
}

/// Whoever follows while slots change hands never sees an instance twice, or not at all.
pub async fn a_change_never_shows_part_of_a_step(fixture: &Fixture) {
    const SWAPS: u64 = 40;
    let store = fixture.store();
    seat_each(store, &slots(db, 0..3)).await;
    let mut seen = table(store).await;
    let until = Revision { number: seen.revision.number + SWAPS, ..seen.revision };
    let mut changes = store.changes(seen.revision);
    let swapping = async {
        for turn in 0..SWAPS {
            let [master, slave] = if turn % 2 == 0 { ["i-0", "i-1"] } else { ["i-1", "i-0"] };
            exchange(store, &[transfer(&db(0), master, slave), transfer(&db(1), slave, master)]).await;
        }
    };
    let following = async {
        while seen.revision != until {
            let change = next(&mut changes).await;
            seen.apply(change);
            promises::assert_kept(&seen);
            assert_eq!(seen.nodes().count(), 3, "{seen:#?}");
        }
    };
    tokio::join!(swapping, following);
    assert_rows(&seen, &["db-master i-0", "db-slave-1 i-1", "db-slave-2 i-2"]);
}

/// A revision of another lineage gives [`ErrorKind::Expired`], and the stream ends.
pub async fn another_lineage_is_expired_and_ends(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant("a")).await;
    let ours = revision(store).await;
    for number in [0, ours.number, ours.number + 1] {
        let mut changes = store.changes(Revision { lineage: !ours.lineage, number });
        let error = changes.next().await.expect("an answer").expect_err("it is of another table");
        assert_eq!(error.kind(), ErrorKind::Expired, "{error}");
        assert!(!error.is_retryable(), "a retry can't help: {error}");
        assert!(changes.next().await.is_none(), "the stream ends");
    }
}
