//! The conformance suites that every provider of aerostat passes, for crates of any repository.
//!
//! Each item of the *Behavior* lists in [`aerostat_core`] is a function here that panics when a provider breaks
//! it. A macro makes a test of each, named after the behaviour:
//!
//! | macro | tests |
//! |---|---|
//! | [`name_store_suite!`] | a [`NameStore`](aerostat_core::NameStore): its steps and reads, races, lost answers, actors halted half-way |
//! | [`name_store_properties!`] | a `NameStore` against a model of the naming rules, over random operations |
//! | [`hosts_sink_suite!`] | a [`HostsSink`](aerostat_core::HostsSink) |
//!
//! # Use
//!
//! Add this crate to the `dev-dependencies` of yours; it brings its own runtime. Say how a fresh store is
//! opened, and what keeps its place alive, in `tests/conformance.rs`:
//!
//! ```
//! use aerostat_core::MemoryStore;
//! use aerostat_testkit::name_store::Fixture;
//!
//! # struct TempDir;
//! # impl TempDir { fn new() -> Self { TempDir } fn path(&self) -> String { String::new() } }
//! # async fn open_store(_: String) -> MemoryStore { MemoryStore::new() }
//! async fn fresh_store() -> Fixture {
//!     let folder = TempDir::new();
//!     let path = folder.path();
//!     // Called for every handle: each has connections and caches of its own, on one table.
//!     Fixture::opened(move || open_store(path.clone())).await.keeping(folder)
//! }
//!
//! aerostat_testkit::name_store_suite!(fresh_store());
//! aerostat_testkit::name_store_properties!(fresh_store(), cases: 64);
//! # fn main() {}
//! ```
//!
//! The names of the tests are those of the functions, so that one behaviour is run alone by its name:
//! `cargo test the_vacancy_with_the_lowest_number`. It may as well be called:
//!
//! ```
//! use aerostat_core::MemoryStore;
//! use aerostat_testkit::name_store::{Fixture, races, take};
//!
//! aerostat_testkit::run(async {
//!     let fixture = Fixture::new(MemoryStore::new());
//!     take::the_vacancy_with_the_lowest_number_is_taken_and_nothing_is_opened(&fixture).await;
//!
//!     let fixture = Fixture::new(MemoryStore::new());
//!     races::many_claims_at_once_get_distinct_dense_names(&fixture).await;
//! });
//! ```
//!
//! A behaviour is not to be left out: a provider that can't do a thing answers with the error that the trait
//! names for it.
//!
//! # For tests of your own
//!
//! - [`promises::check`] says what is wrong with a table, whatever happened to it.
//! - [`Faulty`] makes calls fail, before or after they happened; [`Halting`] halts an actor before each of its
//!   calls, so that another may do something there, or the actor be cut off. Both are an [`Interceptor`].
//! - [`samples`] makes names and machines, written short.
//! - [`hosts_sink::MemorySink`] is a sink whose lines can be looked at.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a suite tells a broken behaviour by panicking, as tests do"
)]

mod faulty;
mod halting;
pub mod hosts_sink;
mod intercept;
pub mod name_store;
pub mod promises;
pub mod properties;
mod run;
pub mod samples;

pub use faulty::{Fault, Faults, Faulty};
pub use halting::{Advanced, Gate, Halting, Turnstile};
pub use intercept::{Call, Intercepted, Interceptor, Verdict};
pub use run::run;
