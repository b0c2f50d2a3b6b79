//! The behaviours that every store must have, of this one: bare, behind an `Arc`, and behind the wrapper that
//! retries.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use aerostat_core::registry::{Access, Patience};
use aerostat_core::{Backoff, NameStore, Retry};
use aerostat_sqlite::SqliteStore;
use aerostat_testkit::name_store::Fixture;

/// A database in a folder of its own; each handle has connections of its own.
async fn fresh_database() -> Fixture {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path: PathBuf = folder.path().join("names.db");
    Fixture::opened(move || {
        let path = path.clone();
        async move {
            SqliteStore::open(&path, Access::ReadWrite, Patience::Daemon).await.expect("a fresh database")
        }
    })
    .await
    .keeping(folder)
}

mod bare {
    aerostat_testkit::name_store_suite!(super::fresh_database());
}

mod shared {
    use super::*;

    async fn fresh_database() -> Fixture {
        super::fresh_database().await.behind(|store| -> Arc<dyn NameStore> { store })
    }

    aerostat_testkit::name_store_suite!(fresh_database());
}

mod retried {
    use super::*;

    async fn fresh_database() -> Fixture {
        super::fresh_database().await.behind(|store| Retry::new(store, Backoff::COMMAND))
    }

    aerostat_testkit::name_store_suite!(fresh_database());
}
