//! What opening makes of a path, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use aerostat_core::registry::{Access, Factory, Patience, StoreContext};
use aerostat_core::{ErrorKind, NameStore, Section, Severity};
use aerostat_sqlite::{PROVIDERS, SqliteStore};
use rusqlite::Connection;
use support::{cause, claim, files_of, open, open_read_only, slot, take_first};

/// Opens with both accesses; both must fail alike, and leave all files as they were.
async fn refused(path: &Path) -> aerostat_core::Error {
    let folder = path.parent().unwrap();
    let before = files_of(folder);
    let read_only = SqliteStore::open(path, Access::ReadOnly, Patience::Command).await.unwrap_err();
    assert!(files_of(folder) == before, "opening read-only changed the folder");
    let error = SqliteStore::open(path, Access::ReadWrite, Patience::Command).await.unwrap_err();
    assert!(files_of(folder) == before, "opening for writing changed the folder");
    assert_eq!(read_only.to_string(), error.to_string());
    assert!(error.advice().is_some(), "{error}");
    assert_eq!(error.operation(), Some("open the database"));
    error
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("short", "x".to_owned()),
        ("almost", "x".repeat(511)),
        ("page", "x".repeat(512)),
        ("long", "x\n".repeat(9000)),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let error = refused(&path).await;
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("not a SQLite database"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for mode in ["delete", "wal"] {
        let path = folder.path().join(mode);
        let other = Connection::open(&path).unwrap();
        other.pragma_update(None, "journal_mode", mode).unwrap();
        other.execute_batch("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('x')").unwrap();
        drop(other);
        let error = refused(&path).await;
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("another program"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_that_uses_it_is_left_alone_log_and_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("songs.db");
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "journal_mode", "wal").unwrap();
    other.execute_batch("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('x')").unwrap();
    // As after a crash: a copy with a log that was never brought into the file.
    let crashed = tempfile::tempdir().unwrap();
    for (name, content) in files_of(folder.path()) {
        if !name.ends_with("-shm") {
            std::fs::write(crashed.path().join(name), content).unwrap();
        }
    }
    let path = crashed.path().join("songs.db");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let error = SqliteStore::open(&path, access, Patience::Command).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        for name in ["songs.db", "songs.db-wal"] {
            let same = std::fs::read(crashed.path().join(name)).unwrap()
                == std::fs::read(folder.path().join(name)).unwrap();
            assert!(same, "{name} changed");
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_aerostat_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    take_first(&open(&path).await).await;
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 2).unwrap();
    drop(newer);
    let error = refused(&path).await;
    assert_eq!(error.kind(), ErrorKind::TooNew);
    assert!(error.message().contains("version 2, known is 1"), "{error}");
}

#[tokio::test]
async fn an_empty_file_becomes_a_database_and_reads_as_an_empty_table_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    std::fs::write(&path, "").unwrap();
    assert!(open_read_only(&path).await.snapshot().await.unwrap().entries.is_empty());
    assert_eq!(files_of(folder.path()), [("names.db".to_owned(), Vec::new())]);
    take_first(&open(&path).await).await;
    assert_eq!(open_read_only(&path).await.snapshot().await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_missing_database_reads_as_an_empty_table_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let store = open_read_only(&path).await;
    assert!(store.snapshot().await.unwrap().entries.is_empty());
    assert!(store.extent(slot("web", 0).service()).await.unwrap().is_none());
    assert!(store.history(&Default::default()).await.unwrap().is_empty());
    assert!(store.check().await.unwrap().iter().all(|finding| finding.severity == Severity::Fine));
    let revision = store.revision().await.unwrap();
    assert_eq!(files_of(folder.path()), []);

    let writer = open(&path).await;
    take_first(&writer).await;
    assert_eq!(store.snapshot().await.unwrap().entries, writer.snapshot().await.unwrap().entries);
    let mut changes = store.changes(revision);
    let error = futures::StreamExt::next(&mut changes).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
}

#[tokio::test]
async fn reading_leaves_no_trace_in_the_folder_of_a_database_at_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b?c%41#.db");
    take_first(&open(&path).await).await;
    let before = files_of(folder.path());
    assert_eq!(before.len(), 1, "the log is gone when nobody uses the database");
    let store = open_read_only(&path).await;
    assert_eq!(store.snapshot().await.unwrap().entries.len(), 1);
    assert!(files_of(folder.path()) == before);
}

#[tokio::test]
async fn a_reader_sees_what_a_writer_that_is_still_there_has_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let reader = open_read_only(&path).await;
    let writer = open(&path).await;
    for number in 0..5 {
        let taken =
            writer.take(&claim("web", &format!("i-{number}")), &[slot("web", number)], &cause()).await;
        taken.unwrap();
        assert_eq!(reader.snapshot().await.unwrap().entries.len(), number as usize + 1);
    }
}

#[tokio::test]
async fn a_store_that_was_opened_read_only_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    take_first(&open(&path).await).await;
    let store = open_read_only(&path).await;
    let error = store.take(&claim("web", "i-1"), &[slot("web", 1)], &cause()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.message().contains("read-only"), "{error}");
}

#[tokio::test]
async fn a_database_that_another_process_keeps_locked_is_unavailable_after_the_patience_of_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let store = open(&path).await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let error = store.take(&claim("web", "i-0"), &[slot("web", 0)], &cause()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(error.message().contains("locked by another process"), "{error}");
    assert!(start.elapsed() >= Duration::from_secs(5));
    // Reading waits for nobody, and the step did not happen.
    assert!(store.snapshot().await.unwrap().entries.is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    take_first(&store).await;
}

#[tokio::test]
async fn a_path_that_means_something_to_sqlite_is_a_file_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x.db?mode=memory"] {
        let path = folder.path().join(name);
        take_first(&open(&path).await).await;
        assert!(path.is_file(), "{name}");
        assert_eq!(open(&path).await.snapshot().await.unwrap().entries.len(), 1);
    }
}

#[tokio::test]
async fn a_link_to_a_database_is_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    std::os::unix::fs::symlink(elsewhere.path().join("real.db"), &path).unwrap();
    let writer = open(&path).await;
    take_first(&writer).await;
    // The log lies beside the file itself, so that a reader through the link must look there.
    assert_eq!(open_read_only(&path).await.snapshot().await.unwrap().entries.len(), 1);
    assert_eq!(files_of(elsewhere.path()).len(), 3);
}

#[tokio::test]
async fn a_database_that_was_replaced_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let store = open(&path).await;
    take_first(&store).await;
    let old = store.revision().await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
    }
    take_first(&store).await;
    assert_ne!(store.revision().await.unwrap().lineage, old.lineage);
    assert_eq!(open(&path).await.snapshot().await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn the_factory_reads_its_section_and_the_uri() {
    let Factory::Store(factory) = PROVIDERS.providers[0].factory else { panic!("not a store") };
    assert_eq!(factory.schemes(), ["sqlite"]);
    let folder = tempfile::tempdir().unwrap();
    let context = |uri: String, section| StoreContext {
        uri,
        section: Section::new("sqlite", section).unwrap(),
        access: Access::ReadWrite,
        patience: Patience::Command,
        auth: None,
    };
    let uri = format!("sqlite:{}/names.db", folder.path().display());
    let store = factory.open(context(uri.clone(), serde_json::json!({"history_limit": 2}))).await.unwrap();
    for number in 0..4 {
        let fresh = [slot("web", number)];
        store.take(&claim("web", &format!("i-{number}")), &fresh, &cause()).await.unwrap();
    }
    let kept = store.history(&Default::default()).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|event| event.hostname.as_str()).collect();
    assert_eq!(kept, ["web-2", "web-3"]);

    let error = factory.open(context(uri, serde_json::json!({"histroy_limit": 2}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let error = factory.open(context("sqlite:".into(), serde_json::json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
