//! The store: steps and reads on connections that are kept, off the threads of the runtime.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aerostat_core::registry::{Access, Patience};
use aerostat_core::{
    Cause, Change, ChangeStream, Claim, Entry, Error, ErrorKind, Event, Exchanged, Extent, Finding,
    HistoryQuery, Key, NameStore, Occupant, Refreshed, Result, Revision, Service, Slot, Snapshot, Taken,
    Timestamp, Transfer,
};
use async_trait::async_trait;
use futures::StreamExt;
use rusqlite::{Transaction, TransactionBehavior};
use tokio::sync::Mutex;

use crate::config::Config;
use crate::connection::{Kept, Place, Purpose, read_only};
use crate::error::{Failure, Work};
use crate::{check, reads, rows, steps};

/// How often a follower looks whether the revision grew: one row, read by its key.
const POLL: Duration = Duration::from_millis(200);

/// A table in a file. Clones share their connections.
///
/// Its methods must be called within a tokio runtime. A future that is dropped while it waits for its turn
/// does nothing; later, the work goes on without it, and is done in full.
#[derive(Clone)]
pub struct SqliteStore {
    place: Place,
    history_limit: u32,
    writer: Shared,
    reader: Shared,
}

/// One connection for all that change something, because SQLite has one writer at a time: within the process
/// they queue here in order, instead of polling for the lock. Another one for all that read, so that neither a
/// long snapshot holds up a claim nor a claim that waits for another process a look-up.
///
/// An asynchronous lock: it is held while the work runs on a blocking thread, and who waits for it needs no
/// thread. `None` until first used, and after an error.
type Shared = Arc<Mutex<Option<Kept>>>;

impl SqliteStore {
    /// Opens a database, and makes it if it isn't there and `access` allows it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the path can't be that of a database, or another program's database is there;
    /// [`ErrorKind::Corrupt`] if it is no database; [`ErrorKind::TooNew`] if a newer aerostat made it;
    /// [`ErrorKind::PermissionDenied`]; [`ErrorKind::Unavailable`] if another process holds it locked for too
    /// long; [`ErrorKind::Io`] if the disk is full or broken. In all these cases nothing was changed.
    pub async fn open(path: &Path, access: Access, patience: Patience) -> Result<Self> {
        Self::open_with(path, access, patience, &Config::default()).await
    }

    /// Opens a database as [`open`](Self::open) does, with a configuration of its own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(path: &Path, access: Access, patience: Patience, config: &Config) -> Result<Self> {
        let store = Self {
            place: Place::new(path, access, patience)?,
            history_limit: config.history_limit.get(),
            writer: Shared::default(),
            reader: Shared::default(),
        };
        const OPEN: &str = "open the database";
        match access {
            Access::ReadOnly => store.read(OPEN, |_| Ok(())).await?,
            Access::ReadWrite => {
                store.on(OPEN, store.writer.clone(), Purpose::Write, |_| Ok(())).await?;
            }
        }
        Ok(store)
    }

    /// Changes something: one immediate transaction, so that it never has to be undone because another writer
    /// got between its reads and its writes.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        step: impl Fn(&Transaction<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        if self.place.access == Access::ReadOnly {
            return Err(Error::new(ErrorKind::PermissionDenied, "the store was opened read-only")
                .during(operation)
                .with("path", self.place.path.display()));
        }
        self.on(operation, self.writer.clone(), Purpose::Write, move |kept| {
            let tx = kept.connection().transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = step(&tx)?;
            tx.commit()?;
            Ok(done)
        })
        .await
    }

    /// Reads at one moment. `look` gets `None` if there is no table yet.
    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        look: impl Fn(Option<&Transaction<'_>>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        if self.place.access == Access::ReadWrite {
            return self
                .on(operation, self.reader.clone(), Purpose::Read, move |kept| {
                    look(Some(&kept.connection().transaction()?))
                })
                .await;
        }
        let place = self.place.clone();
        blocking(operation, move || {
            read_only(&place, |connection| match connection {
                Some(connection) => look(Some(&connection.transaction()?)),
                None => look(None),
            })
            .map_err(|failure| failure.into_error(&place.path))
        })
        .await
    }

    /// Works on a kept connection, when its turn has come.
    async fn on<T: Send + 'static>(
        &self,
        operation: &'static str,
        shared: Shared,
        purpose: Purpose,
        work: impl Fn(&mut Kept) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place.clone();
        let mut kept = shared.lock_owned().await;
        blocking(operation, move || {
            place
                .patiently(|| {
                    if kept.as_ref().is_none_or(|kept| kept.is_stale(&place.path)) {
                        // Closed before it is opened anew.
                        *kept = None;
                    }
                    let kept = match &mut *kept {
                        Some(kept) => kept,
                        empty => empty.insert(Kept::open(&place, purpose)?),
                    };
                    work(kept)
                })
                .map_err(|failure| {
                    if matches!(failure, Failure::Driver(_)) && !failure.is_busy() {
                        *kept = None;
                    }
                    failure.into_error(&place.path)
                })
        })
        .await
    }
}

/// Runs work on a thread that may block. The work is done in full even if the future is dropped.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.during(operation)),
        Err(error) if error.is_cancelled() => {
            Err(Error::new(ErrorKind::Unavailable, "the program is ending").during(operation))
        }
        Err(error) => Err(Error::new(ErrorKind::Internal, "the work on the database panicked")
            .during(operation)
            .because(error)),
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("place", &self.place).finish_non_exhaustive()
    }
}

#[async_trait]
impl NameStore for SqliteStore {
    async fn take(&self, claim: &Claim, fresh: &[Slot], cause: &Cause) -> Result<Taken> {
        let (claim, fresh, cause, limit) = (claim.clone(), fresh.to_vec(), cause.clone(), self.history_limit);
        self.write("take a slot", move |tx| steps::take(tx, &claim, &fresh, &cause, limit)).await
    }

    async fn exchange(&self, transfers: &[Transfer], cause: &Cause) -> Result<Exchanged> {
        let (transfers, cause, limit) = (transfers.to_vec(), cause.clone(), self.history_limit);
        self.write("exchange slots", move |tx| steps::exchange(tx, &transfers, &cause, limit)).await
    }

    async fn refresh(&self, slot: &Slot, occupant: &Occupant, cause: &Cause) -> Result<Refreshed> {
        let (slot, occupant, cause) = (slot.clone(), occupant.clone(), cause.clone());
        self.write("refresh a node", move |tx| steps::refresh(tx, &slot, &occupant, &cause)).await
    }

    async fn find(&self, key: &Key) -> Result<Option<Entry>> {
        let key = key.clone();
        self.read("find a row", move |tx| {
            let Some(tx) = tx else { return Ok(None) };
            Ok(rows::by_key(tx, &key)?.map(|found| found.entry))
        })
        .await
    }

    async fn extent(&self, service: &Service) -> Result<Option<Extent>> {
        let service = service.clone();
        self.read("see how far a service reaches", move |tx| match tx {
            Some(tx) => reads::extent(tx, &service),
            None => Ok(None),
        })
        .await
    }

    async fn revision(&self) -> Result<Revision> {
        self.read("read the revision", |tx| tx.map_or(Ok(reads::NOTHING), reads::revision)).await
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        self.read("read the table", |tx| match tx {
            Some(tx) => reads::snapshot(tx),
            None => {
                Ok(Snapshot { revision: reads::NOTHING, taken_at: Timestamp::now(), entries: Vec::new() })
            }
        })
        .await
    }

    fn changes(&self, since: Revision) -> ChangeStream {
        // Nothing runs between two looks, so that a dropped stream leaves nothing behind.
        let following = futures::stream::unfold((self.clone(), Some(since)), |(store, since)| async move {
            match store.next_change(since?).await {
                Ok(change) => {
                    let seen = change.revision;
                    Some((Ok(change), (store, Some(seen))))
                }
                Err(error) => Some((Err(error), (store, None))),
            }
        });
        following.boxed()
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Event>> {
        let query = query.clone();
        self.read("read the account of what happened", move |tx| match tx {
            Some(tx) => reads::history(tx, &query),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        let path = self.place.path.clone();
        self.read("check the database", move |tx| match tx {
            Some(tx) => check::database(tx, &path),
            None => Ok(check::nothing_yet(&path)),
        })
        .await
    }
}

impl SqliteStore {
    /// Waits for the next change after a revision.
    async fn next_change(&self, since: Revision) -> Result<Change> {
        loop {
            let change = self
                .read("follow the changes", move |tx| match tx {
                    Some(tx) => reads::change(tx, since),
                    None => Ok(reads::see_that_it_was_ours(reads::NOTHING, since).map(|()| None)?),
                })
                .await?;
            match change {
                Some(change) => return Ok(change),
                None => tokio::time::sleep(POLL).await,
            }
        }
    }
}
