//! The trait of sinks: what makes the table visible to a machine.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::table::Snapshot;

/// Whether a sink may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Make the table visible.
    Write,
    /// Change nothing; say what would happen.
    Preview,
}

/// What a sink did with a table, or in [`Mode::Preview`] would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The machine showed that table already; nothing was written.
    Unchanged,
    /// The table was made visible.
    Written,
    /// What the machine shows was kept on purpose: the table was empty although the last was not, or older
    /// than the last. A note says which.
    Kept,
}

/// The account of one [`publish`](HostsSink::publish).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What happened, or would.
    pub outcome: Outcome,
    /// Where the table is visible, such as a path.
    pub target: String,
    /// In [`Mode::Preview`] the lines that would change, each behind `-` or `+`; else empty.
    pub difference: Vec<String>,
    /// What a person should know: records that were left out, damage that was mended.
    pub warnings: Vec<String>,
}

/// Receives the table and makes it visible to the machine.
#[async_trait]
pub trait HostsSink: Send + Sync + Debug + 'static {
    /// Makes a table visible, or says that nothing changed.
    ///
    /// # Behavior
    /// - It is atomic: readers see the table before or the table after, whole, whatever crashes.
    /// - It is idempotent: the same table again is [`Outcome::Unchanged`] and writes nothing.
    /// - An empty table after one that wasn't, or a revision older than the last of the same lineage, is
    ///   [`Outcome::Kept`], with a warning that says which.
    /// - A node whose aliases equal a hostname of the table shows without those aliases.
    /// - [`Mode::Preview`] changes nothing and gives the outcome that [`Mode::Write`] would.
    /// - Calls at once, of several processes too, happen one after the other.
    /// - After an error the machine shows what it showed before.
    async fn publish(&self, table: &Snapshot, mode: Mode) -> Result<Published>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: HostsSink + ?Sized> HostsSink for Arc<T> {
    async fn publish(&self, table: &Snapshot, mode: Mode) -> Result<Published> {
        (**self).publish(table, mode).await
    }
}
