//! The core of aerostat: what every part agrees on, and nothing that knows a driver.
//!
//! - The **words**: [`Hostname`], [`Service`], [`Alias`], [`Kind`], [`Slot`], [`InstanceId`], [`Node`],
//!   [`Snapshot`], [`Change`], [`Census`]. They are parsed, not validated: one that exists is well formed.
//! - The **rules** of naming: pure functions in [`rules`], and [`Registrar`], which carries them out over the
//!   steps of any [`NameStore`].
//! - The **four traits** that others implement: [`NameStore`], [`CloudProvider`], [`HostsSink`], [`AuthHook`].
//! - The [`registry`], through which providers are found by name, and [`Section`], by which they read their
//!   configuration.
//! - [`MemoryStore`], the reference store, and [`Retry`], the one wrapper that repeats what may be repeated.
//!
//! This crate opens no file and no connection, and reads neither environment nor configuration. The only
//! thing it takes from the machine is the time of day, for [`MemoryStore`].

mod auth;
mod census;
mod cloud;
mod error;
mod instance;
mod memory;
mod names;
mod registrar;
pub mod registry;
mod retry;
mod root;
pub mod rules;
mod section;
mod sink;
mod slot;
mod store;
mod suggest;
mod table;
mod time;

pub use auth::{AuthHook, Login, LoginReason, LoginRequest, Secret};
pub use census::{Census, Coverage, InstanceState, Sighting};
pub use cloud::{CloudProvider, Identity};
pub use error::{Error, ErrorKind, Result};
pub use instance::{Addresses, InstanceId};
pub use memory::MemoryStore;
pub use names::{Alias, Hostname, Service};
pub use registrar::{ChangedOver, Claimed, Registrar, Vacated};
pub use registry::{Factory, ProviderCrate, Registration, Registry};
pub use retry::{Backoff, Retry};
pub use root::Root;
pub use section::{Section, read_value, unknown_key};
pub use sink::{HostsSink, Mode, Outcome, Published};
pub use slot::{Kind, Slot};
pub use store::{
    Cause, ChangeStream, Claim, Exchanged, Extent, Finding, HistoryQuery, Key, NameStore, Refreshed,
    Severity, Taken, Transfer,
};
pub use suggest::nearest;
pub use table::{Change, Entry, Event, Node, Occupant, Revision, Snapshot, Vacancy};
pub use time::Timestamp;

#[doc(hidden)]
pub mod __private {
    //! What the macros of this crate name.
    pub use inventory;
}
