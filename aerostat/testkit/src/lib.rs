//! The conformance suites that every provider of aerostat passes.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a suite tells a broken behaviour by panicking, as tests do"
)]

pub mod hosts_sink;
pub mod name_store;
pub mod promises;
mod run;
pub mod samples;

pub use run::run;
