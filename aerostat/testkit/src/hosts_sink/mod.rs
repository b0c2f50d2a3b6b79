//! The behaviours of a [`HostsSink`], each a function that panics when the sink breaks it.
//!
//! They follow the *Behavior* list of the trait. [`hosts_sink_suite!`](crate::hosts_sink_suite) makes a test of
//! each. One item is left to the sink's own tests, because how a sink is made to fail is its own affair: after
//! an error the machine shows what it showed before.

use std::fmt;
use std::sync::Arc;

use aerostat_core::HostsSink;
use futures::FutureExt;
use futures::future::BoxFuture;

pub mod at_once;
mod folder;
pub mod kept;
mod memory;
pub mod preview;
pub mod shown;
mod tables;

pub use folder::fingerprint_of_folder;
pub use memory::MemorySink;

/// The machine that a sink serves, as a test looks at it. It also keeps the sink's place alive, such as a
/// temporary folder.
pub trait Machine: Send + Sync + 'static {
    /// The lines that the machine shows of the table, in its order: an address, the hostname and the aliases,
    /// parted by single blanks. Lines that don't come from the table are left out.
    fn lines(&self) -> Vec<String>;

    /// A text that differs as soon as anything is written where the sink writes, even if it is the same again.
    /// For sinks that write files there is [`fingerprint_of_folder`].
    fn fingerprint(&self) -> String;
}

/// A sink that has never published, a way to open it again, and the machine that it serves.
pub struct Fixture {
    sink: Arc<dyn HostsSink>,
    another: Opener,
    machine: Arc<dyn Machine>,
}

/// Opens one more sink that serves a fixture's machine.
type Opener = Box<dyn Fn() -> BoxFuture<'static, Arc<dyn HostsSink>> + Send + Sync>;

impl Fixture {
    /// A sink that each call of `open` opens anew, as another process would, for one machine.
    pub async fn opened<Open, Opening, Sink>(machine: impl Machine, open: Open) -> Self
    where
        Open: Fn() -> Opening + Send + Sync + 'static,
        Opening: Future<Output = Sink> + Send + 'static,
        Sink: HostsSink,
    {
        let another: Opener =
            Box::new(move || open().map(|sink| Arc::new(sink) as Arc<dyn HostsSink>).boxed());
        Self { sink: another().await, another, machine: Arc::new(machine) }
    }

    /// The sink.
    #[must_use]
    pub fn sink(&self) -> &Arc<dyn HostsSink> {
        &self.sink
    }

    /// One more sink for the same machine.
    pub async fn another(&self) -> Arc<dyn HostsSink> {
        (self.another)().await
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Arc<dyn Machine> {
        &self.machine
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("sink", &self.sink).finish_non_exhaustive()
    }
}

/// Makes a test of every behaviour of a [`HostsSink`].
///
/// It takes an expression that gives a future of a [`Fixture`] that has never published; each test evaluates
/// it anew. Put it into a module of its own for each sink that is tested.
///
/// ```
/// use aerostat_testkit::hosts_sink::{Fixture, MemorySink};
///
/// async fn fresh_sink() -> Fixture {
///     let sink = MemorySink::new();
///     Fixture::opened(sink.clone(), move || std::future::ready(sink.clone())).await
/// }
///
/// aerostat_testkit::hosts_sink_suite!(fresh_sink());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! hosts_sink_suite {
    ($fixture:expr) => {
        $crate::__each_behaviour! { hosts_sink, $fixture, [
            shown:
                every_address_of_every_node_is_shown_with_its_names
                a_later_table_replaces_the_one_before
                the_same_table_again_is_unchanged_and_writes_nothing
                the_same_table_from_another_process_is_unchanged_and_writes_nothing
                a_table_of_another_lineage_is_shown_whatever_its_number
                aliases_that_equal_a_hostname_are_left_out
                a_large_table_is_shown_whole;
            kept:
                an_empty_table_after_another_keeps_what_is_shown
                an_empty_first_table_is_no_reason_to_keep
                an_older_revision_keeps_what_is_shown
                an_older_revision_from_another_process_keeps_what_is_shown
                what_was_kept_does_not_hinder_the_next_table;
            preview:
                a_preview_changes_nothing_and_tells_what_a_write_would_do
                a_preview_tells_the_lines_that_would_change;
            at_once:
                whoever_reads_meanwhile_sees_a_whole_table
                of_tables_at_once_the_latest_is_shown_in_the_end
                a_publish_that_is_dropped_shows_one_table_or_the_other;
        ] }
    };
}
