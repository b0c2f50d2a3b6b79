//! A sink in memory: the reference that other sinks are compared with.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerostat_core::{Hostname, HostsSink, Mode, Outcome, Published, Result, Revision, Snapshot};
use async_trait::async_trait;

use super::Machine;

/// A sink whose machine is a few lines in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemorySink {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    lines: Vec<String>,
    last: Option<Revision>,
    writes: u64,
}

impl MemorySink {
    /// A sink that shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySink").finish_non_exhaustive()
    }
}

impl Machine for MemorySink {
    fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    fn fingerprint(&self) -> String {
        self.lock().writes.to_string()
    }
}

/// The lines of a table.
fn rendered(table: &Snapshot) -> Vec<String> {
    let hostnames: HashSet<Hostname> = table.entries.iter().map(|entry| entry.slot().hostname()).collect();
    let lines = table.nodes().flat_map(|node| {
        let aliases = node.occupant.aliases.iter().filter(|alias| !hostnames.contains(alias.as_str()));
        let names: String = aliases.map(|alias| format!(" {alias}")).collect();
        node.occupant.addresses.iter().map(move |address| format!("{address} {}{names}", node.slot))
    });
    lines.collect()
}

#[async_trait]
impl HostsSink for MemorySink {
    async fn publish(&self, table: &Snapshot, mode: Mode) -> Result<Published> {
        let mut shared = self.lock();
        let mut published = Published {
            outcome: Outcome::Kept,
            target: "memory".to_owned(),
            difference: Vec::new(),
            warnings: Vec::new(),
        };
        if table.entries.is_empty() && !shared.lines.is_empty() {
            published.warnings.push("the table is empty, although the last was not".to_owned());
            return Ok(published);
        }
        if let Some(last) = shared.last.filter(|last| table.revision < *last) {
            published.warnings.push(format!("revision {} is older than the last, {last}", table.revision));
            return Ok(published);
        }
        let lines = rendered(table);
        if lines == shared.lines && shared.last == Some(table.revision) {
            published.outcome = Outcome::Unchanged;
            return Ok(published);
        }
        published.outcome = Outcome::Written;
        match mode {
            Mode::Preview => {
                let goes =
                    shared.lines.iter().filter(|line| !lines.contains(line)).map(|line| format!("-{line}"));
                let comes =
                    lines.iter().filter(|line| !shared.lines.contains(line)).map(|line| format!("+{line}"));
                published.difference = goes.chain(comes).collect();
            }
            Mode::Write => {
                *shared = Shared { lines, last: Some(table.revision), writes: shared.writes + 1 };
            }
        }
        Ok(published)
    }
}
