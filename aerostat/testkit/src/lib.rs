//! The conformance suites that every provider of aerostat passes.

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
