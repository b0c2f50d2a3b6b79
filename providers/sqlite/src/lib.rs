//! SQLite as a store of aerostat: the embedded default.
//!
//! The URI is `sqlite:PATH`, the path as it is written: relative to the working directory, or absolute.
//! `sqlite:///ABSOLUTE/PATH` is understood too. The section of the configuration is [`sqlite`](Config).
//!
//! # What it promises
//! - Many processes of one machine use one database at once: a write-ahead log, and every step that changes
//!   something is one immediate transaction. Who has to wait for another, waits for 5 seconds as a command and
//!   30 as a daemon, then gets an [`Unavailable`](aerostat_core::ErrorKind::Unavailable) that may be repeated.
//! - A step that has answered is on the disk (`synchronous = FULL`). One that was cut by `kill -9`, a crash or
//!   a full disk has not happened, or has happened in full.
//! - What must be unique is so by indexes of the database. A common claim is answered through indexes alone,
//!   however many slots there are.
//! - A file that is not a database of aerostat is never changed.
//! - Opened read-only, it makes no file, not even SQLite's own `-wal` and `-shm`, and works on a read-only file
//!   system and on a database of another user.
//!
//! It does not work on a network file system, where the processes share no memory; `aerostat doctor` warns of
//! it. The time of the table is this machine's.
//!
//! # Where things are
//! `place` is what the file system says about the path, `schema` the tables, `connection` how the database is
//! opened and waited for, `rows` rows as entries, `steps` what changes, `reads` what only looks, `check` the
//! doctor's part, `error` the one place where errors of SQLite get their meaning, `store` the trait over all
//! of them.

mod check;
mod config;
mod connection;
mod error;
mod place;
mod reads;
mod rows;
mod schema;
mod steps;
mod store;

use std::sync::Arc;

use aerostat_core::registry::{Factory, ProviderCrate, Registration, StoreContext, StoreFactory};
use aerostat_core::{NameStore, Result};
use async_trait::async_trait;

pub use config::Config;
pub use store::SqliteStore;

/// What this crate offers.
pub static PROVIDERS: ProviderCrate = ProviderCrate {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    providers: &[Registration {
        name: "sqlite",
        summary: "a table in a file, for many processes of one machine",
        factory: Factory::Store(&SqliteFactory),
    }],
};
aerostat_core::submit_providers!(PROVIDERS);

#[derive(Debug)]
struct SqliteFactory;

#[async_trait]
impl StoreFactory for SqliteFactory {
    fn schemes(&self) -> &'static [&'static str] {
        &["sqlite"]
    }

    async fn open(&self, context: StoreContext) -> Result<Arc<dyn NameStore>> {
        let config: Config = context.section.read()?;
        let path = config::path_of(&context)?;
        let store = SqliteStore::open_with(&path, context.access, context.patience, &config).await?;
        Ok(Arc::new(store))
    }
}
