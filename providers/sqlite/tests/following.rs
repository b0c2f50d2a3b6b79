//! Following the table across connections.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use aerostat_core::{Alias, ErrorKind, NameStore, Refreshed, Registrar, Revision};
use futures::StreamExt;
use rusqlite::Connection;
use std::sync::Arc;
use support::{cause, claim, occupant, open, open_read_only, slot, take_first};

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn steps_of_another_connection_arrive_in_order_and_bring_a_snapshot_to_the_present() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let writer = open(&path).await;
    take_first(&writer).await;
    for follower in [open(&path).await, open_read_only(&path).await] {
        let mut table = follower.snapshot().await.unwrap();
        let mut changes = follower.changes(table.revision);
        let registrar = Registrar::new(Arc::new(writer.clone()), "test");
        for number in 1..20 {
            registrar.claim(claim("web", &format!("i-{number}"))).await.unwrap();
        }
        let node = registrar.node_of(&occupant("i-7", &[]).instance).await.unwrap();
        let named = writer.refresh(&node.slot, &occupant("i-7", &["www"]), &cause()).await.unwrap();
        assert!(matches!(named, Refreshed::Node(_)));
        registrar.vacate(&node.slot, node.instance(), "").await.unwrap();
        let present = writer.snapshot().await.unwrap();
        while table.revision != present.revision {
            let change = tokio::time::timeout(DEADLINE, changes.next()).await.unwrap().unwrap().unwrap();
            assert!(change.revision > table.revision);
            table.apply(change);
        }
        assert_eq!(table.entries, present.entries);
        registrar.claim(claim("web", "i-7")).await.unwrap();
    }
}

#[tokio::test]
async fn a_revision_that_the_table_never_had_is_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("names.db")).await;
    take_first(&store).await;
    let now = store.revision().await.unwrap();
    for never in [
        Revision { lineage: now.lineage ^ 1, ..now },
        // An older copy of the database was put back.
        Revision { number: now.number + 1, ..now },
    ] {
        let mut changes = store.changes(never);
        assert_eq!(changes.next().await.unwrap().unwrap_err().kind(), ErrorKind::Expired);
        assert!(changes.next().await.is_none());
    }
}

#[tokio::test]
async fn rows_that_somebody_broke_are_left_out_and_reported_and_stop_no_claim() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let store = open(&path).await;
    let registrar = Registrar::new(Arc::new(store.clone()), "test");
    for number in 0..6 {
        registrar.claim(claim("web", &format!("i-{number}"))).await.unwrap();
    }
    assert_eq!(problems(&store).await, [""; 0]);
    let edit = Connection::open(&path).unwrap();
    edit.execute_batch(
        "UPDATE slot SET hostname = 'WEB_1', instance_id = NULL, since = NULL WHERE number = 1;
         UPDATE slot SET instance_id = NULL, since = NULL WHERE number = 3;
         INSERT INTO alias VALUES ('web-2', 1, 0);
         DELETE FROM slot WHERE number = 4;",
    )
    .unwrap();
    let snapshot = store.snapshot().await.unwrap();
    let numbers: Vec<_> = snapshot.entries.iter().map(|entry| entry.slot().number()).collect();
    assert_eq!(numbers, [0, 2, 3, 5]);
    let problems = problems(&store).await;
    for expected in ["WEB_1", "alias web-2", "row of web-4 is missing"] {
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
    }
    assert_eq!(problems.len(), 3, "{problems:?}");
    let claimed = registrar.claim(claim("web", "i-9")).await.unwrap();
    assert_eq!(claimed.node.slot, slot("web", 3));
    assert_eq!(Alias::parse("web-2").unwrap(), snapshot.nodes().next().unwrap().occupant.aliases[0]);
}

#[tokio::test]
async fn a_damaged_database_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let registrar = Registrar::new(Arc::new(open(&path).await), "test");
    for number in 0..100 {
        registrar.claim(claim("web", &format!("i-{number}"))).await.unwrap();
    }
    drop(registrar);
    let edit = Connection::open(&path).unwrap();
    // An index that lacks a row, as after a write that a disk lost.
    edit.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX slot_changed ON slot (revision) WHERE revision > 90'
         WHERE name = 'slot_changed';
         PRAGMA writable_schema = RESET;
         REINDEX slot_changed;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX slot_changed ON slot (revision)'
         WHERE name = 'slot_changed';",
    )
    .unwrap();
    drop(edit);
    let problems = problems(&open_read_only(&path).await).await;
    assert!(problems.iter().any(|problem| problem.contains("the database is damaged")), "{problems:?}");
}

async fn problems(store: &impl NameStore) -> Vec<String> {
    let findings = store.check().await.unwrap();
    findings
        .into_iter()
        .filter(|finding| finding.severity == aerostat_core::Severity::Problem)
        .map(|finding| finding.message)
        .collect()
}
